"""Filters the rows of a list: keeps articles, gives a reason for every other row, and flags articles with an unusual desktop share.

A row is `suspect` if its desktop share is unusual among the shares of the day (`UnusualShares`). An unusual share alone does not
prove that programs request the page, so a suspect row is kept. The analysis leaves a suspect page out if there is a second sign.

The reasons, in the order of the checks, are `placeholder`, `control_character`, `main_page`, `namespace`, `denied`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from wiki_trends.pipeline.lists.device_share import UnusualShares
from wiki_trends.pipeline.lists.top_list import ListRow
from wiki_trends.wikimedia.siteinfo import folded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wiki_trends.pipeline.lists.device_share import DeviceLists, ShareBounds
    from wiki_trends.wikimedia import SiteInfo

_CONTROL = re.compile("[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Decides whether the pipeline keeps a row.

    Attributes:
        site: the namespaces and the main page of the wiki.
        denied: the folded titles of the deny lists.
        devices: the lists by device; None disables the reason `suspect`.
        low: only a row whose desktop share is below this number is suspect for a low share.
        high: only a row whose desktop share is above this number is suspect for a high share.
        keep: the folded titles that are never suspect; `*` stands for all titles.
    """

    site: SiteInfo
    denied: frozenset[str] = frozenset()
    devices: DeviceLists | None = None
    low: float = 0.5
    high: float = 0.5
    keep: frozenset[str] = frozenset()

    def reason_to_leave_out(self, title: str) -> str | None:
        """Return the reason to leave out a title that is not an article, or is denied; None for any other title."""
        if not title.strip("-_ "):
            # The API counts requests without a title under `-`.
            return "placeholder"
        if _CONTROL.search(title):
            # Titles in MediaWiki cannot have control characters, and databases refuse some of these characters.
            return "control_character"
        if self.site.is_main_page(title):
            return "main_page"
        if self.site.namespace(title):
            return "namespace"
        return "denied" if folded(title) in self.denied else None

    def desktop_share(self, row: ListRow) -> ShareBounds | None:
        """Return the share of a row's views that comes from desktops; None without the lists by device."""
        return None if self.devices is None else self.devices.desktop_share(row.title, row.views)

    def unusual_shares(self, pages: Iterable[tuple[ListRow, ShareBounds | None]]) -> UnusualShares:
        """Return which shares are unusual on the day of these rows; none without the lists by device."""
        if self.devices is None:
            return UnusualShares()
        known = [(share, row.views) for row, share in pages if share is not None]
        return UnusualShares.of_day(known, by_device=self.devices.by_device)

    def is_suspect(self, row: ListRow, share: ShareBounds | None, unusual: UnusualShares) -> bool:
        """Return whether the share of a row is unusual on its day and outside the limits, and `keep` does not have the title."""
        if share is None or not (share.high < self.low or share.low > self.high):
            return False
        is_never_suspect = "*" in self.keep or folded(row.title) in self.keep
        return unusual.contains(share, row.views) and not is_never_suspect


class KeptRow(NamedTuple):
    """A kept row, and the share of its views that comes from desktops."""

    row: ListRow
    desktop: ShareBounds | None


class FilteredRows(NamedTuple):
    """The result of `filter_rows`.

    Attributes:
        kept: the kept rows, ordered by rank, then page.
        excluded: the rows that were left out, in the form of `Exclusion.to_json`, ordered by rank, then page.
        suspect: the kept rows with an unusual desktop share, in the same form and order.
        counts: the number of rows for each reason. `listed_twice` counts rows that were added to another row of their page, and
            `suspect` counts the suspect rows.
    """

    kept: list[KeptRow]
    excluded: list[dict[str, Any]]
    suspect: list[dict[str, Any]]
    counts: dict[str, int]


def filter_rows(rows: Iterable[ListRow], row_filter: RowFilter) -> FilteredRows:
    """Split a list into articles and rows to leave out, and flag the suspect articles."""
    counts: Counter[str] = Counter()
    excluded: list[dict[str, Any]] = []
    pages: dict[str, ListRow] = {}
    for row in rows:
        reason = row_filter.reason_to_leave_out(row.title)
        page = row.title.replace(" ", "_")
        if reason is not None:
            excluded.append(_exclusion_entry(row, reason))
        elif page in pages:  # The list has the title twice, with spaces and with underscores.
            counts["listed_twice"] += 1
            earlier_row = pages[page]
            pages[page] = ListRow(page, earlier_row.views + row.views, min(earlier_row.rank, row.rank))
        else:
            pages[page] = ListRow(page, row.views, row.rank)
    kept = [
        KeptRow(row, row_filter.desktop_share(row))
        for row in sorted(pages.values(), key=lambda row: (row.rank, row.title))
    ]
    unusual = row_filter.unusual_shares(kept)
    suspect = [
        _exclusion_entry(row, "suspect", share)
        for row, share in kept
        if row_filter.is_suspect(row, share, unusual)
    ]
    counts.update(entry["reason"] for entry in (*excluded, *suspect))
    excluded.sort(key=lambda entry: (entry["rank"], entry["page"]))
    return FilteredRows(kept, excluded, suspect, dict(sorted(counts.items())))


def _exclusion_entry(row: ListRow, reason: str, share: ShareBounds | None = None) -> dict[str, Any]:
    entry: dict[str, Any] = {"rank": row.rank, "page": row.title, "views": row.views, "reason": reason}
    return entry if share is None else entry | {"desktop": [round(share.low, 4), round(share.high, 4)]}
