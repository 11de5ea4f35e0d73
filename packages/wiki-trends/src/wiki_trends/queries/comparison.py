"""Query the views and ranks of several pages on the same days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wiki_trends.queries.pages import read_newest_row, read_page_days

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wiki_trends.warehouse.base import Warehouse


@dataclass(frozen=True, slots=True)
class ComparedPage:
    """The published days of one page.

    Attributes:
        row: the newest row of the page in `wiki_diamond`.
        series: `date`, `views` and `rank` for each day that the run read, in the baseline and in the window, oldest first.
            `views` and `rank` are None on a day when the page was not in the list.
    """

    row: Mapping[str, Any]
    series: Sequence[Mapping[str, Any]]


def compare_pages(warehouse: Warehouse, titles: Sequence[str]) -> list[ComparedPage]:
    """Return the pages with these titles, in their order and without repetitions. Every page has the same days.

    Raises:
        PageNotListed: no published day lists one of the pages.
    """
    names = dict.fromkeys(title.strip().replace(" ", "_") for title in titles if title.strip())
    with warehouse.reading() as reader:
        run = reader.last_run()
        return [
            ComparedPage(read_newest_row(reader, name), read_page_days(reader, run, name)) for name in names
        ]
