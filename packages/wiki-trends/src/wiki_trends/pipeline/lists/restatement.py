"""Compares two versions of a day's list: Wikimedia restates past days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wiki_trends.pipeline.lists.top_list import Listed


def compare_lists(before: Sequence[Listed], now: Sequence[Listed]) -> dict[str, Any]:
    """The numbers of rows that are `new`, `gone`, or `restated` (have other views), and the sums of views."""
    views_before = {row.title: row.views for row in before}
    views_now = {row.title: row.views for row in now}
    both = views_before.keys() & views_now.keys()
    return {
        "new": len(views_now.keys() - both),
        "gone": len(views_before.keys() - both),
        "restated": sum(views_now[title] != views_before[title] for title in both),
        "views_before": sum(row.views for row in before),
        "views_now": sum(row.views for row in now),
    }


def sentence(changed: Mapping[str, Any]) -> str:
    """The result of `compare_lists` as text."""
    if not any(changed[name] for name in ("new", "gone", "restated")):
        return "nothing has changed"
    rows = ", ".join(f"{changed[name]} {name}" for name in ("new", "gone", "restated"))
    return f"rows: {rows}; views {changed['views_before']:,} -> {changed['views_now']:,}"
