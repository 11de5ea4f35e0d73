"""Store the history of this machine's runs, and cached results of inspections, in one SQLite file.

The methods raise `RunsError` if the file is damaged or belongs to another program. They never replace or remove such a file.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from smart_orchestrator.errors import RunsError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

# The table `verdicts` has the cached results of inspections. The column `process` is the id of the process that recorded the run.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    dataset TEXT NOT NULL, day TEXT NOT NULL, attempt INTEGER NOT NULL, state TEXT NOT NULL, failure TEXT,
    message TEXT NOT NULL DEFAULT '', process INTEGER NOT NULL, started_at TEXT NOT NULL, ended_at TEXT,
    PRIMARY KEY (dataset, day, attempt)
);
CREATE TABLE IF NOT EXISTS verdicts (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
RUN_COLUMNS = "day, attempt, state, failure, message, started_at, ended_at"
_TABLES = {
    "runs": {"dataset", "process", *RUN_COLUMNS.split(", ")},
    "verdicts": {"key", "value"},
}
# The names of SQLite's errors about a file that cannot be accessed. All other errors of SQLite mean that the content is invalid.
_NO_ACCESS = (
    "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_FULL", "SQLITE_CANTOPEN", "SQLITE_PERM",
    "SQLITE_NOMEM", "SQLITE_PROTOCOL",
)  # fmt: skip
# The time to wait for other processes, which lock the ledger only for milliseconds.
_LOCK_TIMEOUT_SECONDS = 60.0


class Ledger:
    """The runs and the cached results of this machine, in `runs.sqlite` of a folder. Safe for concurrent threads and processes.

    A ledger implements the protocol `Memory` of `adapters.data_inspection`. `option_name` is the name of the option that sets the folder, for errors.
    """

    def __init__(self, folder: Path, option_name: str = "") -> None:
        self._option_name = option_name
        try:
            self.folder = folder.expanduser()
        except RuntimeError as error:
            problem = f"the folder {folder} cannot be used ({error})"
            raise RunsError("local runs", problem, "Name another one.") from None
        self.path = self.folder / "runs.sqlite"
        self._has_schema = False

    def recall(self, key: str) -> str | None:
        """Return the value that is stored under `key`, or None."""
        with self.recalling() as recall:
            return recall(key)

    @contextmanager
    def recalling(self) -> Iterator[Callable[[str], str | None]]:
        """Yield a function like `recall` that reads many values over one connection. Only one thread at a time may call it."""
        import sqlite3

        with self._database() as database:

            def recall(key: str) -> str | None:
                try:
                    row = database.execute("SELECT value FROM verdicts WHERE key = ?", (key,)).fetchone()
                except sqlite3.Error as error:
                    raise self._unusable(error) from error
                return None if row is None else str(row[0])

            yield recall

    def remember(self, key: str, value: str) -> None:
        """Store `value` under `key`."""
        self.remember_many({key: value})

    def remember_many(self, values: Mapping[str, str]) -> None:
        """Store all values under their keys, in one transaction."""
        with self.connection() as database:
            database.executemany("INSERT OR REPLACE INTO verdicts VALUES (?, ?)", values.items())

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Open a connection, and commit the statements of the `with` block as one transaction.

        Raises:
            RunsError: the folder cannot be used, or the file is damaged or belongs to another program.
        """
        with self._database() as database:
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """Open a connection without a transaction; see `connection`."""
        import sqlite3

        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(
                self.path, timeout=_LOCK_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error
        try:
            if not self._has_schema:
                self._refuse_foreign(database)
                database.executescript(_SCHEMA)
                self._has_schema = True
            yield database
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        finally:
            database.close()

    def _refuse_foreign(self, database: sqlite3.Connection) -> None:
        """Reject a database of another program.

        Raises:
            RunsError: the tables of the database are not those of a ledger.
        """
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        own_tables = [name for name in tables if name in _TABLES]
        if tables and not own_tables:
            raise self.damaged(f"it has no table `runs`, but {', '.join(tables[:3])}")
        for name in own_tables:
            columns = {row[1] for row in database.execute(f"PRAGMA table_info({name})")}
            if missing := _TABLES[name] - columns:
                raise self.damaged(f"its table {name} has no column {', '.join(sorted(missing))}")

    def damaged(self, problem: object) -> RunsError:
        """Return the error for content that a ledger cannot have. `problem` describes the content."""
        return RunsError(
            "local runs",
            f"{self.path} is damaged, or another program wrote it ({problem})",
            "Move the file away: a new file is created, without the history of runs and the cached verdicts.",
        )

    def _unusable(self, error: Exception) -> RunsError:
        import sqlite3

        if isinstance(error, sqlite3.Error):
            # The lowest byte of an extended error code is the primary code, which `_NO_ACCESS` lists.
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
            if code not in [getattr(sqlite3, name) for name in _NO_ACCESS] or self.path.is_dir():
                return self.damaged(error)
        return RunsError(
            "local runs",
            f"the folder {self.folder} cannot be used ({error})",
            f"Make it writable, or name another one{f' in {self._option_name}' if self._option_name else ''}.",
        )
