"""Measures the quick commands, as multiples of the import of the two libraries that they need.

A ratio that is measured in one run is the same on a slow and on a fast machine.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.demo import PROGRAM
from benchmarks.timing import interleaved

if TYPE_CHECKING:
    from pathlib import Path

# What a Python that does nothing takes.
NOTHING = "pass"
BASE = "import typer, obstore"
LAYER = "import smart_orchestrator"
LIMITS = {"check": 4.0, "--help": 1.5}


def startup(folder: Path, rounds: int) -> dict[str, object]:
    """`check` of a complete local five-day window, and `--help`, against the imports.

    Args:
        folder: a demo's folder; its `wiki-trends.toml` names the lake.
        rounds: number of measurements of each.
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
