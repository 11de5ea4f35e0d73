"""Filters the rows of a list: keeps articles that people read, and gives a reason for every other row.

A row is `suspect` if its desktop share is outside the limits. A limit is not applied if the day's median share is near the limit,
because people read some wikis almost only on phones, and other wikis almost only on desktops.

The reasons, in the order of the checks, are `placeholder`, `control_character`, `main_page`, `namespace`, `denied`, `suspect`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from wiki_trends.pipeline.lists.top_list import ListRow
from wiki_trends.wikimedia.siteinfo import folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wiki_trends.pipeline.lists.device_share import DeviceLists, ShareBounds
    from wiki_trends.wikimedia import SiteInfo

# A row with fewer views is not suspect: so few views can come from one kind of device by chance, as in small wikis and at the low ranks
# of dumps.
MIN_VIEWS_TO_SUSPECT = 20
# The median share of a day is used only if the day has at least this many pages, because that of fewer pages does not describe the wiki.
MIN_PAGES_FOR_MEDIAN = 20
# A median share is near the lower limit if it is less than this factor times the limit: with the default limit, 2.5 x 10 % = 25 %. For
# the upper limit, the share of all other devices is compared in the same way: a median above 75 % is near the default limit of 90 %.
NEAR_LIMIT_FACTOR = 2.5
_CONTROL = re.compile("[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Decides whether the pipeline keeps a row.

    Attributes:
        site: the namespaces and the main page of the wiki.
        denied: the folded titles of the deny lists.
        devices: the lists by device; None disables the reason `suspect`.
        low: the desktop share below which a row is suspect.
        high: the desktop share above which a row is suspect.
        keep: the folded titles that are never suspect; `*` stands for all titles.
    """

    site: SiteInfo
    denied: frozenset[str] = frozenset()
    devices: DeviceLists | None = None
    low: float = 0.1
    high: float = 0.9
    keep: frozenset[str] = frozenset()

    def not_an_article(self, title: str) -> str | None:
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

    def for_day(self, shares: Sequence[ShareBounds]) -> RowFilter:
        """Return the filter for a day whose pages have `shares`: a limit near the median share is not applied."""
        if len(shares) < MIN_PAGES_FOR_MEDIAN:
            return self
        is_read_on_phones = median(share.high for share in shares) < NEAR_LIMIT_FACTOR * self.low
        is_read_on_desktops = 1.0 - median(share.low for share in shares) < NEAR_LIMIT_FACTOR * (
            1.0 - self.high
        )
        return replace(
            self, low=0.0 if is_read_on_phones else self.low, high=1.0 if is_read_on_desktops else self.high
        )

    def is_suspect(self, row: ListRow, share: ShareBounds | None) -> bool:
        """Return whether both bounds of the desktop share are outside the limits."""
        if share is None or row.views < MIN_VIEWS_TO_SUSPECT:
            return False
        is_outside = share.high < self.low or share.low > self.high
        return is_outside and "*" not in self.keep and folded(row.title) not in self.keep


class KeptRow(NamedTuple):
    """A kept row, and the share of its views that comes from desktops."""

    row: ListRow
    desktop: ShareBounds | None


class FilteredRows(NamedTuple):
    """The result of `filter_rows`.

    Attributes:
        kept: the kept rows, ordered by rank, then page.
        excluded: the rows that were left out, in the form of `Exclusion.to_json`, ordered by rank, then page.
        counts: the number of rows for each reason. `listed_twice` counts rows that were added to another row of their page.
    """

    kept: list[KeptRow]
    excluded: list[dict[str, Any]]
    counts: dict[str, int]


def filter_rows(rows: Iterable[ListRow], row_filter: RowFilter) -> FilteredRows:
    """Split a list into articles that people read and rows to leave out."""
    counts: Counter[str] = Counter()
    excluded: list[dict[str, Any]] = []
    pages: dict[str, ListRow] = {}
    for row in rows:
        reason = row_filter.not_an_article(row.title)
        page = row.title.replace(" ", "_")
        if reason is not None:
            excluded.append(_exclusion_entry(row, reason))
        elif page in pages:
            counts["listed_twice"] += 1
            earlier_row = pages[page]
            pages[page] = ListRow(page, earlier_row.views + row.views, min(earlier_row.rank, row.rank))
        else:
            pages[page] = ListRow(page, row.views, row.rank)
    kept: list[KeptRow] = []
    rows_with_shares = [
        (row, row_filter.desktop_share(row))
        for row in sorted(pages.values(), key=lambda row: (row.rank, row.title))
    ]
    day_filter = row_filter.for_day(
        [share for row, share in rows_with_shares if share and row.views >= MIN_VIEWS_TO_SUSPECT]
    )
    for row, share in rows_with_shares:
        if day_filter.is_suspect(row, share):
            excluded.append(_exclusion_entry(row, "suspect", share))
        else:
            kept.append(KeptRow(row, share))
    counts.update(entry["reason"] for entry in excluded)
    excluded.sort(key=lambda entry: (entry["rank"], entry["page"]))
    return FilteredRows(kept, excluded, dict(sorted(counts.items())))


def _exclusion_entry(row: ListRow, reason: str, share: ShareBounds | None = None) -> dict[str, Any]:
    entry: dict[str, Any] = {"rank": row.rank, "page": row.title, "views": row.views, "reason": reason}
    return entry if share is None else entry | {"desktop": [round(share.low, 4), round(share.high, 4)]}
