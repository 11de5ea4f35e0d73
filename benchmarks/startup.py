"""Measure the duration of short commands, as a multiple of the time in which Python imports the two libraries that they need.

Unlike a duration, the ratio can be compared between slow and fast machines.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.demo import PROGRAM
from benchmarks.timing import interleaved

if TYPE_CHECKING:
    from pathlib import Path

# Python programs whose durations are the start of Python alone, with the import of the two libraries, and with the import of
# `smart_orchestrator`.
NOTHING = "pass"
BASE = "import typer, obstore"
LAYER = "import smart_orchestrator"
# The largest ratio of each command to `BASE`.
LIMITS = {"check": 4.0, "--help": 1.5}


def startup(folder: Path, rounds: int) -> dict[str, object]:
    """Measure `check` of a complete local window of five days, and `--help`, and compare both with the imports.

    Args:
        folder: the folder of a demo, with a `wiki-trends.toml` that names the lake.
        rounds: the number of measurements of each command.
    """
    commands = {
        NOTHING: [sys.executable, "-c", NOTHING],
        LAYER: [sys.executable, "-c", LAYER],
        BASE: [sys.executable, "-c", BASE],
        "check": [PROGRAM, "check", "--days", "5", "--as-of", "2025-11-12"],
        "--help": [PROGRAM, "--help"],
    }
    timed = {name: times.to_json() for name, times in interleaved(commands, folder, rounds).items()}
    ratios = {
        name: {
            "ratio": round(timed[name]["median_s"] / timed[BASE]["median_s"], 2),
            "ratio_of_best": round(timed[name]["best_s"] / timed[BASE]["best_s"], 2),
            "limit": limit,
        }
        for name, limit in LIMITS.items()
    }
    beside_nothing = {
        name: round(timed[name]["median_s"] / timed[NOTHING]["median_s"], 2) for name in (LAYER, "--help")
    }
    return {"commands": timed, "ratios": ratios, "beside_nothing": beside_nothing}
