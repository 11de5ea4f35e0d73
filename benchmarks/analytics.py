"""Measure how fast tables are computed and published: `python -m benchmarks.analytics [--parts …] [--rounds N] [--json]`.

The benchmark has three parts:

- thirty: 30 days of 1,000 pages from an S3 server to PostgreSQL, compared with two simple loaders. The loader `floor` only reads the
  parts with Polars and copies the rows into one table; the other loader inserts row by row.
- years: 3,650 days of 1,000 pages from a folder to a DuckDB file, compared with a tenth of the days.
- rows: twenty million rows with DuckDB and with Spark.

The measurements include the start of Spark, but not the imports. The program prints limits, and does not fail if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from benchmarks import loaders
from benchmarks.lake import on_s3
from benchmarks.machine import machine
from benchmarks.timing import BenchmarkFailed
from benchmarks.wide_lake import diamond_in, fill, window_of
from smart_orchestrator.checking import check
from testing.pg_server import postgres_server
from testing.s3_server import BUCKET
from wiki_trends.analytics.analyze import analyze
from wiki_trends.analytics.engines.base import DUCKDB
from wiki_trends.analytics.tables.compilation import duckdb_sql
from wiki_trends.warehouse import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smart_orchestrator.model.dataset import DailyDataset

PAGES = 1000
# The lengths of the windows, in days.
DAYS, SHORT_WINDOW_DAYS, LONG_WINDOW_DAYS = 30, 365, 3650
# A lake that was filled from dumps has fewer days with many more pages.
DUMP_LAKE_DAYS, DUMP_LAKE_PAGES = 40, 500_000
DOCUMENTED_TABLES = ("wiki_trends_timeseries", "wiki_trends_common", "wiki_trends_growth")
LIMIT_OVER_FLOOR, LIMIT_OVER_LINEAR, LIMIT_MEMORY_MB = 4.0, 1.3, 2000
PARTS = ("thirty", "years", "rows")


def thirty(folder: Path, rounds: int) -> dict[str, Any]:
    """Measure each loader from S3 to an empty database. Return the median times in seconds, and their ratios.

    The loaders run in turn, so that other load on the machine affects all of them equally.
    """
    folder.mkdir(parents=True)
    with on_s3(folder / "s3"), postgres_server() as server:
        dataset, window = diamond_in(f"s3://{BUCKET}"), window_of(DAYS)
        fill(dataset, window, PAGES)
        loader_functions: dict[str, Callable[[str], None]] = {
            "floor": lambda url: loaders.floor(dataset, window, url),
            "documented": lambda url: publish_documented(dataset, url),
            "all": lambda url: publish_all(dataset, url),
            "row_by_row": lambda url: loaders.row_by_row(dataset, window, url),
        }
        seconds: dict[str, list[float]] = {name: [] for name in loader_functions}
        for round_number in range(rounds + 1):
            for name, load in loader_functions.items():
                url = server.new_database()
                started_at = time.perf_counter()
                load(url)
                if round_number:
                    seconds[name].append(time.perf_counter() - started_at)
    medians = {name: median(values) for name, values in seconds.items()}
    return {
        "rounds": rounds,
        **{f"{name}_s": value for name, value in medians.items()},
        "documented_over_floor": medians["documented"] / medians["floor"],
        "all_over_floor": medians["all"] / medians["floor"],
        "row_by_row_over_documented": medians["row_by_row"] / medians["documented"],
    }


def publish_all(dataset: DailyDataset, url: str) -> None:
    """Check, read, compute all tables with their scores, and publish, as `wiki-trends analyze` does."""
    analyze(dataset, check(dataset, window_of(DAYS)), open_warehouse(url))


def publish_documented(dataset: DailyDataset, url: str) -> None:
    """Do the same as `publish_all`, but only for the three documented tables, which the simple loaders also write."""
    all_tables = duckdb_sql()
    documented_tables = {name: all_tables[name] for name in DOCUMENTED_TABLES}
    with patch("wiki_trends.analytics.engines.duckdb.duckdb_sql", lambda: documented_tables):
        publish_all(dataset, url)


def years(folder: Path) -> dict[str, Any]:
    """Measure the time and the memory for a window of ten years and for a window of one year, each in a separate process."""
    fill(diamond_in(str(folder)), window_of(LONG_WINDOW_DAYS), PAGES)
    short, long = (
        _run_analysis(folder, days, PAGES, DUCKDB) for days in (SHORT_WINDOW_DAYS, LONG_WINDOW_DAYS)
    )
    return {
        "seconds": long["seconds"],
        "a_tenth_seconds": short["seconds"],
        # Before the shorter window, the lake has days of a baseline, which are also read. So the times are compared per row.
        "over_linear": long["seconds"] / long["rows"] / (short["seconds"] / short["rows"]),
        "peak_memory_mb": long["peak_memory_mb"],
    }


def rows(folder: Path) -> dict[str, Any]:
    """Measure the time for twenty million rows with both engines."""
    fill(diamond_in(str(folder)), window_of(DUMP_LAKE_DAYS), DUMP_LAKE_PAGES)
    results = {
        engine: _run_analysis(folder, DUMP_LAKE_DAYS, DUMP_LAKE_PAGES, engine)
        for engine in (DUCKDB, "local[*]")
    }
    return {"rows": DUMP_LAKE_DAYS * DUMP_LAKE_PAGES, "duckdb": results[DUCKDB], "spark": results["local[*]"]}


def _run_analysis(folder: Path, days: int, pages: int, engine: str) -> dict[str, float]:
    """Run `benchmarks.one_analysis` in a separate process, and return its figures."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.one_analysis",
        str(folder),
        str(days),
        engine,
        str(folder / f"{days}-{pages}-{engine[:5]}.duckdb"),
    ]
    # Spark gets as much memory as DuckDB uses for the largest window, because Spark's default is only 1 GB.
    environment = os.environ | {"PYSPARK_SUBMIT_ARGS": "--driver-memory 4g pyspark-shell"}
    completed = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if completed.returncode != 0:
        raise BenchmarkFailed(
            f"{' '.join(command)} ended with {completed.returncode}: {completed.stderr[-500:]}"
        )
    figures: dict[str, float] = json.loads(completed.stdout)
    return figures


