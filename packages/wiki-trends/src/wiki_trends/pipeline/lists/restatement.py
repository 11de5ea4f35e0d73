"""Compares two versions of a day's list, because Wikimedia restates past days.

Lists are compared in canonical form: the views and the rank of each title. The order of the rows and the time of the response do
not count. A difference is material if it exceeds one of these bounds:

- rows: more than 1 % of the titles are new or gone;
- views: the views of a title differ by more than 1 %;
- ranks: the rank of a title differs by more than 10 % of its better rank, and by more than one place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wiki_trends.pipeline.lists.top_list import ListRow

# The largest fraction of new and gone titles in a small change. The last titles of a list have almost equal views. So some titles at the
# end are new or gone after any small change.
MAX_ROWS_CHANGED = 0.01
# The largest change of the views of a page in a small change, as a fraction.
MAX_VIEWS_CHANGE = 0.01
# The largest change of the rank of a page in a small change, as a fraction of the better rank. At the end of a list, many pages have the
# same views, so one more view can move a page by many ranks.
MAX_RANK_CHANGE = 0.1


def compare_lists(before: Sequence[ListRow], now: Sequence[ListRow]) -> dict[str, Any]:
    """Count the `new`, `gone` and `restated` rows (rows with other views), and sum the views of both versions."""
    views_before = {row.title: row.views for row in before}
    views_now = {row.title: row.views for row in now}
    in_both = views_before.keys() & views_now.keys()
    return {
        "new": len(views_now.keys() - in_both),
        "gone": len(views_before.keys() - in_both),
        "restated": sum(views_now[title] != views_before[title] for title in in_both),
        "views_before": sum(row.views for row in before),
        "views_now": sum(row.views for row in now),
    }


def is_same_list(before: Sequence[ListRow], now: Sequence[ListRow]) -> bool:
    """Return whether both versions have the same rows, in any order."""
    return sorted(before) == sorted(now)


def is_material(before: Sequence[ListRow], now: Sequence[ListRow]) -> bool:
    """Return whether a difference between two versions exceeds one of the bounds."""
    rows_before, rows_now = ({row.title: row for row in rows} for rows in (before, now))
    new_or_gone = rows_before.keys() ^ rows_now.keys()
    if len(new_or_gone) > MAX_ROWS_CHANGED * len(rows_before):
        return True
    in_both = rows_before.keys() & rows_now.keys()
    return any(_has_moved(rows_before[title], rows_now[title]) for title in in_both)


def _has_moved(before: ListRow, now: ListRow) -> bool:
    if abs(now.views - before.views) > MAX_VIEWS_CHANGE * before.views:
        return True
    return abs(now.rank - before.rank) > max(1.0, MAX_RANK_CHANGE * min(now.rank, before.rank))


def describe_changes(changes: Mapping[str, Any]) -> str:
    """Convert the result of `compare_lists` to text."""
    if not any(changes[name] for name in ("new", "gone", "restated")):
        return "nothing has changed"
    rows = ", ".join(f"{changes[name]} {name}" for name in ("new", "gone", "restated"))
    return f"rows: {rows}; views {changes['views_before']:,} -> {changes['views_now']:,}"
