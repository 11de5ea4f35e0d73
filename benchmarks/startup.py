"""How long the quick commands take, as multiples of importing the two libraries that they cannot do without.

A ratio measured in one run says the same on a slow machine and on a fast one.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.demo import PROGRAM
from benchmarks.timing import interleaved

if TYPE_CHECKING:
    from pathlib import Path

BASE = "import typer, obstore"
LIMITS = {"check": 4.0, "--help": 1.5}


def startup(folder: Path, rounds: int) -> dict[str, object]:
    """`check` of a local five-day window that is whole, and `--help`, against the imports.

    Args:
        folder: a demo's folder; its `wiki-trends.toml` names the lake.
        rounds: how often each is measured.
    """
    commands = {
        BASE: [sys.executable, "-c", BASE],
        "check": [PROGRAM, "check", "--days", "5", "--as-of", "2025-11-12"],
        "--help": [PROGRAM, "--help"],
    }
    timed = {name: one.to_json() for name, one in interleaved(commands, folder, rounds).items()}
    ratios = {
        name: {
            "ratio": round(timed[name]["median_s"] / timed[BASE]["median_s"], 2),
            "ratio_of_best": round(timed[name]["best_s"] / timed[BASE]["best_s"], 2),
            "limit": limit,
        }
        for name, limit in LIMITS.items()
    }
    return {"commands": timed, "ratios": ratios}
