from __future__ import annotations

import datetime as dt
import importlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import polars as pl
import pytest

from smart_orchestrator.adapters.manifest import inspect, read_frame, read_parts
from smart_orchestrator.store.opening import open_lake
from testing.scripted_server import ScriptedServer
from testing.small_wiki import DAY, SmallWiki, categories, listing, settings_for
from wiki_trends.config.layers import layers
from wiki_trends.errors import (
    ContractBroken,
    DayNotPublished,
    RequestRejected,
    WikimediaUnreachable,
    WikiTrendsError,
)
from wiki_trends.pipeline import run_day
from wiki_trends.pipeline.cache.pages import PageCache
from wiki_trends.pipeline.run import STEP_TEXTS
from wiki_trends.wikimedia import WikimediaClient

fetch_wikipedia_categories = importlib.import_module("wiki_trends.pipeline.steps.fetch_wikipedia_categories")
NEXT = DAY + dt.timedelta(days=1)
ROWS = [
    ("Main_Page", 5_000_000, 1),
    ("Special:Search", 900_000, 2),
    ("-", 800_000, 3),
    ("Nova_Zembla", 700, 4),
    ("nova_zembla_(film)", 500, 5),
    ('Nova,_"the"_Film', 500, 5),
    ("Venla:_Return", 400, 7),
    ("IMAGE:X.png", 300, 8),
    ("Gone/100%?", 200, 9),
    ("Home", 150, 10),
    ("Éclair", 100, 11),
]
WIKI = {
    "lists": {("en.wikipedia", DAY): listing(ROWS)},
    "pages": {
        "Nova Zembla": {
            "coordinates": [{"lat": 74.0, "lon": 56.5, "globe": "earth", "type": "isle", "primary": True}],
            "categories": categories("Islands of the Arctic Ocean"),
        },
        "Nova Zembla (film)": {"description": "2011 film", "categories": categories("2011 films")},
        "Venla: Return": {"categories": categories("Living people", "Footballers from Velmora")},
    },
    "redirects": {
        "nova zembla (film)": "Nova Zembla (film)",
        'Nova, "the" Film': "Nova Zembla (film)",
        "Home": "Main Page",
    },
    "missing": {"Gone/100%?"},
}


@pytest.fixture
def wiki():
    wiki = SmallWiki(**{name: value.copy() for name, value in WIKI.items()})
    with ScriptedServer(wiki) as server:
        yield wiki, server


def test_each_step_and_each_request_is_reported(wiki, tmp_path):
    _, server = wiki
    steps, requests = [], []
    settings = settings_for(server.url, tmp_path)
    with WikimediaClient(settings, lambda: requests.append(None)) as client:
        result = run_day(DAY, settings, client=client, on_step=steps.append)
    assert steps == [f"step {number} of 5: {text}" for number, text in enumerate(STEP_TEXTS, start=1)]
    assert len(requests) == result.requests > 0


def test_a_day_goes_through_all_layers(wiki, tmp_path):
    _, server = wiki
    settings = settings_for(server.url, tmp_path)
    result = run_day(DAY, settings)
    frame = read_frame(layers(settings).diamond, DAY)
    none = "No specific location"
    assert frame.rows() == [
        (
            *("Nova_Zembla", "Nova Zembla", 700, 4, "https://en.wikipedia.org/wiki/Nova_Zembla"),
            *("Travel and transportation", "Landmark", "Nova Zembla", 74.0, 56.5),
        ),
        (
            *("Nova_Zembla_(film)", "Nova Zembla (film)", 1000, 5),
            *(
                "https://en.wikipedia.org/wiki/Nova_Zembla_(film)",
                "Entertainment",
                "General",
                none,
                None,
                None,
            ),
        ),
        (
            *("Venla:_Return", "Venla: Return", 400, 7, "https://en.wikipedia.org/wiki/Venla:_Return"),
            *("Sports", "Person", none, None, None),
        ),
        (
            *("Gone/100%?", "Gone/100%?", 200, 9, "https://en.wikipedia.org/wiki/Gone/100%25%3F"),
            *("Other", "General", none, None, None),
        ),
        (
            *("Éclair", "Éclair", 100, 11, "https://en.wikipedia.org/wiki/%C3%89clair"),
            *("Other", "General", none, None, None),
        ),
    ]
    assert (result.day, result.rows, result.requests, result.retries, result.cache_hits) == (DAY, 5, 5, 0, 0)
    assert list(result.seconds) == [
        "fetch_top_pages",
        "clean_top_pages",
        "fetch_wikipedia_categories",
        "categorize_pages",
        "clean_gold_layer",
    ]


