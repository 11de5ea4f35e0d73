"""The existing pipeline of the example: computes the revenue of one day in one transaction, so that the day can be run again."""

from __future__ import annotations

import argparse
import datetime as dt

import psycopg

INSERT = """
    INSERT INTO revenue (day, category, revenue)
    SELECT day, category, sum(amount) FROM orders WHERE day = %s GROUP BY day, category
"""


def main() -> None:
    """Compute the day that the option `--day` names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--day", required=True, type=dt.date.fromisoformat)
    day = parser.parse_args().day
    with psycopg.connect() as connection:
        connection.execute("DELETE FROM revenue WHERE day = %s", [day])
        connection.execute(INSERT, [day])


if __name__ == "__main__":
    main()
