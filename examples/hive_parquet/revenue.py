"""The consumer of the example: it prints the revenue of a window. The orchestrator runs it only if no day is missing."""

from __future__ import annotations

import sys

import duckdb


def main() -> None:
    """Print the revenue from the first to the last day."""
    first, last = sys.argv[1:]
    query = "SELECT sum(amount) FROM read_parquet('lake/orders/*/*.parquet', hive_partitioning = true) WHERE dt BETWEEN ? AND ?"
    (revenue,) = duckdb.execute(query, [first, last]).fetchone() or (0,)
    sys.stdout.write(f"revenue from {first} to {last}: {revenue:,.2f}\n")


if __name__ == "__main__":
    main()
