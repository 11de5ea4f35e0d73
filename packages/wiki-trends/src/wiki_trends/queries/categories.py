"""Query the categories of the published window: all categories, or one category with its days and its leading pages.

The functions raise `WarehouseError` when the warehouse cannot be read, and `SettingError` for an unknown category.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wiki_trends.queries.pages import PageList, PageSelection, read_page_list
from wiki_trends.queries.published import category_spelling, run_with_scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wiki_trends.queries.published import Row
    from wiki_trends.warehouse.base import Reader, RunRecord, Warehouse

_DAYS = """
SELECT date, CAST(sum(views) AS BIGINT) AS views, count(*) AS pages
FROM wiki_trends_timeseries WHERE category = ? GROUP BY date ORDER BY date
"""


@dataclass(frozen=True, slots=True)
class CategoryDetails:
    """One category of the published window.

    Attributes:
        run: the run that published the window.
        row: the row of the category in `wiki_trends_categories`.
        days: `date`, `views` (the sum of the category's pages) and `pages` (their number) of each day used on which a page of the
            category was listed, oldest first.
        leading: the first pages of the category, ordered by `at_least`, the largest first.
    """

    run: RunRecord
    row: Row
    days: Sequence[Row]
    leading: PageList


def categories(warehouse: Warehouse) -> tuple[RunRecord, Sequence[Row]]:
    """Return the published run and the rows of `wiki_trends_categories`, most views first."""
    with warehouse.reading() as reader:
        return reader.last_run(), read_categories(reader)


def read_categories(reader: Reader) -> Sequence[Row]:
    """Return the rows of `wiki_trends_categories`, most views first."""
    return reader.rows("SELECT * FROM wiki_trends_categories ORDER BY views DESC, category")


def category(warehouse: Warehouse, name: str, limit: int = 50) -> CategoryDetails:
    """Return one category with its days and at most `limit` of its leading pages."""
    with warehouse.reading() as reader:
        run = run_with_scores(reader, warehouse)
        spelling = category_spelling(reader, name)
        (row,) = reader.rows("SELECT * FROM wiki_trends_categories WHERE category = ?", spelling)
        days = reader.rows(_DAYS, spelling)
        leading = read_page_list(reader, run, PageSelection(category=spelling, limit=limit))
        return CategoryDetails(run, row, days, leading)
