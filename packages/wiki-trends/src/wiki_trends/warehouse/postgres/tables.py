"""Create, extend, stage and merge the published tables in one transaction of PostgreSQL.

All tables are in one schema. Fails with `WarehouseError` when a table of the user or of a newer version has one of our
names, and with `psycopg.Error` when the server refuses a statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wiki_trends.errors import WarehouseError
from wiki_trends.warehouse import comments, runs_table
from wiki_trends.warehouse.base import INDEXES, KEYS, NULLABLE, RUNS, SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from psycopg import Connection

    from wiki_trends.warehouse.arrow import Rows
    from wiki_trends.warehouse.base import RunRecord

TYPES = {
    "VARCHAR": "text",
    "DATE": "date",
    "TIMESTAMP": "timestamp without time zone",
    "BIGINT": "bigint",
    "INTEGER": "integer",
    "DOUBLE": "double precision",
    "BOOLEAN": "boolean",
}
EXTEND_LOCK_TIMEOUT = "10s"
# A table of runs without these columns belongs to another program.
_RUNS_SIGNATURE = {"table_rows", "fingerprints", "schema_version"}
_BYTE_ORDER = ' COLLATE "C"'
_COLUMNS_OF = """
SELECT c.relkind IN ('r', 'p') AS is_table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = %s AND c.relname = %s
"""
# The columns without a comment, of a table that this user may change.
_UNCOMMENTED = """
SELECT a.attname AS column
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.oid = to_regclass(%s) AND pg_has_role(c.relowner, 'USAGE') AND col_description(c.oid, a.attnum) IS NULL
"""
_LACKS_INDEX = """
SELECT to_regclass(%s) IS NULL AND pg_has_role(relowner, 'USAGE') AS lacking FROM pg_class WHERE oid = to_regclass(%s)
"""


class Tables:
    """The tables of one schema, as one connection sees them."""

    def __init__(self, connection: Connection[Any], url: str) -> None:
        self._connection = connection
        self._url = url
        self._refuse_encoding()
        schema = self._all("SELECT current_schema() AS name")[0]["name"]
        if schema is None:
            raise WarehouseError(
                warehouse=url,
                problem="no schema of the search path exists, or this user may not use it",
                fix="Create one, or grant USAGE on it.",
            )
        self._schema: str = schema
        # Tables created in this transaction. Nobody else sees them yet, so rows are copied straight into them.
        self._new: set[str] = set()

    def _refuse_encoding(self) -> None:
        encoding = self._connection.info.parameter_status("server_encoding") or "unknown"
        if encoding != "UTF8":
            raise WarehouseError(
                warehouse=self._url,
                problem=f"the encoding of the database is {encoding}, which cannot hold every title",
                fix="Use a database in UTF8: CREATE DATABASE … ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0.",
            )

    def lock(self) -> None:
        """Wait for other publishers; the lock is released when the transaction ends."""
        self._run("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", f"wiki-trends {self._schema}")

    def last_run(self) -> RunRecord | None:
        """The run published last; None when nothing was published."""
        column_types = self._column_types(RUNS)
        if column_types is None:
            return None
        if not column_types.keys() >= _RUNS_SIGNATURE:
            raise self._name_taken(RUNS)
        rows = self._all(f"SELECT * FROM {self._table(RUNS)} ORDER BY run DESC LIMIT 1")
        if not rows:
            return None
        newest = rows[0]["schema_version"]
        if not isinstance(newest, int):
            raise self._name_taken(RUNS)
        if newest > SCHEMA_VERSION:
            raise WarehouseError(
                warehouse=self._url,
                problem=f"it was published by a newer version (schema {newest}, this one knows {SCHEMA_VERSION})",
                fix="Update wiki-trends, or use another database or schema.",
            )
        return runs_table.from_row(rows[0], self._url)

    def prepare(self, name: str, columns: Mapping[str, str]) -> bool:
        """Create or extend a table to have these columns, by DuckDB's types; return whether anything changed."""
        types = {column: TYPES[kind] for column, kind in columns.items()}
        column_types = self._column_types(name)
        if column_types is None:
            self._create(name, types)
            self._new.add(name)
            changed = True
        else:
            changed = self._extend(name, types, column_types)
        self._add_comments(name)
        return changed

    def _extend(self, name: str, types: Mapping[str, str], column_types: Mapping[str, str]) -> bool:
        """Add missing columns to an existing table; return whether there were any."""
        if name != RUNS and not self._was_published(name):
            raise self._name_taken(name)
        for column, kind in types.items():
            if column_types.get(column, kind) != kind:
                raise WarehouseError(
                    warehouse=self._url,
                    problem=f"column {column} of {name} is {column_types[column]}, and this version writes {kind}",
                    fix=f"Rename {name}, and publish again.",
                )
        missing = {column: kind for column, kind in types.items() if column not in column_types}
        if missing:
            # Readers wait for this lock. It is taken only when a new version adds columns.
            self._run(f"SET LOCAL lock_timeout = '{EXTEND_LOCK_TIMEOUT}'")
        for column, kind in missing.items():
            self._run(f"ALTER TABLE {self._table(name)} ADD COLUMN {_column_definition(column, kind)}")
        return bool(missing)

    def stage(self, name: str, rows: Rows) -> int:
        """Copy the rows into a temporary table, or into `name` when it is new; return the number of rows."""
        names, staged = _column_list(rows.columns), _staged(name)
        if name in self._new:
            staged = self._table(name)
        else:
            self._run(
                f"CREATE TEMPORARY TABLE {staged} ON COMMIT DROP AS SELECT {names} FROM {self._table(name)} WITH NO DATA"
            )
        with self._connection.cursor() as cursor:
            with cursor.copy(f"COPY {staged} ({names}) FROM STDIN (FORMAT binary)".encode()) as copy:
                copy.set_types([TYPES[kind] for kind in rows.columns.values()])
                for batch in rows.batches:
                    for row in batch:
                        copy.write_row(row)
            return cursor.rowcount

    def merge(self, name: str, columns: Iterable[str], replacement_key: Sequence[str]) -> int:
        """Merge the staged rows into the table with row locks only; return the changed rows, at least one for a new table.

        Args:
            name: the table.
            columns: the columns that were staged.
            replacement_key: a row whose values in these columns occur in no staged row is kept. Without columns, every row
                that was not staged is deleted.
        """
        self._add_index(name)
        if name in self._new:
            return 1
        table, staged, key = self._table(name), _staged(name), KEYS[name]
        match = " AND ".join(f"t.{_quoted(column)} = s.{_quoted(column)}" for column in key)
        replaced = (
            f"({_column_list(replacement_key, 't')}) IN (SELECT {_column_list(replacement_key)} FROM {staged})"
            if replacement_key
            else "TRUE"
        )
        changed = self._run(
            f"DELETE FROM {table} t WHERE NOT EXISTS (SELECT FROM {staged} s WHERE {match}) AND {replaced}"
        )
        values = [column for column in columns if column not in key]
        if values:
            assigned = ", ".join(f"{_quoted(column)} = s.{_quoted(column)}" for column in values)
            differs = f"({_column_list(values, 't')}) IS DISTINCT FROM ({_column_list(values, 's')})"
            changed += self._run(
                f"UPDATE {table} t SET {assigned} FROM {staged} s WHERE {match} AND {differs}"
            )
        return changed + self._run(
            f"INSERT INTO {table} ({_column_list(columns)}) SELECT {_column_list(columns)} FROM {staged} s "
            f"WHERE NOT EXISTS (SELECT FROM {table} t WHERE {match})"
        )

    def add_run(self, run: RunRecord) -> None:
        """Add a run with the next number."""
        number = self._all(f"SELECT coalesce(max(run), 0) + 1 AS number FROM {self._table(RUNS)}")[0][
            "number"
        ]
        row = runs_table.to_row(run, number)
        marks = ", ".join(["%s"] * len(row))
        self._run(f"INSERT INTO {self._table(RUNS)} ({_column_list(row)}) VALUES ({marks})", *row.values())

    def _column_types(self, name: str) -> dict[str, str] | None:
        """The type of each column of the table; None when no relation has that name."""
        rows = self._all(_COLUMNS_OF, self._schema, name)
        if rows and not rows[0]["is_table"]:
            raise self._name_taken(name)
        return {row["column"]: row["type"] for row in rows} or None

    def _was_published(self, name: str) -> bool:
        return bool(
            self._all(f"SELECT 1 FROM {self._table(RUNS)} WHERE table_rows::jsonb ? %s LIMIT 1", name)
        )

    def _name_taken(self, name: str) -> WarehouseError:
        return WarehouseError(
            warehouse=self._url,
            problem=f"{name} is there already, and it was not published by wiki-trends",
            fix=f"Rename your own {name}, or use another database or schema.",
        )

    def _create(self, name: str, columns: Mapping[str, str]) -> None:
        key = ("run",) if name == RUNS else KEYS[name]
        # `runs_table.from_row` validates the rows of runs, which lack some values in tables of earlier versions.
        nullable = columns.keys() if name == RUNS else NULLABLE.get(name, frozenset())
        definitions = ", ".join(
            _column_definition(column, kind) + ("" if column in nullable else " NOT NULL")
            for column, kind in columns.items()
        )
        self._run(f"CREATE TABLE {self._table(name)} ({definitions}, PRIMARY KEY ({_column_list(key)}))")
        self._run(comments.comment_statement(f"TABLE {self._table(name)}", comments.TABLES[name]))

    def _add_comments(self, name: str) -> None:
        """Comment the columns that have no comment; comments of the user are kept."""
        texts = comments.COLUMNS[name]
        for row in self._all(_UNCOMMENTED, self._table(name)):
            if row["column"] in texts:
                column = f"COLUMN {self._table(name)}.{_quoted(row['column'])}"
                self._run(comments.comment_statement(column, texts[row["column"]]))

    def _add_index(self, name: str) -> None:
        """Create the index of a table if it has one and lacks it; this blocks no readers."""
        columns = INDEXES.get(name)
        if columns is None:
            return
        index = f"{name}_{'_'.join(columns)}"
        (row,) = self._all(_LACKS_INDEX, self._table(index), self._table(name))
        if row["lacking"]:
            self._run(f"CREATE INDEX {_quoted(index)} ON {self._table(name)} ({_column_list(columns)})")

    def _table(self, name: str) -> str:
        return f"{_quoted(self._schema)}.{_quoted(name)}"

    def _run(self, statement: str, *values: object) -> int:
        return self._connection.execute(statement.encode(), values or None).rowcount

    def _all(self, statement: str, *values: object) -> list[dict[str, Any]]:
        from psycopg.rows import dict_row

        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement.encode(), values or None).fetchall()


def _staged(name: str) -> str:
    return f"pg_temp.{_quoted(f'publishing_{name}')}"


def _column_definition(name: str, kind: str) -> str:
    # Texts sort by their bytes, as in DuckDB, whatever the locale of the database is.
    return f"{_quoted(name)} {kind}{_BYTE_ORDER if kind == 'text' else ''}"


def _column_list(columns: Iterable[str], alias: str = "") -> str:
    return ", ".join(f"{alias}.{_quoted(column)}" if alias else _quoted(column) for column in columns)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
