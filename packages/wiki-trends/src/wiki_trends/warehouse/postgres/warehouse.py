"""Publish the tables to a PostgreSQL database: each publish is one transaction that locks only the rows it changes.

The transaction copies the rows into temporary tables and merges them from there: it inserts new rows, updates changed rows
and deletes missing rows. Readers are therefore not blocked, except when a new version of wiki-trends adds a column or changes a type. A
reader in `REPEATABLE READ` sees the same snapshot until its transaction ends. The tables are never dropped, so the views, grants and comments of users stay. Publishers wait for each
other on an advisory lock. Publishing the same window again writes nothing. The tables are in the first schema of the
connection's search path.

A publish raises `WarehouseError` and leaves the tables unchanged when:

- the server does not respond, or rejects a statement
- the user lacks a privilege
- a table that wiki-trends did not create already has the name of a published table
- a table must be altered, and another transaction uses the table, or a view of a user uses the column
- a newer version wrote the tables
- the encoding of the database is not UTF-8
"""

from __future__ import annotations

import hashlib
import logging
import re
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wiki_trends.errors import NothingPublished, WarehouseError, WarehouseUrlError
from wiki_trends.warehouse.arrow import read_copy_text
from wiki_trends.warehouse.base import REPLACEMENT_KEYS, RUN_COLUMNS, RUNS
from wiki_trends.warehouse.postgres.failures import warehouse_errors
from wiki_trends.warehouse.postgres.migration import migrate_types
from wiki_trends.warehouse.postgres.tables import Tables
from wiki_trends.warehouse.postgres.types import register_loaders
from wiki_trends.warehouse.runs_table import COLUMNS, refuse_older

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from psycopg import Connection
    from psycopg_pool import ConnectionPool

    from wiki_trends.warehouse.base import ArrowStream, RunRecord

logger = logging.getLogger(__name__)

_DEFAULT_PARAMETERS = {"connect_timeout": "10", "fallback_application_name": "wiki-trends"}
# Titles can be in any language, so neither PGCLIENTENCODING nor the URL may select another encoding.
_FIXED_PARAMETERS = {"client_encoding": "UTF8"}
_POOL_CONNECTIONS = 4
_POOL_TIMEOUT_SECONDS = 10.0
_BATCH_ROWS = 10_000
_QUOTED_OR_PLACEHOLDER = re.compile(r"'[^']*'|\"[^\"]*\"|\?|%")


class PostgreSQL:
    """A warehouse in a PostgreSQL database.

    Args:
        url: the connection URL, as libpq defines it.
        pooled: whether readers share a pool of connections, as a long-running server needs.
    """

    def __init__(self, url: str, *, pooled: bool = False) -> None:
        self._parameters = _parse_url(url)
        self.url = _format_public_url(self._parameters)
        self._pool = self._new_pool() if pooled else None

    def version(self) -> str:
        """Return a token that changes with every publish; see `Warehouse.version`."""
        with self.reading() as reader:
            # `last_run` ignores runs that recompute an earlier window. Such a run changes the token too, so its number is hashed as well.
            (newest,) = reader.rows(f"SELECT max(run) AS run FROM {RUNS}")  # noqa: S608 - a constant
            return hashlib.sha256(repr((newest["run"], reader.last_run())).encode()).hexdigest()

    def publish(
        self, tables: Mapping[str, ArrowStream], run: RunRecord, *, keep_newer: bool = False
    ) -> RunRecord:
        """Merge these tables and add the run, after other publishers have finished; see `Warehouse.publish`.

        Returns:
            `run` with the number of rows of each table. When the inputs and the rows equal those of the last published
            run, nothing is written, and the last published run is returned.
        """
        with self._converted_errors(), self._connect() as connection:
            target = Tables(connection, self.url)
            target.lock()
            last_run = target.last_run()
            if keep_newer:
                refuse_older(run.dataset, run.window_end, last_run, self.url)
            has_changes = migrate_types(target)
            has_changes |= target.prepare(RUNS, COLUMNS)
            number = target.next_number()
            row_counts: dict[str, int] = {}
            for name, table in tables.items():
                logger.info("publishing %s", name)
                run_columns = RUN_COLUMNS.get(name, {})
                values = {"run": str(number), "stale": "FALSE"}
                constants = {column: (sql_type, values[column]) for column, sql_type in run_columns.items()}
                with read_copy_text(table, constants) as incoming:
                    has_changes |= target.prepare(name, incoming.columns)
                    row_counts[name] = target.stage(name, incoming)
                    has_changes |= target.merge(
                        name, incoming.columns, _select_replacement_key(name, run, last_run)
                    )
            if last_run is not None and not has_changes and last_run.inputs() == run.inputs():
                return last_run
            published = replace(run, rows=row_counts)
            target.add_run(published, number)
        return published

    @contextmanager
    def reading(self) -> Iterator[PostgresReader]:
        """Open a reader of the current tables; see `Warehouse.reading`. All its queries see one snapshot."""
        with self._read_connection() as connection:
            with self._converted_errors():
                last_run = Tables(connection, self.url).last_run()
            if last_run is None:
                raise NothingPublished(warehouse=self.url)
            yield PostgresReader(connection, last_run, self._converted_errors)

    def close(self) -> None:
        """Close the pool. A pool that is never closed keeps its threads and its connections until the process ends."""
        if self._pool is not None:
            self._pool.close()

    @contextmanager
    def _read_connection(self) -> Iterator[Connection[Any]]:
        """Open a read-only connection whose statements all see one snapshot."""
        with ExitStack() as stack:
            with self._converted_errors():
                connection = self._pooled_connection(stack)
                if connection is None:
                    connection = stack.enter_context(closing(self._connect()))
                    _make_read_only(connection)
            yield connection

    def _pooled_connection(self, stack: ExitStack) -> Connection[Any] | None:
        """Return a connection of the pool, or None when there is no pool or no connection became free in time.

        The error of the pool's time-out does not state the cause. So the caller opens a new connection: its error states the cause.
        """
        if self._pool is None:
            return None
        from psycopg_pool import PoolTimeout

        self._pool.open()
        try:
            return stack.enter_context(self._pool.connection())
        except PoolTimeout:
            return None

    def _new_pool(self) -> ConnectionPool[Connection[Any]]:
        """Create a closed pool, whose connections are read-only and are checked before each use."""
        from psycopg_pool import ConnectionPool

        return ConnectionPool(
            kwargs=self._parameters,
            min_size=0,
            max_size=_POOL_CONNECTIONS,
            open=False,
            timeout=_POOL_TIMEOUT_SECONDS,
            configure=_make_read_only,
            check=ConnectionPool.check_connection,
        )

    def _converted_errors(self) -> AbstractContextManager[None]:
        return warehouse_errors(self.url, _list_secrets(self._parameters))

    def _connect(self) -> Connection[Any]:
        import psycopg

        connection = psycopg.connect(**self._parameters)  # type: ignore[arg-type]
        # A publisher that waited for the lock must see the rows of the publisher before it. This is the case in READ COMMITTED, but
        # the default isolation level of the server can be stricter.
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        register_loaders(connection)
        return connection