def test_every_layer_says_what_it_did(wiki, tmp_path):
    _, server = wiki
    settings = settings_for(server.url, tmp_path)
    run_day(DAY, settings)
    of = layers(settings)
    bronze, silver, gold, diamond = (
        inspect(dataset, DAY).manifest for dataset in (of.bronze, of.silver, of.gold, of.diamond)
    )
    assert read_parts(of.bronze, inspect(of.bronze, DAY)) == [listing(ROWS)]
    assert bronze.measured["url"].endswith("/top/en.wikipedia/all-access/2025/11/05")
    assert (bronze.measured["status"], bronze.measured["etag"], bronze.rows) == (200, '"e1"', 11)
    assert dt.datetime.fromisoformat(bronze.measured["fetched_at"]).utcoffset() == dt.timedelta(0)
    assert bronze.volume == sum(views for _, views, _ in ROWS)
    assert silver.measured["counts"] == {"main_page": 1, "namespace": 2, "placeholder": 1}
    assert (silver.measured["rows_in"], silver.measured["rows_out"]) == (11, 7)
    assert gold.measured["counts"] == {"leads_to_no_article": 1, "merged": 1}
    assert (diamond.measured["requests"], diamond.measured["retries"]) == (5, 0)
    assert diamond.measured["steps"][0]["step"] == "fetch_top_pages"
    assert diamond.volume == 700 + 1000 + 400 + 200 + 100


def test_a_day_is_rebuilt_from_bronze_without_asking_again(wiki, tmp_path):
    _, server = wiki
    settings = settings_for(server.url, tmp_path)
    first = read_after(run_day, settings)
    request_count = len(server.requests)
    again = read_after(run_day, settings)
    assert len(server.requests) == request_count
    assert again.equals(first)


def read_after(run, settings, day=DAY):
    result = run(day, settings)
    assert result.rows == inspect(layers(settings).diamond, day).rows
    return read_frame(layers(settings).diamond, day)


@pytest.mark.parametrize("left", [b"", b"[]", b"{}", b'{"fetched_at": "2015-01-01T00:00:00+00:00"}'])
def test_site_information_that_is_old_or_of_another_form_is_asked_again(wiki, tmp_path, left):
    _, server = wiki
    settings = settings_for(server.url, tmp_path)
    open_lake(str(tmp_path / "lake/silver")).put("_cache/en.wikipedia/siteinfo.json", left)
    run_day(DAY, settings)
    run_day(DAY, settings)
    assert [request.params.get("meta") for request in server.requests].count("siteinfo") == 1


def test_pages_of_the_day_before_are_not_asked_again(wiki, tmp_path):
    small, server = wiki
    small.lists["en.wikipedia", NEXT] = listing([("Nova_Zembla", 9, 1), ("New", 8, 2)], NEXT)
    settings = settings_for(server.url, tmp_path)
    run_day(DAY, settings)
    before = len(server.requests)
    result = run_day(NEXT, settings)
    requested_titles = [
        request.params["titles"] for request in server.requests[before:] if "titles" in request.params
    ]
    assert requested_titles == ["New"]
    assert result.cache_hits == 1


def test_pages_are_asked_again_when_they_are_too_old(wiki, tmp_path):
    _, server = wiki
    run_day(DAY, settings_for(server.url, tmp_path))
    result = run_day(DAY, settings_for(server.url, tmp_path, cache_days=0))
    assert (result.cache_hits, result.requests) == (0, 1)


