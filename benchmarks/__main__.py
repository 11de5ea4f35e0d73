"""Run the benchmarks, and print the figures with their limits: `python -m benchmarks [--rounds N] [--json]`.

The program does not fail if a limit is exceeded.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks import categories
from benchmarks.check_memory import CSV_MB, LIMIT_BYTES_PER_ROW, PARQUET_MB, check_memory
from benchmarks.check_memory import LIMIT_MB as LIMIT_CHECK_MB
from benchmarks.demo import demo
from benchmarks.lake import AT_LEAST, AT_MOST, lake
from benchmarks.layer import DAYS, layer, layer_lines
from benchmarks.machine import machine
from benchmarks.pipeline import (
    LIMIT_DUMP,
    LIMIT_OVER_FLOOR,
    LIMIT_PROCESSING_S,
    pipeline,
)
from benchmarks.report import LIMIT_MB, LIMIT_S, report
from benchmarks.startup import NOTHING, startup
from benchmarks.timing import BenchmarkFailed
from wiki_trends.wikimedia.pages import TITLES_PER_REQUEST


def figures(rounds: int, csv_mb: int, parquet_mb: int) -> dict[str, Any]:
    """Run all benchmarks, and return their figures. `csv_mb` and `parquet_mb` are the sizes of the parts that are checked."""
    with tempfile.TemporaryDirectory(prefix="wiki-trends-bench-") as name:
        folder = Path(name)
        progress(f"the demo, {rounds} times")
        measured = {"machine": machine(), "demo": demo(folder, rounds)}
        progress(f"the pipeline of a day, {rounds} times")
        measured["pipeline"] = pipeline(folder, rounds)
        progress("the rules of categories and places")
        measured["categories"] = {
            half: categories.figures(half) for half in (categories.WRITING, categories.JUDGING)
        }
        progress("checks of large lakes")
        measured["lake"] = lake(folder / "lake", rounds)
        progress("the cost of checks of ten years")
        measured["layer"] = layer(folder / "layer")
        progress("the memory of checks of large parts")
        measured["check_memory"] = check_memory(folder / "large", csv_mb, parquet_mb)
        progress(f"the HTML report of a month, {rounds} times")
        measured["report"] = report(folder / "report", rounds)
        progress(f"start-up, {4 * rounds} times each")
        return {**measured, "startup": startup(folder / "demo-data", 4 * rounds)}


def table(results: dict[str, Any]) -> str:
    """Return the figures as text."""
    host, demo_times, start = results["machine"], results["demo"], results["startup"]
    packages = ", ".join(f"{name} {version}" for name, version in host["packages"].items())
    lines = [
        f"{host['processor']}, {host['cores']} cores, load {host['load_1_min']}; {host['system']}",
        f"Python {host['python']}, {packages}",
        "",
        f"demo, median of {demo_times['rounds']} (best {demo_times['best_s']:.2f} s, processor {demo_times['cpu_s']:.2f} s)",
        row(
            "wall",
            f"{demo_times['median_s']:.2f} s",
            limit_text(demo_times["median_s"], demo_times["limit_s"], " s"),
        ),
        *(row(f"  {name}", f"{seconds:.2f} s") for name, seconds in demo_times["phases_s"].items()),
    ]
    rounds = next(iter(start["commands"].values()))["rounds"]
    lines += ["", f"start-up, median processor time of {rounds}, interleaved"]
    for name, timed in start["commands"].items():
        ratio = start["ratios"].get(name)
        note = (
            f"{ratio['ratio']:.2f} times `{ratio['program']}`; {limit_text(ratio['ratio'], ratio['limit'])}"
            if ratio
            else ""
        )
        lines.append(row(name, f"{timed['cpu_s'] * 1000:.0f} ms", note))
    lines += [
        row(f"{name}, beside python -c {NOTHING}", f"{ratio:.2f} times")
        for name, ratio in start["beside_nothing"].items()
    ]
    lines += [
        "",
        *pipeline_lines(results["pipeline"]),
        "",
        *rules_lines(results["categories"]),
        "",
        *report_lines(results["report"]),
        "",
        *lake_lines(results["lake"]["ratios"]),
        "",
        f"cost of a check of ten years, {DAYS:,} days",
        *(row(*line) for line in layer_lines(results["layer"])),
        "",
        *memory_lines(results["check_memory"]),
    ]
    return "\n".join(lines) + "\n"


def report_lines(month: dict[str, Any]) -> list[str]:
    """Return the lines about the HTML report."""
    report_times, start_times = month["commands"]["report --html"], month["commands"]["--version"]
    ratio = f"{report_times['median_s'] / start_times['median_s']:.1f} times the start of the program alone"
    return [
        f"HTML report of {month['days']} days, {month['pages']:,} pages, median of {report_times['rounds']}",
        row(
            "written in",
            f"{report_times['median_s']:.2f} s",
            limit_text(report_times["median_s"], LIMIT_S, " s"),
        ),
        row("  processor", f"{report_times['cpu_s']:.2f} s", ratio),
        row("size", f"{month['mb']:.2f} MB", limit_text(month["mb"], LIMIT_MB, " MB")),
    ]


def lake_lines(ratios: dict[str, dict[str, float]]) -> list[str]:
    """Return the lines about checks of large lakes."""
    lines = ["checks of large lakes, ratios of medians"]
    for name, timed in ratios.items():
        comparison = name.partition(": ")[2]
        note = f"{timed['seconds'] * 1000:.1f} ms against {timed['against'] * 1000:.1f} ms"
        if comparison in AT_MOST:
            note += f"; {limit_text(timed['ratio'], AT_MOST[comparison])}"
        elif comparison in AT_LEAST:
            note += f"; at least {AT_LEAST[comparison]:g} required"
        lines += [f"  {name}", row("", f"{timed['ratio']:.2f}", note)]
    return lines


def memory_lines(parts: dict[str, Any]) -> list[str]:
    """Return the lines about the memory of checks."""
    csv, parquet, unique = (parts[name] for name in ("csv_peak_mb", "parquet_peak_mb", "unique_bytes_a_row"))
    return [
        f"peak memory of a check that reads one part of {parts['rows']:,} rows",
        row(f"CSV of {parts['csv_mb']:,} MB", f"{csv} MB", limit_text(csv, LIMIT_CHECK_MB, " MB")),
        row("  a unique column, a row", f"{unique} B", limit_text(unique, LIMIT_BYTES_PER_ROW, " B")),
        row(
            f"Parquet of {parts['parquet_mb']:,} MB",
            f"{parquet} MB",
            limit_text(parquet, LIMIT_CHECK_MB, " MB"),
        ),
    ]


def rules_lines(halves: dict[str, dict[str, Any]]) -> list[str]:
    """Return the lines about the accuracy of the category rules."""
    lines = ["rules on labelled pages, fraction that is correct"]
    for half, accuracies in halves.items():
        parts = ", ".join(f"{name} {accuracies[name]:.1%}" for name in ("location_type", "location"))
        lines.append(
            row(
                f"{half} half, {accuracies['pages']} pages",
                f"{accuracies['category']:.1%}",
                f"of categories; {parts}",
            )
        )
    return lines


def pipeline_lines(day: dict[str, Any]) -> list[str]:
    """Return the lines about the pipeline of a day."""
    dump_text = f"{day['dump_times']:.1f} times a plain loop, at least {LIMIT_DUMP:g} required"
    floor_text = f"{day['over_floor']:.2f} times the floor; {limit_text(day['over_floor'], LIMIT_OVER_FLOOR)}"
    return [
        f"pipeline of a day, 50 ms before each answer, median of {day['rounds']}",
        row("cold day", f"{day['cold_s']:.2f} s", floor_text),
        row("  requests", f"{day['cold_requests']:.0f}", requests(day["pages"], day["cold_requests"])),
        row(
            "second day, requests",
            f"{day['second_requests']:.0f}",
            requests(day["pages"] - day["second_known_pages"], day["second_requests"])
            + f"; {day['second_known_pages'] / day['pages']:.0%} of the pages known",
        ),
        *requests_table(day),
        row(
            "bronze to diamond, no network",
            f"{day['processing_s'] * 1000:.0f} ms",
            limit_text(day["processing_s"], LIMIT_PROCESSING_S, " s"),
        ),
        row(f"dump of {day['dump_lines']:,} lines", f"{day['dump_s']:.2f} s", dump_text),
        row(
            "  memory of all of this",
            f"{day['peak_memory_mb']} MB",
            limit_text(day["peak_memory_mb"], 500, " MB"),
        ),
    ]


def requests_table(day: dict[str, Any]) -> list[str]:
    """Return a table of the requests by purpose, for a first day and for a later day with cached pages of the day before."""
    purposes = {
        "lists": "lists",
        "revisions": "revisions of cached pages",
        "again": "pages requested again, at most 10",
        "pages": "pages that are not cached",
        "continued": "continuations",
    }
    lines = [f"  {'requests of a day':<36}{'first':>7}{'later':>7}"]
    totals = [0.0, 0.0]
    for key, purpose in purposes.items():
        numbers = [day[f"first_{key}"], day[f"later_{key}"]]
        totals = [total + number for total, number in zip(totals, numbers, strict=True)]
        lines.append(f"    {purpose:<34}{numbers[0]:>7.0f}{numbers[1]:>7.0f}")
    return [*lines, f"    {'all':<34}{totals[0]:>7.0f}{totals[1]:>7.0f}"]


def requests(page_count: float, sent: float) -> str:
    """Return the requests by purpose as text: three lists, batches of fifty pages, and continuations."""
    batches = math.ceil(page_count / TITLES_PER_REQUEST)
    return f"3 lists, {batches} for {page_count:.0f} pages, {sent - 3 - batches:.0f} continued"


def row(name: str, value: str, note: str = "") -> str:
    """Return a line with aligned columns."""
    return f"  {name:<34}{value:>9}  {note}".rstrip()


def limit_text(value: float, limit: float, unit: str = "") -> str:
    """Return whether a value is within its limit, as text."""
    return f"{'within' if value <= limit else 'OVER'} the limit of {limit:g}{unit}"


def progress(text: str) -> None:
    print(f"measuring {text}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=5, help="rounds of the demo; start-up is measured 4 times as often"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--csv-mb", type=int, default=CSV_MB, help="size of the CSV part whose check is measured"
    )
    parser.add_argument("--parquet-mb", type=int, default=PARQUET_MB, help="size of the Parquet part")
    options = parser.parse_args()
    try:
        results = figures(max(1, options.rounds), options.csv_mb, options.parquet_mb)
    except BenchmarkFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    sys.stdout.write(json.dumps(results, indent=2) + "\n" if options.json else table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
