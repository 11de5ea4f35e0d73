"""Hand Arrow streams to DuckDB without pandas or pyarrow: DuckDB imports both to find out what a richer object is."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wiki_trends.errors import TableFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from duckdb import DuckDBPyConnection

    from wiki_trends.warehouse.base import ArrowStream

# Every connection has this configuration: DuckDB refuses a second one for a file that the process has open, and without
# it a misspelt function would be looked for on the internet.
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
        TableFailed: what computes the table did.
    """
    with _told(name):
        connection.register(name, _Stream(table))
        try:
            yield
        finally:
            connection.unregister(name)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """DuckDB passes on the text of what a stream raises, in an error of its own."""
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
        batches: the rows as tuples, some thousands at a time; can be gone through once.
    """

    columns: Mapping[str, str]
    batches: Iterator[list[tuple[object, ...]]]


@contextmanager
def opened(table: ArrowStream) -> Iterator[Rows]:
    """Within this context, the rows of `table` can be read, never all of them in memory at once.

    Raises:
        TableFailed: what computes the table did.
    """
    import duckdb

    with duckdb.connect(config=CONFIG) as connection, _told("incoming"):
        # Never unregistered: that is refused while rows are unread, and the connection ends here anyway.
        connection.register("incoming", _Stream(table))
        relation = connection.table("incoming")
        columns = dict(zip(relation.columns, map(str, relation.types), strict=True))
        connection.execute("FROM incoming")
        yield Rows(columns, iter(lambda: connection.fetchmany(_ROWS_AT_ONCE), []))
