"""`plan -o` and `apply` on random lakes: the runs that start are those that an oracle in this module expects, each once.

The oracle knows the states that the test has arranged. It shares no code with the planner.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import time
from collections import Counter
from typing import TYPE_CHECKING
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from smart_orchestrator.backfilling.reporter import SilentReporter
from smart_orchestrator.cli.app import run_command
from smart_orchestrator.config.loading import load_config
from smart_orchestrator.model.run import Failure
from smart_orchestrator.project import Project
from smart_orchestrator.runners.command import CommandRunner
from smart_orchestrator.waiver_store import Waiver, waive

if TYPE_CHECKING:
    from pathlib import Path

AS_OF, FIRST = 12, 3
OLD = 1_700_000_000
ROWS = pl.DataFrame({"id": [1, 2, 3]})
PLAN_MOVED = 5
# Appends the key to a log, waits while the file hold/KEY exists, and then writes the partition. A run outlives its test process,
# so the wait has an end.
ETL = """
echo "$1" >> started.log
polls=0
while [ -e "hold/$1" ] && [ $polls -lt 6000 ]; do polls=$((polls + 1)); sleep 0.02; done
mkdir -p "lake/$1"
cp good/* "lake/$1"
"""
CONFIG = """
[datasets.a]
url = "lake"
key = "{start:%Y-%m-%d}"
lag = LAG
settle = 600
history_start = 2025-11-HISTORY
runner = "r"
OPTIONS
[runners.r]
command = ["/bin/sh", "etl.sh", "{key}"]
"""
OPTIONS = {
    "files": 'adapter = "files"\nformat = "parquet"\nmin_rows = 2',
    "manifest": 'adapter = "manifest"\nformat = "raw"',
}
# The states in which a run of the key has to start, unless something else decides.
BROKEN = {"files": ("absent", "empty", "unreadable", "short"), "manifest": ("absent", "half", "no_parts")}
OTHERS = {
    "files": ("complete", "waived", "fresh", "fresh_half"),
    "manifest": ("complete", "waived", "fresh", "fresh_half", "newer"),
}
HISTORIES = ("none", "failed", "failed_twice", "died", "failed_long_ago", "succeeded", "running")
MOVES = ("written", "run_failed", "run_started", "none")


@st.composite
def lakes(draw):
    """An adapter, the states of the keys from 3 November on, the lag, the first day of the history, and a move."""
    adapter = draw(st.sampled_from(sorted(OPTIONS)))
    state = st.sampled_from(BROKEN[adapter] + OTHERS[adapter])
    keys = draw(st.lists(st.tuples(state, st.sampled_from(HISTORIES)), min_size=1, max_size=6))
    return (
        adapter,
        keys,
        draw(st.sampled_from((1, 5, 6, 7))),
        draw(st.integers(1, 6)),
        draw(st.sampled_from(MOVES)),
    )


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("examples", [25, pytest.param(500, marks=pytest.mark.long)])
def test_apply_starts_what_an_independent_oracle_expects_and_nothing_twice(
    tmp_path_factory, monkeypatch, examples
):
    monkeypatch.setattr(CommandRunner, "poll_seconds", 0.02)
    started = Counter()

    @given(lake=lakes())
    # Lakes of at most six keys are small enough to be read, and each one that shrinking tries would start its runs.
    @settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
    )
    def one_lake(lake):
        folder = tmp_path_factory.mktemp("lake")
        started.update(RandomLake(folder, *lake).play())
        shutil.rmtree(folder)

    one_lake()
    assert started["runs"] > examples / 5
    assert started["refused"] > examples / 10
    assert started["followed"] > examples / 20


class RandomLake(SilentReporter):
    """A folder with a lake, a ledger and a configuration; as a reporter, it lets other writers go on once `apply` has begun."""

    def __init__(self, folder: Path, adapter, keys, lag, history, move) -> None:
        self.folder, self.adapter, self.lag, self.history, self.move = folder, adapter, lag, history, move
        self.states = {f"2025-11-{number:02}": list(state) for number, state in enumerate(keys, FIRST)}
        for name in ("lake", "hold", "good"):
            (folder / name).mkdir()
        (folder / "etl.sh").write_text(ETL)
        text = CONFIG.replace("LAG", str(lag)).replace("HISTORY", f"{history:02}")
        (folder / "smart-orchestrator.toml").write_text(text.replace("OPTIONS", OPTIONS[adapter]))
        self.project = Project(load_config(folder / "smart-orchestrator.toml"))
        self.runner = self.project.runner("a")
        self.write("../good", "complete")
        for key, (state, history_of_key) in self.states.items():
            self.write(key, state)
            self.record(key, history_of_key)

    # What the lake and the ledger hold.

    def write(self, key, state) -> None:
        """Bring a partition into one state."""
        folder = self.folder / "lake" / key
        if state == "waived":
            waiver = Waiver(dt.date.fromisoformat(key), "closed", "", None, dt.datetime.now(tz=dt.UTC))
            waive(self.project.config.dataset("a"), self.project.waiver_lake("a"), waiver)
        if state in ("absent", "waived"):
            return
        folder.mkdir(exist_ok=True)
        write = self.write_files if self.adapter == "files" else self.write_manifest
        write(folder, state)
        if not state.startswith("fresh"):
            self.age(folder)

    def write_files(self, folder: Path, state) -> None:
        path = folder / "part-0.parquet"
        rows = {"empty": ROWS.clear(), "short": ROWS.head(1)}.get(state, ROWS)
        rows.write_parquet(path)
        if state in ("unreadable", "fresh_half"):
            path.write_bytes(path.read_bytes()[:-20])

    def write_manifest(self, folder: Path, state) -> None:
        if state != "no_parts":
            (folder / "part-00000").write_text("one\ntwo\n")
        if state in ("complete", "no_parts"):
            (folder / "_SUCCESS").write_text("")
        if state == "newer":
            (folder / "_SUCCESS").write_text(json.dumps({"version": 99}))

    def age(self, folder: Path) -> None:
        for path in folder.iterdir():
            os.utime(path, (OLD, OLD))

    def record(self, key, history) -> None:
        """Bring the runs of a key into one state."""
        day = dt.date.fromisoformat(key)
        if history == "running":
            if self.is_startable(key):
                self.hold(key)
            return
        for _ in range({"none": 0, "failed_twice": 2}.get(history, 1)):
            run = self.runner._recorded.add(day)
            if history != "died":
                failure = None if history == "succeeded" else Failure.ERROR
                self.runner._recorded.end(run, failure, "")
        if history == "failed_long_ago":
            with self.runner.ledger.connection() as database:
                times = ("2025-11-01T00:00:00+00:00", "2025-11-01T01:00:00+00:00", key)
                database.execute("UPDATE runs SET started_at = ?, ended_at = ? WHERE day = ?", times)

    def hold(self, key) -> None:
        """Start a run that lasts until `release`."""
        (self.folder / "hold" / key).touch()
        self.runner.start(dt.date.fromisoformat(key))
        end = time.monotonic() + 60
        while key not in self.log():
            assert time.monotonic() < end
            time.sleep(0.005)

    # The oracle.

    def is_startable(self, key) -> bool:
        state, _ = self.states[key]
        number = int(key[-2:])
        is_expected = number >= self.history and AS_OF - number >= self.lag
        return is_expected and state not in ("complete", "waived", "newer")

    def expected_action(self, key) -> str:
        state, history = self.states[key]
        if not self.is_startable(key):
            number = int(key[-2:])
            if state == "complete" or state == "waived" or number < self.history:
                return "keep"
            return "wait" if AS_OF - number < self.lag else "give_up"
        if history == "running":
            return "follow"
        if state.startswith("fresh"):
            # The settle time is not needed after a run that wrote the files and ended.
            if history == "succeeded" and self.adapter == "files":
                return "keep" if state == "fresh" else "start"
            return "wait" if history in ("none", "failed_long_ago") else "start"
        return "start"

    def expected(self, action) -> list[str]:
        return [key for key in self.states if self.expected_action(key) == action]

    # The commands.

    def command(self, *words) -> int:
        config = str(self.folder / "smart-orchestrator.toml")
        apply_saved = Project.apply_saved

        def with_reporter(project, path, *, timeout, reporter):
            del reporter
            return apply_saved(project, path, timeout=timeout, reporter=self)

        with patch.object(Project, "apply_saved", with_reporter):
            return run_command([words[0], *words[1:], "--config", config, "--json"])

    def plan(self) -> Path:
        path = self.folder / "plan.json"
        last = f"2025-11-{FIRST + len(self.states) - 1:02}"
        window = ("--start", f"2025-11-{FIRST:02}", "--end", last, "--as-of", f"2025-11-{AS_OF}")
        assert self.command("plan", "a", *window, "-o", str(path)) == 0
        steps = json.loads(path.read_text())["steps"]
        actual = {key: step["action"] for key, step in steps.items()}
        assert actual == {key: self.expected_action(key) for key in self.states}
        return path

    def log(self) -> list[str]:
        path = self.folder / "started.log"
        return path.read_text().split() if path.exists() else []

    def planned(self, plan) -> None:
        """Let the runs in flight end, and finish the partitions that others were writing, or leave them half-written."""
        del plan
        for path in (self.folder / "hold").iterdir():
            path.unlink()
        for key in self.expected("wait"):
            state, _ = self.states[key]
            folder = self.folder / "lake" / key
            if state == "fresh" and self.adapter == "manifest":
                (folder / "_SUCCESS").write_text("")
            if state.startswith("fresh"):
                self.age(folder)

    def make_move(self) -> bool:
        """Change one thing that a plan has seen; False if the plan starts nothing that could be changed."""
        keys = self.expected("start")
        if self.move == "none" or not keys:
            return False
        state = self.states[keys[0]]
        if self.move == "written":
            self.write(keys[0], "complete")
            state[0] = "complete"
        else:
            state[1] = {"run_failed": "failed", "run_started": "running"}[self.move]
            self.record(keys[0], state[1])
        return True

    def play(self) -> dict[str, int]:
        """Plan, move, apply and apply again; return how often something happened."""
        plan = self.plan()
        has_moved = self.make_move()
        if has_moved:
            before = self.log()
            assert self.command("apply", str(plan)) == PLAN_MOVED
            assert self.log() == before
            plan = self.plan()
        before = Counter(self.log())
        started, followed = self.expected("start"), self.expected("follow")
        assert self.command("apply", str(plan)) in (0, 1)
        assert Counter(self.log()) - before == Counter(started)

        # The plan names runs that are over: it starts nothing, and says so if anything has changed.
        after = self.log()
        assert self.command("apply", str(plan)) in (
            (PLAN_MOVED,) if started or followed else (0, 1, PLAN_MOVED)
        )
        assert self.log() == after
        while self.runner._supervisors:
            self.runner.wait(1.0)
        return {"runs": len(started), "followed": len(followed), "refused": int(has_moved)}
