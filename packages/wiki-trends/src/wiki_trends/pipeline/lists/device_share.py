"""Which part of a page's views comes from desktops, as far as the lists say: readers use both, programs often only one.

The lists of the access methods are cut, each on its own: a page that is absent from one had at most the views of its
last row, so a part is often a bound and not a number. What is not certain is not said.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wiki_trends.pipeline.lists.top_list import Listed

SIDE_ACCESS = ("desktop", "mobile-web")


class Part(NamedTuple):
    """Bounds of the part of all views that comes from desktops, 0 to 1; equal when it is known."""

    low: float
    high: float


class Devices:
    """The day's desktop and mobile-web lists."""

    def __init__(self, desktop: Iterable[Listed], mobile: Iterable[Listed]) -> None:
        desktop = list(desktop)
        self._desktop = _views(desktop)
        self._mobile = _views(mobile)
        self._least = min((row.views for row in desktop), default=0)

    def desktop_share(self, page: str, views: int) -> Part:
        """Of a page with so many views by all access methods; `page` has underscores."""
        if views <= 0:
            return Part(0.0, 1.0)
        if page in self._desktop:
            known = min(1.0, self._desktop[page] / views)
            return Part(known, known)
        # What was seen on mobile pages was not on desktops.
        most = min(self._least, max(0, views - self._mobile.get(page, 0)))
        return Part(0.0, min(1.0, most / views))


def _views(rows: Iterable[Listed]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for row in rows:
        counted[row.title.replace(" ", "_")] += row.views
    return counted
