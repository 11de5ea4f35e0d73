# ruff: noqa: ARG002 - the methods of protocols
"""A runner without a pipeline: each run ends at the second call of `wait`, with the result that a script defines."""

from __future__ import annotations

from collections import Counter

from smart_orchestrator import write_frame
from smart_orchestrator.model.run import Failure, Run, RunState, run_name
from testing.lakes import frame

FAILURES = {
    "error": Failure.ERROR,
    "not published": Failure.NOT_PUBLISHED,
    "unreachable": Failure.UNREACHABLE,
}


class TickingRuns:
    """A runner whose runs end at the second call of `wait`.

    `script` contains the endings of a day, one for each attempt: "ok", "silent" (success without data), "lost", "never", or a key
    of `FAILURES`. The last ending repeats, and a day without a script ends with "ok".

    Attributes:
        runs: all runs, by name.
        age: the number of calls of `wait` during which each run was in flight.
        attempts: the number of runs of each day.
        in_flight_counts: the number of own runs in flight after each start.
        ticks: the number of calls of `wait`.
    """

    poll_seconds = 0.0
    in_process = True

    def __init__(self, dataset, script=None, foreign=None):
        self.dataset = dataset
        self.script = {day: list(endings) for day, endings in (script or {}).items()}
        self.runs = {}
        self.age = Counter()
        self.attempts = Counter()
        self.in_flight_counts = []
        self.ticks = 0
        for day in foreign or ():
            self._begin(day, ours=False)

    def _begin(self, day, *, ours):
        self.attempts[day] += 1
        name = run_name(day, self.attempts[day])
        self.runs[name] = Run(name, day, self.attempts[day], RunState.RUNNING, ours)
        return self.runs[name]

    def capacity(self):
        return None

    def latest(self, days):
        return {run.day: run for run in self.runs.values() if run.day in days}

    def start(self, day):
        run = self.latest([day]).get(day)
        if run is not None and run.in_flight:
            return run
        run = self._begin(day, ours=True)
        self.in_flight_counts.append(sum(1 for run in self.runs.values() if run.in_flight and run.ours))
        return run

    def poll(self, runs):
        return [self.runs[run.name] for run in runs]

    def wait(self, seconds):
        self.ticks += 1
        assert self.ticks < 100_000, "a run did not end"
        for name, run in list(self.runs.items()):
            self.age[name] += run.in_flight
            if run.in_flight and self.age[name] == 2:
                self._end(run)

    def _end(self, run):
        endings = self.script.get(run.day) or ["ok"]
        ending = endings.pop(0) if len(endings) > 1 else endings[0]
        if ending == "never":
            return
        if ending == "ok":
            write_frame(self.dataset, run.day, frame())
        state = RunState.SUCCEEDED if ending in ("ok", "silent") else RunState.FAILED
        state = RunState.LOST if ending == "lost" else state
        failure = Failure.LOST if ending == "lost" else FAILURES.get(ending)
        self.runs[run.name] = Run(run.name, run.day, run.attempt, state, run.ours, failure, ending)
