"""A daily upstream over HTTP with a simulated clock: it has a day from a random time on, and its answers must not be cached.

The delay of a day from its end (midnight UTC) to its landing is lognormal with a median of 14 hours and a sigma of 0.25, so nine of
ten days land between 9 and 21 hours after their end. One day in ten is later by 6 to 48 hours, evenly distributed, and one of the
days lands 80 hours after its end, later than the outer bound of three days.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from smart_orchestrator.config.loading import parse_config
from smart_orchestrator.project import Project
from testing.scripted_server import Reply, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FIRST_DAY = dt.date(2025, 9, 1)
POLL_MINUTES = 5
CONFIG = """
[datasets.orders]
url = "lake"
key = "dt={{start:%Y-%m-%d}}"
adapter = "files"
format = "csv"
lag = "auto"
history_start = {first_day}
probe.url = "{url}/{{start:%Y/%m/%d}}"
runner = "etl"
settle = 0

[runners.etl]
function = "testing.simulated_upstream:run_day"
"""
# The simulation that the function of the runner belongs to.
_current: list[Simulation] = []


def landing_times(days: int, seed: int) -> dict[dt.date, dt.datetime]:
    """Draw the time at which each day lands."""
    rng = random.Random(seed)
    times = {}
    for number in range(days):
        day = FIRST_DAY + dt.timedelta(days=number)
        hours = rng.lognormvariate(math.log(14), 0.25)
        hours += rng.uniform(6, 48) if rng.random() < 0.1 else 0
        if number == days // 2:
            hours = 80
        times[day] = end_of(day) + dt.timedelta(hours=hours)
    return times


def end_of(day: dt.date) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC) + dt.timedelta(days=1)


@dataclass
class Simulation:
    """The result of a simulation.

    Attributes:
        landed_at: the time at which each day lands.
        folder: the folder of the configuration and the lake.
        now: the simulated time.
        started_at: the time of each run.
        early: the days for which a run started before the day landed.
        probes: the number of requests that the upstream received.
    """

    landed_at: Mapping[dt.date, dt.datetime]
    folder: Path
    now: dt.datetime
    started_at: dict[dt.date, list[dt.datetime]] = field(default_factory=dict)
    early: list[dt.date] = field(default_factory=list)
    probes: int = 0

    @property
    def delays(self) -> list[float]:
        """The minutes from the landing of each day to the start of its run."""
        return [
            (self.started_at[day][0] - landed).total_seconds() / 60
            for day, landed in self.landed_at.items()
            if day in self.started_at
        ]

    @property
    def median_delay(self) -> float:
        return median(self.delays)

    @property
    def polls(self) -> int:
        """The number of probes of a program that asks every five minutes from the end of a day until it lands."""
        minutes = [(landed - end_of(day)).total_seconds() / 60 for day, landed in self.landed_at.items()]
        return sum(math.ceil(number / POLL_MINUTES) for number in minutes)

    @property
    def saved(self) -> float:
        """The probes that were saved, as a fraction of those of that program."""
        return 1 - self.probes / self.polls

    def start(self, day: dt.date) -> None:
        """Record the start of a run, and write the partition."""
        self.started_at.setdefault(day, []).append(self.now)
        if self.now < self.landed_at[day]:
            self.early.append(day)
        partition = self.folder / "lake" / f"dt={day}"
        partition.mkdir(parents=True, exist_ok=True)
        (partition / "part-0.csv").write_text("id\n1\n")


def run_day(day: dt.date) -> None:
    """The pipeline of the simulated dataset."""
    _current[-1].start(day)


def simulate(folder: Path, *, days: int = 60, seed: int = 1) -> Simulation:
    """Run the orchestrator whenever its next probe is due, until every day has been processed or a week after the last one."""
    simulation = Simulation(landing_times(days, seed), folder, end_of(FIRST_DAY))

    def answer(request: object) -> Reply:
        simulation.probes += 1
        day = dt.datetime.strptime(request.path, "/%Y/%m/%d").date()  # type: ignore[attr-defined]  # noqa: DTZ007
        has_landed = simulation.landed_at.get(day, dt.datetime.max.replace(tzinfo=dt.UTC)) <= simulation.now
        return Reply(b"", 200 if has_landed else 404, {"Cache-Control": "no-store"})

    _current.append(simulation)
    try:
        with ScriptedServer(answer) as server:
            _run_until_processed(simulation, server.url)
    finally:
        _current.remove(simulation)
    return simulation


def _run_until_processed(simulation: Simulation, url: str) -> None:
    text = CONFIG.format(url=url, first_day=FIRST_DAY)
    config = parse_config(text.encode(), simulation.folder / "smart-orchestrator.toml")
    last_day = max(simulation.landed_at)
    while len(simulation.started_at) < len(simulation.landed_at) and simulation.now < end_of(
        last_day
    ) + dt.timedelta(days=7):
        project = Project(config, now=simulation.now)
        window = project.last_window("orders")
        if window.last >= FIRST_DAY:
            project.run("orders", window)
        watch = project.upstreams.watch("orders")
        assert watch is not None
        next_probe_at = watch.status().next_probe_at
        assert next_probe_at is not None
        assert next_probe_at > simulation.now, "the probe that was due was not made"
        simulation.now = next_probe_at
