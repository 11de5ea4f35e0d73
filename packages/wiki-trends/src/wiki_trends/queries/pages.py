"""Look up pages of the published window: the top pages by one measure, and all published rows of one page.

Fails with `PageNotListed`, with `SettingError` for an unknown measure or category, and with `WarehouseError`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wiki_trends.errors import PageNotListed, SettingError, WarehouseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wiki_trends.warehouse.base import Reader, RunRecord, Warehouse

SCORES = "wiki_trends_scores"
_WINDOW = "dataset = ? AND window_start = ? AND window_end = ?"
_ORDERS = {
    "score": "score DESC NULLS LAST, wikitrends_score DESC NULLS LAST",
    "growth": "views_change_pct DESC NULLS LAST, views_change DESC NULLS LAST",
    "views": "views DESC",
}
MEASURES = tuple(_ORDERS)
_TOP = """
SELECT s.page, s.page_display, s.category, s.views, s.days_listed, s.days_used, s.best_rank, s.presence, s.score,
       s.confidence, s.surprise_date, s.surprise_views, s.expected_views, s.shape, s.wikitrends_score, s.momentum,
       s.momentum_label, s.trend_pct_per_day, g.views_change, g.views_change_pct
FROM (SELECT * FROM wiki_trends_scores WHERE {window}) AS s
LEFT JOIN wiki_trends_growth AS g ON g.page = s.page
WHERE {also}
ORDER BY {order}, s.page
LIMIT ?
"""
_WINDOWS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class PageDetails:
    """Everything published about one page.

    Attributes:
        run: the window that the tables hold.
        about: its newest row of `wiki_diamond`.
        series: for each day of baseline and window that was read, oldest first: `date`, and `views` and `rank`, both None
            on a day on which it was not in the list.
        scores: its row of `wiki_trends_scores` for this window; None when it was not listed in it.
        windows: its rows of earlier windows, newest first, with their dates and main scores.
    """

    run: RunRecord
    about: Mapping[str, Any]
    series: Sequence[Mapping[str, Any]]
    scores: Mapping[str, Any] | None
    windows: Sequence[Mapping[str, Any]]

    def to_json(self) -> dict[str, object]:
        """The document that `page --json` prints."""
        return {
            "page": self.about["page"],
            "page_display": self.about["page_display"],
            "link": self.about["link"],
            "category": self.about["category"],
            "location": self.about["location"],
            "window": _window_json(self.run),
            "series": [plain(day) for day in self.series],
            "scores": plain(self.scores) if self.scores is not None else None,
            "windows": [plain(row) for row in self.windows],
        }


@dataclass(frozen=True, slots=True)
class Top:
    """The top pages by a measure: rows of the published scores, with the growth of pages that have one."""

    run: RunRecord
    by: str
    pages: Sequence[Mapping[str, Any]]

    def to_json(self) -> dict[str, object]:
        """The document that `top --json` prints."""
        return {
            "window": _window_json(self.run),
            "by": self.by,
            "pages": [plain(row) for row in self.pages],
        }


def top(warehouse: Warehouse, by: str = "score", category: str | None = None, limit: int = 10) -> Top:
    """The top pages of the published window by `by`, one of `MEASURES`; ties are ordered by title.

    `score` is the score of a page's most surprising day; `growth` the change in percent from the first day to the last, of
    pages listed on every day; `views` the sum of its listed days.
    """
    order = order_of(by)
    with warehouse.reading() as reader:
        run = with_scores(reader, warehouse)
        also = ["g.views_change_pct IS NOT NULL"] if by == "growth" else []
        values: list[object] = [run.dataset, run.window_start, run.window_end]
        if category is not None:
            also.append("s.category = ?")
            values.append(known_category(reader, category))
        sql = _TOP.format(window=_WINDOW, also=" AND ".join(also) or "TRUE", order=order)
        return Top(run, by, reader.rows(sql, *values, limit))


def page(warehouse: Warehouse, title: str) -> PageDetails:
    """Everything published about a page, by its title with spaces or underscores.

    Raises:
        PageNotListed: no published day lists it.
    """
    with warehouse.reading() as reader:
        run = with_scores(reader, warehouse)
        name = title.strip().replace(" ", "_")
        newest = reader.rows("SELECT * FROM wiki_diamond WHERE page = ? ORDER BY date DESC LIMIT 1", name)
        if not newest:
            raise PageNotListed(title=title, similar=_similar(reader, name))
        days = sorted({*run.days_used, *(dt.date.fromisoformat(day) for day in run.baseline)})
        listed = reader.rows(
            "SELECT date, views, rank FROM wiki_diamond WHERE page = ? AND date BETWEEN ? AND ?",
            name,
            days[0],
            days[-1],
        )
        by_day = {row["date"]: row for row in listed}
        series = [
            {"date": day, "views": row.get("views"), "rank": row.get("rank")}
            for day in days
            for row in (by_day.get(day, {}),)
        ]
        rows = reader.rows(
            "SELECT * FROM wiki_trends_scores WHERE dataset = ? AND page = ? "
            "ORDER BY window_end DESC, window_start DESC LIMIT ?",
            run.dataset,
            name,
            _WINDOWS_SHOWN,
        )
        now = [
            row
            for row in rows
            if (row["window_start"], row["window_end"]) == (run.window_start, run.window_end)
        ]
        others = [row for row in rows if row not in now]
        return PageDetails(run, newest[0], series, now[0] if now else None, others)


def order_of(by: str) -> str:
    """The SQL order of a measure for pages `s` of the scores with their growth `g`; the caller appends the title.

    Raises:
        SettingError: it is not a measure.
    """
    if by not in _ORDERS:
        raise SettingError(
            name="by",
            value=by,
            origin="--by",
            problem="is not a measure",
            fix=f"Give one of {', '.join(MEASURES)}.",
        )
    return _ORDERS[by]


def plain(row: Mapping[str, Any]) -> dict[str, object]:
    """A row for `json.dumps`: days as ISO strings."""
    return {name: value.isoformat() if isinstance(value, dt.date) else value for name, value in row.items()}


def with_scores(reader: Reader, warehouse: Warehouse) -> RunRecord:
    """The published window, which must have scores.

    Raises:
        WarehouseError: a version without scores published it.
    """
    run = reader.last_run()
    if SCORES not in run.rows:
        raise WarehouseError(
            warehouse=warehouse.url,
            problem=f"its window was published by version {run.version}, which had no scores",
            fix="Run `wiki-trends analyze` for this window again.",
        )
    return run


def known_category(reader: Reader, category: str) -> str:
    """The category in the spelling of the published window; the case of `category` is ignored.

    Raises:
        SettingError: the window has no such category.
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


def _similar(reader: Reader, name: str) -> list[str]:
    """Up to five listed titles that contain the name, in any case."""
    pattern = name.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = reader.rows(
        "SELECT page_display, max(views) AS views FROM wiki_diamond WHERE lower(page) LIKE ? ESCAPE '\\' "
        "GROUP BY page_display ORDER BY views DESC, page_display LIMIT 5",
        f"%{pattern}%",
    )
    return [row["page_display"] for row in rows]


def _window_json(run: RunRecord) -> dict[str, str]:
    return {"start": run.window_start.isoformat(), "end": run.window_end.isoformat()}
