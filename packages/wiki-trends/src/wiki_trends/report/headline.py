"""The findings of a window: sentences made from its figures. Pure functions, which do not fail on valid rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.queries.series import days_of
from wiki_trends.report.model import Sentence
from wiki_trends.report.text import counted, day_of_month

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wiki_trends.queries.series import Series
    from wiki_trends.report.model import Category, Change, Peak
    from wiki_trends.warehouse.base import RunRecord

_PEAKS = 3
_CLIMBERS = 2
_CLEAR_CLIMB = 10


def headline(
    run: RunRecord,
    peaks: Sequence[Peak],
    climbers: Sequence[Change],
    categories: Sequence[Category],
    series: Mapping[str, Series],
) -> tuple[Sentence, ...]:
    """The largest peaks, then the clearest climbs in rank that no peak told already, then the category with the most views.

    Args:
        run: the published window.
        peaks: largest first.
        climbers: best improvement of rank first.
        categories: most views first.
        series: of the pages among the peaks; says where a page was on the day before.
    """
    peaked = {peak.page for peak in peaks[:_PEAKS]}
    climbs = [page for page in climbers if page.page not in peaked and page.rank_change >= _CLEAR_CLIMB]
    sentences = [_peak(peak, run, series.get(peak.page)) for peak in peaks[:_PEAKS]]
    sentences += [_climb(page) for page in climbs[:_CLIMBERS]]
    if not sentences:
        sentences.append(_quiet(run))
    if len(categories) > 1:
        sentences.append(_leading(categories))
    return tuple(sentences)


def _peak(peak: Peak, run: RunRecord, series: Series | None) -> Sentence:
    bound = "at least " if peak.days_unlisted else ""
    times = f", {bound}{peak.times:,.1f} times its usual day" if peak.times is not None else ""
    unlisted = f"; {counted(peak.days_unlisted, 'other day')} outside the list" if peak.days_unlisted else ""
    day = f"{peak.date:%A} {day_of_month(peak.date)}"
    return Sentence(
        peak.page_display, f"{_came(peak, run, series)} on {day}: {peak.views:,} views{times}{unlisted}."
    )


def _came(peak: Peak, run: RunRecord, series: Series | None) -> str:
    """How the page came to the rank of its best day from that of the day before, when that is known."""
    place = days_of(run).index(peak.date) if series is not None else 0
    if series is None or not place or days_of(run)[place - 1] not in run.days_used:
        return f"peaked at rank {peak.rank}"
    before = series.ranks[place - 1]
    if before is None:
        return f"came from outside the list to rank {peak.rank}"
    if before - peak.rank >= _CLEAR_CLIMB:
        return f"rose from rank {before} to {peak.rank}"
    return f"peaked at rank {peak.rank}"


def _climb(page: Change) -> Sentence:
    first, last = page.first_date, page.last_date
    same = (first.year, first.month) == (last.year, last.month)
    days = f"between {first.day if same else day_of_month(first)} and {day_of_month(last)}"
    return Sentence(page.page_display, f"rose from rank {page.first_rank} to {page.last_rank} {days}.")


def _leading(categories: Sequence[Category]) -> Sentence:
    # `Other` holds the pages without a category: its size says nothing.
    lead = next(item for item in categories if item.category != "Other")
    after = "" if lead is categories[0] else " after Other"
    return Sentence(
        lead.category, f"drew the most views of all categories{after}: {lead.share_pct:.1f} % of the listed."
    )


def _quiet(run: RunRecord) -> Sentence:
    if len(run.days_used) < 2:
        return Sentence("", "One day has no trend: give a longer window to see what rose and fell.")
    return Sentence("", "No page stood out: none doubled its usual views, none climbed ten ranks.")
