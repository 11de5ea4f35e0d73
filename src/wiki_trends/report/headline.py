"""What the window was about, in sentences made from its figures. Pure; nothing here can fail on valid rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.report.text import counted, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wiki_trends.report.model import Category, Change, Peak
    from wiki_trends.warehouse.base import RunRecord

_PEAKS = 3
_CLIMBERS = 2
_CLEAR_CLIMB = 10
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def headline(
    run: RunRecord, peaks: Sequence[Peak], climbers: Sequence[Change], categories: Sequence[Category]
) -> tuple[str, ...]:
    """The largest peaks, then the clearest climbs in rank that no peak told already, then the category with the most views.

    Args:
        run: the published window.
        peaks: largest first.
        climbers: best improvement of rank first.
        categories: most views first.
    """
    told = {peak.page for peak in peaks[:_PEAKS]}
    climbs = [page for page in climbers if page.page not in told and page.rank_change >= _CLEAR_CLIMB]
    sentences = [_peak(peak) for peak in peaks[:_PEAKS]]
    sentences += [_climb(page) for page in climbs[:_CLIMBERS]]
    if not sentences:
        sentences.append(_quiet(run))
    if len(categories) > 1:
        sentences.append(_leading(categories))
    return tuple(sentences)


def _peak(peak: Peak) -> str:
    bound = "at least " if peak.days_unlisted else ""
    times = f", {bound}{peak.times:,.1f} times its usual day" if peak.times is not None else ""
    unlisted = f"; {counted(peak.days_unlisted, 'other day')} outside the list" if peak.days_unlisted else ""
    day = f"{_WEEKDAYS[peak.date.weekday()]} {peak.date}"
    return f"{safe(peak.page_display)} peaked on {day} with {peak.views:,} views at rank {peak.rank}{times}{unlisted}."


def _climb(page: Change) -> str:
    return (
        f"{safe(page.page_display)} rose from rank {page.first_rank} to {page.last_rank} "
        f"between {page.first_date} and {page.last_date}."
    )


def _leading(categories: Sequence[Category]) -> str:
    # `Other` is where pages without a category go: that it is large says nothing.
    lead = next(item for item in categories if item.category != "Other")
    after = "" if lead is categories[0] else " after Other"
    return f"{safe(lead.category)} drew the most views of all categories{after}: {lead.share_pct:.1f} % of the listed."


def _quiet(run: RunRecord) -> str:
    if len(run.days_used) < 2:
        return "One day has no trend: give a longer window to see what rose and fell."
    return "No page stood out: none doubled its usual views, none climbed ten ranks."
