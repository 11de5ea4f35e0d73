"""Write the headline of a report: the findings of a window as sentences. The functions of this module are pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.queries.evidence import FLAG
from wiki_trends.queries.series import days_of
from wiki_trends.report.formats import counted, day_of_month, decimals, percent, whole
from wiki_trends.report.model import Sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wiki_trends.queries.series import Series
    from wiki_trends.report.model import Category, Change, Peak
    from wiki_trends.warehouse.base import RunRecord

MAX_PEAKS = 3
_MAX_CLIMBERS = 2
_MIN_CLIMB_RANKS = 10


def headline(
    run: RunRecord,
    peaks: Sequence[Peak],
    climbers: Sequence[Change],
    categories: Sequence[Category],
    series: Mapping[str, Series],
) -> tuple[Sentence, ...]:
    """Return a sentence for each finding: the largest peaks, the largest climbs of other pages, and the most-read category.

    Args:
        run: the run that published the window.
        peaks: the peaks, largest first.
        climbers: the pages whose rank improved, largest improvement first.
        categories: the categories, most views first.
        series: the series of the peaks' pages, which contain the ranks on the days before the peaks.
    """
    largest_peaks = peaks[:MAX_PEAKS]
    peak_pages = {peak.page for peak in largest_peaks}
    other_climbers = [
        page for page in climbers if page.page not in peak_pages and page.rank_change >= _MIN_CLIMB_RANKS
    ]
    sentences = [_peak_sentence(peak, run, series.get(peak.page)) for peak in largest_peaks]
    sentences += [_climb_sentence(page) for page in other_climbers[:_MAX_CLIMBERS]]
    if not sentences:
        sentences.append(_no_findings_sentence(run))
    if len(categories) > 1:
        sentences.append(_category_sentence(categories))
    return tuple(sentences)


def _peak_sentence(peak: Peak, run: RunRecord, series: Series | None) -> Sentence:
    bound = "at least " if peak.days_unlisted else ""
    times = f", {bound}{decimals(peak.times, 1)} times its usual day" if peak.times is not None else ""
    unlisted = f"; {counted(peak.days_unlisted, 'other day')} outside the list" if peak.days_unlisted else ""
    flag = f"; {FLAG}" if peak.page in run.flagged else ""
    day = day_of_month(peak.date, weekday=True)
    return Sentence(
        peak.page_display,
        f"{_movement(peak, run, series)} on {day}: {whole(peak.views)} views{times}{unlisted}{flag}.",
        peak.page,
    )


def _movement(peak: Peak, run: RunRecord, series: Series | None) -> str:
    """Describe how the page reached the rank of its best day, from its rank on the day before if the series contains it."""
    index = days_of(run).index(peak.date) if series is not None else 0
    if series is None or not index or days_of(run)[index - 1] not in run.days_used:
        return f"peaked at rank {peak.rank}"
    previous_rank = series.ranks[index - 1]
    if previous_rank is None:
        return f"came from outside the list to rank {peak.rank}"
    if previous_rank - peak.rank >= _MIN_CLIMB_RANKS:
        return f"rose from rank {previous_rank} to {peak.rank}"
    return f"peaked at rank {peak.rank}"


def _climb_sentence(page: Change) -> Sentence:
    first, last = page.first_date, page.last_date
    is_same_month = (first.year, first.month) == (last.year, last.month)
    days = f"between {first.day if is_same_month else day_of_month(first)} and {day_of_month(last)}"
    text = f"rose from rank {page.first_rank} to {page.last_rank} {days}."
    return Sentence(page.page_display, text, page.page)


def _category_sentence(categories: Sequence[Category]) -> Sentence:
    # `Other` contains the pages without a category, so it is not a finding.
    lead = next(item for item in categories if item.category != "Other")
    after = "" if lead is categories[0] else " after Other"
    return Sentence(
        lead.category,
        f"drew the most views of all categories{after}: {percent(lead.share_pct)} of the listed views.",
    )


def _no_findings_sentence(run: RunRecord) -> Sentence:
    if len(run.days_used) < 2:
        return Sentence("", "One day has no trend: give a longer window to see what rose and fell.")
    return Sentence("", "No page stood out: none doubled its usual views, none climbed ten ranks.")
