"""Query the views and ranks of some pages on each day of the published window."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wiki_trends.warehouse.base import Reader, RunRecord


@dataclass(frozen=True, slots=True)
class Series:
    """The views and ranks of a page on every day of a window; None on a day that was not used, or on which the page was not listed.

    Attributes:
        views: the page's views on each day, oldest first.
        ranks: the page's rank on each day, oldest first.
    """

    views: tuple[int | None, ...]
    ranks: tuple[int | None, ...]


def read_series(reader: Reader, run: RunRecord, pages: Iterable[str]) -> Mapping[str, Series]:
    """Read the views and ranks of these pages on every day of the published window."""
    titles = sorted(set(pages))
    if not titles:
        return {}
    placeholders = ", ".join("?" for _ in titles)
    rows = reader.rows(
        f"SELECT page, date, views, rank FROM wiki_trends_timeseries WHERE page IN ({placeholders})",  # noqa: S608 - placeholders only
        *titles,
    )
    by_page_and_day = {(row["page"], row["date"]): row for row in rows}
    days = days_of(run)
    # A page has no row for a day that was not used, or that did not list it.
    return {
        page: Series(
            *(
                tuple(by_page_and_day.get((page, day), {}).get(name) for day in days)
                for name in ("views", "rank")
            )
        )
        for page in titles
    }


def days_of(run: RunRecord) -> tuple[dt.date, ...]:
    """Return every day of the window, oldest first, including the days that were not used."""
    length = (run.window_end - run.window_start).days + 1
    return tuple(run.window_start + dt.timedelta(days=offset) for offset in range(length))
