"""Query the views and ranks of several pages on the same days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wiki_trends.queries.pages import page_details

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wiki_trends.queries.pages import PageDetails
    from wiki_trends.warehouse.base import Warehouse


@dataclass(frozen=True, slots=True)
class Comparison:
    """The published days of several pages. Each page has the same days.

    Attributes:
        pages: the details of each page, in the order of the request, without repetitions.
    """

    pages: Sequence[PageDetails]

    @property
    def titles(self) -> list[str]:
        """The titles of the pages, with underscores."""
        return [page.row["page"] for page in self.pages]


def compare_pages(warehouse: Warehouse, titles: Sequence[str]) -> Comparison:
    """Return the published days of these pages; titles can contain spaces or underscores.

    Raises:
        PageNotListed: no published day lists one of the pages.
    """
    names = dict.fromkeys(title.strip().replace(" ", "_") for title in titles if title.strip())
    return Comparison([page_details(warehouse, name) for name in names])
