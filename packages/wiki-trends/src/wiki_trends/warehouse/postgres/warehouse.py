"""The tables in a PostgreSQL database, merged in one transaction that takes row locks only.

The rows of a publish are copied into temporary tables and merged from there: new rows are inserted, changed rows updated,
missing rows deleted. So readers are never blocked, readers in `REPEATABLE READ` keep their window, and views, grants and
comments of users stay because the tables are never dropped. Publishers queue on an advisory lock. Publishing the same
window again writes nothing. The tables are in the first schema of the connection's search path.

Fails with `WarehouseError` when the server does not answer or refuses, when a privilege is missing, when a table of the
user has one of our names, when a newer version wrote the tables, and when the database's encoding is not UTF-8. The
tables are then unchanged.
"""

from __future__ import annotations

import hashlib
import logging
import re
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wiki_trends.errors import NothingPublished, WarehouseError
from wiki_trends.warehouse.arrow import read_rows
from wiki_trends.warehouse.base import REPLACEMENT_KEYS, RUNS
from wiki_trends.warehouse.postgres.failures import warehouse_errors
from wiki_trends.warehouse.postgres.tables import Tables
from wiki_trends.warehouse.runs_table import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from psycopg import Connection
    from psycopg_pool import ConnectionPool

    from wiki_trends.warehouse.base import ArrowStream, RunRecord

logger = logging.getLogger(__name__)

_DEFAULT_PARAMETERS = {"connect_timeout": "10", "fallback_application_name": "wiki-trends"}
# Titles are of any language, so PGCLIENTENCODING and the URL must not choose another encoding.
_FIXED_PARAMETERS = {"client_encoding": "UTF8"}
# The number of connections in the pool, and how many seconds a reader waits for one of them.
_POOL_SIZE, _POOL_TIMEOUT = 4, 10.0
_BATCH_ROWS = 10_000
_QUOTED_OR_PLACEHOLDER = re.compile(r"'[^']*'|\"[^\"]*\"|\?|%")


class PostgreSQL:
    """A warehouse in a PostgreSQL database.

    Args:
        url: a connection URL of libpq.
        pooled: whether readers share a pool of connections, for a long-running server.
    """

    def __init__(self, url: str, *, pooled: bool = False) -> None:
        self._parameters = _parameters(url)
        self.url = _public_url(self._parameters)
        self._pool = self._new_pool() if pooled else None

    def version(self) -> str:
        """A token that changes with every publish; see `Warehouse.version`."""
        with self.reading() as reader:
            return hashlib.sha256(repr(reader.last_run()).encode()).hexdigest()

    def publish(self, tables: Mapping[str, ArrowStream], run: RunRecord) -> RunRecord:
        """Merge these tables and add the run; see `Warehouse.publish`. Waits for other publishers.

        Returns:
            The run with the number of rows of each table; the last published run when it has the same inputs and rows.
        """
        with self._warehouse_errors(), self._connect() as connection:
            target = Tables(connection, self.url)
            target.lock()
            last = target.last_run()
            changed, rows = int(target.prepare(RUNS, COLUMNS)), {}
            for name, table in tables.items():
                logger.info("publishing %s", name)
                with read_rows(table) as incoming:
                    changed += target.prepare(name, incoming.columns)
                    rows[name] = target.stage(name, incoming)
                    changed += target.merge(name, incoming.columns, _replacement_key(name, run, last))
            if last is not None and not changed and last.inputs() == run.inputs():
                return last
            published = replace(run, rows=rows)
            target.add_run(published)
        return published

    @contextmanager
    def reading(self) -> Iterator[PostgresReader]:
        """Open a reader of the current tables; see `Warehouse.reading`. All its queries see one snapshot."""
        with self._read_connection() as connection:
            with self._warehouse_errors():
                last = Tables(connection, self.url).last_run()
            if last is None:
                raise NothingPublished(warehouse=self.url)
            yield PostgresReader(connection, last, self._warehouse_errors)

    @contextmanager
    def _read_connection(self) -> Iterator[Connection[Any]]:
        """Open a read-only connection whose statements all see one snapshot."""
        with ExitStack() as stack:
            with self._warehouse_errors():
                connection = self._pooled_connection(stack)
                if connection is None:
                    connection = stack.enter_context(closing(self._connect()))
                    _make_read_only(connection)
            yield connection

    def _pooled_connection(self, stack: ExitStack) -> Connection[Any] | None:
        """A connection of the pool; None without a pool, and after a time-out, whose cause only a new connection reports."""
        if self._pool is None:
            return None
        from psycopg_pool import PoolTimeout

        self._pool.open()
        try:
            return stack.enter_context(self._pool.connection())
        except PoolTimeout:
            return None

    def _new_pool(self) -> ConnectionPool[Connection[Any]]:
        from psycopg_pool import ConnectionPool

        return ConnectionPool(
            kwargs=self._parameters,
            min_size=0,
            max_size=_POOL_SIZE,
            open=False,
            timeout=_POOL_TIMEOUT,
            configure=_make_read_only,
            check=ConnectionPool.check_connection,
        )

    def _warehouse_errors(self) -> AbstractContextManager[None]:
        return warehouse_errors(self.url, _secrets(self._parameters))

    def _connect(self) -> Connection[Any]:
        import psycopg

        connection = psycopg.connect(**self._parameters)  # type: ignore[arg-type]
        # A publisher that waited for another one must see its rows, whatever the server's default isolation level is.
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        return connection


