"""Filters the rows of a list: keeps articles that people read, and gives a reason for every other row.

A row is `suspect` if its desktop share is outside the limits, unless the shares of most pages of the day are near that limit: some
wikis are read almost only by phone, others almost only on desktops, and there such a share says nothing.

The reasons, in the order of the checks: `placeholder`, `control_character`, `main_page`, `namespace`, `denied`, `suspect`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from wiki_trends.pipeline.lists.top_list import Listed
from wiki_trends.wikimedia.siteinfo import folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wiki_trends.pipeline.lists.device_share import Devices, ShareBounds
    from wiki_trends.wikimedia import SiteInfo

# Fewer views can come from one kind of device by chance. Small wikis and the low ranks of dumps have such pages.
MIN_JUDGED_VIEWS = 20
# The median share of fewer pages says nothing about the wiki.
MIN_JUDGED_PAGES = 20
# A limit is not applied if the day's median share is nearer to 0 or 1 than so many times the limit. With the default limits, a
# wiki is read by phone if the median is below 25 %, and on desktops if it is above 75 %.
NEAR = 2.5
_CONTROL = re.compile("[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Decides whether a row stays.

    Attributes:
        site: namespaces and main page of the wiki.
        denied: folded titles that are left out by name.
        devices: the lists by device; with None no row is suspect.
        low: a row is suspect if its desktop share is certainly lower.
        high: a row is suspect if its desktop share is certainly higher.
        keep: folded titles that are never suspect; with `*` among them no row is suspect.
    """

    site: SiteInfo
    denied: frozenset[str] = frozenset()
    devices: Devices | None = None
    low: float = 0.1
    high: float = 0.9
    keep: frozenset[str] = frozenset()

    def not_an_article(self, title: str) -> str | None:
        """The reason to leave a title out without regard to its traffic; None for an article."""
        if not title.strip("-_ "):
            # The API counts requests without a title under `-`.
            return "placeholder"
        if _CONTROL.search(title):
            # Titles of MediaWiki cannot have control characters, and databases refuse some of them.
            return "control_character"
        if self.site.is_main_page(title):
            return "main_page"
        if self.site.namespace(title):
            return "namespace"
        return "denied" if folded(title) in self.denied else None

    def desktop_share(self, row: Listed) -> ShareBounds | None:
        """The share of a row's views that comes from desktops; None without the lists by device."""
        return None if self.devices is None else self.devices.desktop_share(row.title, row.views)

    def for_day(self, shares: Sequence[ShareBounds]) -> RowFilter:
        """The same filter without a limit that the median of `shares`, those of the day's pages, is certainly near."""
        if len(shares) < MIN_JUDGED_PAGES:
            return self
        by_phone = median(share.high for share in shares) < NEAR * self.low
        on_desktops = 1.0 - median(share.low for share in shares) < NEAR * (1.0 - self.high)
        return replace(self, low=0.0 if by_phone else self.low, high=1.0 if on_desktops else self.high)

    def is_suspect(self, row: Listed, share: ShareBounds | None) -> bool:
        """Whether the desktop share of a row is certainly outside the limits."""
        if share is None or row.views < MIN_JUDGED_VIEWS:
            return False
        outside = share.high < self.low or share.low > self.high
        return outside and "*" not in self.keep and folded(row.title) not in self.keep


class KeptRow(NamedTuple):
    """A row that stays, and the share of its views that comes from desktops."""

    row: Listed
    desktop: ShareBounds | None


class FilteredRows(NamedTuple):
    """Result of `filter_rows`.

    Attributes:
        kept: rows that stay, ordered by rank, then page.
        excluded: rows that were left out, in the form of `Exclusion.to_json`, ordered by rank, then page.
        counts: number of rows for each reason; `listed_twice` counts rows that were added to another row of their page.
    """

    kept: list[KeptRow]
    excluded: list[dict[str, Any]]
    counts: dict[str, int]


def filter_rows(listed: Iterable[Listed], row_filter: RowFilter) -> FilteredRows:
    """Split a list into articles that people read and rows that are left out."""
    counts: Counter[str] = Counter()
    excluded: list[dict[str, Any]] = []
    pages: dict[str, Listed] = {}
    for row in listed:
        reason = row_filter.not_an_article(row.title)
        page = row.title.replace(" ", "_")
        if reason is not None:
            excluded.append(_exclusion(row, reason))
        elif page in pages:
            counts["listed_twice"] += 1
            first = pages[page]
            pages[page] = Listed(page, first.views + row.views, min(first.rank, row.rank))
        else:
            pages[page] = Listed(page, row.views, row.rank)
    kept: list[KeptRow] = []
    judged = [
        (row, row_filter.desktop_share(row))
        for row in sorted(pages.values(), key=lambda row: (row.rank, row.title))
    ]
    day_filter = row_filter.for_day(
        [share for row, share in judged if share and row.views >= MIN_JUDGED_VIEWS]
    )
    for row, share in judged:
        if day_filter.is_suspect(row, share):
            excluded.append(_exclusion(row, "suspect", share))
        else:
            kept.append(KeptRow(row, share))
    counts.update(entry["reason"] for entry in excluded)
    excluded.sort(key=lambda entry: (entry["rank"], entry["page"]))
    return FilteredRows(kept, excluded, dict(sorted(counts.items())))


def _exclusion(row: Listed, reason: str, share: ShareBounds | None = None) -> dict[str, Any]:
    entry: dict[str, Any] = {"rank": row.rank, "page": row.title, "views": row.views, "reason": reason}
    return entry if share is None else entry | {"desktop": [round(share.low, 4), round(share.high, 4)]}
