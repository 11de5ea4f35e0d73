"""Measure the demo, from an empty folder to the report: the wall time, and the duration of each phase."""

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
    """Run the demo `rounds` times, and return the median times. The data of the last run stay in `demo-data` in the folder."""
    timed, phase_seconds = Timed(), []
    for _ in range(rounds):
        wall, cpu, output = measure([PROGRAM, "demo", "--json"], folder)
        timed.wall.append(wall)
        timed.cpu.append(cpu)
        phase_seconds.append(json.loads(output)["seconds"])
    return {**timed.to_json(), "limit_s": LIMIT_S, "phases_s": _medians(phase_seconds, timed)}


def _medians(phases: Sequence[dict[str, float]], timed: Timed) -> dict[str, float]:
    """Return the median seconds of each phase, and of the time outside all phases."""
    medians = {name: round(median(seconds[name] for seconds in phases), 3) for name in phases[0]}
    remaining_seconds = median(
        wall - sum(seconds.values()) for wall, seconds in zip(timed.wall, phases, strict=True)
    )
    return {**medians, "start and end of the process": round(remaining_seconds, 3)}
