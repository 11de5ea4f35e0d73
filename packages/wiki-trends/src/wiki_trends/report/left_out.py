"""Titles left out of the days of a window, with the reasons that the lake's layers recorded, summed over the days.

The published tables do not hold them, so they are read from the lake when the report is written. The report does not
depend on them: it names a day that cannot be read with the reason, and so a lake that cannot be reached.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.errors import ContractError, LakeError
from wiki_trends.config.layers import layers
from wiki_trends.pipeline.lists.excluded import Exclusion, excluded

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from wiki_trends.config.settings import Settings
    from wiki_trends.warehouse.base import RunRecord

REASONS: Mapping[str, str] = {
    "placeholder": "rows of the list that name no page",
    "control_character": "titles with characters that no title has",
    "main_page": "the wiki's front page",
    "namespace": "pages that are no articles: Special:, User:, Portal: and the like",
    "denied": "titles of the deny list",
    "suspect": "views that look like programs: nearly all, or nearly none, of them from desktops",
    "leads_to_no_article": "redirects that end at no article",
    "merged": "redirects, whose views were added to the page that they lead to",
}
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class LeftOutTitle:
    """A title that was left out for one reason, over the days of the window.

    Attributes:
        page: title as it was listed.
        reason: one of `REASONS`.
        text: the reason as a sentence, of the day on which it had the most views.
        days: number of days on which it was left out.
        views: sum over these days.
        best_rank: in the lists of these days.
    """

    page: str
    reason: str
    text: str
    days: int
    views: int
    best_rank: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The titles left out of the days that could be read.

    Attributes:
        titles: most views first.
        unread: days that could not be read, with the reason.
        problem: why the lake could not be read; empty when it could.
    """

    titles: tuple[LeftOutTitle, ...] = ()
    unread: tuple[tuple[dt.date, str], ...] = ()
    problem: str = ""

    @property
    def by_reason(self) -> Mapping[str, tuple[int, int]]:
        """The number of titles and the sum of their views for each reason that occurs."""
        sums: dict[str, tuple[int, int]] = {}
        for title in self.titles:
            titles, views = sums.get(title.reason, (0, 0))
            sums[title.reason] = (titles + 1, views + title.views)
        return dict(sorted(sums.items(), key=lambda item: (-item[1][1], item[0])))


def left_out(run: RunRecord, settings: Settings) -> LeftOut:
    """The titles left out of the days that a published window used; the result names what cannot be read."""
    days = run.days_used
    if layers(settings).diamond.name != run.dataset:
        return LeftOut(
            problem=f"The settings name another project than the tables, which are of {run.dataset}."
        )

    def read(day: dt.date) -> list[Exclusion] | str:
        try:
            return excluded(day, settings)
        except ContractError as error:
            return error.code

    if not days:
        return LeftOut()
    try:
        with ThreadPoolExecutor(min(_AT_ONCE, len(days)), thread_name_prefix="left-out") as pool:
            by_day = dict(zip(days, pool.map(read, days), strict=True))
    except LakeError as error:
        return LeftOut(problem=str(error))
    unread = tuple((day, why) for day, why in by_day.items() if isinstance(why, str))
    return LeftOut(
        _added_up([row for rows in by_day.values() if not isinstance(rows, str) for row in rows]), unread
    )


def _added_up(rows: Sequence[Exclusion]) -> tuple[LeftOutTitle, ...]:
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
