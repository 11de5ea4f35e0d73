"""Create the lake of the example with DuckDB: five days of orders as Hive Parquet, of which two are then deleted.

The lake represents an existing system. The pipeline reads its days from `source/`.
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
DELETED_DAYS = ("2025-11-06", "2025-11-08")
# 2025-11-10 03:00 UTC. The files must be older than the settle time, or they would count as being written.
WRITTEN_AT = 1_762_743_600


def main() -> None:
    """Write `source/` and `lake/`."""
    for folder in (Path("source"), Path("lake")):
        shutil.rmtree(folder, ignore_errors=True)
    duckdb.sql(f"COPY ({ROWS}) TO 'source' (FORMAT parquet, PARTITION_BY (dt))")
    shutil.copytree("source", "lake/orders")
    for day in DELETED_DAYS:
        shutil.rmtree(f"lake/orders/dt={day}")
    for path in Path("lake").rglob("*"):
        os.utime(path, (WRITTEN_AT, WRITTEN_AT))


if __name__ == "__main__":
    main()
