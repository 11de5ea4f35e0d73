"""When the upstream is asked again about keys that have landed, and what follows from a changed ETag. Everything goes through a project."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter

import pytest

from smart_orchestrator.cli.app import run_command
from smart_orchestrator.config.loading import load_config
from smart_orchestrator.model.cause import Cause
from smart_orchestrator.model.event import Event
from smart_orchestrator.model.partition import Code
from smart_orchestrator.model.plan import Action
from smart_orchestrator.model.window import Window
from smart_orchestrator.project import Project
from smart_orchestrator.project_errors import ConfigError
from smart_orchestrator.runners.ledger import Ledger
from smart_orchestrator.telemetry.incidents import IncidentStore
from smart_orchestrator.telemetry.messages import announce_restated
from smart_orchestrator.upstream.rechecks import ProbeComparison
from testing.scripted_server import Reply, ScriptedServer

CONFIG = """
[datasets.orders]
url = "lake"
key = "dt={start:%Y-%m-%d}"
adapter = "files"
format = "csv"
settle = 0
lag = 2
recheck = [1, 7]
probe.url = "URL/{start:%Y-%m-%d}"
runner = "etl"

[runners.etl]
command = ["sh", "-c", "COMMAND"]
attempts = 1
"""
REWRITE = "echo id > lake/dt={key}/a.csv && echo 22 >> lake/dt={key}/a.csv"
LEAVE = "true"


def day(number):
    return dt.date(2025, 11, number)


def at(number, hour=9):
    return dt.datetime(2025, 11, number, hour, tzinfo=dt.UTC)


class Upstream:
    """An upstream with an ETag for each day, and the number of questions about each day."""

    def __init__(self, folder):
        self.folder = folder
        self.etags = {number: f'"e{number}"' for number in range(1, 20)}
        self.status = 200
        self.gone = set()
        self.asked = Counter()
        self.url = ""

    def answer(self, request):
        number = int(request.path[-2:])
        self.asked[number] += 1
        status = 404 if number in self.gone else self.status
        return Reply(b"", status, {"ETag": self.etags[number]})

    def project(self, now, command=REWRITE):
        path = self.folder / "smart-orchestrator.toml"
        path.write_text(CONFIG.replace("URL", self.url).replace("COMMAND", command))
        return Project(load_config(path), now=now)

    def check(self, now, first=3, last=8, command=REWRITE):
        project = self.project(now, command)
        return project.check("orders", Window.between(day(first), day(last), now.date(), 2))


@pytest.fixture
def upstream(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(3, 9):
        folder = tmp_path / "lake" / f"dt=2025-11-{number:02}"
        folder.mkdir(parents=True)
        (folder / "a.csv").write_text("id\n1\n")
    simulated = Upstream(tmp_path)
    with ScriptedServer(simulated.answer) as server:
        simulated.url = server.url
        yield simulated


def test_data_that_are_newer_than_an_unanswered_request_replace_it(upstream, monkeypatch):
    upstream.status = 500
    upstream.check(at(9))
    upstream.check(at(9, 10))
    # Each check ends at the first key without an answer.
    assert upstream.asked == {6: 1, 5: 1}

    upstream.status = 200
    monkeypatch.setattr(ProbeComparison, "held_since", lambda _, p: at(13) if p.day == day(6) else None)
    upstream.check(at(14))

    # The 6th is not asked about again, and does not keep the 5th from being rechecked.
    assert upstream.asked == {3: 1, 4: 1, 5: 2, 6: 1, 7: 1, 8: 1}
    known = upstream.project(at(14)).upstreams.rechecks("orders").known([day(5), day(6)])
    assert list(known) == [day(5)]


def restate(upstream, number, now):
    """Let the upstream change a day whose first ETag is known, and check until the change is found at `now`."""
    upstream.check(at(number + 3))
    upstream.etags[number] = '"changed"'
    return upstream.check(now)


def test_each_age_is_asked_once_and_an_age_in_the_future_never(upstream):
    for _ in range(3):
        upstream.check(at(9))
    # A day lands at the latest two days later: of the 9th, the days up to the 6th are at least a day old.
    assert upstream.asked == {3: 1, 4: 1, 5: 1, 6: 1}

    for _ in range(3):
        upstream.check(at(14))
    assert upstream.asked == {3: 2, 4: 2, 5: 2, 6: 1, 7: 1, 8: 1}


def test_several_ages_that_have_passed_need_one_question(upstream):
    upstream.check(at(20))
    upstream.check(at(20, 10))

    assert upstream.asked == dict.fromkeys(range(3, 9), 1)


def test_a_changed_etag_makes_the_partition_restated_available_and_due(upstream):
    completeness = restate(upstream, 5, at(14))

    assert completeness[day(5)].code is Code.RESTATED
    assert completeness[day(5)].available
    assert (completeness.restated, completeness.missing, completeness.to_fill) == ((day(5),), (), (day(5),))
    assert completeness.ready
    assert '"e5", and is "changed"' in completeness[day(5)].reason
    project = upstream.project(at(14))
    window = completeness.window
    assert project.plan("orders", window).days(Action.START) == (day(5),)
    assert project.causes(completeness)[day(5)].cause is Cause.RESTATED


@pytest.mark.parametrize("command", [REWRITE, LEAVE], ids=["new-data", "same-data"])
def test_a_restated_day_is_run_once_whatever_the_run_leaves(upstream, command):
    window = restate(upstream, 5, at(14)).window
    project = upstream.project(at(14), command)

    first = project.run("orders", window).backfill
    second = project.run("orders", window).backfill

    assert [run.day for run in first.outcome.started] == [day(5)]
    assert first.outcome.filled == (day(5),)
    assert (second.outcome.started, second.completeness.restated) == ((), ())
    # At the next age, the new ETag is the known one.
    assert upstream.check(at(20)).restated == ()


def test_a_failed_run_leaves_the_day_restated_and_is_a_failure(upstream):
    window = restate(upstream, 5, at(14)).window
    project = upstream.project(at(14), "false")

    backfill = project.run("orders", window).backfill

    assert [run.day for run in backfill.outcome.failed] == [day(5)]
    assert backfill.completeness.restated == (day(5),)
    assert project.plan("orders", window).days(Action.START) == (day(5),)


def test_a_dataset_without_a_runner_stays_ready_with_a_restated_day(upstream):
    window = restate(upstream, 5, at(14)).window
    path = upstream.folder / "smart-orchestrator.toml"
    path.write_text(path.read_text().replace('runner = "etl"\n', ""))

    project = Project(load_config(path), now=at(14))
    (step,) = (step for step in project.plan("orders", window).steps if step.day == day(5))
    assert (step.action, step.why.partition(":")[0]) == (Action.KEEP, "RESTATED")
    assert step.why.endswith("the dataset has no runner")

    backfill = project.run("orders", window).backfill

    assert (backfill.completeness.ready, backfill.completeness.restated) == (True, (day(5),))


def test_a_restated_day_is_not_asked_about_again_before_it_is_run(upstream):
    upstream.check(at(6), last=3)
    upstream.etags[3] = '"changed"'
    upstream.check(at(13), last=3)
    upstream.check(at(14), last=3)

    assert upstream.asked == {3: 2}
    assert upstream.check(at(14), last=3).restated == (day(3),)


def test_a_silent_upstream_decides_nothing_and_is_left_alone_for_a_while(upstream):
    upstream.status = 503
    for _ in range(2):
        assert upstream.check(at(14), last=3).restated == ()
    assert upstream.asked == {3: 1}

    upstream.status = 200
    upstream.check(at(14, 10), last=3)
    assert upstream.asked == {3: 2}


def test_after_the_first_question_without_an_answer_the_others_wait(upstream):
    upstream.status = 503
    upstream.check(at(14))

    assert upstream.asked.total() == 1


def test_a_day_that_the_upstream_has_removed_does_not_hide_the_others(upstream):
    upstream.gone = {8}
    upstream.check(at(14))
    assert upstream.asked == {8: 1}

    upstream.check(at(14, 10))
    assert upstream.asked == {**dict.fromkeys(range(3, 8), 1), 8: 2}


def test_an_unreadable_memory_counts_as_empty(upstream):
    restate(upstream, 5, at(14))
    [memory] = upstream.folder.glob(".smart-orchestrator/_upstream/*.rechecks.json")
    memory.write_text("[]")

    assert upstream.check(at(14)).restated == ()


def test_the_message_about_a_restated_partition_is_sent_once(upstream, tmp_path):
    completeness = restate(upstream, 5, at(14))
    restated = [completeness[key] for key in completeness.restated]
    store = IncidentStore(Ledger(tmp_path / "state"))

    [message] = announce_restated("orders", restated, store, ())

    assert (message.event, message.title) == (Event.RESTATED, "orders: 1 partition restated")
    assert message.text.startswith("2025-11-05: the upstream has changed it: its ETag was")
    assert announce_restated("orders", restated, store, ()) == []

    # The run leaves the same data, and the upstream changes the day again.
    upstream.project(at(14), LEAVE).run("orders", completeness.window)
    upstream.etags[5] = '"changed again"'
    again = upstream.check(at(20), command=LEAVE)
    assert again[day(5)].fingerprint == completeness[day(5)].fingerprint
    assert len(announce_restated("orders", [again[day(5)]], store, ())) == 1


def test_the_commands_show_the_restated_partition(upstream, capsys):
    restate(upstream, 5, at(14))
    window = ("--start", "2025-11-03", "--end", "2025-11-08", "--as-of", "2025-11-14")

    assert run_command(["check", "orders", *window]) == 0
    text = capsys.readouterr().out
    assert "RESTATED: the upstream has changed it" in text
    assert ", restated 1" in text
    run_command(["check", "orders", *window, "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["restated"] == ["2025-11-05"]
    assert [cause["cause"] for cause in document["causes"]] == ["restated"]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("recheck = [0]", "is not a list of integers from 1 on"),
        ('recheck = ["1"]', "is not a list of integers from 1 on"),
        ("recheck = 7", "is not a list of integers from 1 on"),
        ("recheck = [400]", "recheck: 400"),
    ],
    ids=["zero", "text", "number", "too-long"],
)
def test_a_wrong_recheck_is_refused(upstream, line, problem):
    path = upstream.folder / "smart-orchestrator.toml"
    path.write_text(CONFIG.replace("URL", upstream.url).replace("recheck = [1, 7]", line))
    with pytest.raises(ConfigError, match=problem.replace("[", r"\[")):
        load_config(path)


def test_a_recheck_without_a_probe_that_has_an_etag_is_refused(upstream):
    path = upstream.folder / "smart-orchestrator.toml"
    text = CONFIG.replace('probe.url = "URL/{start:%Y-%m-%d}"', 'probe.command = ["true"]')
    path.write_text(text)
    with pytest.raises(ConfigError, match="needs a probe that returns an ETag"):
        load_config(path)
