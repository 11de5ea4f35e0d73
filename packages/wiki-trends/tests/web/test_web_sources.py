"""Test sources that do not answer, or that fail: each source has its own threads and deadline, and the pages say what happened."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import shutil
import threading

import pytest

from smart_orchestrator.model.partition import Code
from smart_orchestrator.model.run import Failure, Run, RunState
from testing.dashboard import AS_OF, eventually, serving, settings_of
from wiki_trends.errors import WarehouseError
from wiki_trends.web.source_pool import DEADLINE_SECONDS, SourcePool, SourceTimeout, UnexpectedFailure

PAGE = {"Accept": "text/html"}
LAKE = "wiki_trends.web.data.Sources.check_window"
WAREHOUSE = "wiki_trends.queries.pages.read_page_list"
RUNS = "wiki_trends.web.data.Sources.latest_runs"


@pytest.fixture
def hanging(monkeypatch):
    """Make a function hang until the end of the test."""
    released = threading.Event()

    def hang(name, source):
        monkeypatch.setattr(name, lambda *_, **__: released.wait(300))
        monkeypatch.setitem(DEADLINE_SECONDS, source, 1.0)
        monkeypatch.setattr("wiki_trends.web.cache.dashboard_state.PATIENCE_SECONDS", 1.0)

    yield hang
    released.set()


@pytest.mark.slow
def test_a_lake_that_never_answers_freezes_nothing_else(demo_settings, hanging):
    hanging(LAKE, "lake")
    with serving(demo_settings) as dashboard:
        for _ in range(12):
            overview = dashboard.client.get("/", headers=PAGE)
            assert (overview.status_code, "Legend of Gatanor" in overview.text) == (200, True)
        assert "The lake has not answered since" in overview.text
        for days in range(1, 8):
            page = dashboard.client.get("/completeness", params={"days": days}, headers=PAGE)
            assert (page.status_code, "The lake has not answered since " in page.text) == (503, True)
        for path in ("/pages", "/categories", "/runs", "/page?title=Legend_of_Gatanor", "/feed.atom"):
            assert dashboard.client.get(path, headers=PAGE).status_code == 200, path
        health = dashboard.client.get("/health")
        assert health.status_code == 503
        assert "lake: The lake has not answered since" in health.text
        assert "warehouse:" not in health.text


@pytest.mark.slow
def test_a_runner_that_never_answers_is_the_one_that_is_named(demo_settings, hanging):
    hanging(RUNS, "runner of the pipeline")
    with serving(demo_settings) as dashboard:
        answer = dashboard.client.get("/completeness.json")
        assert (answer.status_code, answer.json()["error"]) == (503, "RUNS")
        assert "The runner of the pipeline has not answered since" in answer.json()["message"]
        started = dashboard.client.post("/backfill", params={"day": "2025-11-07"}, headers=dashboard.bearer)
        assert (started.status_code, started.json()["error"]) == (503, "RUNS")
        assert dashboard.client.get("/overview.json").status_code == 200
        assert dashboard.client.get("/runs.json").json()["asked"] == []


@pytest.mark.slow
def test_a_warehouse_that_never_answers_freezes_nothing_else(demo_settings, hanging):
    hanging(WAREHOUSE, "warehouse")
    with serving(demo_settings) as dashboard:
        for skip in range(6):
            answer = dashboard.client.get("/pages.json", params={"skip": skip})
            assert (answer.status_code, answer.json()["error"]) == (503, "WAREHOUSE")
        assert dashboard.client.get("/completeness", headers=PAGE).status_code == 200
        assert dashboard.client.get("/runs", headers=PAGE).status_code == 200


def test_health_checks_what_it_says(demo_settings, monkeypatch):
    with serving(demo_settings) as dashboard:
        ok = dashboard.client.get("/health")
        assert (ok.status_code, ok.text) == (200, "ok\n")

    def broken(*_):
        raise WarehouseError(warehouse="duckdb:////srv/x", problem="secret of the machine", fix="Mend it.")

    monkeypatch.setattr("wiki_trends.web.cache.dashboard_state._read_published_version", broken)
    with serving(demo_settings) as dashboard:
        failed = dashboard.client.get("/health")
    assert failed.status_code == 503
    assert failed.text.startswith("warehouse: ")
    assert "secret" not in failed.text


@pytest.mark.parametrize("error", [OverflowError("bad object"), RecursionError(), BaseException("panicked")])
def test_an_unexpected_failure_of_the_lake_is_not_one_of_every_page(demo_settings, monkeypatch, error):
    def broken(*_):
        raise error

    monkeypatch.setattr(LAKE, broken)
    with serving(demo_settings) as dashboard:
        overview = dashboard.client.get("/", headers=PAGE)
        assert (overview.status_code, "Legend of Gatanor" in overview.text) == (200, True)
        assert "The lake cannot be read" in overview.text
        for path in ("/pages", "/categories", "/runs", "/feed.atom"):
            assert dashboard.client.get(path, headers=PAGE).status_code == 200, path
        page = dashboard.client.get("/completeness.json")
        assert (page.status_code, page.json()["error"]) == (503, "LAKE")
        assert f"unexpected error ({type(error).__name__})" in page.json()["message"]
        assert "bad object" not in page.text
        with dashboard.client.stream("GET", "/events") as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith("retry")


OBJECTS = {
    "marker of another world": ("_SUCCESS", b'{"version": 1e400}'),
    "deep marker": ("_SUCCESS", b"[" * 100_000),
    "binary marker": ("_SUCCESS", bytes(range(256)) * 40),
    "cut part": ("part-00000.csv", b'page,views\n"A'),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_one_bad_object_is_a_verdict_on_its_day(demo_copy, name):
    file, content = OBJECTS[name]
    folder = demo_copy / "lake/diamond/diamond_final_2025_11_07.csv"
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / file).write_bytes(content)
    with serving(settings_of(demo_copy)) as dashboard:
        assert dashboard.client.get("/", headers=PAGE).status_code == 200
        page = dashboard.client.get("/completeness.json")
        assert page.status_code == 200, page.text
        days = {day["day"]: day for day in page.json()["days"]}
    assert days.pop("2025-11-07")["state"] != "complete"
    assert {day["code"] for day in days.values()} == {Code.OK.value}


def test_the_overview_says_how_old_the_window_is_and_what_is_due(demo_copy):
    with serving(settings_of(demo_copy)) as dashboard:
        text = dashboard.client.get("/", headers=PAGE).text
        assert "This is the current window." in text
        assert "No day is due, and nothing is running." in text
    later = AS_OF + dt.timedelta(days=3)
    with serving(settings_of(demo_copy), today=lambda: later) as dashboard:
        text = dashboard.client.get("/", headers=PAGE).text
        said = "This window ends 3 days before the newest day that is expected. 3 days are due, and nothing is running."
        assert said in text
        assert "being made" not in text


def test_the_first_line_of_the_overview_is_for_the_person_on_call(demo_copy):
    shutil.rmtree(demo_copy / "lake/diamond/diamond_final_2025_11_07.csv")
    with serving(settings_of(demo_copy)) as dashboard:
        main = dashboard.client.get("/", headers=PAGE).text.partition("<main")[2]
        line = " ".join(re.sub("<[^>]+>", "", main.partition("</p>")[0].partition(">")[2]).split())
        assert re.fullmatch(
            r"en\.wikipedia: 1 due · 0 failing · 0 days late · 0 in flight · "
            r"published \d+ [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC · history",
            line,
        )
    with serving(settings_of(demo_copy), runs=FailedRuns()) as dashboard:
        text = dashboard.client.get("/", headers=PAGE).text
        assert "1 failing" in text
        assert "failed (ERROR): the disk is full" in text
        assert "1 failing" in dashboard.client.get("/completeness", headers=PAGE).text


class FailedRuns:
    """A runner whose run of each day has failed."""

    poll_seconds, in_process, capacity = 0.1, False, None

    def latest(self, days):
        return {
            day: Run(f"{day}.1", day, 1, RunState.FAILED, failure=Failure.ERROR, message="the disk is full")
            for day in days
        }


class Call:
    """Runs calls of a pool in a separate event loop."""

    @staticmethod
    def run(pool, work):
        return asyncio.run(pool.run(work))


def test_a_pool_gives_results_and_exceptions():
    pool = SourcePool(source="lake", code="LAKE")
    assert Call.run(pool, lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        Call.run(pool, lambda: 1 // 0)
    with pytest.raises(TimeoutError):
        Call.run(pool, lambda: (_ for _ in ()).throw(TimeoutError()))

    def panic():
        raise BaseException("panic")  # noqa: TRY002 - as native libraries do

    with pytest.raises(UnexpectedFailure, match="panic"):
        Call.run(pool, panic)
    assert not pool.has_call_older_than(0)


def test_a_pool_refuses_while_nothing_answers_and_serves_again_afterwards(monkeypatch):
    monkeypatch.setitem(DEADLINE_SECONDS, "lake", 1.0)
    pool = SourcePool(source="lake", code="LAKE")
    released = threading.Event()

    async def flood():
        calls = [asyncio.ensure_future(pool.run(released.wait, 300)) for _ in range(8)]
        return await asyncio.gather(*calls, return_exceptions=True)

    assert {type(result) for result in asyncio.run(flood())} == {SourceTimeout}
    assert pool.has_call_older_than(1)
    refusals = asyncio.run(flood())
    assert all(isinstance(result, SourceTimeout) for result in refusals)
    released.set()
    assert eventually(lambda: not pool.has_call_older_than(0), 30)
    assert Call.run(pool, lambda: "again") == "again"
    assert threading.active_count() < 200
