"""Which rows of a list are articles that people read, and why the others are not.

Pure. Reasons, in the order in which they are looked for: `placeholder`, `control_character`, `main_page`, `namespace`,
`denied`, `suspect`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from wiki_trends.pipeline.lists.top_list import Listed
from wiki_trends.wikimedia.siteinfo import folded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wiki_trends.pipeline.lists.device_share import Devices, Part
    from wiki_trends.wikimedia import SiteInfo

# Of fewer views all can come from one kind of device by chance: small wikis, and dumps far down.
LEAST_JUDGED = 20
_CONTROL = re.compile("[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class RowFilter:
    """What decides about a row.

    Attributes:
        site: namespaces and main page of the wiki.
        denied: folded titles that are left out by name.
        devices: the lists by access method; None: nothing is judged by them.
        low: a part of desktop views that is certainly below is suspect.
        high: one that is certainly above is suspect.
        keep: folded titles that are never suspect; `*` among them: none is.
    """

    site: SiteInfo
    denied: frozenset[str] = frozenset()
    devices: Devices | None = None
    low: float = 0.1
    high: float = 0.9
    keep: frozenset[str] = frozenset()

    def not_an_article(self, title: str) -> str | None:
        """Why a listed title is left out whoever read it; None for an article."""
        if not title.strip("-_ "):
            # The API writes `-` where a request named no title.
            return "placeholder"
        if _CONTROL.search(title):
            # No title of MediaWiki can have one, and databases refuse some of them.
            return "control_character"
        if self.site.is_main_page(title):
            return "main_page"
        if self.site.namespace(title):
            return "namespace"
        return "denied" if folded(title) in self.denied else None

    def desktop_share(self, row: Listed) -> Part | None:
        """The part of its views that comes from desktops; None when it is not judged."""
        return None if self.devices is None else self.devices.desktop_share(row.title, row.views)

    def is_suspect(self, row: Listed, part: Part | None) -> bool:
        """Whether a row's traffic is certainly not that of people."""
        if part is None or row.views < LEAST_JUDGED or "*" in self.keep or folded(row.title) in self.keep:
            return False
        return part.high < self.low or part.low > self.high


class KeptRow(NamedTuple):
    """A row that stays, and the part of its views that comes from desktops."""

    row: Listed
    part: Part | None


class FilteredRows(NamedTuple):
    """What became of a list.

    Attributes:
        kept: ordered by rank, then page.
        excluded: what was left out, as `Exclusion.to_json` writes it, in the list's order.
        counts: rows by reason, and `listed_twice` for those added to another row of their page.
    """

    kept: list[KeptRow]
    excluded: list[dict[str, Any]]
    counts: dict[str, int]


def filter_rows(listed: Iterable[Listed], sieve: RowFilter) -> FilteredRows:
    """Tell the articles that people read from the other rows."""
    counts: Counter[str] = Counter()
    excluded: list[dict[str, Any]] = []
    pages: dict[str, Listed] = {}
    for row in listed:
        reason = sieve.not_an_article(row.title)
        page = row.title.replace(" ", "_")
        if reason is not None:
            excluded.append(_exclusion(row, reason))
        elif page in pages:
            counts["listed_twice"] += 1
            same = pages[page]
            pages[page] = Listed(page, same.views + row.views, min(same.rank, row.rank))
        else:
            pages[page] = Listed(page, row.views, row.rank)
    kept: list[KeptRow] = []
    for row in sorted(pages.values(), key=lambda row: (row.rank, row.title)):
        part = sieve.desktop_share(row)
        if sieve.is_suspect(row, part):
            excluded.append(_exclusion(row, "suspect", part))
        else:
            kept.append(KeptRow(row, part))
    counts.update(entry["reason"] for entry in excluded)
    excluded.sort(key=lambda entry: (entry["rank"], entry["page"]))
    return FilteredRows(kept, excluded, dict(sorted(counts.items())))


def _exclusion(row: Listed, reason: str, part: Part | None = None) -> dict[str, Any]:
    entry: dict[str, Any] = {"rank": row.rank, "page": row.title, "views": row.views, "reason": reason}
    return entry if part is None else entry | {"desktop": [round(part.low, 4), round(part.high, 4)]}
