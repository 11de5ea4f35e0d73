"""Ten real days, from the recorded bodies to the diamond layer, against counts made from the bodies alone."""

from __future__ import annotations

import datetime as dt
import json
import unicodedata
from collections import Counter

import pytest

from smart_orchestrator.adapters.manifest import inspect, read_frame, read_parts
from testing.recorded import RECORDED, needs_recorded
from testing.scripted_server import ScriptedServer
from testing.small_wiki import SmallWiki, settings_for
from wiki_trends.config.layers import layers
from wiki_trends.pipeline import run_day

ANSWERS = RECORDED / "recorded"
pytestmark = needs_recorded

DAYS = {
    "fr.wikipedia": [dt.date(2021, 10, day) for day in range(1, 8)],
    "en.wikipedia": [dt.date(2021, 10, day) for day in range(2, 5)],
}

DENIED = {
    "fr.wikipedia": (),
    "en.wikipedia": (
        "cleopatra",
        "xxx_(2002_film)",
        "xxx_(film_series)",
        "xxx:_return_of_xander_cage",
        "index.html",
    ),
}


def body_of(project: str, day: dt.date) -> dict:
    name = f"top-{project}-{day}.json"
    return json.loads((ANSWERS / "aqs" / name).read_text(encoding="utf-8"))["response"]["body"]


def siteinfo_of(project: str) -> dict:
    name = f"formatversion2-siteinfo-{project}.json"
    return json.loads((ANSWERS / "action" / name).read_text(encoding="utf-8"))["response"]["body"]


def expected_rows(project: str, day: dt.date) -> tuple[list[tuple[str, int, int]], Counter[str]]:
    """Independent of the code under test: strip prefixes that the recorded siteinfo names, in any case."""
    query = siteinfo_of(project)["query"]
    spaces = [space for space in query["namespaces"].values() if space["id"] != 0]
    names = {space[key] for space in spaces for key in ("name", "canonical") if key in space}
    names |= {alias["alias"] for alias in query["namespacealiases"] if alias["id"] != 0}
    prefixes = tuple(unicodedata.normalize("NFC", name).lower().replace(" ", "_") + ":" for name in names)
    main = query["general"]["mainpage"].replace(" ", "_").lower()
    rows, reasons = [], Counter()
    for article in body_of(project, day)["items"][0]["articles"]:
        title = unicodedata.normalize("NFC", article["article"]).lower()
        if title == "-":
            reasons["placeholder"] += 1
        elif title == main:
            reasons["main_page"] += 1
        elif title.startswith(prefixes):
            reasons["namespace"] += 1
        elif title in DENIED[project]:
            reasons["denied"] += 1
        else:
            rows.append((article["article"], article["views"], article["rank"]))
    return sorted(rows, key=lambda row: (row[2], row[0])), reasons


@pytest.fixture(scope="module", params=list(DAYS))
def done(request, tmp_path_factory):
    project = request.param
    lists = {
        (project, day): json.dumps(body_of(project, day), ensure_ascii=False).encode()
        for day in DAYS[project]
    }
    with ScriptedServer(SmallWiki(lists=lists, siteinfo=siteinfo_of(project))) as server:
        settings = settings_for(server.url, tmp_path_factory.mktemp(project), project=project)
        for day in DAYS[project]:
            run_day(day, settings)
    return project, layers(settings)


def test_each_layer_has_the_rows_that_the_bodies_have(done):
    project, of = done
    for day in DAYS[project]:
        rows, reasons = expected_rows(project, day)
        listed = body_of(project, day)["items"][0]["articles"]
        assert inspect(of.bronze, day).rows == len(listed)
        assert inspect(of.silver, day).rows == len(rows)
        assert inspect(of.silver, day).manifest.measured["counts"] == dict(sorted(reasons.items()))
        assert inspect(of.gold, day).rows == len(rows)
        frame = read_frame(of.diamond, day)
        assert frame.select("page", "views", "rank").rows() == rows
        assert sum(reasons.values()) >= 5


def test_titles_stay_as_they_were_asked(done):
    project, of = done
    frame = read_frame(of.diamond, DAYS[project][0])
    assert frame["page_display"].to_list() == [page.replace("_", " ") for page in frame["page"]]
    if project == "fr.wikipedia":
        pages = {page for day in DAYS[project] for page in read_frame(of.diamond, day)["page"]}
        assert "Pale_Rider,_le_cavalier_solitaire" in pages
        assert "Bernard_Tapie" in pages
        assert any("'" in page for page in pages)
        assert any("é" in page for page in pages)


def test_ties_are_kept(done):
    project, of = done
    least = {"fr.wikipedia": 250, "en.wikipedia": 50}[project]
    for day in DAYS[project]:
        ranks = read_frame(of.diamond, day)["rank"]
        assert ranks.is_duplicated().sum() >= least
        assert ranks.is_sorted()


def test_no_special_page_and_no_main_page_is_left(done):
    project, of = done
    gone = {
        "fr.wikipedia": ["Wikipédia:Accueil_principal", "Spécial:Recherche"],
        "en.wikipedia": ["Main_Page", "Special:Search"],
    }[project]
    for day in DAYS[project]:
        assert not set(gone) & set(read_frame(of.diamond, day)["page"])


def test_bronze_has_the_body_byte_for_byte(done):
    project, of = done
    for day in DAYS[project]:
        body = json.dumps(body_of(project, day), ensure_ascii=False).encode()
        assert read_parts(of.bronze, inspect(of.bronze, day)) == [body]
