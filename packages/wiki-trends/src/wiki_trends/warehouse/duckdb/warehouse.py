"""Publish the tables to one DuckDB file: each publish renames a new file over the old file.

While a process has a DuckDB file open for writing, no other process can open it. So a publisher copies the file, changes
and syncs the copy, and renames the copy over the old file. Readers open the file read-only, and never wait for a publisher.
The copy includes the tables and views of the user. When a publisher is killed, the old file and the copy stay, and the next
publisher removes the copy. Publishers wait for each other on a lock file, whose lock ends with the process.

A publish raises `WarehouseError` and leaves the old file unchanged when:

- the file is not a DuckDB database
- another process has the file open for writing
- a newer version wrote the file
- wiki-trends did not create an existing table or view with the name of a published table
- the file system reports an error
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wiki_trends.errors import NothingPublished, WarehouseError
from wiki_trends.warehouse import comments, runs_table
from wiki_trends.warehouse.base import REPLACEMENT_KEYS, RUNS, SCHEMA_VERSION
from wiki_trends.warehouse.duckdb.failures import warehouse_errors
from wiki_trends.warehouse.duckdb.rows import connect, insert_rows, prepare_table, table_types, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from wiki_trends.warehouse.base import ArrowStream, RunRecord

_BATCH_ROWS = 1000


class DuckDBFile:
    """A warehouse in one DuckDB file.

    Args:
        path: the path of the file.
        threads: the number of threads of each reader; by default, as many as DuckDB chooses.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        self.url = f"duckdb:///{path}"
        self._threads = threads
        # A publish through a symbolic link replaces the file that the link points to.
        self.path = path.resolve()

    def version(self) -> str:
        """Return a token that changes with every publish; see `Warehouse.version`."""
        with warehouse_errors(self.url):
            self._refuse_irregular()
            try:
                return "-".join(map(str, _file_identity(self.path)))
            except FileNotFoundError:
                raise NothingPublished(warehouse=self.url) from None

    def publish(
        self, tables: Mapping[str, ArrowStream], run: RunRecord, *, keep_newer: bool = False
    ) -> RunRecord:
        """Replace the tables and add the run, after other publishers have finished; see `Warehouse.publish`."""
        new = self._path_beside(f".{os.getpid()}.publishing")
        with warehouse_errors(self.url), self._lock():
            self._refuse_irregular()
            self._remove_leftovers()
            try:
                with self._writers_excluded() as exists:
                    if exists:
                        self._copy(new)
                    published = self._write(new, tables, run, keep_newer=keep_newer)
                    _sync_path(new)
                    new.replace(self.path)
                    _sync_path(self.path.parent)
            finally:
                self._remove_leftovers()
        return published

    @contextmanager
    def reading(self) -> Iterator[DuckDBReader]:
        """Open a reader of the current tables; see `Warehouse.reading`."""
        with warehouse_errors(self.url):
            self._refuse_irregular()
            if not self.path.exists():
                raise NothingPublished(warehouse=self.url)
            connection = self._connect_consistently()
        with connection:
            with warehouse_errors(self.url):
                if RUNS not in table_types(connection):
                    raise NothingPublished(warehouse=self.url)
                self._refuse_newer_version(connection)
                last_run = runs_table.last_run(connection, self.url)
                if last_run is None:
                    raise NothingPublished(warehouse=self.url)
                if self._threads is not None:
                    connection.execute(f"SET threads = {self._threads}")
            yield DuckDBReader(self.url, connection, last_run)

    def close(self) -> None:
        """Do nothing: each reader closes its own connection."""

    def _connect_consistently(self) -> DuckDBPyConnection:
        """Open a connection that reads its headers and its blocks from the same file.

        DuckDB opens the path once for the headers and again for the blocks. A publish between the two would combine the
        headers of the old file with the blocks of the new file. So this method connects again until no publish has replaced the
        file meanwhile.
        """
        import duckdb

        while True:
            identity = _file_identity(self.path)
            try:
                connection = connect(self.path, read_only=True)
            except duckdb.Error:
                if _file_identity(self.path) == identity:
                    raise
                continue
            if _file_identity(self.path) == identity:
                return connection
            connection.close()

    def _write(
        self, new: Path, tables: Mapping[str, ArrowStream], run: RunRecord, *, keep_newer: bool
    ) -> RunRecord:
        with connect(new) as connection, transaction(connection):
            self._refuse_taken_names(connection, tables)
            if keep_newer and RUNS in table_types(connection):
                last_run = runs_table.last_run(connection, self.url)
                runs_table.refuse_older(run.dataset, run.window_end, last_run, self.url)
            replacement_keys = _replacement_keys(connection, run)
            number = runs_table.next_number(connection)
            for name, table in tables.items():
                prepare_table(connection, name, table, replacement_keys.get(name, ()), run)
        # The file must be closed here, because a query writes its rows through its own connection.
        row_counts = insert_rows(new, tables, number)
        with connect(new) as connection:
            published = replace(run, rows=row_counts)
            with transaction(connection):
                runs_table.add_run(connection, published, number)
                _add_comments(connection)
            connection.execute("CHECKPOINT")
        return published

    def _refuse_taken_names(self, connection: DuckDBPyConnection, tables: Mapping[str, ArrowStream]) -> None:
        """Refuse to publish when a table or view of the user has the name of one of these tables, or of the table of runs."""
        types, own_names = table_types(connection), set[str]()
        if types.get(RUNS) == "BASE TABLE":
            self._refuse_newer_version(connection)
            # A table that a run published belongs to wiki-trends.
            own_names = {RUNS, *runs_table.published_tables(connection, self.url)}
        for name in (RUNS, *tables):
            if types.get(name) == "VIEW" or (name in types and name not in own_names):
                raise self._name_taken_error(name)

    def _refuse_newer_version(self, connection: DuckDBPyConnection) -> None:
        schema_version = runs_table.newest_schema_version(connection)
        if schema_version is None:
            raise self._name_taken_error(RUNS)
        if schema_version > SCHEMA_VERSION:
            raise WarehouseError(
                warehouse=self.url,
                problem=f"it was published by a newer version (schema {schema_version}, this one knows {SCHEMA_VERSION})",
                fix="Update wiki-trends, or use another file.",
            )

    def _name_taken_error(self, name: str) -> WarehouseError:
        return WarehouseError(
            warehouse=self.url,
            problem=f"{name} is there already, and it was not published by wiki-trends",
            fix=f"Rename your own {name}, or use another file.",
        )

    @contextmanager
    def _writers_excluded(self) -> Iterator[bool]:
        """Keep other writers out within this context; yield whether the file exists.

        These writers are programs that do not use the lock of the publishers. While the file is open read-only, DuckDB refuses them.
        """
        if not self.path.exists():
            yield False
            return
        if self.path.with_name(f"{self.path.name}.wal").exists():
            # A process that was killed left changes in the write-ahead log. Apply them before the file is copied.
            with connect(self.path) as connection:
                connection.execute("CHECKPOINT")
        with connect(self.path, read_only=True):
            yield True

    def _refuse_irregular(self) -> None:
        """Refuse a folder, a FIFO or a device before DuckDB opens it, because opening a FIFO would never end."""
        if not self.path.exists() or self.path.is_file():
            return
        problem = "it is a folder" if self.path.is_dir() else "it is not a regular file"
        raise WarehouseError(
            warehouse=self.url,
            problem=problem,
            fix="Name a file, for example duckdb:///data/warehouse.duckdb.",
        )

    def _copy(self, new: Path) -> None:
        """Copy the file and its mode; when the user is root, also its owner, so that the owner can still read the file."""
        shutil.copy(self.path, new)
        if os.geteuid() == 0:
            status = self.path.stat()
            os.chown(new, status.st_uid, status.st_gid)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Wait for other publishers, then lock them out within this context."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._path_beside(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _path_beside(self, ending: str) -> Path:
        """Return the path of a hidden file in the same folder, whose name is the file's name with this ending."""
        return self.path.with_name(f".{self.path.name}{ending}")

    def _remove_leftovers(self) -> None:
        """Remove the copies that publishers left beside the file."""
        # The caller holds the lock, so each of these files belongs to this publisher or to one that was killed.
        copy_name = re.compile(rf"\.{re.escape(self.path.name)}\.\d+\.publishing(\.wal)?")
        for path in self.path.parent.iterdir():
            if copy_name.fullmatch(path.name):
                path.unlink()


