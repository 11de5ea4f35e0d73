"""The tables that are passed to a warehouse: queries of DuckDB, and any other object with an Arrow stream.

A warehouse reads a query through the connection that the query belongs to. It does not read the query as an Arrow stream, because DuckDB
opens a stream several times, also to find out its columns. Each time, the query would be executed. Any other object is wrapped in
`StreamOnly`, so that DuckDB reads its stream without importing pandas or pyarrow.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wiki_trends.errors import TableFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection, DuckDBPyRelation

    from wiki_trends.warehouse.base import ArrowStream

# With the default configuration, DuckDB searches the internet for an extension when a query misspells a function. Every
# connection uses this configuration, because DuckDB rejects a different one for a file that the process has already opened.
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


_BATCH_ROWS = 10_000
# The name in SQL of the database file that is attached.
_ATTACHED = "publishing"
# PostgreSQL's text format of COPY: a line for each row, tabs between the values, \N for null, and these characters escaped.
_ESCAPES = (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r"))


@dataclass(frozen=True, slots=True)
class QueryTable:
    """The result of a query of DuckDB, which is executed when it is read.

    Attributes:
        connection: the connection that contains the tables of the query.
        sql: the query.
    """

    connection: DuckDBPyConnection
    sql: str

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a PyCapsule that contains a new stream of all rows."""
        return self.connection.sql(self.sql).__arrow_c_stream__(requested_schema)

    def columns(self) -> dict[str, str]:
        """Return the DuckDB type of each column, by name, without executing the query."""
        return column_types(self.connection.sql(self.sql))


def column_types(relation: DuckDBPyRelation) -> dict[str, str]:
    """Return the DuckDB type of each column of a relation, by name."""
    # A table cannot have a column of type NULL. For such a column, DuckDB creates a column of integers.
    types = ("INTEGER" if str(kind) == '"NULL"' else str(kind) for kind in relation.types)
    return dict(zip(relation.columns, types, strict=True))


class StreamOnly:
    """A wrapper that shows only the Arrow stream of a table. With the table itself, DuckDB and Polars would use another of its interfaces."""

    def __init__(self, table: ArrowStream) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


@contextmanager
def registered_stream(connection: DuckDBPyConnection, name: str, table: ArrowStream) -> Iterator[None]:
    """Let SQL statements within this context read `table` as `name`.

    Raises:
        TableFailed: the computation of the table failed.
    """
    import duckdb

    with _stream_errors(name):
        connection.register(name, StreamOnly(table))
        try:
            yield
        except BaseException:
            # In an aborted transaction, DuckDB refuses to unregister. The end of the connection also ends the registration.
            with suppress(duckdb.Error):
                connection.unregister(name)
            raise
        connection.unregister(name)


@contextmanager
def _stream_errors(name: str) -> Iterator[None]:
    """Raise `TableFailed` when the stream raises an error, which DuckDB quotes in the text of a `duckdb.Error`."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        _, separator, reason = str(error).partition(f"registered as '{name}' failed: ")
        if separator:
            # The stream does not say which engine produces it. A caller that knows replaces the name.
            raise TableFailed(engine="The engine", reason=reason) from error
        raise


@contextmanager
def _query_errors() -> Iterator[None]:
    """Raise `TableFailed` when a query fails."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise TableFailed(engine="DuckDB", reason=f"{type(error).__name__}: {error}") from error


@contextmanager
def attached_file(connection: DuckDBPyConnection, path: Path) -> Iterator[str]:
    """Attach a database file to a connection, for the queries within this context; yield the name of the database.

    Raises:
        TableFailed: a query failed, for a reason that does not concern the file.
    """
    import duckdb

    quoted_path = str(path).replace("'", "''")
    connection.execute(f"ATTACH '{quoted_path}' AS {_ATTACHED}")
    try:
        yield _ATTACHED
    except duckdb.Error as error:
        # DuckDB names the file in an error about the file. The caller converts such an error.
        if path.name in str(error):
            raise
        raise TableFailed(engine="DuckDB", reason=f"{type(error).__name__}: {error}") from error
    finally:
        connection.execute(f"DETACH {_ATTACHED}")


