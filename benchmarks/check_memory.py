"""Measure the peak memory of a check that reads one large part without a manifest, as CSV and as Parquet.

Each check runs in a separate process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import polars as pl

from benchmarks.timing import BenchmarkFailed

if TYPE_CHECKING:
    from pathlib import Path

CSV_MB = 1024
PARQUET_MB = 2048
LIMIT_MB = 300
# The largest difference in memory, for each row, between a check with one unique column and a check without unique columns.
LIMIT_BYTES_PER_ROW = 16
_ROWS_PER_WRITE = 200_000
# The program of a check: it prints the code, the number of rows and the peak memory in bytes.
_CHECK_PROGRAM = """
import datetime as dt, json, resource, sys
from smart_orchestrator import Column, DailyDataset, inspect
folder, kind, unique = sys.argv[1], sys.argv[2], sys.argv[3] == "unique"
columns = (Column("page", nullable=False, unique=unique), Column("views", "integer", low=0), Column("rank", "integer"))
dataset = DailyDataset("large", folder, "{day:%Y-%m-%d}." + kind, format=kind, columns=columns, volume_column="views")
partition = inspect(dataset, dt.date(2025, 11, 5))
try:
    # The peak of getrusage may also count memory of the parent process.
    status = open("/proc/self/status").read()
    peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"code": partition.code, "rows": partition.rows, "peak": peak}))
"""


def check_memory(folder: Path, csv_mb: int = CSV_MB, parquet_mb: int = PARQUET_MB) -> dict[str, Any]:
    """Write one part in each format, and return the peak memory of checking it, and the additional memory for a unique column.

    Raises:
        BenchmarkFailed: a check did not report its partition as complete.
    """
    _write_csv(folder / "2025-11-05.csv", csv_mb << 20)
    _write_parquet(folder / "2025-11-05.parquet", parquet_mb << 20)
    csv, unique = _check(folder, "csv"), _check(folder, "csv", unique=True)
    return {
        "csv_mb": csv_mb,
        "parquet_mb": parquet_mb,
        "rows": csv["rows"],
        "csv_peak_mb": round(csv["peak"] / 2**20),
        "parquet_peak_mb": round(_check(folder, "parquet")["peak"] / 2**20),
        "unique_bytes_a_row": round(max(0, unique["peak"] - csv["peak"]) / csv["rows"], 1),
    }


def _check(folder: Path, file_format: str, *, unique: bool = False) -> dict[str, Any]:
    command = [sys.executable, "-c", _CHECK_PROGRAM, str(folder), file_format, "unique" if unique else ""]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    result: dict[str, Any] = (
        json.loads(completed.stdout) if completed.returncode == 0 else {"code": completed.stderr}
    )
    if result["code"] != "OK":
        message = f"the check of a large part of {file_format} ended with {result['code']}"
        raise BenchmarkFailed(message)
    return result


def _write_csv(folder: Path, size_bytes: int) -> None:
    folder.mkdir(parents=True)
    with (folder / "part-0.csv").open("wb") as file:
        file.write(b"page,views,rank\n")
        first = 0
        while file.tell() < size_bytes:
            numbers = range(first, first + _ROWS_PER_WRITE)
            file.write("".join(f"Page_number_{n}_of_a_lake,{n % 1000},{n % 77}\n" for n in numbers).encode())
            first += _ROWS_PER_WRITE
    (folder / "_SUCCESS").touch()


def _write_parquet(folder: Path, size_bytes: int) -> None:
    """Write rows of about 64 bytes in row groups of 64 MB, without compression, because the titles would compress too well."""
    folder.mkdir(parents=True)
    number = pl.int_range(size_bytes // 64, dtype=pl.Int64)
    rows = (
        pl.LazyFrame({"n": [0]})
        .select(number.alias("rank"))
        .with_columns(
            page=pl.concat_str(pl.lit("A_page_whose_name_is_as_long_as_a_long_one_"), pl.col("rank")),
            views=pl.col("rank") % 1000,
        )
    )
    rows.sink_parquet(folder / "part-0.parquet", compression="uncompressed", row_group_size=1 << 20)
    (folder / "_SUCCESS").touch()
