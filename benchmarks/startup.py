"""Measure the processor time of short commands, as a multiple of the processor time of an import.

Unlike a duration, the ratio can be compared between slow and fast machines, and between idle and busy ones.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from benchmarks.demo import PROGRAM
from benchmarks.timing import interleaved

# Python programs that the commands are compared with.
NOTHING = "pass"
STORE = "import obstore"
LIBRARIES = "import typer, obstore"
LAYER = "import smart_orchestrator"
# For each command, the Python program that it is compared with, and the largest ratio.
ANY_LAKE = "smart-orchestrator check --json"
LIMITS = {"check --json": (STORE, 4.0), ANY_LAKE: (STORE, 4.0), "--help": (LIBRARIES, 1.5)}
WINDOW = ("--start", "2025-11-05", "--end", "2025-11-09", "--as-of", "2025-11-12")
CONFIG = """
[datasets.orders]
url = "lake"
key = "orders/dt={start:%Y-%m-%d}"
adapter = "files"
format = "parquet"
lag = 1
settle = 0
"""


def startup(folder: Path, rounds: int) -> dict[str, object]:
    """Measure `check --json` of a complete local window of five days with both programs, and `--help`. Compare them with imports.

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
        ANY_LAKE: [
            str(Path(PROGRAM).with_name("smart-orchestrator")),
            *("check", "orders", *WINDOW, "--json", "--config", str(_write_any_lake(folder / "any-lake"))),
        ],
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


def _write_any_lake(folder: Path) -> Path:
    """Write five days of Parquet files without a marker, and a configuration. Return the path of the configuration."""
    for day in range(5, 10):
        partition = folder / "lake" / "orders" / f"dt=2025-11-{day:02}"
        partition.mkdir(parents=True, exist_ok=True)
        pl.DataFrame({"id": range(1000)}).write_parquet(partition / "part-0.parquet")
    config = folder / "smart-orchestrator.toml"
    config.write_text(CONFIG, encoding="utf-8")
    return config
