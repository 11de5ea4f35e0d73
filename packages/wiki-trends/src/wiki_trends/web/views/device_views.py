"""How many of an article's views came from desktops and from mobile devices, read from the silver layer. The dashboard shows this at `/page`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wiki_trends.web.problems import KNOWN_ERRORS

if TYPE_CHECKING:
    import datetime as dt

    from wiki_trends.queries.pages import PageDetails
    from wiki_trends.web.cache.dashboard_state import DashboardState

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeviceViews:
    """The views of a page on one day from desktops and from mobile devices.

    The numbers are bounds: the page has from `desktop[0]` to `desktop[1]` views from desktops. If the list of the pages most viewed on
    desktops contains the page, both numbers are equal. Otherwise, the page has at most as many views from desktops as the last page of
    this list.
    """

    day: dt.date
    desktop: tuple[int, int]
    mobile: tuple[int, int]


async def device_views(state: DashboardState, details: PageDetails) -> DeviceViews | None:
    """Return the views by device on the best day of a page; None if the lake does not have them, or does not answer."""
    if details.scores is None:
        return None
    day = details.scores["peak_date"]
    try:
        shares = await state.wait_briefly(state.desktop_shares(day), state.lake_pool)
    except KNOWN_ERRORS as error:
        logger.warning("the views by device of %s cannot be read: %s", day, error)
        return None
    if details.row["page"] not in shares:
        return None
    views, (low, high) = shares[details.row["page"]]
    least, most = round(low * views), round(high * views)
    return DeviceViews(day, (least, most), (views - most, views - least))
