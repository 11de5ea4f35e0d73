"""Query the pages that rose or fell in recent windows, for the feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.queries.evidence import read_why
from wiki_trends.queries.published import FALL_RANKING, RANKING, run_with_scores, scores_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wiki_trends.queries.published import Row
    from wiki_trends.warehouse.base import RunRecord, Warehouse

# The movers are the pages that rose, or those that fell: `condition` selects them. Windows of different lengths can end on the same day. A
# page is then listed once, with its best window: the first in `page_order`.
_SELECT_MOVERS = """
SELECT page, page_display, category, window_start, window_end, surprise_date, surprise_views, expected_views, at_least, at_most, score,
       shape, peak_rank, link
FROM (
    SELECT movers.*,
           row_number() OVER (PARTITION BY window_end ORDER BY {ranking}) AS place_in_day,
           dense_rank() OVER (ORDER BY window_end DESC) AS day_number
    FROM (
        SELECT s.*, d.link,
               row_number() OVER (
                   PARTITION BY s.window_end, s.page
                   ORDER BY {page_order}, s.window_start
               ) AS place_in_page
        FROM {scores} AS s JOIN wiki_diamond AS d ON d.page = s.page AND d.date = s.window_end
        WHERE s.dataset = ? AND {condition}
    ) AS movers
    WHERE place_in_page = 1
) AS ranked
WHERE day_number <= ? AND place_in_day <= ?
ORDER BY window_end DESC, place_in_day
"""
# The largest number of pages for each day, in the list of risers and in the list of fallers.
RISERS_A_DAY = 10
# The number of newest days in each list.
_MAX_DAYS = 7


def risers(warehouse: Warehouse) -> tuple[RunRecord, Sequence[Row]]:
    """Return the published run, and the pages whose most surprising day was the last day of a recent window.

    The rows are ordered by the last day of the window, newest first, and then by `published.RANKING`. They include the seven
    newest of these days, with at most `RISERS_A_DAY` pages for each day. The `at_least` of each page is above 1, or its `score` is
    above 0 in a window that an earlier version published without `at_least`. `why` is a sentence for a rise of the published
    window: the strongest evidence, or the reason why there is none. It is None for the other windows, and for a page about which the
    run requested no evidence.

    Raises:
        WarehouseError: the warehouse cannot be read.
    """
    return _read_movers(
        warehouse,
        ranking=RANKING,
        page_order="s.at_least DESC NULLS LAST, s.score DESC NULLS LAST",
        condition="s.surprise_date = s.window_end AND coalesce(s.at_least > 1, s.score > 0)",
    )


def fallers(warehouse: Warehouse) -> tuple[RunRecord, Sequence[Row]]:
    """Return the published run, and the pages that certainly fell in a recent window and were listed on its last day.

    The rows are ordered by the last day of the window, newest first, and then by `published.FALL_RANKING`. They include the seven
    newest of these days, with at most `RISERS_A_DAY` pages for each day. The `at_most` of each page is below 1. `why` is None,
    because evidence is requested only about rises.

    Raises:
        WarehouseError: the warehouse cannot be read.
    """
    return _read_movers(
        warehouse, ranking=FALL_RANKING, page_order="s.at_most NULLS LAST", condition="s.at_most < 1"
    )


def _read_movers(warehouse: Warehouse, **parts: str) -> tuple[RunRecord, Sequence[Row]]:
    """Return the published run, and the rows of `_SELECT_MOVERS` with these parts of the query."""
    with warehouse.reading() as reader:
        run = run_with_scores(reader, warehouse)
        sql = _SELECT_MOVERS.format(scores=scores_table(reader), **parts)
        rows = reader.rows(sql, run.dataset, _MAX_DAYS, RISERS_A_DAY)
        why = read_why(reader, run, [row["page"] for row in rows])
        window = (run.window_start, run.window_end)
        # Only the window that was published last has evidence.
        for row in rows:
            is_current = (row["window_start"], row["window_end"]) == window
            row["why"] = why[row["page"]]["text"] if is_current and row["page"] in why else None
        return run, rows