def test_a_day_that_is_not_published_leaves_nothing(wiki, tmp_path):
    _, server = wiki
    settings = settings_for(server.url, tmp_path)
    with pytest.raises(DayNotPublished):
        run_day(NEXT, settings)
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"[]", "another form"),
        (b"{}", "another form"),
        (b'{"items": []}', "another form"),
        (b'{"items": [{"project": "en.wikipedia", "access": "all-access"}]}', "another form"),
        (listing([], DAY), "no article"),
        (listing(ROWS, NEXT), "it is of 2025-11-06"),
        (listing(ROWS, DAY, "fr.wikipedia"), "its project is 'fr.wikipedia'"),
        (listing(ROWS).replace(b"all-access", b"desktop"), "its access is 'desktop'"),
        (listing([("A", -1, 1)]), "'A' has -1 views and rank 1"),
        (listing([("A", 1, 0)]), "'A' has 1 views and rank 0"),
        (listing([("A", 1, 1001)]), "rank 1001"),
        (listing([("A", "1", 1)]), "a row is"),  # type: ignore[list-item]
        (listing([("A", True, 1)]), "a row is"),
        (listing([(None, 1, 1)]), "a row is"),  # type: ignore[list-item]
        (listing([("A", 1, 1)]).replace(b'"rank"', b'"place"'), "another form"),
    ],
)
def test_a_list_that_is_not_the_one_asked_for_leaves_nothing(wiki, tmp_path, body, problem):
    small, server = wiki
    small.lists["en.wikipedia", DAY] = body
    with pytest.raises(ContractBroken, match=problem):
        run_day(DAY, settings_for(server.url, tmp_path))
    assert not (tmp_path / "lake").exists()


def test_a_partial_fetch_is_not_committed_and_what_came_is_kept(wiki, tmp_path):
    small, server = wiki
    small.lists["en.wikipedia", DAY] = listing([(f"Page_{n}", 1000 - n, n + 1) for n in range(120)])
    small.broken_titles = {"Page_119"}
    settings = settings_for(server.url, tmp_path, max_in_flight=1)
    with pytest.raises(RequestRejected, match="on order"):
        run_day(DAY, settings)
    assert not inspect(layers(settings).gold, DAY).available
    assert not inspect(layers(settings).diamond, DAY).available
    small.broken_titles = set()
    result = run_day(DAY, settings)
    assert (result.rows, result.cache_hits, result.requests) == (120, 100, 1)


def test_a_day_of_many_pages_keeps_what_came_while_it_goes_on(wiki, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch_wikipedia_categories, "PAGES_PER_WRITE", 100)
    small, server = wiki
    small.lists["en.wikipedia", DAY] = listing([(f"Page_{n}", 1000 - n, n + 1) for n in range(320)])
    settings = settings_for(server.url, tmp_path)
    assert run_day(DAY, settings).rows == 320
    assert len(open_lake(str(tmp_path / "lake/silver")).list("_cache/en.wikipedia/pages")) >= 3
    assert (run_day(DAY, settings).rows, run_day(DAY, settings).cache_hits) == (320, 320)


def test_a_merge_in_step_3_keeps_the_pages_that_step_4_reads(wiki, tmp_path, monkeypatch):
    cache = partial(PageCache, max_segments=1, max_pages=1)
    monkeypatch.setattr(fetch_wikipedia_categories, "PageCache", cache)
    small, server = wiki
    small.lists["en.wikipedia", DAY] = listing([("A", 9, 1), ("B", 8, 2), ("C", 7, 3)])
    small.lists["en.wikipedia", NEXT] = listing([("A", 9, 1), ("B", 8, 2), ("New", 7, 3)], NEXT)
    settings = settings_for(server.url, tmp_path)
    run_day(DAY, settings)
    result = run_day(NEXT, settings)
    assert (result.rows, result.cache_hits) == (3, 2)
    assert len(open_lake(str(tmp_path / "lake/silver")).list("_cache/en.wikipedia/pages")) == 1


