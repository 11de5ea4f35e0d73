"""The types of the columns in PostgreSQL, and the loaders of their values.

Times are `timestamptz` (`timestamp with time zone`), and JSON is `jsonb`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wiki_trends.warehouse.base import RUNS
from wiki_trends.warehouse.runs_table import JSON_COLUMNS

if TYPE_CHECKING:
    import datetime as dt

    from psycopg import Connection

# The PostgreSQL type for each DuckDB type.
_TYPES = {
    "VARCHAR": "text",
    "DATE": "date",
    "TIMESTAMP": "timestamp with time zone",
    "BIGINT": "bigint",
    "INTEGER": "integer",
    "DOUBLE": "double precision",
    "BOOLEAN": "boolean",
}


def postgres_type(table: str, column: str, sql_type: str) -> str:
    """Return the PostgreSQL type of a column.

    Args:
        table: the name of the table.
        column: the name of the column.
        sql_type: the DuckDB type of the column.
    """
    return "jsonb" if table == RUNS and column in JSON_COLUMNS else _TYPES[sql_type]


def register_loaders(connection: Connection[Any]) -> None:
    """Let a connection return the values that DuckDB returns: JSON as text, and times in UTC without an offset."""
    import datetime as dt

    from psycopg.types.datetime import TimestamptzLoader
    from psycopg.types.string import TextLoader

    class UtcLoader(TimestamptzLoader):
        def load(self, data: Any) -> dt.datetime:
            return super().load(data).astimezone(dt.UTC).replace(tzinfo=None)

    connection.adapters.register_loader("timestamptz", UtcLoader)
    connection.adapters.register_loader("jsonb", TextLoader)