class DuckDBReader:
    """A reader of one published file: a later publish does not change what it reads."""

    def __init__(self, url: str, connection: DuckDBPyConnection, last_run: RunRecord) -> None:
        self._url = url
        self._connection = connection
        self._last_run = last_run

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Return the rows of a query; see `Reader.rows`."""
        return [row for batch in self.batches(sql, *values) for row in batch]

    def batches(self, sql: str, *values: object) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of a query in batches; see `Reader.batches`. Other threads can run between two batches."""
        with warehouse_errors(self._url):
            cursor = self._connection.execute(sql, list(values))
            names = [column[0] for column in cursor.description or []]
        while True:
            with warehouse_errors(self._url):
                rows = cursor.fetchmany(_BATCH_ROWS)
            if not rows:
                return
            yield [dict(zip(names, row, strict=True)) for row in rows]

    def last_run(self) -> RunRecord:
        """Return the run that published the current tables."""
        return self._last_run


def _replacement_keys(connection: DuckDBPyConnection, run: RunRecord) -> Mapping[str, tuple[str, ...]]:
    """Return the replacement key of each table that keeps rows of earlier windows in this publish.

    When the last run published another dataset, only tables whose replacement key contains `dataset` keep rows.
    """
    last_dataset = runs_table.last_dataset(connection) if RUNS in table_types(connection) else None
    return {
        name: key for name, key in REPLACEMENT_KEYS.items() if last_dataset == run.dataset or "dataset" in key
    }


def _add_comments(connection: DuckDBPyConnection) -> None:
    """Add comments to the published tables and columns without one, and keep the comments of the user."""
    tables = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main' AND comment IS NULL"
    ).fetchall()
    columns = connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'main' AND comment IS NULL"
    ).fetchall()
    statements = [
        comments.comment_statement(f'TABLE "{name}"', comments.TABLES[name])
        for (name,) in tables
        if name in comments.TABLES
    ]
    statements += [
        comments.comment_statement(f'COLUMN "{table}"."{column}"', comments.COLUMNS[table][column])
        for table, column in columns
        if column in comments.COLUMNS.get(table, ())
    ]
    if statements:
        connection.execute(";".join(statements))


def _file_identity(path: Path) -> tuple[int, ...]:
    """Return a key that differs between a file and its replacement, even when both have the same inode number."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _sync_path(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
