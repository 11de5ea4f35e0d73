"""The tables in one DuckDB file, published by renaming a new file over the old one.

While a process has a DuckDB file open for writing, no other process can open it. So a publisher copies the file, changes
the copy, closes and syncs it, and renames it over the old file. Readers open the file read-only and are not disturbed. A
publisher that is killed leaves the old file and a copy, which the next publisher removes. Publishers queue on a lock file
whose lock ends with the process. The user's own tables and views are copied along.

Fails with `WarehouseError` when the file is not a DuckDB database, another process has it open for writing, a newer
version wrote it, a user's own table or view has one of our names, or the folder or the disk refuses. The old file stays.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wiki_trends.errors import NothingPublished, WarehouseError
from wiki_trends.warehouse import runs_table
from wiki_trends.warehouse.arrow import CONFIG, registered
from wiki_trends.warehouse.base import KEPT_BY, RUNS, SCHEMA_VERSION
from wiki_trends.warehouse.duckdb.failures import explained

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from wiki_trends.warehouse.base import ArrowStream, RunRecord

logger = logging.getLogger(__name__)

_ROWS_AT_ONCE = 1000


class DuckDBFile:
    """A warehouse in one DuckDB file.

    Args:
        path: the file.
        threads: number of threads of a reader; default all.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        self.url = f"duckdb:///{path}"
        self._threads = threads
        # A symbolic link stays a link: the file that it points to is replaced.
        self.path = path.resolve()

    def version(self) -> str:
        """A token that changes with every publish; see `Warehouse.version`."""
        with explained(self.url):
            self._refuse_irregular()
            try:
                return "-".join(map(str, _identity(self.path)))
            except FileNotFoundError:
                raise NothingPublished(warehouse=self.url) from None

    def publish(self, tables: Mapping[str, ArrowStream], run: RunRecord) -> RunRecord:
        """Replace the tables by these and add the run; see `Warehouse.publish`. Waits for other publishers."""
        new = self._beside(f".{os.getpid()}.publishing")
        with explained(self.url), self._lock():
            self._refuse_irregular()
            self._remove_leftovers()
            try:
                with self._unchanged() as exists:
                    if exists:
                        self._copy(new)
                    done = self._write(new, tables, run)
                    _sync(new)
                    new.replace(self.path)
                    _sync(self.path.parent)
            finally:
                self._remove_leftovers()
        return done

    @contextmanager
    def reading(self) -> Iterator[DuckDBReader]:
        """A reader of what is published now; see `Warehouse.reading`."""
        with explained(self.url):
            self._refuse_irregular()
            if not self.path.exists():
                raise NothingPublished(warehouse=self.url)
            connection = self._connected_to_one_file()
        with connection:
            with explained(self.url):
                if RUNS not in _kinds(connection):
                    raise NothingPublished(warehouse=self.url)
                self._refuse_newer(connection)
                last = runs_table.last(connection, self.url)
                if last is None:
                    raise NothingPublished(warehouse=self.url)
                if self._threads is not None:
                    connection.execute(f"SET threads = {self._threads}")
            yield DuckDBReader(self.url, connection, last)

    def _connected_to_one_file(self) -> DuckDBPyConnection:
        """A connection whose handles all refer to the same file.

        DuckDB opens the path several times: for the headers, then for the blocks. When a publish comes in between, the
        headers are of the old file and the blocks of the new one. So connect again until no publish came in between.
        """
        import duckdb

        while True:
            before = _identity(self.path)
            try:
                connection = _connect(self.path, read_only=True)
            except duckdb.Error:
                if _identity(self.path) == before:
                    raise
                continue
            if _identity(self.path) == before:
                return connection
            connection.close()

    def _write(self, new: Path, tables: Mapping[str, ArrowStream], run: RunRecord) -> RunRecord:
        with _connect(new) as connection:
            self._refuse_foreign(connection, tables)
            scopes = _partly_replaced(connection, run)
            rows = {
                name: _replace_table(connection, name, table, scopes.get(name, ()))
                for name, table in tables.items()
            }
            done = replace(run, rows=rows)
            runs_table.append(connection, done)
            connection.execute("CHECKPOINT")
        return done

    def _refuse_foreign(self, connection: DuckDBPyConnection, names: Mapping[str, ArrowStream]) -> None:
        """Refuse to publish when a table or view that is not ours has one of our names."""
        kinds, ours = _kinds(connection), set[str]()
        if kinds.get(RUNS) == "BASE TABLE":
            self._refuse_newer(connection)
            ours = {RUNS, *runs_table.published_tables(connection, self.url)}
        for name in (RUNS, *names):
            if kinds.get(name) == "VIEW" or (name in kinds and name not in ours):
                raise self._foreign(name)

    def _refuse_newer(self, connection: DuckDBPyConnection) -> None:
        newest = runs_table.newest_schema(connection)
        if newest is None:
            raise self._foreign(RUNS)
        if newest > SCHEMA_VERSION:
            raise WarehouseError(
                warehouse=self.url,
                problem=f"it was published by a newer version (schema {newest}, this one knows {SCHEMA_VERSION})",
                fix="Update wiki-trends, or use another file.",
            )

    def _foreign(self, name: str) -> WarehouseError:
        return WarehouseError(
            warehouse=self.url,
            problem=f"{name} is there already, and it was not published by wiki-trends",
            fix=f"Rename your own {name}, or use another file.",
        )

    @contextmanager
    def _unchanged(self) -> Iterator[bool]:
        """Keep other writers out while the file is copied and replaced; yields whether the file exists."""
        if not self.path.exists():
            yield False
            return
        if self.path.with_name(f"{self.path.name}.wal").exists():
            # A process that died while writing left changes in the log beside the file: apply them before the copy.
            with _connect(self.path) as connection:
                connection.execute("CHECKPOINT")
        with _connect(self.path, read_only=True):
            yield True

    def _refuse_irregular(self) -> None:
        """Refuse a folder, a FIFO or a device before DuckDB opens it: opening a FIFO waits for ever."""
        if not self.path.exists() or self.path.is_file():
            return
        problem = "it is a folder" if self.path.is_dir() else "it is not a regular file"
        raise WarehouseError(
            warehouse=self.url,
            problem=problem,
            fix="Name a file, for example duckdb:///data/warehouse.duckdb.",
        )

    def _copy(self, new: Path) -> None:
        """Copy the file with its mode and, as root, its owner."""
        shutil.copy(self.path, new)
        if os.geteuid() == 0:
            status = self.path.stat()
            os.chown(new, status.st_uid, status.st_gid)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._beside(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _beside(self, ending: str) -> Path:
        return self.path.with_name(f".{self.path.name}{ending}")

    def _remove_leftovers(self) -> None:
        # Call it only under the lock: then every such file is our own or of a publisher that died.
        ours = re.compile(rf"\.{re.escape(self.path.name)}\.\d+\.publishing(\.wal)?")
        for path in self.path.parent.iterdir():
            if ours.fullmatch(path.name):
                path.unlink()


class DuckDBReader:
    """A reader of one published state of the file."""

    def __init__(self, url: str, connection: DuckDBPyConnection, last: RunRecord) -> None:
        self._url = url
        self._connection = connection
        self._last = last

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """The rows of a query; see `Reader.rows`."""
        return [row for piece in self.pieces(sql, *values) for row in piece]

    def pieces(self, sql: str, *values: object) -> Iterator[list[dict[str, Any]]]:
        """The same, some at a time; see `Reader.pieces`. Other threads can run in between."""
        with explained(self._url):
            cursor = self._connection.execute(sql, list(values))
            names = [column[0] for column in cursor.description or []]
        while True:
            with explained(self._url):
                rows = cursor.fetchmany(_ROWS_AT_ONCE)
            if not rows:
                return
            yield [dict(zip(names, row, strict=True)) for row in rows]

    def last_run(self) -> RunRecord:
        """The window that the tables hold."""
        return self._last


def _partly_replaced(connection: DuckDBPyConnection, run: RunRecord) -> Mapping[str, tuple[str, ...]]:
    """The tables of which this publish replaces only some rows, with the columns that select them."""
    last = runs_table.last_dataset(connection) if RUNS in _kinds(connection) else None
    return {name: scope for name, scope in KEPT_BY.items() if last == run.dataset or "dataset" in scope}


def _replace_table(
    connection: DuckDBPyConnection, name: str, table: ArrowStream, scope: tuple[str, ...]
) -> int:
    """Replace the old rows, or those that agree in `scope`, by these; return the number of new rows.

    Where the columns are the same the table itself stays, with its comments. A table with a scope gets missing columns.
    """
    logger.info("publishing %s", name)
    with registered(connection, "incoming", table):
        new_columns = _columns(connection, "incoming")
        old_columns = _columns(connection, name) if name in _kinds(connection) else []
        if old_columns and scope:
            for column, kind in new_columns:
                connection.execute(f'ALTER TABLE {name} ADD COLUMN IF NOT EXISTS "{column}" {kind}')
            columns = f"({', '.join(scope)})"
            connection.execute(f"DELETE FROM {name} WHERE {columns} IN (SELECT {columns} FROM incoming)")  # noqa: S608
        elif old_columns == new_columns:
            connection.execute(f"TRUNCATE {name}")
        else:
            connection.execute(f"CREATE OR REPLACE TABLE {name} AS FROM incoming LIMIT 0")
        added = connection.execute(f"INSERT INTO {name} BY NAME FROM incoming").fetchall()
    return int(added[0][0])


def _columns(connection: DuckDBPyConnection, name: str) -> list[tuple[str, str]]:
    relation = connection.table(name)
    return list(zip(relation.columns, map(str, relation.types), strict=True))


def _kinds(connection: DuckDBPyConnection) -> dict[str, str]:
    """`BASE TABLE` or `VIEW` of everything in the file's main schema, by name in lower case."""
    sql = "SELECT lower(table_name), table_type FROM information_schema.tables WHERE table_schema = 'main'"
    return dict(connection.execute(sql).fetchall())


def _connect(path: Path, *, read_only: bool = False) -> DuckDBPyConnection:
    import duckdb

    return duckdb.connect(path, read_only=read_only, config=CONFIG)


def _identity(path: Path) -> tuple[int, ...]:
    """Values that differ between a file and the one that was renamed over it, even when its inode number is reused."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
