"""The table `wiki_trends_runs`: its columns, the conversion of its rows, and its statements for DuckDB.

The table has a row for each publish. The columns of `JSON_COLUMNS` contain JSON: text in DuckDB, `jsonb` in PostgreSQL.
`published_at` is a time in UTC. In PostgreSQL, it is a `timestamptz`. In DuckDB, it is a timestamp without an offset, because Python needs an
additional package to read a DuckDB timestamp with a time zone. A `Reader` returns the same values from both databases.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from wiki_trends.errors import NewerPublished, WarehouseError
from wiki_trends.warehouse.base import RUN_COLUMNS, RUNS, SCHEMA_VERSION, RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
    "history": "VARCHAR",
    "history_problem": "VARCHAR",
    "contents": "VARCHAR",
    "recomputed": "BOOLEAN",
    "left_out": "VARCHAR",
    "flagged": "VARCHAR",
    "renamed": "VARCHAR",
}
JSON_COLUMNS = frozenset(
    {"days_used", "policy", "fingerprints", "table_rows", "baseline", "states", "history", "contents"}
    | {"left_out", "flagged", "renamed"}
)
# The newest run of each window of a dataset, for the windows that end on a given day or later.
SELECT_NEWEST_RUNS = """
SELECT window_start, window_end, fingerprints, baseline, contents FROM (
    SELECT window_start, window_end, fingerprints, baseline, contents,
           row_number() OVER (PARTITION BY window_start, window_end ORDER BY run DESC) AS place
    FROM {runs} AS runs WHERE dataset = {placeholder} AND window_end >= {placeholder}
) AS newest WHERE place = 1
"""
# The condition for the runs that published all tables. A run that recomputed an earlier window did not publish the current tables.
CURRENT = "recomputed IS NOT TRUE"
# Mark the scores of a window as stale. `stale` is null in the rows of earlier versions.
MARK_STALE = """
UPDATE {scores} SET stale = TRUE
WHERE dataset = {placeholder} AND window_start = {placeholder} AND window_end = {placeholder} AND stale IS DISTINCT FROM TRUE
"""


def newest_schema_version(connection: DuckDBPyConnection) -> int | None:
    """Return the highest schema version of the runs, 0 without runs; None when another program created the table of runs."""
    if not {"schema_version", "fingerprints"} <= set(connection.table(RUNS).columns):
        return None
    rows = connection.execute("SELECT coalesce(max(schema_version), 0) FROM wiki_trends_runs").fetchall()
    return rows[0][0] if isinstance(rows[0][0], int) else None


def next_number(connection: DuckDBPyConnection) -> int:
    """Create or extend the table of runs if necessary, and return the number of the next run."""
    columns = ", ".join(f"{name} {sql_type}" for name, sql_type in COLUMNS.items())
    connection.execute(f"CREATE TABLE IF NOT EXISTS {RUNS} ({columns})")
    for name, sql_type in COLUMNS.items():
        # The table in a file of an earlier version lacks the newer columns.
        connection.execute(f"ALTER TABLE {RUNS} ADD COLUMN IF NOT EXISTS {name} {sql_type}")
    # Fetch all rows, because an unfinished result blocks the connection.
    run_numbers = connection.execute("SELECT coalesce(max(run), 0) + 1 FROM wiki_trends_runs").fetchall()
    return int(run_numbers[0][0])


def restated_windows(newest_runs: Iterable[Sequence[Any]], run: RunRecord) -> list[tuple[dt.date, dt.date]]:
    """Return the windows of earlier runs that used other data than `run` for a day of the window or of its baseline.

    The window of `run` itself is not among them, because this publish replaces its scores.

    Args:
        newest_runs: the newest run of each window, with the columns of `SELECT_NEWEST_RUNS`: the first day, the last day, the fingerprints
            of the window, the fingerprints of the baseline, and the digests of the data. The last three are JSON. Earlier versions did not
            record the last two.
        run: the run that is being published.
    """
    restated = []
    for start, end, fingerprints, baseline, contents in newest_runs:
        if (start, end) == (run.window_start, run.window_end):
            continue
        recorded = {**json.loads(baseline or "{}"), **json.loads(fingerprints)}
        digests = json.loads(contents or "{}")
        if any(
            run.has_other_data(day, fingerprint, digests.get(day)) for day, fingerprint in recorded.items()
        ):
            restated.append((start, end))
    return restated


def first_day(run: RunRecord) -> dt.date:
    """Return the first day that the run read, including its baseline."""
    return min(dt.date.fromisoformat(day) for day in (*run.baseline, *run.fingerprints, str(run.window_end)))


def add_run(connection: DuckDBPyConnection, run: RunRecord, number: int) -> None:
    """Mark the scores of the windows that this run restates as stale, and add the run with this number."""
    sql = SELECT_NEWEST_RUNS.format(runs=RUNS, placeholder="?")
    newest_runs = connection.execute(sql, [run.dataset, first_day(run)]).fetchall()
    for name in run.rows.keys() & RUN_COLUMNS.keys():
        for start, end in restated_windows(newest_runs, run):
            connection.execute(MARK_STALE.format(scores=name, placeholder="?"), [run.dataset, start, end])
    row = to_row(run, number)
    placeholders = ", ".join("?" for _ in row)
    connection.execute(f"INSERT INTO {RUNS} ({', '.join(row)}) VALUES ({placeholders})", list(row.values()))  # noqa: S608


def last_run(connection: DuckDBPyConnection, url: str) -> RunRecord | None:
    """Return the newest run that published the current tables; None when nothing was published."""
    # A table of an earlier version lacks the column.
    condition = CURRENT if "recomputed" in connection.table(RUNS).columns else "TRUE"
    cursor = connection.execute(f"SELECT * FROM wiki_trends_runs WHERE {condition} ORDER BY run DESC LIMIT 1")  # noqa: S608
    names = [column[0] for column in cursor.description or []]
    rows = cursor.fetchall()
    return from_row(dict(zip(names, rows[0], strict=True)), url) if rows else None


def refuse_older(dataset: str, window_end: dt.date, last_run: RunRecord | None, url: str) -> None:
    """Raise `NewerPublished` if the last run published a window of this dataset that ends after this day."""
    if last_run and last_run.dataset == dataset and last_run.window_end > window_end:
        raise NewerPublished(
            warehouse=url, window_start=last_run.window_start, window_end=last_run.window_end
        )


def to_row(run: RunRecord, number: int) -> dict[str, object]:
    """Convert a run to a row: its values by column name."""
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
        "history": json.dumps(dict(run.history)),
        "history_problem": run.history_problem,
        "contents": json.dumps(dict(run.contents)),
        "recomputed": run.recomputed,
        "left_out": json.dumps(run.left_out, ensure_ascii=False),
        "flagged": json.dumps(run.flagged, ensure_ascii=False),
        "renamed": json.dumps(dict(run.renamed), ensure_ascii=False),
    }


def from_row(row: Mapping[str, Any], url: str) -> RunRecord:
    """Convert a row of `wiki_trends_runs` to a run, and ignore columns that a user added.

    Raises:
        WarehouseError: the row does not describe a run. The message names the warehouse by `url`.
    """
    try:
        return _convert_row(row)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _unreadable_run_error(url) from error


def _unreadable_run_error(url: str) -> WarehouseError:
    return WarehouseError(
        warehouse=url,
        problem=f"a row of {RUNS} does not describe a published window",
        fix=f"Rename your own {RUNS}, or use another warehouse.",
    )


def _convert_row(row: Mapping[str, Any]) -> RunRecord:
    values: dict[str, Any] = {
        name: row.get(name) for name in COLUMNS if name not in ("run", "schema_version", "table_rows")
    }
    values["published_at"] = values["published_at"].replace(tzinfo=dt.UTC)
    # `jsonb` does not keep the order of the keys, and `policy` is JSON with sorted keys.
    values["policy"] = json.dumps(json.loads(values["policy"]), sort_keys=True)
    values["days_used"] = tuple(dt.date.fromisoformat(day) for day in json.loads(values["days_used"]))
    values["fingerprints"] = json.loads(values["fingerprints"])
    values["rows"] = {str(name): int(count) for name, count in json.loads(row["table_rows"]).items()}
    # Earlier versions did not record the following values.
    values["baseline"] = json.loads(values["baseline"] or "{}")
    values["states"] = json.loads(values["states"] or "{}")
    values["seconds"] = values["seconds"] or 0.0
    values["history"] = json.loads(values["history"] or "{}")
    values["history_problem"] = values["history_problem"] or ""
    values["contents"] = json.loads(values["contents"] or "{}")
    values["recomputed"] = bool(values["recomputed"])
    for name in ("left_out", "flagged"):
        values[name] = tuple(str(page) for page in json.loads(values[name] or "[]"))
    values["renamed"] = json.loads(values["renamed"] or "{}")
    return RunRecord(**values)


def published_tables(connection: DuckDBPyConnection, url: str) -> set[str]:
    """Return the names of the tables that at least one run published.

    Raises:
        WarehouseError: a row does not describe a run. The message names the warehouse by `url`.
    """
    rows = connection.execute("SELECT DISTINCT table_rows FROM wiki_trends_runs").fetchall()
    try:
        return {str(name) for (counts,) in rows for name in json.loads(counts)}
    except (TypeError, ValueError, RecursionError) as error:
        raise _unreadable_run_error(url) from error


def last_dataset(connection: DuckDBPyConnection) -> str | None:
    """Return the dataset of the newest run; None when there are no runs."""
    rows = connection.execute("SELECT dataset FROM wiki_trends_runs ORDER BY run DESC LIMIT 1").fetchall()
    return rows[0][0] if rows else None
