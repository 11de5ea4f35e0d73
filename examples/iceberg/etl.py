"""The existing pipeline of the example: PySpark computes the revenue of one day, and PyIceberg writes it.

Spark's own writer of Iceberg needs a JAR that is not on PyPI. PyIceberg replaces the day in one commit, so the day can be run again.
"""

from __future__ import annotations

import argparse
import datetime as dt

from pyiceberg.catalog.sql import SqlCatalog
from pyspark.sql import SparkSession
from pyspark.sql import functions as f


def main() -> None:
    """Compute and write the day that the option `--day` names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--day", required=True, type=dt.date.fromisoformat)
    day = parser.parse_args().day
    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    orders = spark.read.csv(f"raw/{day}.csv", header=True, schema="category STRING, amount DOUBLE")
    revenue = orders.groupBy("category").agg(f.sum("amount").alias("revenue")).withColumn("dt", f.lit(day))
    rows = revenue.toArrow()
    spark.stop()
    with SqlCatalog("default", uri="sqlite:///catalog.db") as catalog:
        catalog.load_table("shop.revenue").overwrite(rows, overwrite_filter=f"dt == '{day}'")


if __name__ == "__main__":
    main()
