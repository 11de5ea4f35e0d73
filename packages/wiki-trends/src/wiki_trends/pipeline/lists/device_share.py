"""Bounds of the share of a page's views that comes from desktops: readers use both kinds of device, bots often one.

The lists of the access methods are cut, each on its own. A page that is absent from one had at most the views of its last
row, so a share is often an interval.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wiki_trends.pipeline.lists.top_list import Listed

SIDE_ACCESS = ("desktop", "mobile-web")


class ShareBounds(NamedTuple):
    """Bounds of the share of views that comes from desktops, 0 to 1; equal when it is exact."""

    low: float
    high: float


class Devices:
    """The day's desktop and mobile-web lists."""

    def __init__(self, desktop: Iterable[Listed], mobile: Iterable[Listed]) -> None:
        desktop = list(desktop)
        self._desktop = _views(desktop)
        self._mobile = _views(mobile)
        self._least = min((row.views for row in desktop), default=0)

    def desktop_share(self, page: str, views: int) -> ShareBounds:
        """The share of a page with that many views by all access methods; `page` has underscores."""
        if views <= 0:
            return ShareBounds(0.0, 1.0)
        if page in self._desktop:
            share = min(1.0, self._desktop[page] / views)
            return ShareBounds(share, share)
        # Views of the mobile site did not come from desktops.
        most = min(self._least, max(0, views - self._mobile.get(page, 0)))
        return ShareBounds(0.0, min(1.0, most / views))


def _views(rows: Iterable[Listed]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for row in rows:
        counted[row.title.replace(" ", "_")] += row.views
    return counted
