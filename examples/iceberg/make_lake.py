"""Create the tables of the example: raw orders as CSV, and an Iceberg table with the revenue of five days, of which one is missing.

The Iceberg catalog is an SQLite database in the working directory, and the table's files are in `warehouse/`.
"""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import DateType, DoubleType, NestedField, StringType

DAYS = [dt.date(2025, 11, day) for day in range(5, 10)]
MISSING_DAY = dt.date(2025, 11, 8)
ORDERS = [("books", 12.5), ("music", 8.0), ("books", 7.5)]


def main() -> None:
    """Write `raw/`, `catalog.db` and `warehouse/`."""
    for folder in (Path("raw"), Path("warehouse")):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    Path("catalog.db").unlink(missing_ok=True)
    for day in DAYS:
        lines = ["category,amount", *(f"{category},{amount}" for category, amount in ORDERS)]
        Path(f"raw/{day}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")

    schema = Schema(
        NestedField(1, "category", StringType()),
        NestedField(2, "revenue", DoubleType()),
        NestedField(3, "dt", DateType()),
    )
    spec = PartitionSpec(PartitionField(3, 1000, IdentityTransform(), "dt"))
    with SqlCatalog(
        "default", uri="sqlite:///catalog.db", warehouse=f"file://{Path.cwd()}/warehouse"
    ) as catalog:
        catalog.create_namespace("shop")
        table = catalog.create_table("shop.revenue", schema, partition_spec=spec)
        days = [day for day in DAYS if day != MISSING_DAY]
        table.append(
            pa.table(
                {
                    "category": ["books", "music"] * len(days),
                    "revenue": [20.0, 8.0] * len(days),
                    "dt": [day for day in days for _ in range(2)],
                }
            )
        )


if __name__ == "__main__":
    main()
