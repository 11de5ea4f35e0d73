"""Create the tables of the example in PostgreSQL: raw orders, and the revenue of five days, of which two are missing.

The connection comes from the variables of PostgreSQL (`PGHOST`, `PGUSER`, `PGPASSWORD`, `PGDATABASE`).
"""

from __future__ import annotations

import psycopg

STATEMENTS = """
DROP TABLE IF EXISTS orders, revenue;
CREATE TABLE orders (day date NOT NULL, category text NOT NULL, amount numeric NOT NULL);
INSERT INTO orders
    SELECT DATE '2025-11-05' + i % 5, CASE WHEN i % 3 = 0 THEN 'music' ELSE 'books' END, 10 + i FROM generate_series(1, 60) i;
CREATE TABLE revenue (
    day date, category text, revenue numeric, computed_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (day, category)
);
INSERT INTO revenue (day, category, revenue)
    SELECT day, category, sum(amount) FROM orders WHERE day NOT IN ('2025-11-06', '2025-11-08') GROUP BY day, category;
"""


def main() -> None:
    """Create `orders` and `revenue`."""
    with psycopg.connect() as connection:
        connection.execute(STATEMENTS)


if __name__ == "__main__":
    main()