def table(results: Mapping[str, Any]) -> str:
    """Return the figures as text."""
    host = results["machine"]
    lines = [f"{host['processor']}, {host['cores']} cores, load {host['load_1_min']}; {host['system']}"]
    if "thirty" in results:
        lines += ["", *_thirty_lines(results["thirty"])]
    if "years" in results:
        lines += ["", *_years_lines(results["years"])]
    if "rows" in results:
        lines += [
            "",
            f"{results['rows']['rows']:,} rows in {DUMP_LAKE_DAYS} days, from a folder to a DuckDB file",
        ]
        for engine in ("duckdb", "spark"):
            figures = results["rows"][engine]
            note = f"{figures['peak_memory_mb']:,.0f} MB in this process"
            lines.append(_row(engine, f"{figures['seconds']:.0f} s", note))
    return "\n".join(lines) + "\n"


def _thirty_lines(figures: Mapping[str, float]) -> list[str]:
    over_floor = figures["documented_over_floor"]
    return [
        f"{DAYS} days of {PAGES:,} pages from S3 to PostgreSQL, median of {figures['rounds']}",
        _row("floor: read the parts, COPY", f"{figures['floor_s']:.2f} s"),
        _row(
            "the documented tables",
            f"{figures['documented_s']:.2f} s",
            f"{over_floor:.2f} times the floor; {_limit_text(over_floor, LIMIT_OVER_FLOOR)}",
        ),
        _row(
            "all tables, with scores", f"{figures['all_s']:.2f} s", f"{figures['all_over_floor']:.2f} times"
        ),
        _row(
            "one INSERT a row",
            f"{figures['row_by_row_s']:.2f} s",
            f"{figures['row_by_row_over_documented']:.1f} times the documented tables",
        ),
    ]


def _years_lines(figures: Mapping[str, float]) -> list[str]:
    over_linear, memory_mb = figures["over_linear"], figures["peak_memory_mb"]
    return [
        f"{LONG_WINDOW_DAYS:,} days of {PAGES:,} pages from a folder to a DuckDB file, all tables",
        _row(
            "wall",
            f"{figures['seconds']:.1f} s",
            f"{figures['a_tenth_seconds']:.1f} s for {SHORT_WINDOW_DAYS} days",
        ),
        _row("  a row, against a tenth", f"{over_linear:.2f}", _limit_text(over_linear, LIMIT_OVER_LINEAR)),
        _row("  memory", f"{memory_mb:,.0f} MB", _limit_text(memory_mb, LIMIT_MEMORY_MB, " MB")),
    ]


def _row(name: str, value: str, note: str = "") -> str:
    return f"  {name:<34}{value:>9}  {note}".rstrip()


def _limit_text(value: float, limit: float, unit: str = "") -> str:
    return f"{'within' if value <= limit else 'OVER'} the limit of {limit:g}{unit}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.analytics", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="default: all of them")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the part `thirty`")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    results: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="wiki-trends-bench-") as name:
        for part in arguments.parts:
            print(f"measuring {part}", file=sys.stderr, flush=True)
            folder = Path(name, part)
            try:
                results[part] = (
                    thirty(folder, arguments.rounds)
                    if part == "thirty"
                    else {"years": years, "rows": rows}[part](folder)
                )
            except BenchmarkFailed as error:
                print(f"error: {error}", file=sys.stderr)
                return 1
    sys.stdout.write(json.dumps(results, indent=2) + "\n" if arguments.json else table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
