"""Pass Arrow streams to DuckDB so that it does not import pandas or pyarrow, as it does for unknown kinds of objects."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wiki_trends.errors import TableFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from duckdb import DuckDBPyConnection

    from wiki_trends.warehouse.base import ArrowStream

# With DuckDB's defaults a misspelt function makes it search the internet for an extension. Every connection uses this
# configuration, because DuckDB refuses a different one for a file that the process has already opened.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


_BATCH_ROWS = 10_000


class _Stream:
    def __init__(self, table: ArrowStream) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


@contextmanager
def registered_stream(connection: DuckDBPyConnection, name: str, table: ArrowStream) -> Iterator[None]:
    """Make `table` readable under `name` in SQL statements, within this context.

    Raises:
        TableFailed: computing the table failed.
    """
    with _stream_errors(name):
        connection.register(name, _Stream(table))
        try:
            yield
        finally:
            connection.unregister(name)


@contextmanager
def _stream_errors(name: str) -> Iterator[None]:
    """Raise `TableFailed` when a registered stream raises: DuckDB reports that as an error of its own with the same text."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        _, separator, reason = str(error).partition(f"registered as '{name}' failed: ")
        if separator:
            raise TableFailed(engine="The engine", reason=reason) from error
        raise


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a stream as Python values.

    Attributes:
        columns: DuckDB's type of each column, by name.
        batches: the rows as tuples, some thousands in each list; can be iterated once.
    """

    columns: Mapping[str, str]
    batches: Iterator[list[tuple[object, ...]]]


@contextmanager
def read_rows(table: ArrowStream) -> Iterator[Rows]:
    """Read the rows of `table` in batches, within this context, so that they are never all in memory.

    Raises:
        TableFailed: computing the table failed.
    """
    import duckdb

    with duckdb.connect(config=CONFIG) as connection, _stream_errors("incoming"):
        # Not unregistered: DuckDB refuses that while rows are unread, and the connection closes here anyway.
        connection.register("incoming", _Stream(table))
        relation = connection.table("incoming")
        columns = dict(zip(relation.columns, map(str, relation.types), strict=True))
        connection.execute("FROM incoming")
        yield Rows(columns, iter(lambda: connection.fetchmany(_BATCH_ROWS), []))
