"""Summarize the titles that were left out of the days of a window, by title and reason.

The published tables do not contain these titles, so they are read from the lake when the report is written. When a day cannot be
read, the result omits its titles and names the day. When the lake cannot be read, the result contains only the reason.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from smart_orchestrator.errors import ContractError, LakeError
from wiki_trends.config.layers import layers
from wiki_trends.pipeline.lists.excluded import Exclusion, read_exclusions

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from wiki_trends.config.settings import Settings
    from wiki_trends.warehouse.base import RunRecord

REASONS: Mapping[str, str] = {
    "placeholder": "rows of the list that do not name a page",
    "control_character": "titles with control characters",
    "main_page": "the main page of the wiki",
    "namespace": "pages outside the article namespace: Special:, User:, Portal: and others",
    "denied": "titles on the deny list",
    "suspect": "unusual share of views from desktops; the figures leave a page out only if its views are also flat for days",
    "leads_to_no_article": "redirects that do not lead to an article",
    "merged": "redirects whose views were added to their target",
}
_MAX_THREADS = 8


@dataclass(frozen=True, slots=True)
class LeftOutTitle:
    """A title that was left out of some days of the window for the same reason.

    Attributes:
        page: the title as in the list.
        reason: the name of the reason, one of `REASONS`.
        text: the reason with its details, from the day on which the title had the most views.
        days: the number of days that the title was left out of.
        views: the sum of the title's views on these days.
        best_rank: the title's best rank on these days.
    """

    page: str
    reason: str
    text: str
    days: int
    views: int
    best_rank: int


class ReasonSums(NamedTuple):
    """The number of titles that were left out for a reason, and the sum of their views."""

    titles: int
    views: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The titles left out of the days that could be read.

    Attributes:
        titles: the titles, most views first.
        unread: the days that could not be read, each with the code of the reason.
        problem: the reason why the lake could not be read; empty when it was read.
    """

    titles: tuple[LeftOutTitle, ...] = ()
    unread: tuple[tuple[dt.date, str], ...] = ()
    problem: str = ""

    @property
    def by_reason(self) -> Mapping[str, ReasonSums]:
        """The number of titles and the sum of their views for each reason, most views first."""
        sums: dict[str, ReasonSums] = {}
        for title in self.titles:
            before = sums.get(title.reason, ReasonSums(0, 0))
            sums[title.reason] = ReasonSums(before.titles + 1, before.views + title.views)
        reasons = sorted(sums, key=lambda reason: (-sums[reason].views, reason))
        return {reason: sums[reason] for reason in reasons}


def left_out(run: RunRecord, settings: Settings) -> LeftOut:
    """Read the titles that were left out of the days of a published window."""
    days = run.days_used
    if layers(settings).diamond.name != run.dataset:
        return LeftOut(
            problem=f"The settings name another project than the tables, which are of {run.dataset}."
        )

    def rows_or_error_code(day: dt.date) -> list[Exclusion] | str:
        try:
            return read_exclusions(day, settings)
        except ContractError as error:
            return error.code

    if not days:
        return LeftOut()
    try:
        with ThreadPoolExecutor(min(_MAX_THREADS, len(days)), thread_name_prefix="left-out") as pool:
            result_by_day = dict(zip(days, pool.map(rows_or_error_code, days), strict=True))
    except LakeError as error:
        return LeftOut(problem=str(error))
    unread = tuple((day, result) for day, result in result_by_day.items() if isinstance(result, str))
    rows = [row for result in result_by_day.values() if not isinstance(result, str) for row in result]
    return LeftOut(_sum_by_title_and_reason(rows), unread)


def _sum_by_title_and_reason(rows: Sequence[Exclusion]) -> tuple[LeftOutTitle, ...]:
    groups: dict[tuple[str, str], list[Exclusion]] = {}
    for row in rows:
        groups.setdefault((row.page, row.reason), []).append(row)
    titles = [
        LeftOutTitle(
            page=page,
            reason=reason,
            text=max(group, key=lambda row: row.views).text(),
            days=len(group),
            views=sum(row.views for row in group),
            best_rank=min(row.rank for row in group),
        )
        for (page, reason), group in groups.items()
    ]
    return tuple(sorted(titles, key=lambda row: (-row.views, row.page, row.reason)))