class PostgresReader:
    """A reader of one snapshot of the published tables."""

    def __init__(
        self,
        connection: Connection[Any],
        last: RunRecord,
        errors: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._connection = connection
        self._last = last
        self._errors = errors

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Return the rows of a query; see `Reader.rows`. Values of type numeric are returned as floats."""
        from psycopg.rows import dict_row

        with self._errors(), self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(_with_placeholders(sql, values), values or None).fetchall()

    def batches(self, sql: str, *values: object) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of a query in lists; see `Reader.batches`."""
        from psycopg.rows import dict_row

        # With a named cursor the rows that were not fetched yet stay on the server.
        with self._errors(), self._connection.cursor("batches", row_factory=dict_row) as cursor:
            cursor.execute(_with_placeholders(sql, values), values or None)
            while rows := cursor.fetchmany(_BATCH_ROWS):
                yield rows

    def last_run(self) -> RunRecord:
        """Return the run that published the current tables."""
        return self._last


def _make_read_only(connection: Connection[Any]) -> None:
    """Make a connection read-only, with one snapshot for all its statements."""
    from psycopg import IsolationLevel
    from psycopg.types.numeric import FloatLoader

    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.adapters.register_loader("numeric", FloatLoader)


def _with_placeholders(sql: str, values: Sequence[object]) -> bytes:
    return (_QUOTED_OR_PLACEHOLDER.sub(_placeholder, sql) if values else sql).encode()


def _placeholder(match: re.Match[str]) -> str:
    """The driver's placeholder for `?`; a `%` is doubled, also in quoted text."""
    return "%s" if match[0] == "?" else match[0].replace("%", "%%")


def _replacement_key(name: str, run: RunRecord, last: RunRecord | None) -> Sequence[str]:
    key = REPLACEMENT_KEYS.get(name, ())
    other_dataset = last is not None and last.dataset != run.dataset
    return () if other_dataset and "dataset" not in key else key


def _parameters(url: str) -> dict[str, str]:
    """The parameters of the URL, with our defaults.

    A message about an invalid URL omits the driver's reason, which can contain a part of the password.
    """
    unreadable = WarehouseError(
        warehouse="postgresql://…",
        problem="the URL cannot be read",
        fix="Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %40 for @, %2F for / and so on in the password.",
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
        raise unreadable from None
    # A password that was not percent-encoded leaves one of these signs.
    if any("@" in parameters.get(name, "") for name in ("host", "dbname")) or re.search(
        r"[^\d,]", parameters.get("port", "")
    ):
        raise unreadable
    return _DEFAULT_PARAMETERS | parameters | _FIXED_PARAMETERS


def _secrets(parameters: Mapping[str, str]) -> list[str]:
    """The values that no message may show, plain and percent-encoded, longest first."""
    values = [parameters.get(name, "") for name in ("password", "sslpassword", "oauth_client_secret")]
    return sorted(
        {form for value in values for form in (value, quote(value, safe=""))}, key=len, reverse=True
    )


def _public_url(parameters: Mapping[str, str]) -> str:
    host, port = parameters.get("host", ""), parameters.get("port", "")
    return f"postgresql://{host}{':' if port else ''}{port}/{parameters.get('dbname', '')}"
