"""Compares two versions of a day's list, because Wikimedia restates past days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wiki_trends.pipeline.lists.top_list import ListRow


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


def describe_changes(changes: Mapping[str, Any]) -> str:
    """Convert the result of `compare_lists` to text."""
    if not any(changes[name] for name in ("new", "gone", "restated")):
        return "nothing has changed"
    rows = ", ".join(f"{changes[name]} {name}" for name in ("new", "gone", "restated"))
    return f"rows: {rows}; views {changes['views_before']:,} -> {changes['views_now']:,}"
