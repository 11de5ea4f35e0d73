"""Which keys are expected, started and asked about, by the answers of the upstream. Everything goes through a project."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from threading import Barrier, Thread

import pytest

from smart_orchestrator.cli.app import run_command
from smart_orchestrator.config.loading import load_config
from smart_orchestrator.model.cause import Cause
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.partition import Code
from smart_orchestrator.model.window import Window
from smart_orchestrator.project import Project
from smart_orchestrator.project_signals import judge_dataset
from testing.scripted_server import Reply, ScriptedServer

CONFIG = """
[datasets.orders]
url = "lake"
key = "dt={start:%Y-%m-%d}"
adapter = "files"
format = "csv"
settle = 0
LAG
probe.url = "URL/{start:%Y-%m-%d}"
runner = "etl"

[runners.etl]
command = ["sh", "-c", "mkdir -p lake/dt={key} && echo id > lake/dt={key}/a.csv && echo 1 >> lake/dt={key}/a.csv"]
"""
AUTO, FIXED = 'lag = "auto"\nmax_lag = 3', "lag = 2"
NOW = dt.datetime(2025, 11, 12, 9, 0, tzinfo=dt.UTC)


def day(number):
    return dt.date(2025, 11, number)


class Upstream:
    """An upstream with some days of November 2025, and the number of questions about each day."""

    def __init__(self, folder, has, status=404, headers=None):
        self.has = set(has)
        self.status = status
        self.headers = headers or {}
        self.asked = Counter()
        self.folder = folder

    def answer(self, request):
        number = int(request.path[-2:])
        self.asked[number] += 1
        return Reply(b"", 200) if number in self.has else Reply(b"", self.status, self.headers)

    def project(self, server, now=NOW, lag=AUTO):
        path = self.folder / "smart-orchestrator.toml"
        path.write_text(CONFIG.replace("URL", server.url).replace("LAG", lag))
        return Project(load_config(path), now=now)


@pytest.fixture
def upstream(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(3, 9):
        folder = tmp_path / "lake" / f"dt=2025-11-{number:02}"
        folder.mkdir(parents=True)
        (folder / "a.csv").write_text("id\n1\n")
    return Upstream(tmp_path, range(1, 11))


def codes(completeness):
    return {key_text(p.day)[-2:]: p.code for p in completeness.partitions if p.code is not Code.OK}


def test_a_day_is_expected_as_soon_as_it_has_landed(upstream):
    with ScriptedServer(upstream.answer) as server:
        upstream.has = set(range(1, 12))
        project = upstream.project(server)
        window = project.last_window("orders")

    assert (window.last, window.lag) == (day(11), 1)
    assert upstream.asked == {11: 1}


def test_a_day_is_not_expected_before(upstream):
    with ScriptedServer(upstream.answer) as server:
        project = upstream.project(server)
        window = project.last_window("orders")
        completeness = project.check("orders", window)

    assert (window.last, window.lag) == (day(10), 2)
    assert codes(completeness) == {"09": Code.MISSING, "10": Code.MISSING}
    # The upstream has both, so a run is started for them.
    assert upstream.asked == {11: 1, 10: 1, 9: 1}


def test_within_the_outer_bound_a_hole_is_not_expected_and_beyond_it_is_not_published(upstream):
    upstream.has = {11}
    with ScriptedServer(upstream.answer) as server:
        project = upstream.project(server)
        plan = project.plan("orders", project.last_window("orders"))
        causes = project.causes(plan.completeness)

    assert codes(plan.completeness) == {
        "09": Code.NOT_PUBLISHED,
        "10": Code.WITHIN_LAG,
        "11": Code.MISSING,
    }
    assert [step.action.value for step in plan.steps[-3:]] == ["wait", "wait", "start"]
    assert plan.completeness.missing == (day(9), day(11))
    assert causes[day(9)].cause is Cause.NOT_PUBLISHED
    assert "HTTP 404, asked 2025-11-12 09:00 UTC" in causes[day(9)].evidence
    assert causes[day(10)].cause is Cause.WITHIN_LAG


def test_a_late_day_that_has_landed_is_not_called_within_the_lag(upstream):
    with ScriptedServer(upstream.answer) as server:
        project = upstream.project(server, lag=f'{AUTO}\nfresh = "2 hours"')
        report = judge_dataset(project, "orders")

    reasons = {p.key: p.reason for p in report.late}
    assert (reasons[day(9)], reasons[day(10)]) == ("nothing is there", "nothing is there")
    assert "not expected before it lands" in reasons[day(11)]


@pytest.mark.parametrize("status", [429, 503])
def test_an_upstream_that_asks_to_slow_down_is_asked_no_other_question(upstream, status):
    upstream.has, upstream.status, upstream.headers = set(), status, {"Retry-After": "600"}
    with ScriptedServer(upstream.answer) as server:
        project = upstream.project(server)
        project.check("orders", project.last_window("orders"))
        assert upstream.asked == {11: 1}

        # Then the other days are asked about.
        upstream.status = 404
        project = upstream.project(server, NOW + dt.timedelta(minutes=30))
        project.check("orders", project.last_window("orders"))
    assert upstream.asked == {11: 2, 10: 1, 9: 1}


def test_an_upstream_that_fails_for_one_day_is_asked_about_the_others(upstream):
    upstream.has, upstream.status = {9}, 500
    with ScriptedServer(upstream.answer) as server:
        project = upstream.project(server)
        project.check("orders", project.last_window("orders"))
    assert upstream.asked == {11: 1, 10: 1, 9: 1}


def test_a_run_starts_for_no_day_that_the_upstream_denies(upstream):
    upstream.has = {11}
    with ScriptedServer(upstream.answer) as server:
        project = upstream.project(server)
        result = project.run("orders", project.last_window("orders"), timeout=30)

    assert [run.day for run in result.backfill.outcome.started] == [day(11)]
    assert not result.backfill.completeness.ready


def test_with_a_fixed_lag_the_probe_only_denies(upstream):
    upstream.has = {11}
    with ScriptedServer(upstream.answer) as server:
        project = upstream.project(server, lag=FIXED)
        plan = project.plan("orders", project.last_window("orders"))

    assert plan.completeness.window.last == day(10)
    assert codes(plan.completeness) == {"09": Code.NOT_PUBLISHED, "10": Code.NOT_PUBLISHED}
    assert upstream.asked == {9: 1, 10: 1}


def test_an_upstream_that_fails_leaves_the_outer_bound_to_decide(upstream):
    upstream.has, upstream.status = set(), 500
    with ScriptedServer(upstream.answer) as server:
        project = upstream.project(server)
        window = Window.between(day(9), day(11), day(12), 1)
        plan = project.plan("orders", window)

    assert codes(plan.completeness) == {
        "09": Code.MISSING,
        "10": Code.WITHIN_LAG,
        "11": Code.WITHIN_LAG,
    }
    assert [step.action.value for step in plan.steps] == ["start", "wait", "wait"]


def test_nothing_is_asked_again_before_the_answer_expires(upstream):
    upstream.has = {9, 10}
    with ScriptedServer(upstream.answer) as server:
        for minutes in (0, 10, 29):
            later = NOW + dt.timedelta(minutes=minutes)
            upstream.project(server, later).last_window("orders")
        assert upstream.asked == {11: 1, 10: 1}
        upstream.project(server, NOW + dt.timedelta(minutes=30)).last_window("orders")

    assert upstream.asked == {11: 2, 10: 1}


def test_the_cache_lifetime_of_the_upstream_is_respected(upstream):
    upstream.has, upstream.headers = {10}, {"Cache-Control": "max-age=14400"}
    with ScriptedServer(upstream.answer) as server:
        for hours in (0, 1, 3.9):
            upstream.project(server, NOW + dt.timedelta(hours=hours)).last_window("orders")
        assert upstream.asked[11] == 1
        upstream.project(server, NOW + dt.timedelta(hours=4)).last_window("orders")

    assert upstream.asked[11] == 2


def test_old_keys_and_keys_that_have_not_ended_are_not_asked_about(upstream):
    with ScriptedServer(upstream.answer) as server:
        project = upstream.project(server)
        project.check("orders", Window.between(dt.date(2025, 1, 1), dt.date(2025, 3, 1), day(12), 1))
        project.check("orders", Window.between(day(12), day(13), day(14), 1))

    assert upstream.asked == {}


def test_processes_that_check_at_once_ask_once(upstream):
    upstream.has = {9, 10}
    with ScriptedServer(upstream.answer) as server:
        upstream.project(server)
        start = Barrier(6)

        def check():
            project = Project(load_config(upstream.folder / "smart-orchestrator.toml"), now=NOW)
            start.wait()
            project.last_window("orders")

        threads = [Thread(target=check) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert upstream.asked[11] == 1


@pytest.mark.usefixtures("same_day")
def test_status_shows_the_delays_and_the_next_probe_and_explain_the_answer(upstream, capsys):
    today = dt.datetime.now(tz=dt.UTC).date()
    yesterday = today - dt.timedelta(days=1)
    upstream.has = set()
    with ScriptedServer(upstream.answer) as server:
        upstream.project(server)
        code = run_command(["status"])
        text = capsys.readouterr().out
        run_command(["status", "--json"])
        document = json.loads(capsys.readouterr().out)["datasets"]["orders"]["upstream"]
        run_command(["explain", "orders", yesterday.isoformat()])
        explained = capsys.readouterr().out
        run_command(["explain", "orders", yesterday.isoformat(), "--json"])
        evidence = json.loads(capsys.readouterr().out)["upstream"]

    assert code == 1
    assert "  upstream: no landing is known yet; next probe 20" in text
    assert document["lag"] == "auto"
    assert (document["landings"], document["typical_delay_seconds"], document["max_lag"]) == (0, None, 3)
    assert document["pending"][-1]["key"] == yesterday.isoformat()
    assert f"the upstream does not have it yet ({server.url}/{yesterday} HTTP 404, asked 20" in explained
    assert (evidence["answer"], evidence["detail"]) == ("not_yet", "HTTP 404")


def test_status_summarises_the_landings(upstream, capsys):
    with ScriptedServer(upstream.answer) as server:
        for number, hours in ((9, 12), (10, 14), (11, 20)):
            landing = dt.datetime(2025, 11, number + 1, tzinfo=dt.UTC) + dt.timedelta(hours=hours)
            upstream.has.discard(number)
            upstream.project(server, landing - dt.timedelta(minutes=30)).last_window("orders")
            upstream.has.add(number)
            upstream.project(server, landing + dt.timedelta(minutes=30)).last_window("orders")
        run_command(["status"])

    assert (
        "upstream: lands after 14h 00m, at worst 20h 00m (3 landings); next probe" in capsys.readouterr().out
    )
