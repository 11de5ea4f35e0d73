"""Hand Arrow streams to DuckDB without pandas or pyarrow: DuckDB imports both to find out what a richer object is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection

    from wiki_trends.warehouse.base import ArrowStream

# Every connection has this configuration: DuckDB refuses a second one for a file that the process has open, and without
# it a misspelt function would be looked for on the internet.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


class _Stream:
    def __init__(self, table: ArrowStream) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


@contextmanager
def registered(connection: DuckDBPyConnection, name: str, table: ArrowStream) -> Iterator[None]:
    """Within this context, statements can read `table` under `name`."""
    connection.register(name, _Stream(table))
    try:
        yield
    finally:
        connection.unregister(name)
