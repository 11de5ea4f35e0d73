"""Each step by itself, as a task of its own would run it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from smart_orchestrator.adapters.manifest import inspect, read_frame
from smart_orchestrator.errors import ContractError
from smart_orchestrator.store.opening import lake_of
from testing.scripted_server import ScriptedServer
from testing.small_wiki import DAY, SITEINFO_QUERY, SmallWiki, listing, settings_for
from wiki_trends.config.layers import layers
from wiki_trends.errors import ContractBroken
from wiki_trends.pipeline import (
    STEPS,
    categorize_pages,
    clean_gold_layer,
    clean_top_pages,
    fetch_top_pages,
    fetch_wikipedia_categories,
    run_day,
    run_step,
)
from wiki_trends.pipeline.lists.excluded import read_exclusions
from wiki_trends.pipeline.lists.row_filter import RowFilter, filter_rows
from wiki_trends.pipeline.lists.top_list import ListRow, parse_top_list
from wiki_trends.pipeline.steps.categorize_pages import merge_rows
from wiki_trends.sample import SampleOptions, SampleServer
from wiki_trends.wikimedia import PageFacts, WikimediaClient
from wiki_trends.wikimedia.siteinfo import parse_siteinfo

SITE = parse_siteinfo(SITEINFO_QUERY, url="u")


def rows_of(filtered):
    return [tuple(kept.row) for kept in filtered.kept]


@pytest.fixture
def bench(tmp_path):
    wiki = SmallWiki(lists={("en.wikipedia", DAY): listing([("A", 5, 1), ("B", 4, 2)])})
    with ScriptedServer(wiki) as server:
        settings = settings_for(server.url, tmp_path)
        with WikimediaClient(settings) as client:
            yield settings, client


def test_the_steps_hand_on_through_the_lake(bench):
    settings, client = bench
    steps = [
        fetch_top_pages(DAY, settings, client),
        clean_top_pages(DAY, settings, client),
        fetch_wikipedia_categories(DAY, settings, client),
        categorize_pages(DAY, settings, client),
        clean_gold_layer(DAY, settings),
    ]
    assert [step.rows_out for step in steps] == [2] * 5
    assert [step.requests for step in steps] == [3, 1, 1, 0, 0]
    assert read_frame(layers(settings).diamond, DAY)["page"].to_list() == ["A", "B"]


ONE_STEP = """
import datetime as dt, json, sys
from testing.small_wiki import settings_for
from wiki_trends.pipeline import run_step
url, folder, name, day, before = sys.argv[1:]
did = run_step(name, dt.date.fromisoformat(day), settings_for(url, folder), json.loads(before))
print(json.dumps(did))
"""


@pytest.mark.slow
def test_steps_in_processes_of_their_own_give_what_a_day_in_one_process_gives(tmp_path):
    with SampleServer(SampleOptions()) as server:
        did: list[dict[str, Any]] = []
        for name in STEPS:
            arguments = [server.url, str(tmp_path / "apart"), name, DAY.isoformat(), json.dumps(did)]
            ran = subprocess.run(
                [sys.executable, "-c", ONE_STEP, *arguments], capture_output=True, text=True, check=True
            )
            did.append(json.loads(ran.stdout))
        whole = settings_for(server.url, tmp_path / "whole")
        result = run_day(DAY, whole)
    apart = settings_for(server.url, tmp_path / "apart")
    for layer in ("silver", "gold", "diamond"):
        mine, theirs = getattr(layers(apart), layer), getattr(layers(whole), layer)
        assert read_frame(mine, DAY).equals(read_frame(theirs, DAY))
    assert read_exclusions(DAY, apart) == read_exclusions(DAY, whole)
    of_day, of_steps = (
        inspect(layers(settings).diamond, DAY).manifest.measured for settings in (whole, apart)
    )
    assert [step["step"] for step in of_steps["steps"]] == list(STEPS)
    assert of_steps["requests"] == of_day["requests"] == result.requests > 20
    for one, other in zip(of_steps["steps"], of_day["steps"], strict=True):
        same = ("step", "rows_in", "rows_out", "retries", "cache_hits", "counts")
        assert {name: one[name] for name in same} == {name: other[name] for name in same}


def test_a_step_that_does_not_exist_is_told(tmp_path):
    with pytest.raises(KeyError, match="make_coffee"):
        run_step("make_coffee", DAY, settings_for("http://127.0.0.1:9", tmp_path))


def test_a_list_that_is_there_is_not_fetched_again(bench):
    settings, client = bench
    fetch_top_pages(DAY, settings, client)
    again = fetch_top_pages(DAY, settings, client)
    assert (again.requests, again.rows_out, again.counts) == (0, 2, {"kept": 1})


@pytest.mark.parametrize("step", [clean_top_pages, fetch_wikipedia_categories, categorize_pages])
def test_a_step_without_its_input_says_which_layer_lacks_the_day(bench, step):
    settings, client = bench
    with pytest.raises(ContractError, match=r"2025-11-05 .*MISSING"):
        step(DAY, settings, client)


def test_the_last_step_needs_gold(bench):
    settings, _ = bench
    with pytest.raises(ContractError, match=r"gold 2025-11-05 .*MISSING"):
        clean_gold_layer(DAY, settings)


def test_pages_that_were_not_asked_for_cannot_be_categorised(bench):
    settings, client = bench
    fetch_top_pages(DAY, settings, client)
    clean_top_pages(DAY, settings, client)
    with pytest.raises(ContractBroken, match="lacks 2 pages of 2025-11-05, the first is 'A'"):
        categorize_pages(DAY, settings, client)
    assert not inspect(layers(settings).gold, DAY).available


def test_a_bronze_day_of_something_else_is_refused(bench):
    settings, client = bench
    fetch_top_pages(DAY, settings, client)
    of = layers(settings)
    part = inspect(of.bronze, DAY).parts[0]
    key = f"{of.bronze.key(DAY)}/{part.name}"
    lake = lake_of(of.bronze)
    lake.put(key, lake.get(key)[0].replace(b"A", b"C"))
    step = fetch_top_pages(DAY, settings, client)
    assert (step.requests, step.counts) == (3, {})
    assert lake.get(f"{of.bronze.key(DAY)}/{inspect(of.bronze, DAY).parts[0].name}")[0].count(b'"A"') == 1


def test_a_title_that_is_listed_twice_is_one_row():
    filtered = filter_rows([ListRow("A b", 5, 3), ListRow("A_b", 4, 2), ListRow("C", 9, 1)], RowFilter(SITE))
    assert rows_of(filtered) == [("C", 9, 1), ("A_b", 9, 2)]
    assert (filtered.counts, filtered.excluded) == ({"listed_twice": 1}, [])


@pytest.mark.parametrize("title", ["-", "", "_", "--", " "])
def test_placeholders_are_no_articles(title):
    filtered = filter_rows([ListRow(title, 1, 1)], RowFilter(SITE))
    assert (filtered.kept, filtered.counts) == ([], {"placeholder": 1})
    assert filtered.excluded == [{"rank": 1, "page": title, "views": 1, "reason": "placeholder"}]


@pytest.mark.parametrize("title", ["a\x00b", "a\nb", "\tx", "x\x7f", "\x1f"])
def test_a_title_with_a_control_character_can_be_no_article(title):
    filtered = filter_rows([ListRow(title, 1, 1)], RowFilter(SITE))
    assert (filtered.kept, filtered.counts) == ([], {"control_character": 1})


def test_half_a_character_is_what_wikimedia_writes_for_what_it_cannot_decode():
    body = listing([("A", 5, 1)]).replace(b'"A"', rb'"A\ud83d"')
    assert parse_top_list(body, project="en.wikipedia", access="all-access", day=DAY) == [("A\ufffd", 5, 1)]


def test_rows_of_one_page_add_their_views_and_keep_the_best_rank():
    rows = [
        {"page": page, "views": views, "rank": rank}
        for page, views, rank in [("b", 5, 4), ("B", 7, 2), ("C", 1, 4)]
    ]
    facts = {"b": PageFacts("B"), "B": PageFacts("B"), "C": PageFacts("C", missing=True)}
    merged, excluded = merge_rows(rows, facts, SITE)
    assert [row[:3] for row in merged] == [("B", 12, 2), ("C", 1, 4)]
    assert excluded == [{"rank": 4, "page": "b", "views": 5, "reason": "merged", "into": "B"}]


@pytest.mark.parametrize(
    "facts",
    [PageFacts("Main Page", redirected=True), PageFacts("Wikipedia:X", 4), PageFacts("Special:X", -1)],
)
def test_what_leads_out_of_the_articles_goes(facts):
    assert merge_rows([{"page": "X", "views": 1, "rank": 1}], {"X": facts}, SITE) == (
        [],
        [{"page": "X", "views": 1, "rank": 1, "reason": "leads_to_no_article"}],
    )
