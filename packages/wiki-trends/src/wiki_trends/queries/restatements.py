"""Summarise `wiki_trends_restatements`: the changes of views and ranks when the published values of a day were replaced."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from wiki_trends.analytics.tables.history import BASELINE_DAYS
from wiki_trends.warehouse.base import RESTATEMENTS

if TYPE_CHECKING:
    from collections.abc import Collection

    from wiki_trends.warehouse.base import Reader, RunRecord

_SELECT_TABLE = """
SELECT 1 AS there FROM information_schema.tables WHERE table_name = ? AND table_schema = current_schema()
"""
# Each row is a page whose values changed. Without `rank`, the page is new in the list. Without `new_rank`, it is gone from the list.
# `views` and `new_views` are the sums over the pages that both versions list.
_SELECT_DAYS = """
SELECT date, new_fingerprint, replaced_at, count(*) AS pages,
       sum(CASE WHEN rank IS NULL THEN 1 ELSE 0 END) AS new_pages,
       sum(CASE WHEN new_rank IS NULL THEN 1 ELSE 0 END) AS gone_pages,
       sum(CASE WHEN rank IS NULL OR new_rank IS NULL THEN 0 ELSE views END) AS views,
       sum(CASE WHEN rank IS NULL OR new_rank IS NULL THEN 0 ELSE new_views END) AS new_views
FROM wiki_trends_restatements WHERE dataset = ? AND date BETWEEN ? AND ?
GROUP BY date, new_fingerprint, replaced_at ORDER BY date, replaced_at
"""
# The page with the largest ratio between its two ranks, for each day and version. The absolute logarithm is equal for a rise and for a
# fall by the same ratio.
_SELECT_MOVES = """
SELECT date, new_fingerprint, page, page_display, rank, new_rank FROM (
    SELECT date, new_fingerprint, page, page_display, rank, new_rank,
           row_number() OVER (
               PARTITION BY date, new_fingerprint
               ORDER BY abs(ln(CAST(new_rank AS DOUBLE PRECISION) / rank)) DESC, rank, page
           ) AS place
    FROM wiki_trends_restatements
    WHERE dataset = ? AND date BETWEEN ? AND ? AND rank <> new_rank
) AS moves WHERE place = 1
"""


@dataclass(frozen=True, slots=True)
class DayRestatement:
    """The changes of views and ranks when the published values of a day were replaced.

    Attributes:
        date: the UTC day.
        replaced_at: the time of the publish that replaced the values, UTC.
        pages: the number of pages with other views or another rank, including new and gone pages.
        new_pages: the number of pages that were not listed before.
        gone_pages: the number of pages that are not listed any more.
        views_change_pct: the change of the views of the pages that both versions list, in percent; None without such views.
        page: the title of the page whose rank changed most, with spaces; empty if no rank changed.
        rank: the earlier rank of this page; None without a page.
        new_rank: the new rank of this page; None without a page.
    """

    date: dt.date
    replaced_at: dt.datetime
    pages: int
    new_pages: int
    gone_pages: int
    views_change_pct: float | None
    page: str = ""
    rank: int | None = None
    new_rank: int | None = None

    @property
    def text(self) -> str:
        """A text such as `2025-05-04: 31 pages, −8.1 % views; rank of Ada Lovelace 4 → 9`."""
        text = f"{self.date}: {self.pages:,} page{'' if self.pages == 1 else 's'}"
        counts = [f"{n:,} {word}" for n, word in ((self.new_pages, "new"), (self.gone_pages, "gone")) if n]
        text += f" ({', '.join(counts)})" if counts else ""
        if self.views_change_pct is not None:
            text += f", {self.views_change_pct:+.1f} % views".replace("-", "−")
        return text + (f"; rank of {self.page} {self.rank} → {self.new_rank}" if self.page else "")

    def to_json(self) -> dict[str, object]:
        """Return the restatement as a JSON object."""
        return {
            **asdict(self),
            "date": self.date.isoformat(),
            "replaced_at": self.replaced_at.replace(tzinfo=dt.UTC).isoformat(),
            "text": self.text,
        }


def restatements_of_window(reader: Reader, run: RunRecord) -> tuple[DayRestatement, ...]:
    """Return the restatements of the days of a published window and of its baseline, oldest day first."""
    return _restatements(
        reader, run.dataset, run.window_start - dt.timedelta(days=BASELINE_DAYS), run.window_end
    )


def restatements_of_publishes(
    reader: Reader, dataset: str, published_at: Collection[dt.datetime]
) -> tuple[DayRestatement, ...]:
    """Return the restatements that the publishes at these times made, oldest day first."""
    # The warehouse has times in UTC without an offset.
    times = {moment.astimezone(dt.UTC).replace(tzinfo=None) for moment in published_at}
    restatements = _restatements(reader, dataset, dt.date.min, dt.date.max)
    return tuple(day for day in restatements if day.replaced_at in times)


def _restatements(reader: Reader, dataset: str, first: dt.date, last: dt.date) -> tuple[DayRestatement, ...]:
    if not reader.rows(_SELECT_TABLE, RESTATEMENTS):
        return ()  # No published value was ever replaced.
    moves = {
        (row["date"], row["new_fingerprint"]): row for row in reader.rows(_SELECT_MOVES, dataset, first, last)
    }
    return tuple(
        _day_restatement(row, moves.get((row["date"], row["new_fingerprint"])))
        for row in reader.rows(_SELECT_DAYS, dataset, first, last)
    )


def _day_restatement(row: dict[str, Any], move: dict[str, Any] | None) -> DayRestatement:
    views, new_views = float(row["views"]), float(row["new_views"])
    return DayRestatement(
        row["date"],
        row["replaced_at"],
        int(row["pages"]),
        int(row["new_pages"]),
        int(row["gone_pages"]),
        round(100 * (new_views - views) / views, 1) if views else None,
        # Without a move, `page`, `rank` and `new_rank` have their defaults.
        *((move["page_display"], int(move["rank"]), int(move["new_rank"])) if move else ()),
    )
