"""What was left out of the days of a window, and why: as the lake's layers wrote it down, added up over the days.

The published tables do not hold it, so it is read from the lake when the report is written. A report is worth reading
without: a day that cannot be read is named with the reason, and so is a lake that cannot be reached.
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
class Left:
    """A title that was left out for one reason, over the days of the window.

    Attributes:
        page: title as it was listed.
        reason: one of `REASONS`.
        told: the reason for people, of the day on which it had the most views.
        days: number of days on which it was left out.
        views: sum over these days.
        best_rank: in the lists of these days.
    """

    page: str
    reason: str
    told: str
    days: int
    views: int
    best_rank: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was left out of the days that could be read.

    Attributes:
        titles: most views first.
        unread: days that could not be read, with the reason.
        problem: why the lake could not be read at all; empty when it could.
    """

    titles: tuple[Left, ...] = ()
    unread: tuple[tuple[dt.date, str], ...] = ()
    problem: str = ""

    @property
    def by_reason(self) -> Mapping[str, tuple[int, int]]:
        """For each reason that occurs: titles, and the sum of their views."""
        found: dict[str, tuple[int, int]] = {}
        for one in self.titles:
            titles, views = found.get(one.reason, (0, 0))
            found[one.reason] = (titles + 1, views + one.views)
        return dict(sorted(found.items(), key=lambda item: (-item[1][1], item[0])))


def left_out(run: RunRecord, settings: Settings) -> LeftOut:
    """What was left out of the days that a published window used; what cannot be read is told in the result."""
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
            found = dict(zip(days, pool.map(read, days), strict=True))
    except LakeError as error:
        return LeftOut(problem=str(error))
    unread = tuple((day, why) for day, why in found.items() if isinstance(why, str))
    return LeftOut(
        _added_up([one for rows in found.values() if not isinstance(rows, str) for one in rows]), unread
    )


def _added_up(rows: Sequence[Exclusion]) -> tuple[Left, ...]:
    groups: dict[tuple[str, str], list[Exclusion]] = {}
    for row in rows:
        groups.setdefault((row.page, row.reason), []).append(row)
    found = [
        Left(
            page=page,
            reason=reason,
            told=max(group, key=lambda one: one.views).text(),
            days=len(group),
            views=sum(one.views for one in group),
            best_rank=min(one.rank for one in group),
        )
        for (page, reason), group in groups.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.views, one.page, one.reason)))
