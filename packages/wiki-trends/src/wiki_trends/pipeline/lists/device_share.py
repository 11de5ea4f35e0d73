"""The share of a page's views that comes from desktops: readers use desktops and phones, bots often only one of them.

Each device has a list of its own, with a thousand pages. A page that a list lacks had at most as many views as the last row
of the list, so the share of many pages is known only within bounds.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wiki_trends.pipeline.lists.top_list import Listed

LISTED_DEVICES = ("desktop", "mobile-web")


class ShareBounds(NamedTuple):
    """Bounds of the share of views that comes from desktops, 0 to 1; they are equal when the share is exact."""

    low: float
    high: float


class Devices:
    """The day's desktop and mobile-web lists."""

    def __init__(self, desktop: Iterable[Listed], mobile: Iterable[Listed]) -> None:
        desktop = list(desktop)
        self._desktop = _views_by_page(desktop)
        self._mobile = _views_by_page(mobile)
        self._fewest_desktop_views = min((row.views for row in desktop), default=0)

    def desktop_share(self, page: str, views: int) -> ShareBounds:
        """The desktop share of a page that has `views` views by all access methods; `page` has underscores."""
        if views <= 0:
            return ShareBounds(0.0, 1.0)
        if page in self._desktop:
            share = min(1.0, self._desktop[page] / views)
            return ShareBounds(share, share)
        # The page is below the end of the desktop list, and its views of the mobile site did not come from desktops.
        most = min(self._fewest_desktop_views, max(0, views - self._mobile.get(page, 0)))
        return ShareBounds(0.0, min(1.0, most / views))


def _views_by_page(rows: Iterable[Listed]) -> Counter[str]:
    views: Counter[str] = Counter()
    for row in rows:
        views[row.title.replace(" ", "_")] += row.views
    return views
