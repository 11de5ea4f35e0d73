"""Write the rows of the published tables to a DuckDB file: the copy that a publisher changes, so no reader has it open."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from wiki_trends.warehouse.arrow import (
    CONFIG,
    QueryTable,
    attached_file,
    column_types,
    distinct_values,
    quoted,
    registered_stream,
)
from wiki_trends.warehouse.base import NULLABLE, RUN_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from wiki_trends.warehouse.base import ArrowStream, RunRecord

logger = logging.getLogger(__name__)


def prepare_table(
    connection: DuckDBPyConnection,
    name: str,
    table: ArrowStream,
    replacement_key: tuple[str, ...],
    run: RunRecord,
) -> None:
    """Create or extend a table for its new rows, and delete the old rows that are replaced.

    With a replacement key, an old row is replaced if its values in the columns of the key occur in a new row. Without a replacement key,
    all old rows are replaced; if also the columns differ, the table is created again, without its comments.
    """
    run_columns = RUN_COLUMNS.get(name, {})
    new_columns = [*_incoming_columns(connection, table), *run_columns.items()]
    old_columns = _columns(connection, name) if name in table_types(connection) else []
    if old_columns and replacement_key:
        for column, sql_type in new_columns:
            connection.execute(f'ALTER TABLE {name} ADD COLUMN IF NOT EXISTS "{column}" {sql_type}')
        _delete_replaced(connection, name, replacement_key, _replaced_values(table, replacement_key, run))
    elif old_columns == new_columns:
        connection.execute(f"TRUNCATE {name}")
    else:
        nullable = NULLABLE.get(name, frozenset()) | run_columns.keys()
        definitions = ", ".join(
            f"{quoted(column)} {sql_type}{'' if column in nullable else ' NOT NULL'}"
            for column, sql_type in new_columns
        )
        connection.execute(f"CREATE OR REPLACE TABLE {name} ({definitions})")


def _replaced_values(
    table: ArrowStream, replacement_key: tuple[str, ...], run: RunRecord
) -> list[tuple[object, ...]]:
    """Return the values of the key's columns in the new rows.

    If `table` is a query and `run` has these values as attributes, return the attributes, because executing the query takes much
    longer.
    """
    if isinstance(table, QueryTable) and all(hasattr(run, column) for column in replacement_key):
        return [tuple(getattr(run, column) for column in replacement_key)]
    return distinct_values(table, replacement_key)


def _delete_replaced(
    connection: DuckDBPyConnection,
    name: str,
    replacement_key: tuple[str, ...],
    values: list[tuple[object, ...]],
) -> None:
    if values:
        row = f"({', '.join('?' for _ in replacement_key)})"
        connection.execute(
            f"DELETE FROM {name} WHERE ({', '.join(replacement_key)}) IN (VALUES {', '.join(row for _ in values)})",  # noqa: S608
            [value for row_values in values for value in row_values],
        )


def _incoming_columns(connection: DuckDBPyConnection, table: ArrowStream) -> list[tuple[str, str]]:
    if isinstance(table, QueryTable):
        return list(table.columns().items())
    with registered_stream(connection, "incoming", table):
        return _columns(connection, "incoming")


def insert_rows(file: Path, tables: Mapping[str, ArrowStream], number: int) -> dict[str, int]:
    """Insert the rows of the run with this number; return the number of rows of each table, by name.

    A query is executed by its own connection, which contains its tables, so `file` is attached to this connection. All queries of a
    publish have the same connection.
    """
    counts = dict.fromkeys(tables, 0)
    queries = {name: table for name, table in tables.items() if isinstance(table, QueryTable)}
    if queries:
        connection = next(iter(queries.values())).connection
        with attached_file(connection, file) as database, transaction(connection):
            for name, query in queries.items():
                counts[name] = _insert(connection, f"{database}.main.{name}", f"({query.sql})", name, number)
    with connect(file) as connection, transaction(connection):
        for name, table in tables.items():
            if name not in queries:
                with registered_stream(connection, "incoming", table):
                    counts[name] = _insert(connection, name, "incoming", name, number)
    return counts


def _insert(connection: DuckDBPyConnection, target: str, source: str, name: str, number: int) -> int:
    logger.info("publishing %s", name)
    # The values of `RUN_COLUMNS`.
    added = f", {number} AS run, FALSE AS stale" if name in RUN_COLUMNS else ""
    counts = connection.execute(f"INSERT INTO {target} BY NAME SELECT *{added} FROM {source}").fetchall()  # noqa: S608
    return int(counts[0][0])


def _columns(connection: DuckDBPyConnection, name: str) -> list[tuple[str, str]]:
    return list(column_types(connection.table(name)).items())


def table_types(connection: DuckDBPyConnection) -> dict[str, str]:
    """Return `BASE TABLE` or `VIEW` for each table or view in the file's main schema, by its name in lower case."""
    sql = "SELECT lower(table_name), table_type FROM information_schema.tables WHERE table_schema = 'main'"
    return dict(connection.execute(sql).fetchall())


@contextmanager
def transaction(connection: DuckDBPyConnection) -> Iterator[None]:
    """Run the statements within this context in one transaction.

    Without it, DuckDB writes and syncs the file after each statement, which takes longer than most statements.
    """
    import duckdb

    connection.begin()
    try:
        yield
    except BaseException:
        # After a fatal error, DuckDB refuses the rollback as well. The first error says more.
        with suppress(duckdb.Error):
            connection.rollback()
        raise
    connection.commit()


def connect(path: Path, *, read_only: bool = False) -> DuckDBPyConnection:
    """Open a connection to a DuckDB file."""
    import duckdb

    return duckdb.connect(path, read_only=read_only, config=CONFIG)
