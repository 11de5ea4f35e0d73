"""Create, extend, stage and merge the published tables in one transaction of PostgreSQL.

All tables are in one schema. The methods raise `WarehouseError` when a table with the name of a published table belongs to
the user or to a newer version. They raise `psycopg.Error` when the server rejects a statement.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from wiki_trends.errors import WarehouseError
from wiki_trends.warehouse import comments, runs_table
from wiki_trends.warehouse.base import INDEXES, KEYS, NULLABLE, RUN_COLUMNS, RUNS, SCHEMA_VERSION
from wiki_trends.warehouse.postgres.types import postgres_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from psycopg import Connection

    from wiki_trends.warehouse.arrow import CopyText
    from wiki_trends.warehouse.base import RunRecord

EXTEND_LOCK_TIMEOUT = "10s"
# A table of runs without these columns belongs to another program.
_OWN_RUNS_COLUMNS = {"table_rows", "fingerprints", "schema_version"}
# Text is sorted by its bytes, as in DuckDB, and not by the locale of the database.
_BYTE_ORDER = ' COLLATE "C"'
# The name and the type of each column of a relation, and whether the relation is a table ('r', or 'p' when it is partitioned). The type is as
# in SQL, for example `double precision`. No rows when no relation has the name.
_SELECT_COLUMNS = """
SELECT c.relkind IN ('r', 'p') AS is_table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = %s AND c.relname = %s
"""
# The columns without a comment; no rows for a table that this user may not change.
_SELECT_UNCOMMENTED_COLUMNS = """
SELECT a.attname AS column
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.oid = to_regclass(%s) AND pg_has_role(c.relowner, 'USAGE') AND col_description(c.oid, a.attnum) IS NULL
"""
# Whether an index is missing that this user may create. The parameters are the index and its table.
_SELECT_INDEX_MISSING = """
SELECT to_regclass(%s) IS NULL AND pg_has_role(relowner, 'USAGE') AS missing FROM pg_class WHERE oid = to_regclass(%s)
"""


class Tables:
    """The tables of one schema, as one connection sees them."""

    def __init__(self, connection: Connection[Any], url: str) -> None:
        self._connection = connection
        self.url = url
        self._refuse_other_encodings()
        schema = self.select("SELECT current_schema() AS name")[0]["name"]
        if schema is None:
            raise WarehouseError(
                warehouse=url,
                problem="no schema of the search path exists, or this user may not use it",
                fix="Create one, or grant USAGE on it.",
            )
        self._schema: str = schema
        # The tables that this transaction has created. No other transaction sees them yet, so rows are copied directly into them.
        self._tables_created: set[str] = set()

    def _refuse_other_encodings(self) -> None:
        """Refuse a database whose encoding is not UTF-8, because it cannot contain all titles."""
        encoding = self._connection.info.parameter_status("server_encoding") or "unknown"
        if encoding != "UTF8":
            raise WarehouseError(
                warehouse=self.url,
                problem=f"the encoding of the database is {encoding}, which cannot hold every title",
                fix="Use a database in UTF8: CREATE DATABASE … ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0.",
            )

    def lock(self) -> None:
        """Wait for other publishers, then lock them out until the transaction ends."""
        self.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", f"wiki-trends {self._schema}")

    def last_run(self) -> RunRecord | None:
        """Return the newest run that published the current tables; None when nothing was published."""
        column_types = self.column_types(RUNS)
        if column_types is None:
            return None
        if not column_types.keys() >= _OWN_RUNS_COLUMNS:
            raise self._name_taken_error(RUNS)
        # A table of an earlier version lacks the column.
        condition = runs_table.CURRENT if "recomputed" in column_types else "TRUE"
        rows = self.select(f"SELECT * FROM {self.table(RUNS)} WHERE {condition} ORDER BY run DESC LIMIT 1")
        if not rows:
            return None
        schema_version = rows[0]["schema_version"]
        if not isinstance(schema_version, int):
            raise self._name_taken_error(RUNS)
        if schema_version > SCHEMA_VERSION:
            raise WarehouseError(
                warehouse=self.url,
                problem=f"it was published by a newer version (schema {schema_version}, this one knows {SCHEMA_VERSION})",
                fix="Update wiki-trends, or use another database or schema.",
            )
        return runs_table.from_row(rows[0], self.url)

    def prepare(self, name: str, columns: Mapping[str, str]) -> bool:
        """Create a table with these columns, or add the missing ones; return whether the table was created or extended.

        Args:
            name: the name of the table.
            columns: the DuckDB type of each column, by name.
        """
        types = {column: postgres_type(name, column, sql_type) for column, sql_type in columns.items()}
        existing_types = self.column_types(name)
        if existing_types is None:
            self._create(name, types)
            self._tables_created.add(name)
            has_changes = True
        else:
            has_changes = self._extend(name, types, existing_types)
        self._add_comments(name)
        return has_changes

    def _extend(self, name: str, types: Mapping[str, str], existing_types: Mapping[str, str]) -> bool:
        """Add the missing columns to an existing table; return whether columns were missing."""
        if name != RUNS and not self._was_published(name):
            raise self._name_taken_error(name)
        for column, sql_type in types.items():
            if existing_types.get(column, sql_type) != sql_type:
                raise WarehouseError(
                    warehouse=self.url,
                    problem=f"column {column} of {name} is {existing_types[column]}, and this version writes {sql_type}",
                    fix=f"Rename {name}, and publish again.",
                )
        missing = {column: sql_type for column, sql_type in types.items() if column not in existing_types}
        if missing:
            # Readers wait for the lock of ALTER TABLE, and ALTER TABLE waits for them. So limit the time that it waits.
            self.execute(f"SET LOCAL lock_timeout = '{EXTEND_LOCK_TIMEOUT}'")
        for column, sql_type in missing.items():
            self.execute(f"ALTER TABLE {self.table(name)} ADD COLUMN {_column_definition(column, sql_type)}")
        return bool(missing)

    def stage(self, name: str, rows: CopyText) -> int:
        """Copy the rows into a temporary table, or directly into a new table; return the number of rows."""
        names, staging_table = _column_list(rows.columns), _staging_table(name)
        if name in self._tables_created:
            staging_table = self.table(name)
        else:
            self.execute(
                f"CREATE TEMPORARY TABLE {staging_table} ON COMMIT DROP AS SELECT {names} FROM {self.table(name)} WITH NO DATA"
            )
        with self._connection.cursor() as cursor:
            with cursor.copy(f"COPY {staging_table} ({names}) FROM STDIN".encode()) as copy:
                for lines in rows.batches:
                    copy.write(lines)
            return cursor.rowcount

    def merge(self, name: str, columns: Iterable[str], replacement_key: Sequence[str]) -> bool:
        """Merge the staged rows into the table, locking only the rows that change; return whether rows changed.

        A row whose key was not staged is deleted, unless `replacement_key` keeps it.

        Args:
            name: the name of the table.
            columns: the names of the staged columns.
            replacement_key: the columns that select the rows to replace. A row is kept if its values in these columns occur in no staged
                row. Without columns, no row is kept.
        """
        if name in self._tables_created:
            # Sorting all rows once takes less time than adding each copied row to the index of the key.
            self.execute(f"ALTER TABLE {self.table(name)} ADD {_primary_key(name)}")
            self._add_index(name)
            return True
        self._add_index(name)
        table, staging_table, key = self.table(name), _staging_table(name), KEYS[name]
        match = " AND ".join(f"t.{_quote(column)} = s.{_quote(column)}" for column in key)
        # `t` is the table, and `s` has the staged rows.
        is_replaced = (
            f"({_column_list(replacement_key, 't')}) IN (SELECT {_column_list(replacement_key)} FROM {staging_table})"
            if replacement_key
            else "TRUE"
        )
        row_count = self.execute(
            f"DELETE FROM {table} t WHERE NOT EXISTS (SELECT FROM {staging_table} s WHERE {match}) AND {is_replaced}"
        )
        # A row that is otherwise unchanged keeps its run, so that publishing the same window again writes nothing.
        own_columns = RUN_COLUMNS.get(name, {}).keys()
        value_columns = [column for column in columns if column not in key and column not in own_columns]
        if value_columns:
            assignments = ", ".join(
                f"{_quote(column)} = s.{_quote(column)}" for column in (*value_columns, *own_columns)
            )
            differs = (
                f"({_column_list(value_columns, 't')}) IS DISTINCT FROM ({_column_list(value_columns, 's')})"
            )
            row_count += self.execute(
                f"UPDATE {table} t SET {assignments} FROM {staging_table} s WHERE {match} AND {differs}"
            )
        row_count += self.execute(
            f"INSERT INTO {table} ({_column_list(columns)}) SELECT {_column_list(columns)} FROM {staging_table} s "
            f"WHERE NOT EXISTS (SELECT FROM {table} t WHERE {match})"
        )
        return row_count > 0

    def next_number(self) -> int:
        """Return the number of the next run."""
        (row,) = self.select(f"SELECT coalesce(max(run), 0) + 1 AS number FROM {self.table(RUNS)}")
        return int(row["number"])

    def add_run(self, run: RunRecord, number: int) -> None:
        """Add a run with this number.

        Unchanged rows of the window of the run get this number, too. If the run has new data for a day, the scores of all other windows
        that use the day become stale.
        """
        for name in run.rows.keys() & RUN_COLUMNS.keys():
            window = (run.dataset, run.window_start, run.window_end)
            self.execute(
                f"UPDATE {self.table(name)} SET run = %s, stale = FALSE "
                "WHERE dataset = %s AND window_start = %s AND window_end = %s AND (run <> %s OR run IS NULL)",
                number, *window, number,
            )  # fmt: skip
            sql = runs_table.SELECT_NEWEST_RUNS.format(runs=self.table(RUNS), placeholder="%s")
            newest_runs = [
                [row[name] for name in ("window_start", "window_end", "fingerprints", "baseline", "contents")]
                for row in self.select(sql, run.dataset, runs_table.first_day(run))
            ]
            for start, end in runs_table.restated_windows(newest_runs, run):
                sql = runs_table.MARK_STALE.format(scores=self.table(name), placeholder="%s")
                self.execute(sql, run.dataset, start, end)
        row = {
            column: value.replace(tzinfo=dt.UTC) if isinstance(value, dt.datetime) else value
            for column, value in runs_table.to_row(run, number).items()
        }
        placeholders = ", ".join(["%s"] * len(row))
        self.execute(
            f"INSERT INTO {self.table(RUNS)} ({_column_list(row)}) VALUES ({placeholders})", *row.values()
        )

    def column_types(self, name: str) -> dict[str, str] | None:
        """Return the type of each column of a table; None when no relation has that name."""
        rows = self.select(_SELECT_COLUMNS, self._schema, name)
        if rows and not rows[0]["is_table"]:
            raise self._name_taken_error(name)
        return {row["column"]: row["type"] for row in rows} or None

    def _was_published(self, name: str) -> bool:
        """Return whether a run has published a table with this name."""
        return bool(
            self.select(f"SELECT 1 FROM {self.table(RUNS)} WHERE table_rows::jsonb ? %s LIMIT 1", name)
        )

    def _name_taken_error(self, name: str) -> WarehouseError:
        return WarehouseError(
            warehouse=self.url,
            problem=f"{name} is there already, and it was not published by wiki-trends",
            fix=f"Rename your own {name}, or use another database or schema.",
        )

    def _create(self, name: str, columns: Mapping[str, str]) -> None:
        # Rows of runs from earlier versions lack some values; `runs_table.from_row` validates them instead.
        nullable = (
            columns.keys()
            if name == RUNS
            else NULLABLE.get(name, frozenset()) | RUN_COLUMNS.get(name, {}).keys()
        )
        definitions = ", ".join(
            _column_definition(column, sql_type) + ("" if column in nullable else " NOT NULL")
            for column, sql_type in columns.items()
        )
        # The other tables get their key in `merge`.
        key = f", {_primary_key(name)}" if name == RUNS else ""
        self.execute(f"CREATE TABLE {self.table(name)} ({definitions}{key})")
        self.execute(comments.comment_statement(f"TABLE {self.table(name)}", comments.TABLES[name]))

    def _add_comments(self, name: str) -> None:
        """Add comments to the columns without one, and keep the comments of the user."""
        texts = comments.COLUMNS[name]
        columns = [row["column"] for row in self.select(_SELECT_UNCOMMENTED_COLUMNS, self.table(name))]
        statements = [
            comments.comment_statement(f"COLUMN {self.table(name)}.{_quote(column)}", texts[column])
            for column in columns
            if column in texts
        ]
        if statements:
            self.execute("; ".join(statements))

    def _add_index(self, name: str) -> None:
        """Create the index that `INDEXES` defines for a table, unless it exists. Creating an index does not block readers."""
        columns = INDEXES.get(name)
        if columns is None:
            return
        index = f"{name}_{'_'.join(columns)}"
        (row,) = self.select(_SELECT_INDEX_MISSING, self.table(index), self.table(name))
        if row["missing"]:
            self.execute(f"CREATE INDEX {_quote(index)} ON {self.table(name)} ({_column_list(columns)})")

    def table(self, name: str) -> str:
        """Return the quoted name of a table with its schema."""
        return f"{_quote(self._schema)}.{_quote(name)}"

    def execute(self, statement: str, *values: object) -> int:
        """Execute a statement; return the number of rows that it changed."""
        return self._connection.execute(statement.encode(), values or None).rowcount

    def select(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        from psycopg.rows import dict_row

        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement.encode(), values or None).fetchall()


def _primary_key(name: str) -> str:
    return f"PRIMARY KEY ({_column_list(('run',) if name == RUNS else KEYS[name])})"


def _staging_table(name: str) -> str:
    return f"pg_temp.{_quote(f'publishing_{name}')}"


def _column_definition(name: str, sql_type: str) -> str:
    return f"{_quote(name)} {sql_type}{_BYTE_ORDER if sql_type == 'text' else ''}"


def _column_list(columns: Iterable[str], alias: str = "") -> str:
    return ", ".join(f"{alias}.{_quote(column)}" if alias else _quote(column) for column in columns)


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
