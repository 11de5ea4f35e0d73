"""The declared tables computed by DuckDB, in memory.

Fails with `duckdb.Error` on rows that lack a column or do not have the types of `tables.ROW_TYPES`; rows that came
through a dataset's contract have them.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from wiki_trends.analytics.compiled import compiled
from wiki_trends.analytics.tables import DAYS, ROW_TYPES, ROWS
from wiki_trends.warehouse.arrow import CONFIG, registered

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence

    from wiki_trends.warehouse.base import ArrowStream

_SQL_TYPES = {"date": "DATE", "string": "VARCHAR", "int64": "BIGINT", "int32": "INTEGER", "float64": "DOUBLE"}


@contextmanager
def computed(rows: ArrowStream, days: Sequence[dt.date]) -> Iterator[Mapping[str, ArrowStream]]:
    """Every table by its published name, as streams that can be read within this context.

    Args:
        rows: a row a page and day, with the columns of `tables.ROW_TYPES` at least.
        days: the days used.
    """
    import duckdb

    casts = ", ".join(f'CAST("{name}" AS {_SQL_TYPES[kind]}) AS "{name}"' for name, kind in ROW_TYPES.items())
    with duckdb.connect(config=CONFIG) as connection:
        with registered(connection, "incoming", rows):
            connection.execute(f"CREATE TABLE {ROWS} AS FROM incoming SELECT {casts}")
        connection.execute(f"CREATE TABLE {DAYS} AS SELECT unnest(?::DATE[]) AS date", [list(days)])
        for name, sql in compiled().items():
            connection.execute(f"CREATE TABLE {name} AS {sql}")
        yield {name: connection.table(name) for name in compiled()}
