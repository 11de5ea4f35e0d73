"""Test that the benchmarks measure what they document. No figure is compared with a limit."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.__main__ import table
from benchmarks.check_memory import check_memory
from benchmarks.demo import _medians
from benchmarks.machine import machine
from benchmarks.timing import BenchmarkFailed, Timed, interleaved, measure

if TYPE_CHECKING:
    from pathlib import Path


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_commands_take_turns_and_the_first_round_does_not_count(tmp_path: Path) -> None:
    def noting(name: str) -> list[str]:
        return python(f"open('log', 'a').write('{name}')")

    timed = interleaved({"a": noting("a"), "b": noting("b")}, tmp_path, 2)

    assert (tmp_path / "log").read_text() == "ababab"
    assert {name: len(times.wall) for name, times in timed.items()} == {"a": 2, "b": 2}


def test_wall_time_includes_waiting_and_processor_time_does_not(tmp_path: Path) -> None:
    wall, cpu, printed = measure(python("import time; time.sleep(0.3); print('done')"), tmp_path)

    assert printed == "done\n"
    assert cpu < 0.3 <= wall


def test_failure_is_no_figure(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkFailed, match=r"ended with 3: the last output"):
        measure(python("import sys; sys.stderr.write('the last output'); sys.exit(3)"), tmp_path)


def test_settings_from_outside_do_not_change_a_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIKI_TRENDS_LAKE", "s3://{layer}")

    _, _, printed = measure(
        python("import os; print([key for key in os.environ if 'WIKI' in key])"), tmp_path
    )

    assert printed == "[]\n"


def test_phases_are_medians_and_add_up_to_the_wall_time() -> None:
    phases = [{"check": 1.0, "fill": 2.0}, {"check": 1.2, "fill": 9.0}, {"check": 1.1, "fill": 2.2}]

    medians = _medians(phases, Timed(wall=[3.5, 10.5, 3.8]))

    assert medians == {"check": 1.1, "fill": 2.2, "start and end of the process": 0.5}


def test_table_shows_each_figure_with_its_limit() -> None:
    times = {"rounds": 4, "median_s": 0.1, "best_s": 0.09, "cpu_s": 0.1}
    results = {
        "machine": machine(),
        "lake": {
            "ratios": {
                "S3, end: five days, against a lake of 10 days": {
                    "seconds": 0.02,
                    "against": 0.01,
                    "ratio": 2.0,
                },
                "S3: listing the complete lake, against five days": {
                    "seconds": 0.6,
                    "against": 0.01,
                    "ratio": 60.0,
                },
            }
        },
        "layer": {
            "s3": {"first": {"list": 4, "get": 3652}, "second": {"list": 4, "get": 0}},
            "local": {"first_cpu_s": 1.5, "second_cpu_s": 0.2},
            "iceberg": {"data_files": 0, "requests": 9},
            "delta": {"data_files": 0, "requests": 9},
            "sql": {"query": 1},
        },
        "demo": {**times, "median_s": 5.2, "limit_s": 5.0, "phases_s": {"check": 0.25}},
        "pipeline": {
            "rounds": 4,
            "cold_s": 0.5,
            "pages": 980,
            "cold_requests": 24,
            "over_floor": 1.35,
            "second_requests": 12,
            "second_known_pages": 588,
            **{f"first_{key}": 1 for key in ("lists", "revisions", "again", "pages", "continued")},
            **{f"later_{key}": 2 for key in ("lists", "revisions", "again", "pages", "continued")},
            "processing_s": 0.09,
            "dump_lines": 1000,
            "dump_s": 0.1,
            "dump_times": 6.25,
            "peak_memory_mb": 512,
        },
        "report": {
            "days": 30,
            "pages": 4051,
            "mb": 1.1,
            "commands": {
                "report --html": {**times, "median_s": 2.5},
                "--version": {**times, "median_s": 0.1},
            },
        },
        "check_memory": {
            "csv_mb": 1024,
            "parquet_mb": 2048,
            "rows": 27_400_000,
            "csv_peak_mb": 154,
            "parquet_peak_mb": 301,
            "unique_bytes_a_row": 7.2,
        },
        "categories": {
            "judging": {"pages": 183, "category": 0.973, "location_type": 0.962, "location": 0.974}
        },
        "startup": {
            "commands": {"imports": times, "check --json": {**times, "cpu_s": 0.2}},
            "ratios": {"check --json": {"ratio": 2.0, "program": "import obstore", "limit": 4.0}},
            "beside_nothing": {"--help": 9.5},
        },
    }

    shown = table(results)

    assert "20.0 ms against 10.0 ms; OVER the limit of 1.3\n" in shown
    assert "600.0 ms against 10.0 ms; at least 50 required\n" in shown
    assert "5.20 s  OVER the limit of 5 s\n" in shown
    assert "--help, beside python -c pass" in shown
    assert "200 ms  2.00 times `import obstore`; within the limit of 4\n" in shown
    assert "0.50 s  1.35 times the floor; OVER the limit of 1.3\n" in shown
    assert "24  3 lists, 20 for 980 pages, 1 continued\n" in shown
    assert "12  3 lists, 8 for 392 pages, 1 continued; 60% of the pages known\n" in shown
    assert "90 ms  within the limit of 0.15 s\n" in shown
    assert "0.10 s  6.2 times a plain loop, at least 10 required\n" in shown
    assert "2.50 s  OVER the limit of 2 s\n" in shown
    assert "1.10 MB  within the limit of 2 MB\n" in shown
    assert "154 MB  within the limit of 300 MB\n" in shown
    assert "7.2 B  within the limit of 16 B\n" in shown
    assert "301 MB  OVER the limit of 300 MB\n" in shown
    assert "512 MB  OVER the limit of 500 MB\n" in shown
    assert re.search(r"judging half, 183 pages +97\.3% +of categories; location_type 96\.2%", shown)
    assert re.search(r"^    check +0\.25 s$", shown, re.MULTILINE)


def test_the_memory_of_a_check_is_that_of_its_process(tmp_path: Path) -> None:
    parts = check_memory(tmp_path, csv_mb=9, parquet_mb=9)

    assert parts["rows"] == 400_000
    assert 20 < parts["csv_peak_mb"] < 2000
    assert 20 < parts["parquet_peak_mb"] < 2000
