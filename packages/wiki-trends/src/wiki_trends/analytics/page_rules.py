"""Two rules for the rows of a window: some pages are left out, and renamed pages get their newest title.

The rules need all days of the window, so the analysis applies them, and not the pipeline of a day. They are applied when a partition is
read. So every table of a window follows the rules, and the lake does not change.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import polars as pl

    from smart_orchestrator.model.partition import Partition

# Views are flat if, on FLAT_DAYS consecutive days, the largest 1 + views is at most FLAT_FACTOR times the smallest. A program requests a
# page at about the same rate every day. The views of a page in the news fall faster after its best day.
FLAT_DAYS = 4
FLAT_FACTOR = 1.25
_ONE_DAY = dt.timedelta(days=1)
_LISTED = "_listed_title"


@dataclass(frozen=True, slots=True)
class PageRules:
    """The rules for the rows of a window and of its baseline.

    Attributes:
        left_out: the pages to leave out.
        renamed: the newest title for each older title of a page, both with underscores.
    """

    left_out: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Apply the rules to the rows of one day; the columns stay the same.

        The row of a page that was listed under two titles has the sum of the views and the best rank.
        """
        import polars as pl

        if self.left_out:
            rows = rows.filter(~pl.col("page").is_in(list(self.left_out)))
        if not self.renamed:
            return rows
        newest = pl.col("page").replace(dict(self.renamed))
        rows = rows.with_columns(newest.alias("page"), pl.col("page").alias(_LISTED))
        is_renamed = pl.col("page") != pl.col(_LISTED)
        if not rows.select(is_renamed.any()).item():
            return rows.drop(_LISTED)
        if "page_display" in rows.columns:
            display = pl.when(is_renamed).then(pl.col("page").str.replace_all("_", " ", literal=True))
            rows = rows.with_columns(display.otherwise(pl.col("page_display")).alias("page_display"))
        # The row of the newest title comes first, so the other columns have the values of this row.
        rows = rows.sort(is_renamed, maintain_order=True)
        combined = {"views": pl.col("views").sum(), "rank": pl.col("rank").min()}
        values = [
            combined.get(name, pl.col(name).first()) for name in rows.columns if name not in ("page", _LISTED)
        ]
        return rows.group_by("page", maintain_order=True).agg(values).select(rows.drop(_LISTED).columns)

    def newest_titles(self, pages: Iterable[str]) -> set[str]:
        """Return the newest title of each page."""
        return {self.renamed.get(page, page) for page in pages}

    def rename_history(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Replace older titles, and sum the exact views of all titles of a page. The columns are `declarations.HISTORY_TYPES`."""
        import polars as pl

        newest = rows.with_columns(pl.col("page").replace(dict(self.renamed)))
        if newest["page"].equals(rows["page"]):
            return rows
        combined = [pl.col("views").sum(), pl.col("requested_for").max()]
        return newest.group_by("page", "date", maintain_order=True).agg(combined).select(rows.columns)


def pages_of_programs(partitions: Iterable[Partition]) -> frozenset[str]:
    """Return the pages with two signs of programs on `FLAT_DAYS` consecutive days: an unusual share of desktops, and flat views.

    The manifest of a day in the diamond layer lists the `suspect` pages: those with an unusual share of views from desktops. The views
    of a page are compared only on days whose manifest lists the page. A partition that another program wrote has no such list.

    Args:
        partitions: the available partitions of the window and of its baseline.
    """
    views_by_page: dict[str, dict[dt.date, int]] = {}
    for partition in partitions:
        for page, views in _suspect_views(partition):
            views_by_page.setdefault(page, {})[partition.day] = views
    return frozenset(page for page, views in views_by_page.items() if is_flat(views))


def flagged_pages(partitions: Iterable[Partition]) -> frozenset[str]:
    """Return the pages with an unusual share of desktops on at least one day, each under its title in the list."""
    return frozenset(page for partition in partitions for page, _ in _suspect_views(partition))


def is_flat(views: Mapping[dt.date, int]) -> bool:
    """Return whether the views are flat on `FLAT_DAYS` consecutive days; see `FLAT_FACTOR`."""
    for first_day in views:
        days = [first_day + number * _ONE_DAY for number in range(FLAT_DAYS)]
        if all(day in views for day in days):
            levels = [math.log1p(views[day]) for day in days]
            if max(levels) - min(levels) <= math.log(FLAT_FACTOR):
                return True
    return False


def _suspect_views(partition: Partition) -> Iterator[tuple[str, int]]:
    """Yield the page and the views of the suspect pages of a day. An entry that does not have the expected form is ignored."""
    entries: Any = partition.manifest.measured.get("suspect") if partition.manifest is not None else None
    for entry in entries if isinstance(entries, list | tuple) else ():
        page, views = (entry.get("page"), entry.get("views")) if isinstance(entry, dict) else (None, None)
        if isinstance(page, str) and type(views) is int and views >= 0:
            yield page, views
