"""The migration of the column types of earlier versions, which published times as `timestamp` and JSON as `text`.

The first publish of this version changes the types in its transaction, under its lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wiki_trends.errors import WarehouseError
from wiki_trends.warehouse.base import RUNS
from wiki_trends.warehouse.runs_table import JSON_COLUMNS

if TYPE_CHECKING:
    from wiki_trends.warehouse.postgres.tables import Tables


class _Migration(NamedTuple):
    """The type that earlier versions published, and the SQL expression that converts its values."""

    old_type: str
    conversion: str


# The migration to each type of this version. A text without characters is not JSON, so it becomes null.
_MIGRATIONS = {
    "timestamp with time zone": _Migration("timestamp without time zone", "{column} AT TIME ZONE 'UTC'"),
    "jsonb": _Migration("text", "NULLIF({column}, '')::jsonb"),
}
# The table, the column and the new type.
_MIGRATED_COLUMNS = [("wiki_pipeline_runs", "written_at", "timestamp with time zone")]
_MIGRATED_COLUMNS += [(RUNS, "published_at", "timestamp with time zone")]
_MIGRATED_COLUMNS += [(RUNS, name, "jsonb") for name in sorted(JSON_COLUMNS)]
# The views and materialized views that use one of these columns of a table. PostgreSQL stores a view as a rule (`pg_rewrite`), and the rule
# depends on the columns (`pg_depend`).
_SELECT_VIEWS = """
SELECT DISTINCT quote_ident(n.nspname) || '.' || quote_ident(v.relname) AS view
FROM pg_depend d
JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
JOIN pg_class v ON v.oid = r.ev_class
JOIN pg_namespace n ON n.oid = v.relnamespace
JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = to_regclass(%s) AND a.attname = ANY(%s) AND v.oid <> d.refobjid
ORDER BY view
"""
MIGRATION_LOCK_TIMEOUT = "10s"


def migrate_types(tables: Tables) -> bool:
    """Give the columns of earlier versions the types of this version; return whether a type was changed.

    Raises:
        WarehouseError: views of the user use a column whose type would change. Nothing is changed then.
    """
    # The new type of each column to change, by table and column.
    changes: dict[str, dict[str, str]] = {}
    for name, column, new_type in _MIGRATED_COLUMNS:
        if (tables.column_types(name) or {}).get(column) == _MIGRATIONS[new_type].old_type:
            changes.setdefault(name, {})[column] = new_type
    views = [
        row["view"]
        for name, columns in changes.items()
        for row in tables.select(_SELECT_VIEWS, tables.table(name), list(columns))
    ]
    if views:
        raise WarehouseError(
            warehouse=tables.url,
            problem=f"this version changes the types of columns that your views use: {', '.join(sorted(set(views)))}",
            fix="Drop these views, publish once, and create them again.",
        )
    if changes:
        # Readers wait for the lock of ALTER TABLE, and ALTER TABLE waits for them. So limit the time that it waits.
        tables.execute(f"SET LOCAL lock_timeout = '{MIGRATION_LOCK_TIMEOUT}'")
    for name, columns in changes.items():
        actions = [
            f'ALTER COLUMN "{column}" TYPE {new_type} USING {_MIGRATIONS[new_type].conversion.format(column=column)}'
            for column, new_type in columns.items()
        ]
        tables.execute(f"ALTER TABLE {tables.table(name)} {', '.join(actions)}")
    return bool(changes)
