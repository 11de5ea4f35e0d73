"""Writes partitions, one after the other, until it is killed: python write_until_killed.py KIND PLACE.

PLACE is a folder, or the URL of a database with a table `Orders`. Each partition has `ROWS` rows in two pieces.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

ROWS = 20_000
START = dt.date(2025, 11, 1)


def days():
    return [START + dt.timedelta(days=number) for number in range(400)]


def write_duckdb(place):
    import duckdb

    for day in days():
        duckdb.sql(
            f"COPY (SELECT range AS id, DATE '{day}' AS dt FROM range({ROWS})) TO '{place}/orders' "
            "(FORMAT parquet, PARTITION_BY (dt), OVERWRITE_OR_IGNORE, FILENAME_PATTERN 'data_{uuid}')"
        )


def write_polars(place):
    import polars as pl

    for day in days():
        folder = Path(place, "orders", f"dt={day}")
        folder.mkdir(parents=True)
        pl.DataFrame({"id": range(ROWS)}).write_parquet(folder / "00000000.parquet", row_group_size=1000)


def write_spark(place):
    """Files appear as with Spark's committer: below `_temporary`, then moved, then the marker."""
    import polars as pl

    for day in days():
        folder = Path(place, "orders", f"dt={day}")
        attempt = folder / "_temporary" / "0" / "_temporary" / "attempt_0"
        attempt.mkdir(parents=True)
        for number in range(2):
            pl.DataFrame({"id": range(ROWS // 2)}).write_parquet(
                attempt / f"part-0000{number}.snappy.parquet"
            )
        for file in sorted(attempt.iterdir()):
            file.rename(folder / file.name)
        attempt.rmdir()
        for above in (attempt.parent, attempt.parent.parent, folder / "_temporary"):
            above.rmdir()
        (folder / "_SUCCESS").touch()


def write_iceberg(place):
    from testing.partition_writers import IcebergWriter

    writer = IcebergWriter(place, f"file://{place}/warehouse")
    for day in days():
        writer.write([day], ROWS)


def write_delta(place):
    from testing.partition_writers import DeltaWriter

    writer = DeltaWriter(f"{place}/table")
    for day in days():
        writer.write([day], ROWS)


def write_postgresql(place):
    import psycopg

    for day in days():
        with psycopg.connect(place) as connection:
            for _ in range(2):
                connection.execute(
                    f"INSERT INTO \"Orders\" SELECT n, DATE '{day}', 1 FROM generate_series(1, {ROWS // 2}) n"
                )


if __name__ == "__main__":
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    globals()[f"write_{sys.argv[1]}"](sys.argv[2])
