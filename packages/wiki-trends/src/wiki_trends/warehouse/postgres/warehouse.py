"""The tables in a PostgreSQL database, merged in one transaction that takes row locks only.

The rows of a publish are copied into temporary tables and merged from there: inserted, updated where they differ,
deleted where they are gone. So readers are never blocked, readers in `REPEATABLE READ` keep their window, and views,
grants and comments of users stay because the tables stay. Publishers queue on an advisory lock. Publishing the same
window again writes nothing. The tables lie in the first schema of the connection's search path.

Fails with `WarehouseError` when the server does not answer or refuses, when a right is missing, when a table of the
user's own has one of our names, when a newer version wrote the tables, and when the database's encoding is not UTF-8.
Nothing is changed then.
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
from wiki_trends.warehouse.base import KEPT_BY, RUNS
from wiki_trends.warehouse.postgres.failures import explained
from wiki_trends.warehouse.postgres.tables import Tables
from wiki_trends.warehouse.runs_table import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from psycopg import Connection
    from psycopg_pool import ConnectionPool

    from wiki_trends.warehouse.base import ArrowStream, RunRecord

logger = logging.getLogger(__name__)

_DEFAULTS = {"connect_timeout": "10", "fallback_application_name": "wiki-trends"}
# Titles of any language are sent and read, whatever PGCLIENTENCODING or the URL says.
_ALWAYS = {"client_encoding": "UTF8"}
# The most connections of a server that reads for as long as it runs, and how long a read waits for one of them.
_POOLED, _POOL_SECONDS = 4, 10.0
_ROWS_AT_ONCE = 10_000
_TO_ESCAPE = re.compile(r"'[^']*'|\"[^\"]*\"|\?|%")


class PostgreSQL:
    """A warehouse in a PostgreSQL database.

    Args:
        url: a connection URL of libpq.
        pooled: whether readers share a pool of connections, for a server that reads for as long as it runs.
    """

    def __init__(self, url: str, *, pooled: bool = False) -> None:
        self._parameters = _parameters(url)
        self.url = _shown(self._parameters)
        self._pool = self._new_pool() if pooled else None

    def version(self) -> str:
        """A token that changes with every publish; see `Warehouse.version`."""
        with self.reading() as reader:
            return hashlib.sha256(repr(reader.last_run()).encode()).hexdigest()

    def publish(self, tables: Mapping[str, ArrowStream], run: RunRecord) -> RunRecord:
        """Merge these tables and add the run; see `Warehouse.publish`. Waits for other publishers.

        Returns:
            The run with the rows of each table; the last published run when nothing differs from it.
        """
        with self._explained(), self._connected() as connection:
            target = Tables(connection, self.url)
            target.lock()
            last = target.last_run()
            changed, rows = int(target.prepare(RUNS, COLUMNS)), {}
            for name, table in tables.items():
                logger.info("publishing %s", name)
                with read_rows(table) as incoming:
                    changed += target.prepare(name, incoming.columns)
                    rows[name] = target.stage(name, incoming)
                    changed += target.merge(name, incoming.columns, _kept_by(name, run, last))
            if last is not None and not changed and last.inputs() == run.inputs():
                return last
            done = replace(run, rows=rows)
            target.add_run(done)
        return done

    @contextmanager
    def reading(self) -> Iterator[PostgresReader]:
        """A reader of what is published now; see `Warehouse.reading`. Everything it reads is of one moment."""
        with self._connected_to_read() as connection:
            with self._explained():
                last = Tables(connection, self.url).last_run()
            if last is None:
                raise NothingPublished(warehouse=self.url)
            yield PostgresReader(connection, last, self._explained)

    @contextmanager
    def _connected_to_read(self) -> Iterator[Connection[Any]]:
        """A read-only connection in which every statement sees the same moment."""
        with ExitStack() as stack:
            with self._explained():
                connection = self._from_pool(stack)
                if connection is None:
                    connection = stack.enter_context(closing(self._connected()))
                    _for_reading(connection)
            yield connection

    def _from_pool(self, stack: ExitStack) -> Connection[Any] | None:
        """A connection of the pool; None without a pool or after a time-out, whose cause only a new connection reports."""
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
            max_size=_POOLED,
            open=False,
            timeout=_POOL_SECONDS,
            configure=_for_reading,
            check=ConnectionPool.check_connection,
        )

    def _explained(self) -> AbstractContextManager[None]:
        return explained(self.url, _secrets(self._parameters))

    def _connected(self) -> Connection[Any]:
        import psycopg

        connection = psycopg.connect(**self._parameters)  # type: ignore[arg-type]
        # Whatever the server's default is: a publisher that waited for another one must see what it wrote.
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        return connection


class PostgresReader:
    """A reader of what was published at one moment."""

    def __init__(
        self,
        connection: Connection[Any],
        last: RunRecord,
        explaining: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._connection = connection
        self._last = last
        self._explaining = explaining

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """The rows of a query; see `Reader.rows`. Numbers of any precision come as floats."""
        from psycopg.rows import dict_row

        with self._explaining(), self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(_with_placeholders(sql, values), values or None).fetchall()

    def pieces(self, sql: str, *values: object) -> Iterator[list[dict[str, Any]]]:
        """The same, some at a time; see `Reader.pieces`."""
        from psycopg.rows import dict_row

        # A named cursor stays on the server, which keeps the rows that were not fetched yet.
        with self._explaining(), self._connection.cursor("pieces", row_factory=dict_row) as cursor:
            cursor.execute(_with_placeholders(sql, values), values or None)
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                yield rows

    def last_run(self) -> RunRecord:
        """The window that the tables hold."""
        return self._last


def _for_reading(connection: Connection[Any]) -> None:
    """Make a connection read-only, and let all its statements see one moment."""
    from psycopg import IsolationLevel
    from psycopg.types.numeric import FloatLoader

    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.adapters.register_loader("numeric", FloatLoader)


def _with_placeholders(sql: str, values: Sequence[object]) -> bytes:
    return (_TO_ESCAPE.sub(_placeholder, sql) if values else sql).encode()


def _placeholder(match: re.Match[str]) -> str:
    """The driver's placeholder for `?`; a `%` is doubled, also in quoted text."""
    return "%s" if match[0] == "?" else match[0].replace("%", "%%")


def _kept_by(name: str, run: RunRecord, last: RunRecord | None) -> Sequence[str]:
    columns = KEPT_BY.get(name, ())
    other = last is not None and last.dataset != run.dataset
    return () if other and "dataset" not in columns else columns


def _parameters(url: str) -> dict[str, str]:
    """The parameters of the URL, with our defaults.

    The driver's reason for a refusal is not shown, because it can contain a part of the password.
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
    # A remainder of a password that was not percent-encoded.
    if any("@" in parameters.get(name, "") for name in ("host", "dbname")) or re.search(
        r"[^\d,]", parameters.get("port", "")
    ):
        raise unreadable
    return _DEFAULTS | parameters | _ALWAYS


def _secrets(parameters: Mapping[str, str]) -> list[str]:
    """The parameters that no message may show, also as they stand in a URL, longest first."""
    values = [parameters.get(name, "") for name in ("password", "sslpassword", "oauth_client_secret")]
    return sorted(
        {form for value in values for form in (value, quote(value, safe=""))}, key=len, reverse=True
    )


def _shown(parameters: Mapping[str, str]) -> str:
    host, port = parameters.get("host", ""), parameters.get("port", "")
    return f"postgresql://{host}{':' if port else ''}{port}/{parameters.get('dbname', '')}"
