"""Cached facts that may hide the reason of a trend are requested again, within a bound of requests."""

from __future__ import annotations

import datetime as dt

import pytest

from smart_orchestrator.adapters.manifest import read_frame
from smart_orchestrator.store.opening import lake_of
from testing.scripted_server import Reply, ScriptedServer
from testing.small_wiki import DAY, SmallWiki, categories, listing, settings_for
from wiki_trends.config.layers import layers
from wiki_trends.errors import RequestRejected
from wiki_trends.pipeline import run_day
from wiki_trends.pipeline.cache.pages import PageCache
from wiki_trends.pipeline.steps import fetch_wikipedia_categories, stale_pages
from wiki_trends.pipeline.steps.stale_pages import MAX_REQUESTS, RISEN_RANKS, TOP_PAGES, choose_stale
from wiki_trends.wikimedia import PageFacts

BEFORE = DAY - dt.timedelta(days=1)


def facts(revision=1):
    return PageFacts("X", lastrevid=revision)


@pytest.mark.parametrize(
    ("rank", "before", "revision", "stale"),
    [
        (TOP_PAGES, TOP_PAGES, 1, False),
        (TOP_PAGES, TOP_PAGES, 2, True),
        (TOP_PAGES + 1, TOP_PAGES + 1, 2, False),
        (500, 500 + RISEN_RANKS - 1, 2, False),
        (500, 500 + RISEN_RANKS, 1, True),
        (500, None, 1, True),
        (500, 400, 2, False),
    ],
)
def test_a_page_is_requested_again_when_it_changed_near_the_top_rose_or_is_new(rank, before, revision, stale):
    others = {f"Other_{number}": number for number in range(1, 1001) if number != rank}
    earlier = others if before is None else others | {"X": before}
    chosen = choose_stale(others | {"X": rank}, earlier, {"X": facts()}, {"X": revision})
    assert chosen == (["X"] if stale else [])


def test_without_the_list_of_the_day_before_only_changes_count():
    ranks = {"A": 1, "B": 2}
    assert choose_stale(ranks, None, {"A": facts(), "B": facts()}, {"A": 1, "B": 2}) == ["B"]


def test_facts_without_a_revision_are_of_an_older_version_and_count_as_changed():
    assert choose_stale({"A": 1}, None, {"A": PageFacts("A")}, {"A": 5}) == ["A"]
    assert choose_stale({"A": 1}, None, {"A": PageFacts("A", missing=True)}, {"A": None}) == []


def test_ten_requests_are_the_limit_and_changed_pages_come_first():
    ranks = {f"P{number}": number for number in range(1, 1001)}
    revisions = dict.fromkeys(ranks, 1) | {"P999": 2}
    chosen = choose_stale(ranks, {}, dict.fromkeys(ranks, facts()), revisions)
    assert len(chosen) == MAX_REQUESTS * 50
    assert chosen[:2] == ["P999", "P1"]


@pytest.fixture
def aged(monkeypatch):
    """All cached facts are old enough to be checked."""
    monkeypatch.setattr(stale_pages, "FRESH_SECONDS", -1)
    monkeypatch.setattr(fetch_wikipedia_categories, "FRESH_SECONDS", -1)


def page(revision, *names):
    return {"lastrevid": revision, "categories": categories(*names)}


def two_days(revision=1, *names):
    rows = [("Nova", 900, 1), ("Tarn", 800, 2)]
    lists = {("en.wikipedia", day): listing(rows, day) for day in (BEFORE, DAY)}
    return SmallWiki(lists=lists, pages={"Nova": page(revision, *names), "Tarn": page(7, "Lakes")})


def props(server):
    return [request.params["prop"] for request in server.requests if "titles" in request.params]


@pytest.mark.usefixtures("aged")
def test_the_death_that_trends_is_seen_although_the_page_is_cached(tmp_path):
    wiki = two_days(1, "Living people", "Singers")
    with ScriptedServer(wiki) as server:
        settings = settings_for(server.url, tmp_path)
        run_day(BEFORE, settings)
        wiki.pages["Nova"] = page(2, "2025 deaths", "Singers")
        server.requests.clear()
        result = run_day(DAY, settings)
        assert [request.params["titles"] for request in server.requests if "titles" in request.params][
            1:
        ] == ["Nova"]
        assert props(server)[0] == "info"
    silver = layers(settings).silver
    cached = PageCache(lake_of(silver), "en.wikipedia").get(["Nova"])
    assert cached["Nova"].categories == ("2025 deaths", "Singers")
    step = next(step for step in result.steps if step.name == "fetch_wikipedia_categories")
    assert (step.counts["requested_again"], step.cache_hits) == (1, 1)


@pytest.mark.usefixtures("aged")
def test_an_unchanged_list_costs_one_pass(tmp_path):
    with ScriptedServer(two_days(1, "Living people")) as server:
        settings = settings_for(server.url, tmp_path)
        run_day(BEFORE, settings)
        server.requests.clear()
        run_day(DAY, settings)
        assert props(server) == ["info"]


def test_pages_that_were_requested_today_are_not_checked(tmp_path):
    with ScriptedServer(two_days()) as server:
        settings = settings_for(server.url, tmp_path)
        run_day(BEFORE, settings)
        server.requests.clear()
        run_day(DAY, settings)
        assert props(server) == []


def test_a_backfill_checks_a_page_once(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch_wikipedia_categories, "FRESH_SECONDS", -1)
    with ScriptedServer(two_days()) as server:
        settings = settings_for(server.url, tmp_path)
        for day in (BEFORE, DAY, DAY, BEFORE):
            run_day(day, settings)
        assert props(server).count("info") == 1


@pytest.mark.usefixtures("aged")
def test_without_wikimedia_the_cached_facts_are_used_with_a_warning(tmp_path, caplog):
    with ScriptedServer(two_days()) as server:
        settings = settings_for(server.url, tmp_path, deadline=0.5)
        run_day(BEFORE, settings)
        server.answer = lambda _asked: Reply(b"", status=500)
        run_day(BEFORE, settings)
    assert "unchecked" in caplog.text
    assert read_frame(layers(settings).diamond, BEFORE)["page"].to_list() == ["Nova", "Tarn"]


def test_a_check_whose_pages_could_not_be_requested_is_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch_wikipedia_categories, "FRESH_SECONDS", -1)
    wiki = two_days()
    with ScriptedServer(wiki) as server:
        settings = settings_for(server.url, tmp_path)
        run_day(BEFORE, settings)
        wiki.pages["Nova"] = page(2, "2025 deaths")

        def answer(request):
            if request.params.get("prop", "info") != "info":
                return Reply(b"", status=400)
            return wiki(request)

        server.answer = answer
        with pytest.raises(RequestRejected):
            run_day(DAY, settings)
        server.answer = wiki
        result = run_day(DAY, settings)
    step = next(step for step in result.steps if step.name == "fetch_wikipedia_categories")
    assert step.counts["requested_again"] == 1
