"""The view `/pages`: the pages of a published window, filtered and ordered."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field

from wiki_trends.queries import categories as category_queries
from wiki_trends.queries import pages as page_queries
from wiki_trends.queries.published import plain, run_with_scores
from wiki_trends.web.problems import Problem
from wiki_trends.web.views.rendering import Content

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wiki_trends.warehouse.base import RunRecord
    from wiki_trends.web.data import Sources
    from wiki_trends.web.views.rendering import Table

# The number of pages that a response of `/pages` lists.
PAGE_SIZE = 100
# The number of newest windows among which the visitor can choose.
_MAX_CHOICES = 100
PRINTABLE_PATTERN = r"^[^\x00-\x1f\x7f]*$"
# fmt: off
_PAGE_COLUMNS = (
    "page", "page_display", "category", "location", "views", "days_listed", "days_used", "best_rank", "peak_date",
    "peak_views", "presence", "score", "confidence", "shape", "momentum_label", "views_change", "views_change_pct",
    "at_least", "evidence", "at_most",
)
# fmt: on


class PagesQuery(BaseModel):
    """The parameters of `/pages`: which pages, and in which order."""

    q: Annotated[
        str,
        Field(max_length=255, pattern=PRINTABLE_PATTERN, description="Part of a title (case-insensitive)."),
    ] = ""
    by: Annotated[
        Literal["at_least", "at_most", "score", "growth", "views"],
        Field(description="Measure that orders the pages."),
    ] = "at_least"
    category: Annotated[
        str, Field(max_length=100, pattern=PRINTABLE_PATTERN, description="Only pages of this category.")
    ] = ""
    presence: Annotated[
        Literal["", "new", "returning", "regular", "unknown"],
        Field(description="Only pages with this presence."),
    ] = ""
    burst: Annotated[bool, Field(description="Only pages with a burst.")] = False
    window: Annotated[
        str,
        Field(
            pattern=r"^$|^[12][0-9]{3}-[01][0-9]-[0-3][0-9]\.\.[12][0-9]{3}-[01][0-9]-[0-3][0-9]$",
            description="Published window, for example 2025-11-05..2025-11-09; the newest without it.",
        ),
    ] = ""
    limit: Annotated[int, Field(ge=1, le=PAGE_SIZE, description="The largest number of pages.")] = PAGE_SIZE
    skip: Annotated[int, Field(ge=0, le=1_000_000, description="Number of pages to skip.")] = 0


@dataclass(frozen=True, slots=True)
class PageListing:
    """One part of the list of pages, and the categories and windows among which the visitor can choose."""

    page_list: page_queries.PageList
    categories: Sequence[str]
    windows: Sequence[tuple[dt.date, dt.date]]
    limit: int

    @property
    def previous_offset(self) -> int | None:
        """The offset of the previous part; None if this part is the first."""
        return max(0, self.page_list.skipped - self.limit) if self.page_list.skipped else None

    @property
    def next_offset(self) -> int | None:
        """The offset of the next part; None if this part is the last."""
        next_offset = self.page_list.skipped + len(self.page_list.pages)
        return next_offset if next_offset < self.page_list.total else None


def pages_content(sources: Sources, query: PagesQuery) -> Content:
    """Return the content of `/pages`, from one snapshot of the published tables."""
    with sources.warehouse.reading() as reader:
        run = run_with_scores(reader, sources.warehouse)
        windows = page_queries.read_windows(reader, run)
        selection = page_queries.PageSelection(
            by=query.by,
            containing=query.q,
            category=query.category or None,
            presence=query.presence or None,
            burst=query.burst,
            window=_selected_window(windows, query.window),
            skip=query.skip,
            limit=query.limit,
        )
        page_list = page_queries.read_page_list(reader, run, selection)
        category_names = [row["category"] for row in category_queries.read_categories(reader)]

    def document() -> dict[str, Any]:
        return {
            "window": dict(zip(("start", "end"), map(dt.date.isoformat, page_list.window), strict=True)),
            "by": page_list.by,
            "found": page_list.total,
            "skipped": page_list.skipped,
            "pages": [plain(row) for row in page_list.pages],
        }

    # The window of an old link can be older than the windows that the list offers.
    choices = [
        window for place, window in enumerate(windows) if place < _MAX_CHOICES or window == page_list.window
    ]
    return Content(
        PageListing(page_list, category_names, choices, query.limit),
        document,
        lambda: rows_table(page_list.pages, _PAGE_COLUMNS),
    )


def _selected_window(windows: Sequence[tuple[dt.date, dt.date]], text: str) -> tuple[dt.date, dt.date] | None:
    """Return the published window with this text, such as `2025-11-05..2025-11-09`; None for an empty text."""
    if not text:
        return None
    for first, last in windows:
        if f"{first}..{last}" == text:
            return first, last
    message = f"The window {text} is not published."
    raise Problem(404, "NO_SUCH_WINDOW", message, "Choose one of the windows that the page Pages lists.")


def rows_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Table:
    """Return these columns of the rows as the table of a CSV."""
    return columns, ([row[column] for column in columns] for row in rows)


def window_document(run: RunRecord) -> dict[str, str]:
    """Return the window of a run as a part of a JSON document."""
    return {"start": run.window_start.isoformat(), "end": run.window_end.isoformat()}
