"""Inspect partitions that are groups of rows in a database table, with one grouped query for all keys.

The dataset names the database by an SQLAlchemy URL; PostgreSQL and DuckDB are tested. Messages contain a redacted URL, because the
URL may contain a password. A key is complete if the table has at least `min_rows` rows for the key.

The fingerprint of a key is a digest of the number of its rows and of the largest value of these rows in the change column. Without a
change column, the fingerprint stays the same when rows are replaced by the same number of other rows.

The adapter raises `LakeUnreachable` if the database does not respond, `LakeDenied` if the database refuses access, and `DatasetError` if
the table, the column or the query is invalid. The adapter does not retry a query.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from smart_orchestrator.errors import DatasetError, LakeDenied, LakeUnreachable
from smart_orchestrator.extras import extra
from smart_orchestrator.foreign import one_line
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.partition import Code, Partition, PartitionData, rows_text
from smart_orchestrator.store.variables import is_host

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from smart_orchestrator.adapters.manifest import InspectOptions
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.grain import Key

# The time-out of the query, as a multiple of the dataset's time-out.
QUERY_TIMEOUT_FACTOR = 6
# The drivers that accept the time-outs and the settings of `_connect_arguments`.
_PSYCOPG = ("psycopg", "psycopg2")
# Texts in the errors of databases that refuse access. `_REFUSED_CODES` contains the SQLSTATE codes of such errors.
_REFUSALS = (
    "authentication failed",
    "no password supplied",
    "does not exist",
    "permission denied",
    "pg_hba.conf",
)
_REFUSED_CODES = ("28", "3D000", "42501")
# The driver refuses a parameter of the URL before it connects.
_INVALID_PARAMETER = re.compile(r"invalid (?:port number|connection option|(?:\w+ )?value)|bad value for \w")
# The SQLSTATE classes of a database that cannot answer now: lost connections, missing resources, shutdowns, rollbacks and locks.
_UNREACHABLE_CODES = ("08", "53", "57", "58", "40", "55")
# A colon that SQLAlchemy would interpret as the start of a parameter. `::` is a cast, so it does not match.
_PARAMETER = re.compile(r"(?<!:):(?=\w)")


class KeyRows(NamedTuple):
    """The rows of one key: their number, and the largest value of the change column; None without a change column."""

    number: int = 0
    largest_change: object = None


class SqlAdapter:
    """An adapter that counts the rows of every key in a table or in the result of a query.

    Args:
        dataset: the dataset. `lake` is the URL of the database; `key_column` and either `table` or `query` are required.

    Raises:
        DatasetError: the dataset lacks one of these fields, or the URL or the time zone is not supported.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._queries = 0
        if dataset.key_column is None or (dataset.table is None) == (dataset.query is None):
            raise DatasetError(
                dataset.name, "the adapter sql needs a key_column, and either a table or a query"
            )
        with extra("sql"):
            import sqlalchemy as sa
        try:
            self._url = sa.make_url(dataset.lake)
            if not all(map(is_host, (self._url.host or "localhost").split(","))):
                raise ValueError(self._url.host)
        except (sa.exc.ArgumentError, ValueError):  # ValueError: the port or a host is invalid
            raise DatasetError(
                dataset.name, "its URL is not that of a database, such as postgresql://host/database"
            ) from None
        if self._url.drivername == "postgres":
            self._url = self._url.set(drivername="postgresql")
        if dataset.timezone is not None and self._url.get_backend_name() != "postgresql":
            raise DatasetError(
                dataset.name, "a time zone needs PostgreSQL; without it the days are those of the column"
            )
        self.url = _redacted(self._url)

    @property
    def _is_duckdb(self) -> bool:
        return self._url.get_backend_name() == "duckdb"

    @property
    def requests(self) -> Mapping[str, int]:
        """The number of queries so far."""
        return {"query": self._queries}

    def inspect(self, keys: Sequence[Key], options: InspectOptions) -> Mapping[Key, Partition]:
        """Inspect the partition of every key with one query.

        Raises:
            LakeUnreachable: the database does not respond in time.
            LakeDenied: the database refuses access.
            DatasetError: the table, the column or the query is invalid, or the key column is not a date or time.
        """
        del options
        if not keys:
            return {}
        rows_by_key = self._count_rows(min(keys), max(keys))
        return {key: self._partition(key, rows_by_key.get(key, KeyRows())) for key in keys}

    def _partition(self, key: Key, key_rows: KeyRows) -> Partition:
        rows, change = key_rows
        if not rows:
            return Partition(key, Code.MISSING, "there are no rows")
        digest = hashlib.sha256(json.dumps([rows, None if change is None else str(change)]).encode())
        base = Partition(key, Code.OK, "", PartitionData(rows=rows), digest.hexdigest()[:32])
        if rows < self.dataset.min_rows:
            reason = f"{rows_text(rows)}, at least {self.dataset.min_rows:,} are required"
            return base.with_code(Code.SHORT, reason)
        return base.with_code(Code.OK, rows_text(rows))

    def _count_rows(self, first: Key, last: Key) -> dict[Key, KeyRows]:
        """Query the number of rows and the largest value of the change column, for every key that has rows."""
        with extra("sql"):
            import sqlalchemy as sa
        engine = self._engine()
        try:
            with engine.connect() as connection:
                if self._is_duckdb:
                    # Otherwise the days of times with a time zone would be those of this machine.
                    connection.exec_driver_sql("SET TimeZone = 'UTC'")
                self._queries += 1
                rows = connection.execute(self._statement(first, last)).all()
        except (sa.exc.SQLAlchemyError, UnicodeError) as error:
            raise self._translated(error) from None
        except (TypeError, ValueError):
            # SQLite has no dates, so its driver gets a number for the day of a row.
            problem = (
                f"{self._url.get_backend_name()} gives no dates for the key column {self.dataset.key_column}; "
                "PostgreSQL and DuckDB do"
            )
            raise DatasetError(self.dataset.name, problem) from None
        finally:
            engine.dispose()
        return {self._key(value): KeyRows(int(count), change) for value, count, change in rows}

    def _statement(self, first: Key, last: Key) -> sa.Select[Any]:
        """Build the grouped query for the keys from `first` to `last`."""
        with extra("sql"):
            import sqlalchemy as sa
        column: sa.ColumnElement[Any] = sa.column(str(self.dataset.key_column))
        grain = self.dataset.grain
        if grain is Grain.DAY:
            key: sa.ColumnElement[Any] = sa.cast(column, sa.Date)
        else:
            key = sa.func.date_trunc(sa.literal_column(f"'{grain.value}'"), sa.cast(column, sa.TIMESTAMP))
        change: sa.ColumnElement[Any] = sa.null()
        if self.dataset.change_column:
            change_column: sa.ColumnElement[Any] = sa.column(self.dataset.change_column)
            change = sa.func.max(change_column)
            if self._is_duckdb:
                # DuckDB returns a time with a time zone only if pytz is installed.
                change = sa.cast(change, sa.String)
        # The literals have no type, so the database converts them to the type of the column, and can use an index on the column.
        start: sa.ColumnElement[Any] = sa.literal_column(f"'{_literal(first)}'")
        stop: sa.ColumnElement[Any] = sa.literal_column(f"'{_literal(grain.key_at(grain.index(last) + 1))}'")
        return (
            sa.select(key.label("partition_key"), sa.func.count(), change)
            .select_from(self._source())
            .where(column >= start, column < stop)
            .group_by(key)
        )

    def _source(self) -> sa.FromClause:
        with extra("sql"):
            import sqlalchemy as sa
        if self.dataset.table is not None:
            schema, _, name = self.dataset.table.rpartition(".")
            return sa.table(name, schema=schema or None)
        query = str(self.dataset.query).rstrip().rstrip(";")
        return sa.text(_PARAMETER.sub(r"\\:", query)).columns().subquery("dataset_query")

    def _key(self, value: object) -> Key:
        """Convert a value of the key column to the partition key of its group."""
        if isinstance(value, dt.datetime):
            return value.replace(tzinfo=dt.UTC) if self.dataset.grain is Grain.HOUR else value.date()
        if isinstance(value, dt.date):
            return value
        problem = (
            f"the key column {self.dataset.key_column} gives {one_line(value, 40)!r}, which is not a date"
        )
        raise DatasetError(self.dataset.name, problem)

    def _engine(self) -> sa.Engine:
        """Create an engine with read-only connections.

        Raises:
            DatasetError: the driver is unknown or not installed.
        """
        with extra("sql"):
            import sqlalchemy as sa
        try:
            driver = self._url.get_dialect().driver
            return sa.create_engine(
                self._url,
                poolclass=sa.NullPool,
                hide_parameters=True,
                connect_args=self._connect_arguments(driver),
            )
        except sa.exc.NoSuchModuleError:
            raise DatasetError(
                self.dataset.name, f"no SQLAlchemy dialect for {self.url} is installed"
            ) from None
        except ModuleNotFoundError as error:
            raise DatasetError(
                self.dataset.name, f"the database driver {error.name} is not installed"
            ) from None

    def _connect_arguments(self, driver: str) -> dict[str, Any]:
        seconds = self.dataset.timeout
        if self._is_duckdb:
            path = self._url.database or ":memory:"
            if path != ":memory:" and not Path(path).exists():
                raise LakeDenied(self.url, "the database does not exist", "Create it, or correct the URL.")
            return {"read_only": path != ":memory:"}
        if driver not in _PSYCOPG:
            return {}
        url_options = self._url.query.get("options", "")
        settings = (
            f"timezone={self.dataset.timezone or 'UTC'}",
            f"statement_timeout={math.ceil(seconds * QUERY_TIMEOUT_FACTOR * 1000)}",
            "default_transaction_read_only=on",
        )
        return {
            # The driver accepts only whole seconds, and at least two.
            "connect_timeout": max(2, math.ceil(seconds)),
            "tcp_user_timeout": math.ceil(seconds * QUERY_TIMEOUT_FACTOR * 1000),
            "options": " ".join([str(url_options), *(f"-c {setting}" for setting in settings)]).strip(),
        }

    def _translated(self, error: Exception) -> Exception:
        """Convert an error of the database to an error of this package, without the password in its message."""
        original = getattr(error, "orig", None) or error
        state = str(getattr(original, "sqlstate", None) or getattr(original, "pgcode", None) or "")
        text = one_line(next(iter(str(original).splitlines()), ""))
        if self._url.password:
            text = text.replace(self._url.password, "***")
        # The time-out of the statement cancelled the query.
        if state == "57014":
            limit = self.dataset.timeout * QUERY_TIMEOUT_FACTOR
            fix = "Raise the dataset's timeout, or add an index on the key column."
            return LakeUnreachable(self.url, f"the query took longer than {limit:g} s", fix)
        if not state and _INVALID_PARAMETER.search(text):
            return DatasetError(self.dataset.name, f"the URL {self.url} cannot be used ({text})")
        if state.startswith(_REFUSED_CODES) or (
            _is_operational(error) and not state and any(refusal in text for refusal in _REFUSALS)
        ):
            return LakeDenied(self.url, text, "Check the user, the password, the database and the rights.")
        if _is_operational(error) or state.startswith(_UNREACHABLE_CODES):
            return LakeUnreachable(
                self.url, f"no usable answer ({text})", "Check the server and the network."
            )
        return DatasetError(self.dataset.name, f"the query on {self.url} failed ({text})")


def _is_operational(error: Exception) -> bool:
    """Return whether the connection or the server caused an error, and not the query."""
    with extra("sql"):
        import sqlalchemy as sa

    return isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.InternalError)) or bool(
        getattr(error, "connection_invalidated", False)
    )


def _redacted(url: sa.URL) -> str:
    """Return the URL without user, password and options, because these parts may contain secrets."""
    host = f"{url.host}:{url.port}" if url.host and url.port else url.host or ""
    return f"{url.get_backend_name()}://{host}/{url.database or ''}"


def _literal(key: Key) -> str:
    return f"{key:%Y-%m-%d %H}:00:00" if isinstance(key, dt.datetime) else key.isoformat()
