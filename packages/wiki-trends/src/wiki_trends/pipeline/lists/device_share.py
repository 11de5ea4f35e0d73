"""Computes the share of a page's views that comes from desktops, and which shares are unusual on a day.

Readers use desktops and phones, but many programs use only one kind of device. The usual share of desktops depends on the wiki, and changes
with time. So the share of a page is compared with the shares of the other pages of the day.

The list of a device has only a thousand pages. If a page is not in the list, it had at most as many views as the last row of the
list. So the share of many pages is known only within bounds.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.lists.top_list import ListRow

LISTED_DEVICES = ("desktop", "mobile-web")
# Wikimedia derived the access method of a view from the host (`en.m.wikipedia.org`). In August 2025, it began to derive it from the
# device. From this day on, all lists are by device. Source: https://phabricator.wikimedia.org/T401665
BY_DEVICE_SINCE = dt.date(2025, 9, 1)
# A page with fewer views than this is never unusual, because so few views can come from one kind of device by chance.
MIN_VIEWS = 20
# If a day has fewer pages than this, no share is unusual, because so few pages do not describe the readers of a wiki.
MIN_PAGES = 20
# A share is unusual if its log-odds are further from the median of the day than this number of spreads.
UNUSUAL_SPREADS = 5.0
# The spread, in log-odds, is at least this. Otherwise, small differences would be unusual on a day with almost equal shares.
MIN_SPREAD = 0.25
# The spread is this factor times the median absolute deviation. The factor makes it an estimate of the standard deviation of a normal
# distribution.
_MAD_TO_SPREAD = 1.4826
# If the median share is below this number, people read the wiki almost only on phones, and no share is unusually low. If it is above
# 1 minus this number, people read the wiki almost only on desktops, and no share is unusually high.
ONE_DEVICE_MEDIAN = 0.25


class ShareBounds(NamedTuple):
    """Bounds of the share of views that comes from desktops, 0 to 1. If the share is known exactly, both bounds are equal."""

    low: float
    high: float


class DeviceLists:
    """The desktop and mobile-web lists of one day.

    Args:
        desktop: the rows of the desktop list.
        mobile: the rows of the mobile-web list.
        by_device: whether Wikimedia derived the access method from the device, not from the host; see `BY_DEVICE_SINCE`.
    """

    def __init__(
        self, desktop: Iterable[ListRow], mobile: Iterable[ListRow], *, by_device: bool = True
    ) -> None:
        self.by_device = by_device
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


@dataclass(frozen=True, slots=True)
class UnusualShares:
    """Decides which desktop shares are unusual on a day.

    The distance of a share from the median of the day is measured in log-odds. The unit is the spread of the day; for a page with few
    views, the unit is larger. If a share is known only within bounds, the bound that is nearer to the median is used. The median and
    the spread are computed from bounds, too: from the lower bounds for unusually low shares, and from the upper bounds for unusually
    high shares. So a share is never called unusual only because it is uncertain.

    Attributes:
        low: the median and the spread for unusually low shares; None if no share is unusually low.
        high: the median and the spread for unusually high shares; None if no share is unusually high.
    """

    low: tuple[float, float] | None = None
    high: tuple[float, float] | None = None

    @classmethod
    def of_day(cls, pages: Sequence[tuple[ShareBounds, int]], *, by_device: bool = True) -> UnusualShares:
        """Measure the shares of a day.

        Args:
            pages: the share and the views of each page.
            by_device: see `DeviceLists`. If False, everybody who followed a link to the mobile host counted as mobile. A low share may
                then be caused by a link, so no share is unusually low.
        """
        pages = [(share, views) for share, views in pages if views >= MIN_VIEWS]
        if len(pages) < MIN_PAGES:
            return cls()
        is_read_on_phones = median(share.high for share, _ in pages) < ONE_DEVICE_MEDIAN
        is_read_on_desktops = median(share.low for share, _ in pages) > 1 - ONE_DEVICE_MEDIAN
        return cls(
            low=None
            if is_read_on_phones or not by_device
            else _center_and_spread([_log_odds(share.low, views) for share, views in pages]),
            high=None
            if is_read_on_desktops
            else _center_and_spread([_log_odds(share.high, views) for share, views in pages]),
        )

    def contains(self, share: ShareBounds, views: int) -> bool:
        """Return whether the share of a page with `views` views is unusual."""
        if views < MIN_VIEWS:
            return False
        is_low = self.low is not None and _distance(share.high, views, *self.low) < -UNUSUAL_SPREADS
        is_high = self.high is not None and _distance(share.low, views, *self.high) > UNUSUAL_SPREADS
        return is_low or is_high


def _log_odds(share: float, views: int) -> float:
    """Return ln(desktop views / other views). Half a view is added to both, so that the result is finite."""
    return math.log((share * views + 0.5) / ((1 - share) * views + 0.5))


def _distance(share: float, views: int, center: float, spread: float) -> float:
    """Return the signed distance of a share from the median, in spreads. With few `views`, the spread is larger (counting error)."""
    counting_variance = 1 / (share * views + 0.5) + 1 / ((1 - share) * views + 0.5)
    return (_log_odds(share, views) - center) / math.sqrt(spread**2 + counting_variance)


def _center_and_spread(values: Sequence[float]) -> tuple[float, float]:
    center = median(values)
    deviation = median(abs(value - center) for value in values)
    return center, max(MIN_SPREAD, _MAD_TO_SPREAD * deviation)


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