def distinct_values(table: ArrowStream, columns: Sequence[str]) -> list[tuple[object, ...]]:
    """Return the distinct values of these columns in the rows of a table.

    Raises:
        TableFailed: the computation of the table failed.
    """
    import duckdb

    sql = f"SELECT DISTINCT {', '.join(map(quoted, columns))} FROM "  # noqa: S608 - names of columns
    if isinstance(table, QueryTable):
        with _query_errors():
            return table.connection.execute(f"{sql} ({table.sql})").fetchall()
    with duckdb.connect(config=CONFIG) as connection, registered_stream(connection, "incoming", table):
        return connection.execute(f"{sql} incoming").fetchall()


@dataclass(frozen=True, slots=True)
class CopyText:
    """The rows of a table in the text format of PostgreSQL's COPY, which DuckDB writes many times faster than Python.

    Attributes:
        columns: the DuckDB type of each column, by name.
        batches: the lines of some thousands of rows each, in UTF-8. The iterator can be used once.
    """

    columns: Mapping[str, str]
    batches: Iterator[bytes]


@contextmanager
def read_copy_text(table: ArrowStream, constants: Mapping[str, tuple[str, str]]) -> Iterator[CopyText]:
    """Yield the rows of `table` as text for COPY, in batches, so that the memory never holds all rows.

    Args:
        table: the table to read.
        constants: additional columns with the same value in each row: the DuckDB type and the value in SQL, by name.

    Raises:
        TableFailed: the computation of the table failed.
    """
    import duckdb

    if isinstance(table, QueryTable):
        with _query_errors():
            yield _copy_text(table.connection, f"({table.sql})", table.columns(), constants)
        return
    with duckdb.connect(config=CONFIG) as connection, _stream_errors("incoming"):
        # DuckDB cannot unregister a stream with unread rows. The end of the connection also ends the registration.
        connection.register("incoming", StreamOnly(table))
        yield _copy_text(connection, "incoming", column_types(connection.table("incoming")), constants)


def _copy_text(
    connection: DuckDBPyConnection,
    source: str,
    columns: Mapping[str, str],
    constants: Mapping[str, tuple[str, str]],
) -> CopyText:
    """Return the rows of `source`, a table or a query in brackets, with the constant columns after its own columns."""
    values = [_copy_value(quoted(name), sql_type) for name, sql_type in columns.items()]
    values += [_copy_value(value, sql_type) for sql_type, value in constants.values()]
    # chr(9) is a tab.
    cursor = connection.execute(f"SELECT concat_ws(chr(9), {', '.join(values)}) FROM {source}")  # noqa: S608 - names of columns
    # The iterator calls `fetchmany` until it returns an empty batch.
    batches = iter(lambda: cursor.fetchmany(_BATCH_ROWS), [])
    constant_types = {name: sql_type for name, (sql_type, _) in constants.items()}
    lines = ("\n".join([line for (line,) in batch]).encode() + b"\n" for batch in batches)
    return CopyText({**columns, **constant_types}, lines)


def _copy_value(value: str, sql_type: str) -> str:
    """Return the SQL expression for the text of a value in COPY's text format."""
    text = f"CAST({value} AS VARCHAR)"
    if sql_type == "VARCHAR":
        for character, escape in _ESCAPES:
            text = f"replace({text}, {_chr(character)}, {_chr(escape)})"
    if sql_type == "TIMESTAMP":  # A time in UTC, for a column with a time zone.
        text += " || '+00'"
    return f"coalesce({text}, '\\N')"


def quoted(name: str) -> str:
    """Return the name of a column as a quoted identifier in SQL."""
    return '"' + name.replace('"', '""') + '"'


def _chr(text: str) -> str:
    """Return an SQL expression that makes a text with `chr(…)`, so that the expression needs no quotes and no escapes."""
    return " || ".join(f"chr({ord(character)})" for character in text)
