"""The tables in a PostgreSQL database, merged in one transaction that takes row locks only.

The rows of a publish are copied into temporary tables and merged from there: inserted, updated where they differ,
deleted where they are gone. So readers are never blocked, those in `REPEATABLE READ` keep their window, and views,
grants and comments of the user's stay, because the tables stay. Publishers queue on an advisory lock. Publishing once
more what is published already writes nothing. The tables lie in the first schema of the connection's search path.

Fails with `WarehouseError` when the server does not answer or refuses, when a right is missing, when something of the
user's own has one of our names, and when the tables were written by a newer version; all is then as it was before.
"""

from __future__ import annotations

import hashlib
import logging
import re
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wiki_trends.errors import NothingPublished, WarehouseError
from wiki_trends.warehouse.arrow import opened
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
# Connections that a process which reads all day holds at most, and how long it waits for one of them.
_POOLED, _POOL_SECONDS = 4, 10.0
_ROWS_AT_ONCE = 10_000
_MARKS = re.compile(r"'[^']*'|\"[^\"]*\"|\?|%")


class PostgreSQL:
    """A warehouse in a PostgreSQL database.

    Args:
        url: as libpq takes it.
        pooled: whether readers use their connections one after the other, for a process that reads all day.
    """

    def __init__(self, url: str, *, pooled: bool = False) -> None:
        self._parameters = _parameters(url)
        self.url = _shown(self._parameters)
        self._pool = self._new_pool() if pooled else None

    def mark(self) -> str:
        """What is another after every publish; see `Warehouse.mark`."""
        with self.reading() as reader:
            return hashlib.sha256(repr(reader.last_run()).encode()).hexdigest()

    def publish(self, tables: Mapping[str, ArrowStream], run: RunRecord) -> RunRecord:
        """Merge these tables and add the run; see `Warehouse.publish`. Waits for other publishers.

        Returns:
            The run with the rows of each table; the one published last when nothing differs from it.
        """
        with self._explained(), self._connected() as connection:
            held = Tables(connection, self.url)
            held.lock()
            last = held.last_run()
            changed, rows = int(held.prepare(RUNS, COLUMNS)), {}
            for name, table in tables.items():
                logger.info("publishing %s", name)
                with opened(table) as incoming:
                    changed += held.prepare(name, incoming.columns)
                    rows[name] = held.stage(name, incoming)
                    changed += held.merge(name, incoming.columns, _kept_by(name, run, last))
            if last is not None and not changed and last.made_of() == run.made_of():
                return last
            done = replace(run, rows=rows)
            held.add_run(done)
        return done

    @contextmanager
    def reading(self) -> Iterator[PostgresReader]:
        """A reader of what is published now; see `Warehouse.reading`. All that it reads is of one moment."""
        with self._connected_to_read() as connection:
            with self._explained():
                last = Tables(connection, self.url).last_run()
            if last is None:
                raise NothingPublished(warehouse=self.url)
            yield PostgresReader(connection, last, self._explained)

    @contextmanager
    def _connected_to_read(self) -> Iterator[Connection[Any]]:
        """A connection in which every statement sees the same moment and none can write."""
        with ExitStack() as stack:
            with self._explained():
                connection = self._from_pool(stack)
                if connection is None:
                    connection = stack.enter_context(closing(self._connected()))
                    _for_reading(connection)
            yield connection

    def _from_pool(self, stack: ExitStack) -> Connection[Any] | None:
        """A connection of the pool; None without one, and when it has none to give: it does not say why, a new one does."""
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
        return explained(self.url, self._parameters.get("password", ""))

    def _connected(self) -> Connection[Any]:
        import psycopg

        connection = psycopg.connect(**self._parameters)  # type: ignore[arg-type]
        # Whatever the server's default is: after waiting for another publisher, what it wrote has to be seen.
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        return connection


class PostgresReader:
    """What was published at one moment, for as long as it is open."""

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
            return cursor.execute(_marked(sql, values), values or None).fetchall()

    def pieces(self, sql: str, *values: object) -> Iterator[list[dict[str, Any]]]:
        """The same, some at a time; see `Reader.pieces`."""
        from psycopg.rows import dict_row

        # A cursor with a name is the server's, which keeps the rows that were not asked for yet.
        with self._explaining(), self._connection.cursor("pieces", row_factory=dict_row) as cursor:
            cursor.execute(_marked(sql, values), values or None)
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                yield rows

    def last_run(self) -> RunRecord:
        """The window that the tables hold."""
        return self._last


def _for_reading(connection: Connection[Any]) -> None:
    """Let a connection see one moment in all its statements, and write nothing."""
    from psycopg import IsolationLevel
    from psycopg.types.numeric import FloatLoader

    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.adapters.register_loader("numeric", FloatLoader)


def _marked(sql: str, values: Sequence[object]) -> bytes:
    return (_MARKS.sub(_mark, sql) if values else sql).encode()


def _mark(found: re.Match[str]) -> str:
    """The driver's mark for a value; its own sign is doubled, also where it is quoted."""
    return "%s" if found[0] == "?" else found[0].replace("%", "%%")


def _kept_by(name: str, run: RunRecord, last: RunRecord | None) -> Sequence[str]:
    kept = KEPT_BY.get(name, ())
    other = last is not None and last.dataset != run.dataset
    return () if other and "dataset" not in kept else kept


def _parameters(url: str) -> dict[str, str]:
    """What the URL says, with our defaults.

    The reason of a refusal is not shown, because it can hold a part of the password.
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
        found = {name: str(value) for name, value in conninfo_to_dict(url).items()}
    except ProgrammingError:
        raise unreadable from None
    # What is left of a password that was not encoded.
    if any("@" in found.get(name, "") for name in ("host", "dbname")) or re.search(
        r"[^\d,]", found.get("port", "")
    ):
        raise unreadable
    return _DEFAULTS | found


def _shown(parameters: Mapping[str, str]) -> str:
    host, port = parameters.get("host", ""), parameters.get("port", "")
    return f"postgresql://{host}{':' if port else ''}{port}/{parameters.get('dbname', '')}"
