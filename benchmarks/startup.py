"""Measure the processor time of short commands, as a multiple of the processor time of an import.

Unlike a duration, the ratio can be compared between slow and fast machines, and between idle and busy ones.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.demo import PROGRAM
from benchmarks.timing import interleaved

if TYPE_CHECKING:
    from pathlib import Path

# Python programs that the commands are compared with.
NOTHING = "pass"
STORE = "import obstore"
LIBRARIES = "import typer, obstore"
LAYER = "import smart_orchestrator"
# For each command, the Python program that it is compared with, and the largest ratio.
LIMITS = {"check --json": (STORE, 4.0), "--help": (LIBRARIES, 1.5)}


def startup(folder: Path, rounds: int) -> dict[str, object]:
    """Measure `check --json` of a complete local window of five days, and `--help`, and compare both with imports.

    Args:
        folder: the folder of a demo, with a `wiki-trends.toml` that names the lake.
        rounds: the number of measurements of each command.
    """
    commands = {
        NOTHING: [sys.executable, "-c", NOTHING],
        LAYER: [sys.executable, "-c", LAYER],
        STORE: [sys.executable, "-c", STORE],
        LIBRARIES: [sys.executable, "-c", LIBRARIES],
        "check --json": [PROGRAM, "check", "--days", "5", "--as-of", "2025-11-12", "--json"],
        "--help": [PROGRAM, "--help"],
    }
    timed = {name: times.to_json() for name, times in interleaved(commands, folder, rounds).items()}
    ratios = {
        name: {
            "ratio": round(timed[name]["cpu_s"] / timed[program]["cpu_s"], 2),
            "program": program,
            "limit": limit,
        }
        for name, (program, limit) in LIMITS.items()
    }
    beside_nothing = {
        name: round(timed[name]["cpu_s"] / timed[NOTHING]["cpu_s"], 2) for name in (LAYER, "--help")
    }
    return {"commands": timed, "ratios": ratios, "beside_nothing": beside_nothing}