class PostgresReader:
    """A reader whose queries all see one snapshot of the published tables."""

    def __init__(
        self,
        connection: Connection[Any],
        last_run: RunRecord,
        converted_errors: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._connection = connection
        self._last_run = last_run
        self._converted_errors = converted_errors

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Return the rows of a query; see `Reader.rows`. Values of type numeric are returned as floats."""
        from psycopg.rows import dict_row

        with self._converted_errors(), self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(_convert_placeholders(sql, values), values or None).fetchall()

    def batches(self, sql: str, *values: object) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of a query in batches; see `Reader.batches`."""
        from psycopg.rows import dict_row

        # A named cursor keeps the rows on the server until they are fetched.
        with self._converted_errors(), self._connection.cursor("batches", row_factory=dict_row) as cursor:
            cursor.execute(_convert_placeholders(sql, values), values or None)
            while rows := cursor.fetchmany(_BATCH_ROWS):
                yield rows

    def last_run(self) -> RunRecord:
        """Return the run that published the current tables."""
        return self._last_run


def _make_read_only(connection: Connection[Any]) -> None:
    """Make a connection read-only, and let all its statements see one snapshot."""
    from psycopg import IsolationLevel
    from psycopg.types.numeric import FloatLoader

    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.adapters.register_loader("numeric", FloatLoader)
    register_loaders(connection)


def _convert_placeholders(sql: str, values: Sequence[object]) -> bytes:
    """Replace the placeholders of `Reader` with those of the driver."""
    return (_QUOTED_OR_PLACEHOLDER.sub(_convert_match, sql) if values else sql).encode()


def _convert_match(match: re.Match[str]) -> str:
    """Return the driver's placeholder for `?`. In any other match, double each `%`, because the driver reads a single one as a placeholder."""
    return "%s" if match[0] == "?" else match[0].replace("%", "%%")


def _select_replacement_key(name: str, run: RunRecord, last_run: RunRecord | None) -> Sequence[str]:
    """Return the replacement key of a table: a publish replaces the old rows whose values in these columns occur in the new rows.

    A publish with an empty key replaces all rows of the table.

    When the last run published another dataset, its rows stay only in the tables whose replacement key contains `dataset`.
    """
    key = REPLACEMENT_KEYS.get(name, ())
    dataset_changed = last_run is not None and last_run.dataset != run.dataset
    return () if dataset_changed and "dataset" not in key else key


def _parse_url(url: str) -> dict[str, str]:
    """Return the connection parameters in the URL, completed by the default and fixed parameters.

    The error for an invalid URL omits the driver's reason, because the reason can contain a part of the password.
    """
    invalid_url = WarehouseUrlError(
        warehouse="postgresql://…",
        problem="the URL cannot be read",
        fix="In WIKI_TRENDS_WAREHOUSE, write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %40 for @, %2F for / and so on"
        " in the password.",
    )
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise WarehouseError(
            warehouse="postgresql://…",
            problem="the driver of PostgreSQL is not installed",
            fix="Install it: pip install 'wiki-trends[postgres]'.",
        ) from error
    try:
        parameters = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except ProgrammingError:
        raise invalid_url from None
    # When the password contains an unescaped @ or /, libpq reads a part of it as the host, the port or the database.
    if any("@" in parameters.get(name, "") for name in ("host", "dbname")) or re.search(
        r"[^\d,]", parameters.get("port", "")
    ):
        raise invalid_url
    return _DEFAULT_PARAMETERS | parameters | _FIXED_PARAMETERS


def _list_secrets(parameters: Mapping[str, str]) -> list[str]:
    """Return the secrets that messages must not contain, plain and percent-encoded, longest first."""
    secrets = [parameters.get(name, "") for name in ("password", "sslpassword", "oauth_client_secret")]
    return sorted(
        {text for secret in secrets for text in (secret, quote(secret, safe=""))}, key=len, reverse=True
    )


def _format_public_url(parameters: Mapping[str, str]) -> str:
    """Format the URL for messages, without the user, the password and the other parameters."""
    host, port = parameters.get("host", ""), parameters.get("port", "")
    # An IPv6 address has brackets in a URL.
    host = f"[{host}]" if ":" in host else host
    return f"postgresql://{host}{':' if port else ''}{port}/{parameters.get('dbname', '')}"