def test_an_old_diamond_day_stays_when_the_new_run_fails(wiki, tmp_path):
    small, server = wiki
    settings = settings_for(server.url, tmp_path)
    before = read_after(run_day, settings)
    small.broken_titles = {"Nova_Zembla"}
    with pytest.raises(RequestRejected):
        run_day(DAY, settings_for(server.url, tmp_path, cache_days=0))
    assert read_frame(layers(settings).diamond, DAY).equals(before)


def test_no_answer_is_unreachable(tmp_path):
    with pytest.raises(WikimediaUnreachable):
        run_day(DAY, settings_for("http://127.0.0.1:9", tmp_path, deadline=0.3))


def test_projects_lie_side_by_side(wiki, tmp_path):
    small, server = wiki
    small.lists["fr.wikipedia", DAY] = listing([("Éclair", 5, 1)], DAY, "fr.wikipedia.org")
    french = settings_for(server.url, tmp_path, project="fr.wikipedia.org")
    run_day(DAY, settings_for(server.url, tmp_path))
    run_day(DAY, french)
    assert (tmp_path / "lake/diamond/diamond_final_2025_11_05.csv/_SUCCESS").is_file()
    assert (tmp_path / "lake/diamond/fr.wikipedia/diamond_final_2025_11_05.csv/_SUCCESS").is_file()
    assert (tmp_path / "lake/silver/_cache/fr.wikipedia/siteinfo.json").is_file()
    assert (
        read_frame(layers(french).diamond, DAY)["link"].item() == "https://fr.wikipedia.org/wiki/%C3%89clair"
    )


def test_days_run_at_the_same_time_with_one_client(wiki, tmp_path):
    small, server = wiki
    days = [DAY + dt.timedelta(days=n) for n in range(6)]
    for number, day in enumerate(days):
        rows = [(f"Page_{n}", 5000 - n, n + 1) for n in range(number, number + 130)]
        small.lists["en.wikipedia", day] = listing([(t, v, r - number) for t, v, r in rows], day)
    settings = settings_for(server.url, tmp_path)
    with WikimediaClient(settings) as client, ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda day: run_day(day, settings, client=client), days))
    assert [result.rows for result in results] == [130] * 6
    assert client.counters.requests == 0
    assert sum(result.requests for result in results) == len(server.requests)
    assert server.peak_in_flight <= settings.max_in_flight


def test_the_lake_can_be_in_memory(wiki, tmp_path):
    _, server = wiki
    settings = settings_for(server.url, tmp_path)
    elsewhere = settings_for(server.url, tmp_path)
    object.__setattr__(elsewhere, "lake", f"memory://{tmp_path.name}-{{layer}}")
    assert read_after(run_day, elsewhere).equals(read_after(run_day, settings))
    assert isinstance(read_frame(layers(elsewhere).diamond, DAY), pl.DataFrame)


@pytest.mark.parametrize("fault", ["list", "pages", "deny list", "gold"])
def test_a_day_that_fails_in_the_middle_leaves_no_thread_and_no_connection(
    wiki, tmp_path, monkeypatch, fault
):
    small, server = wiki
    settings = settings_for(server.url, tmp_path)
    if fault == "list":
        small.lists["en.wikipedia", DAY] = b"{}"
    elif fault == "pages":
        small.broken_titles = {"Nova_Zembla"}
    elif fault == "deny list":
        settings = settings_for(server.url, tmp_path, deny=str(tmp_path / "nowhere.toml"))
    else:
        monkeypatch.setattr("wiki_trends.pipeline.run.categorize_pages", lambda *_: 1 / 0)
    threads = set(threading.enumerate())
    with pytest.raises((WikiTrendsError, ZeroDivisionError)):
        run_day(DAY, settings)
    # Threads of the scripted server end when the client has closed its connections.
    deadline = time.monotonic() + 30
    while (left := set(threading.enumerate()) - threads) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left == set()
