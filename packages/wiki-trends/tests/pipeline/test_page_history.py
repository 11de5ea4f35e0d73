"""The history of pages: which pages are requested, within how many requests, and how the lake keeps the responses."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import replace
from urllib.parse import unquote

import polars as pl
import pytest

from smart_orchestrator.adapters.manifest import inspect, read_parts
from testing.scripted_server import Reply, ScriptedServer
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import Settings
from wiki_trends.errors import ContractBroken
from wiki_trends.pipeline.history.candidates import MAX_CANDIDATES, choose_pages, rank_candidates
from wiki_trends.pipeline.history.requests import HistoryAnswers, HistoryQuery, request_history
from wiki_trends.pipeline.history.store import add_answers, read_answers
from wiki_trends.sample import SampleOptions, SampleServer
from wiki_trends.sample.days import wiki_traffic
from wiki_trends.sample.wikis import WIKIS
from wiki_trends.wikimedia import WikimediaClient

START = dt.date(2025, 11, 5)
LAST = dt.date(2025, 11, 9)
TODAY = dt.date(2025, 11, 12)
DAY_BEFORE = START - dt.timedelta(days=1)
REFERENCE = (START - dt.timedelta(days=28), DAY_BEFORE)
TRAFFIC = wiki_traffic(0, WIKIS["en.wikipedia"])


def rows_of(series, first=START):
    """Rows of page, date and views; None is a day outside the list."""
    rows = [
        (page, first + dt.timedelta(days=offset), views)
        for page, counts in series.items()
        for offset, views in enumerate(counts)
        if views is not None
    ]
    return pl.DataFrame(rows, schema=["page", "date", "views"], orient="row")


def no_answers():
    return pl.DataFrame(schema={"page": pl.String, "date": pl.Date})


def test_candidates_rank_by_their_rise_above_the_median_or_above_the_last_listed_page():
    series = {
        "Large": [9000, 9000, 9000, 9000, 9000],
        "Rose": [100, 100, 100, 100, 900],
        "Came": [None, None, None, 500, None],
        "Fell": [900, 100, 100, 100, 100],
        "Least": [50, 50, 50, 50, 50],
    }
    assert rank_candidates(rows_of(series), START) == ["Came", "Fell", "Rose", "Large", "Least"]
    # Only the days of the window can be the rise.
    assert rank_candidates(rows_of(series), START + dt.timedelta(days=1)) == [
        "Came",
        "Rose",
        "Large",
        "Fell",
        "Least",
    ]


def test_a_page_is_chosen_when_most_of_its_reference_is_unknown():
    first = REFERENCE[0]
    window = [None] * 28
    series = {
        "Listed_21": [100] * 21 + [None] * 7 + [900],
        "Listed_20": [100] * 20 + [None] * 8 + [800],
        "Unknown": [*window, 700],
        "Answered": [*window, 600],
        "Without": [*window, 500],
        "Least": [10] * 29,
    }
    answers = pl.DataFrame(
        {"page": "Answered", "date": [first + dt.timedelta(days=n) for n in range(28)], "views": None}
    )
    chosen = choose_pages(rows_of(series, first), answers, {"Without"}, REFERENCE)
    assert sorted(chosen) == ["Listed_20", "Unknown"]


def test_only_the_first_candidates_are_chosen():
    series = {f"P{number:03}": [1000 - number] for number in range(MAX_CANDIDATES + 50)}
    chosen = choose_pages(rows_of(series), no_answers(), frozenset(), REFERENCE)
    assert chosen == [f"P{number:03}" for number in range(MAX_CANDIDATES)]


@pytest.fixture
def serve(tmp_path):
    opened = []

    def open_client(server, **more):
        server = server.__enter__()
        settings = Settings(
            wikimedia_url=f"{server.url}/api/rest_v1",
            mediawiki_url=f"{server.url}/{{project}}/w/api.php",
            rate_per_minute=1_000_000,
            state=str(tmp_path / "state"),
            **more,
        )
        client = WikimediaClient(settings)
        opened.extend([client, server])
        return server, client

    yield open_client
    for item in opened:
        item.__exit__(None, None, None)


def titles_of(count, start=620):
    pages = TRAFFIC.catalogue.pages[start : start + 4 * count]
    return [page.title for page in pages if page.role == "plain" and "|" not in page.title][:count]


def query_of(titles, max_requests=150, access="all-access"):
    first = START - dt.timedelta(days=56)
    return HistoryQuery("en.wikipedia", access, titles, first, REFERENCE[0], LAST, max_requests)


def test_five_titles_of_each_request_are_answered_until_all_are(serve):
    server, client = serve(SampleServer(SampleOptions(today=TODAY)))
    titles = titles_of(112)
    answers = request_history(client, query_of(titles))
    # 50 + 50 + 12 titles.
    assert answers.requests == len(server.exchanges) == 10 + 10 + 3
    assert (answers.titles_per_answer, len(answers.bodies), answers.problem) == (5, 23, "")
    assert answers.answered == set(titles)
    assert answers.without_data == set()
    assert server.most_in_flight <= 3


@pytest.mark.parametrize(("per_answer", "requests"), [(1, 12), (50, 1)])
def test_the_limit_of_titles_is_read_from_the_responses(serve, per_answer, requests):
    _, client = serve(SampleServer(SampleOptions(today=TODAY, titles_per_answer=per_answer)))
    answers = request_history(client, query_of(titles_of(12)))
    assert (answers.requests, answers.titles_per_answer) == (requests, min(per_answer, 12))
    assert len(answers.answered) == 12


@pytest.mark.parametrize("access", ["all-access", "desktop"])
def test_no_more_requests_are_sent_than_allowed_and_the_first_pages_come_first(serve, access):
    server, client = serve(SampleServer(SampleOptions(today=TODAY)))
    titles = titles_of(200)
    answers = request_history(client, query_of(titles, 7, access))
    assert answers.requests == len(server.exchanges) == 7
    assert answers.problem == ""
    if access == "desktop":
        assert sorted(answers.answered) == sorted(titles[:7])
    else:
        assert len(answers.answered) == 35


def test_retries_count_as_requests(serve):
    server, client = serve(SampleServer(SampleOptions(today=TODAY, faults={"500": 0.4}, seed=3)))
    answers = request_history(client, query_of(titles_of(200), 20))
    failed = sum(exchange.status == 500 for exchange in server.exchanges)
    assert failed > 0
    assert answers.requests == len(server.exchanges)
    # The retries of the last requests come after they were allowed.
    assert len(server.exchanges) - failed < 20


def test_another_access_method_and_a_past_window_use_the_other_api(serve):
    server, client = serve(SampleServer(SampleOptions(today=TODAY + dt.timedelta(days=200))))
    titles = [*titles_of(6), "No_such_page"]
    answers = request_history(client, query_of(titles))
    paths = [exchange.path for exchange in server.exchanges]
    assert ["prop=pageviews" in path for path in paths].count(True) == 1
    articles = [unquote(path.split("/")[-4]) for path in paths if "per-article" in path]
    assert sorted(articles) == sorted(titles)
    assert all(path.endswith("/daily/20250910/20251109") for path in paths if "per-article" in path)
    assert (answers.answered, answers.without_data) == (set(titles[:6]), {"No_such_page"})
    # The response that does not reach the window is not kept.
    assert len(answers.bodies) == 6
    desktop = request_history(client, query_of(titles, access="desktop"))
    assert len(desktop.bodies) == 6
    assert all("/desktop/user/" in exchange.path for exchange in server.exchanges[len(paths) :])


def test_titles_that_the_api_does_not_answer_are_without_data(serve):
    _, client = serve(SampleServer(SampleOptions(today=TODAY)))
    answers = request_history(client, query_of([*titles_of(3), "Vela[1]", "A|B"]))
    assert answers.without_data == {"Vela[1]"}
    assert len(answers.answered) == 3


def page_views(first, last, views=5):
    days = (last - first).days + 1
    return {(first + dt.timedelta(days=offset)).isoformat(): views for offset in range(days)}


def scripted(*documents):
    """A server that gives these documents in turn, or a status for a number."""
    remaining = list(documents)

    def answer(_asked):
        document = remaining.pop(0) if len(remaining) > 1 else remaining[0]
        return Reply(b"blocked", status=document) if isinstance(document, int) else Reply(document)

    return ScriptedServer(answer)


def document(*titles, more="", first=START - dt.timedelta(days=50), last=LAST):
    pages = [{"title": title, "pageviews": page_views(first, last)} for title in titles]
    following = {"continue": {"pvipcontinue": more, "continue": "||"}} if more else {}
    return {"query": {"pages": pages}, **following}


def test_a_block_ends_the_requests_and_the_responses_before_it_are_kept(serve):
    server, client = serve(scripted(document("A", more="B"), 403))
    answers = request_history(client, query_of(["A", "B", "C"]))
    assert answers.answered == {"A"}
    assert "403" in answers.problem
    # Without a contact a 403 is final.
    assert answers.requests == len(server.requests) == 2


def test_a_continuation_that_answers_nothing_ends_the_requests(serve):
    server, client = serve(scripted(document("A", more="B"), document(more="B")))
    answers = request_history(client, query_of(["A", "B"]))
    assert (answers.answered, len(server.requests)) == ({"A"}, 2)
    assert "no page" in answers.problem


def answers_of(*documents, **more):
    return HistoryAnswers([json.dumps(document).encode() for document in documents], **more)


@pytest.fixture
def dataset(tmp_path):
    return layers(Settings(lake=f"{tmp_path}/{{layer}}")).page_history


def test_the_lake_keeps_the_exact_bytes_and_what_was_counted(dataset):
    body = b'{"query": {"pages": [\n{"title": "\xc3\x89t\xc3\xa9 x", "pageviews": {"2025-11-05": 3}}]}}\n'
    add_answers(dataset, LAST, HistoryAnswers([body], requests=2, titles_per_answer=5, without_data={"Q"}))
    add_answers(dataset, LAST, answers_of(document("B"), requests=1, titles_per_answer=1))
    partition = inspect(dataset, LAST)
    assert dataset.key(LAST) == "page_history_2025_11_09.json"
    (data,) = read_parts(dataset, partition)
    assert data == body + b"\n" + json.dumps(document("B")).encode()
    measured = partition.manifest.measured
    assert (partition.rows, measured["requests"], measured["without_data"]) == (2, 3, ["Q"])
    stored = read_answers(dataset, START, LAST)
    assert stored.rows.row(0) == ("Été_x", START, 3, LAST)
    assert set(stored.rows["page"]) == {"Été_x", "B"}
    assert (stored.without_data, stored.fingerprints) == ({"Q"}, {"2025-11-09": partition.fingerprint})


def test_days_after_the_window_and_partitions_of_other_windows_are_not_read(dataset):
    add_answers(dataset, LAST, answers_of(document("A", last=TODAY)))
    add_answers(dataset, LAST + dt.timedelta(days=1), answers_of(document("Later")))
    add_answers(dataset, START - dt.timedelta(days=60), answers_of(document("Earlier")))
    stored = read_answers(dataset, START - dt.timedelta(days=56), LAST)
    assert set(stored.rows["page"]) == {"A"}
    assert stored.rows["date"].max() == LAST
    assert list(stored.fingerprints) == ["2025-11-09"]


def test_the_responses_of_an_unavailable_partition_are_not_counted(dataset, tmp_path):
    add_answers(dataset, LAST, answers_of(document("A"), requests=1))
    (part,) = tmp_path.glob("bronze/**/part-*")
    part.write_bytes(part.read_bytes()[:-1])
    partition = inspect(dataset, LAST)
    assert (partition.available, partition.rows) == (False, 1)
    add_answers(dataset, LAST, answers_of(document("B"), requests=1))
    assert inspect(dataset, LAST).rows == 1
    assert set(read_answers(dataset, START, LAST).rows["page"]) == {"B"}


def test_nothing_is_written_without_a_response(dataset):
    add_answers(dataset, LAST, HistoryAnswers(problem="no network"))
    assert not inspect(dataset, LAST).available
    stored = read_answers(dataset, START, LAST)
    assert (stored.rows.height, stored.fingerprints) == (0, {})


def test_a_damaged_response_is_an_error_of_its_partition(dataset):
    add_answers(dataset, LAST, HistoryAnswers([b'{"query": {"pages": [{"pageviews": {"x": 1}}]}}']))
    with pytest.raises(ContractBroken):
        read_answers(dataset, START, LAST)


def test_each_project_and_access_method_has_its_own_history(tmp_path):
    settings = Settings(lake=f"{tmp_path}/{{layer}}")
    keys = {
        layers(replace(settings, project=project, access=access)).page_history.key(LAST)
        for project in ("en.wikipedia", "fr.wikipedia")
        for access in ("all-access", "desktop")
    }
    assert len(keys) == 4
    assert math.prod("page_history_2025_11_09.json" in key for key in keys) == 1
