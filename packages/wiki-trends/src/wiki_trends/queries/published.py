"""Helpers that the queries share: the published run, the spelling of a category, patterns, and rows as JSON."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, TypeAlias

from wiki_trends.errors import SettingError, WarehouseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wiki_trends.warehouse.base import Reader, RunRecord, Warehouse

Row: TypeAlias = dict[str, Any]

SCORES = "wiki_trends_scores"
# The order of pages by their rise, in all lists. A window that an earlier version published has no `at_least`, so `score` orders it.
RANKING = "at_least DESC NULLS LAST, score DESC NULLS LAST, views DESC, page"
# The order of pages by their fall, in all lists: the smallest `at_most` first. A page certainly fell when it is below 1.
FALL_RANKING = "at_most NULLS LAST, views DESC, page"
# The order of the findings in the headline: first the pages that certainly rose, by the size of the rise, then the others.
SIZE_RANKING = f"CASE WHEN at_least > 1 THEN magnitude END DESC NULLS LAST, {RANKING}"
# The columns of the scores that earlier versions did not publish, with their types.
_ADDED = {
    **dict.fromkeys(("reference", "project", "usual_source"), "VARCHAR"),
    **dict.fromkeys(("se", "evidence", "at_least", "at_most", "magnitude", "z"), "DOUBLE PRECISION"),
    **dict.fromkeys(("recent_level", "bound_views", "after_level"), "DOUBLE PRECISION"),
    **dict.fromkeys(("trend_slope", "trend_rho", "trend_se"), "DOUBLE PRECISION"),
    **dict.fromkeys(("window_days", "days_away"), "INTEGER"),
    **dict.fromkeys(("has_trend", "stale"), "BOOLEAN"),
    "streak_start": "DATE",
    "run": "BIGINT",
}
_SELECT_COLUMN_NAMES = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name = ?
"""


def run_with_scores(reader: Reader, warehouse: Warehouse) -> RunRecord:
    """Return the run that published the current tables, which must include scores.

    Raises:
        WarehouseError: a version without scores published the tables.
    """
    run = reader.last_run()
    if SCORES not in run.rows:
        raise WarehouseError(
            warehouse=warehouse.url,
            problem=f"its window was published by version {run.version}, which had no scores",
            fix="Run `wiki-trends analyze` for this window again.",
        )
    return run


def scores_table(reader: Reader) -> str:
    """Return the table of the scores as SQL for `FROM`, with nulls in the columns that an earlier version did not publish."""
    columns = {row["column_name"] for row in reader.rows(_SELECT_COLUMN_NAMES, SCORES)}
    missing = [f"CAST(NULL AS {kind}) AS {name}" for name, kind in _ADDED.items() if name not in columns]
    return f"(SELECT *, {', '.join(missing)} FROM {SCORES})" if missing else SCORES  # noqa: S608 - constants


def category_spelling(reader: Reader, category: str) -> str:
    """Return the published spelling of a category; upper and lower case are equal in `category`.

    Raises:
        SettingError: the window does not have this category.
    """
    rows = reader.rows("SELECT category FROM wiki_trends_categories ORDER BY category")
    spellings = {row["category"].casefold(): row["category"] for row in rows}
    if category.casefold() not in spellings:
        raise SettingError(
            name="category",
            value=category,
            origin="--category",
            problem="is not a category of the published window",
            fix=f"Give one of {', '.join(spellings.values())}.",
        )
    return str(spellings[category.casefold()])


def containing_pattern(text: str) -> str:
    r"""Return a pattern for `LIKE ? ESCAPE '\'` that matches every text that contains `text`."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def plain(row: Mapping[str, Any]) -> dict[str, object]:
    """Convert a row for `json.dumps`: days become ISO strings."""
    return {name: value.isoformat() if isinstance(value, dt.date) else value for name, value in row.items()}


def window_json(run: RunRecord) -> dict[str, str]:
    """Return the first and the last day of a published window for `json.dumps`, as ISO strings."""
    return {"start": run.window_start.isoformat(), "end": run.window_end.isoformat()}
