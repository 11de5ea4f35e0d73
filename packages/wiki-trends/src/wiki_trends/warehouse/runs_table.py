"""`wiki_trends_runs`, a row for each published window, the newest last: its columns, and reading and writing it in DuckDB.

`days_used`, `policy`, `fingerprints`, `states` and `table_rows` (rows of each table) are JSON texts. `published_at` is UTC
without an offset, because reading a DuckDB timestamp with a time zone from Python needs another package. A table of that
name without our columns was made by somebody else: `newest_schema` returns None for it.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from wiki_trends.errors import WarehouseError
from wiki_trends.warehouse.base import RUNS, SCHEMA_VERSION, RunRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from duckdb import DuckDBPyConnection

COLUMNS = {
    "run": "BIGINT",
    "dataset": "VARCHAR",
    "window_start": "DATE",
    "window_end": "DATE",
    "as_of": "DATE",
    "lag_days": "INTEGER",
    "days_used": "VARCHAR",
    "expected": "INTEGER",
    "coverage_pct": "DOUBLE",
    "policy": "VARCHAR",
    "fingerprints": "VARCHAR",
    "published_at": "TIMESTAMP",
    "version": "VARCHAR",
    "table_rows": "VARCHAR",
    "schema_version": "INTEGER",
    "baseline": "VARCHAR",
    "seconds": "DOUBLE",
    "states": "VARCHAR",
}


def newest_schema(connection: DuckDBPyConnection) -> int | None:
    """The highest schema version that was published; None when the table of runs was made by somebody else."""
    if not {"schema_version", "fingerprints"} <= set(connection.table(RUNS).columns):
        return None
    rows = connection.execute("SELECT coalesce(max(schema_version), 0) FROM wiki_trends_runs").fetchall()
    return rows[0][0] if isinstance(rows[0][0], int) else None


def append(connection: DuckDBPyConnection, run: RunRecord) -> None:
    """Add a run, numbered on from the last."""
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    connection.execute(f"CREATE TABLE IF NOT EXISTS {RUNS} ({columns})")
    for name, kind in COLUMNS.items():
        # A file of an earlier version may lack the newer ones.
        connection.execute(f"ALTER TABLE {RUNS} ADD COLUMN IF NOT EXISTS {name} {kind}")
    row = to_row(run, _number(connection, "SELECT coalesce(max(run), 0) + 1 FROM wiki_trends_runs"))
    marks = ", ".join("?" for _ in row)
    connection.execute(f"INSERT INTO {RUNS} ({', '.join(row)}) VALUES ({marks})", list(row.values()))  # noqa: S608


def last(connection: DuckDBPyConnection, url: str) -> RunRecord | None:
    """The newest run, which is the window that the tables hold; None when there is none."""
    cursor = connection.execute("SELECT * FROM wiki_trends_runs ORDER BY run DESC LIMIT 1")
    names = [column[0] for column in cursor.description or []]
    rows = cursor.fetchall()
    return from_row(dict(zip(names, rows[0], strict=True)), url) if rows else None


def to_row(run: RunRecord, number: int) -> dict[str, object]:
    """The run as a row, by the names of `COLUMNS`."""
    return {
        "run": number,
        "dataset": run.dataset,
        "window_start": run.window_start,
        "window_end": run.window_end,
        "as_of": run.as_of,
        "lag_days": run.lag_days,
        "days_used": json.dumps([day.isoformat() for day in run.days_used]),
        "expected": run.expected,
        "coverage_pct": run.coverage_pct,
        "policy": run.policy,
        "fingerprints": json.dumps(dict(run.fingerprints)),
        "published_at": run.published_at.astimezone(dt.UTC).replace(tzinfo=None),
        "version": run.version,
        "table_rows": json.dumps(dict(run.rows)),
        "schema_version": SCHEMA_VERSION,
        "baseline": json.dumps(dict(run.baseline)),
        "seconds": run.seconds,
        "states": json.dumps({day: dict(state) for day, state in run.states.items()}, ensure_ascii=False),
    }


def from_row(row: Mapping[str, Any], url: str) -> RunRecord:
    """The run in a row of any warehouse; columns that a user added are ignored.

    Raises:
        WarehouseError: the row of the warehouse at `url` does not describe a run.
    """
    try:
        return _run(row)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _not_a_run(url) from error


def _not_a_run(url: str) -> WarehouseError:
    return WarehouseError(
        warehouse=url,
        problem=f"a row of {RUNS} does not describe a published window",
        fix=f"Rename your own {RUNS}, or use another warehouse.",
    )


def _run(row: Mapping[str, Any]) -> RunRecord:
    values: dict[str, Any] = {
        name: row.get(name) for name in COLUMNS if name not in ("run", "schema_version", "table_rows")
    }
    values["published_at"] = values["published_at"].replace(tzinfo=dt.UTC)
    values["days_used"] = tuple(dt.date.fromisoformat(day) for day in json.loads(values["days_used"]))
    values["fingerprints"] = json.loads(values["fingerprints"])
    values["rows"] = {str(name): int(count) for name, count in json.loads(row["table_rows"]).items()}
    # Runs of earlier versions lack these.
    values["baseline"] = json.loads(values["baseline"] or "{}")
    values["states"] = json.loads(values["states"] or "{}")
    values["seconds"] = values["seconds"] or 0.0
    return RunRecord(**values)


def published_tables(connection: DuckDBPyConnection, url: str) -> set[str]:
    """The names of all tables that any run published.

    Raises:
        WarehouseError: a row of the warehouse at `url` does not describe a run.
    """
    rows = connection.execute("SELECT DISTINCT table_rows FROM wiki_trends_runs").fetchall()
    try:
        return {str(name) for (counts,) in rows for name in json.loads(counts)}
    except (TypeError, ValueError, RecursionError) as error:
        raise _not_a_run(url) from error


def last_dataset(connection: DuckDBPyConnection) -> str | None:
    """The dataset of the newest run; None when there is none."""
    rows = connection.execute("SELECT dataset FROM wiki_trends_runs ORDER BY run DESC LIMIT 1").fetchall()
    return rows[0][0] if rows else None


def _number(connection: DuckDBPyConnection, sql: str) -> int:
    # Fetch all rows: an unfinished result blocks the connection.
    return int(connection.execute(sql).fetchall()[0][0])
