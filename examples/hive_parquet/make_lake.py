"""Write the lake of the example with DuckDB: five days of orders as Hive Parquet, two of which are then lost.

It stands for a system that you cannot change. `source/` is where the pipeline gets a day from.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb

ROWS = """
    SELECT i AS order_id, round(10 + i * 1.5, 2) AS amount, (DATE '2025-11-05' + (i % 5)::INTEGER)::VARCHAR AS dt
    FROM range(100) numbers(i)
"""
LOST = ("2025-11-06", "2025-11-08")
# 2025-11-10 03:00 UTC: long enough ago that no file counts as being written.
WRITTEN_AT = 1_762_743_600


def main() -> None:
    """Write `source/` and `lake/`."""
    for folder in (Path("source"), Path("lake")):
        shutil.rmtree(folder, ignore_errors=True)
    duckdb.sql(f"COPY ({ROWS}) TO 'source' (FORMAT parquet, PARTITION_BY (dt))")
    shutil.copytree("source", "lake/orders")
    for day in LOST:
        shutil.rmtree(f"lake/orders/dt={day}")
    for path in Path("lake").rglob("*"):
        os.utime(path, (WRITTEN_AT, WRITTEN_AT))


if __name__ == "__main__":
    main()
