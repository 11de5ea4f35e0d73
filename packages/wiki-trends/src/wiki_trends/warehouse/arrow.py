"""Pass Arrow streams to DuckDB without importing pandas or pyarrow, which DuckDB does for objects it does not recognise."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wiki_trends.errors import TableFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from duckdb import DuckDBPyConnection

    from wiki_trends.warehouse.base import ArrowStream

# Every connection uses this configuration, because DuckDB refuses a different one for a file that the process has open.
# Without it DuckDB searches the internet for the extension of a misspelt function.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


_ROWS_AT_ONCE = 10_000


class _Stream:
    def __init__(self, table: ArrowStream) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


@contextmanager
def registered(connection: DuckDBPyConnection, name: str, table: ArrowStream) -> Iterator[None]:
    """Within this context, statements can read `table` under `name`.

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
    """Raise `TableFailed` for what a stream raised: DuckDB passes its text on in an error of its own."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        _, failed, reason = str(error).partition(f"registered as '{name}' failed: ")
        if failed:
            raise TableFailed(engine="The engine", reason=reason) from error
        raise


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a stream as Python values.

    Attributes:
        columns: DuckDB's type of each column, by name.
        batches: the rows as tuples, some thousands at a time; can be iterated once.
    """

    columns: Mapping[str, str]
    batches: Iterator[list[tuple[object, ...]]]


@contextmanager
def read_rows(table: ArrowStream) -> Iterator[Rows]:
    """Within this context, the rows of `table` can be read in batches; they are never all in memory.

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
        yield Rows(columns, iter(lambda: connection.fetchmany(_ROWS_AT_ONCE), []))
