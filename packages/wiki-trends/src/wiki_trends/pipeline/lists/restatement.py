"""Differences between two lists of one day: Wikimedia restates past days. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wiki_trends.pipeline.lists.top_list import Listed


def compare_lists(before: Sequence[Listed], now: Sequence[Listed]) -> dict[str, Any]:
    """Numbers of rows that are `new`, `gone` and `restated` (other views), and the sums of views `before` and `now`."""
    old = {row.title: row.views for row in before}
    new = {row.title: row.views for row in now}
    return {
        "new": len(new.keys() - old.keys()),
        "gone": len(old.keys() - new.keys()),
        "restated": sum(new[title] != old[title] for title in new.keys() & old.keys()),
        "views_before": sum(row.views for row in before),
        "views_now": sum(row.views for row in now),
    }


def sentence(changed: Mapping[str, Any]) -> str:
    """The same for people."""
    if not any(changed[name] for name in ("new", "gone", "restated")):
        return "nothing has changed"
    rows = ", ".join(f"{changed[name]} {name}" for name in ("new", "gone", "restated"))
    return f"rows: {rows}; views {changed['views_before']:,} -> {changed['views_now']:,}"
