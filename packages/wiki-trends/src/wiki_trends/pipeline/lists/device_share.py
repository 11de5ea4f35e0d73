"""Computes the share of a page's views that comes from desktops. Readers use desktops and phones, but bots often use only one.

The list of a device has only a thousand pages. If a page is not in the list, it had at most as many views as the last row of the
list. So the share of many pages is known only within bounds.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.lists.top_list import ListRow

LISTED_DEVICES = ("desktop", "mobile-web")


class ShareBounds(NamedTuple):
    """Bounds of the share of views that comes from desktops, 0 to 1. If the share is known exactly, both bounds are equal."""

    low: float
    high: float


class DeviceLists:
    """The desktop and mobile-web lists of one day."""

    def __init__(self, desktop: Iterable[ListRow], mobile: Iterable[ListRow]) -> None:
        desktop = list(desktop)
        self._desktop = _views_by_page(desktop)
        self._mobile = _views_by_page(mobile)
        self._fewest_desktop_views = min((row.views for row in desktop), default=0)

    def desktop_share(self, page: str, views: int) -> ShareBounds:
        """Return the desktop share of a page with `views` views over all access methods; `page` has underscores."""
        if views <= 0:
            return ShareBounds(0.0, 1.0)
        if page in self._desktop:
            share = min(1.0, self._desktop[page] / views)
            return ShareBounds(share, share)
        # The page has at most as many desktop views as the last row of the desktop list, and no mobile view is a desktop view.
        max_desktop_views = min(self._fewest_desktop_views, max(0, views - self._mobile.get(page, 0)))
        return ShareBounds(0.0, min(1.0, max_desktop_views / views))


def _views_by_page(rows: Iterable[ListRow]) -> Counter[str]:
    views: Counter[str] = Counter()
    for row in rows:
        views[row.title.replace(" ", "_")] += row.views
    return views


def read_desktop_shares(day: dt.date, settings: Settings) -> dict[str, tuple[int, ShareBounds]]:
    """Read the views and the desktop share of each page of a UTC day from silver, by title as in the list of the day.

    A day that was fetched without the lists of the devices has no shares.

    Raises:
        ContractError: silver does not have the day.
        LakeError: the lake does not answer, or refuses the request.
    """
    from smart_orchestrator.adapters.manifest import read_frame
    from wiki_trends.config.layers import layers

    frame = read_frame(layers(settings).silver, day).drop_nulls(["desktop_low", "desktop_high"])
    rows = frame.select("page", "views", "desktop_low", "desktop_high").iter_rows()
    return {page: (views, ShareBounds(low, high)) for page, views, low, high in rows}
