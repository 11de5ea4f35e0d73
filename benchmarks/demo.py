"""Measures the demo, from an empty folder to the report: the wall time and the durations of the phases."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.timing import Timed, measure

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = str(Path(sys.executable).with_name("wiki-trends"))
LIMIT_S = 5.0


def demo(folder: Path, rounds: int) -> dict[str, object]:
    """Run the demo several times, and return the medians. The data of the last run stay in `demo-data` in the folder."""
    timed, phases = Timed(), []
    for _ in range(rounds):
        wall, cpu, printed = measure([PROGRAM, "demo", "--json"], folder)
        timed.wall.append(wall)
        timed.cpu.append(cpu)
        phases.append(json.loads(printed)["seconds"])
    return {**timed.to_json(), "limit_s": LIMIT_S, "phases_s": _medians(phases, timed)}


def _medians(phases: Sequence[dict[str, float]], timed: Timed) -> dict[str, float]:
    medians = {name: round(median(seconds[name] for seconds in phases), 3) for name in phases[0]}
    outside = median(wall - sum(seconds.values()) for wall, seconds in zip(timed.wall, phases, strict=True))
    return {**medians, "start and end of the process": round(outside, 3)}
