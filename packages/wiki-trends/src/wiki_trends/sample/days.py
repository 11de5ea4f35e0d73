"""Generates the views of a day in a synthetic wiki, by page and access method, and the lists that the API serves.

Seed, project and day determine the views. The `all-access` views of a page are the sum of its views by desktop, mobile web and
mobile app. The list of each access method has its own most-viewed pages, so a page can be in one list and not in another.
"""

from __future__ import annotations

import math
import random
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from wiki_trends.sample.events import Schedule
from wiki_trends.sample.pages import EVERGREEN_NUMBERS, NEW_NUMBERS, Catalogue, Page, catalogue

if TYPE_CHECKING:
    import datetime as dt

    from wiki_trends.sample.wikis import Wiki

ACCESS_METHODS = ("all-access", "desktop", "mobile-web", "mobile-app")
LEVEL_NOISE = 0.2  # standard deviation of the daily noise in a page's level
_SOLE_EVENT_NOISE = 0.05  # the same for a page whose only traffic is an event that is not a program
# The standard deviation for each kind of program. Only a crawl requests a page at nearly the same rate every day.
_PROGRAM_NOISE = {"desktop": 0.6, "mix": 0.1, "crawl": 0.03}
# The numbers that are added to the level of every page, from Monday to Sunday.
_WEEKDAY_LEVELS = (0.06, 0.04, 0.02, 0.0, -0.03, -0.08, 0.0)


class Views(NamedTuple):
    """The views of one page on one day, by access method."""

    desktop: int
    mobile_web: int
    mobile_app: int

    def of(self, access: str) -> int:
        """Return the views for an access method, which has its name in the API."""
        if access == "all-access":
            return sum(self)
        # The fields are in the order of `ACCESS_METHODS`, without `all-access`.
        return self[ACCESS_METHODS.index(access) - 1]


class Row(NamedTuple):
    """A row of a list. The fields have the names in the API."""

    article: str
    views: int
    rank: int


@lru_cache(maxsize=8)
def wiki_traffic(seed: int, wiki: Wiki) -> WikiTraffic:
    """Return the (cached) traffic of a wiki for a seed."""
    return WikiTraffic(catalogue(seed, wiki))


class WikiTraffic:
    """The daily views and lists of one wiki."""

    def __init__(self, pages: Catalogue) -> None:
        self.catalogue = pages
        self.schedule = Schedule(pages)
        self._name = f"{pages.seed}/{pages.wiki.project}"
        self._non_articles = [page for page in pages.pages if page.role == "non_article"]

    @lru_cache(maxsize=128)  # noqa: B019 - instances live as long as the process
    def views(self, day: dt.date) -> dict[int, Views]:
        """Return the views on a day of every page that can be in a list, by page number."""
        rng = random.Random(f"{self._name}/day/{day}")
        is_weekend = day.weekday() >= 5
        weekday_level = _WEEKDAY_LEVELS[day.weekday()]
        level_changes = self.schedule.level_changes(day)
        pages = self.catalogue.pages
        result: dict[int, Views] = {}
        for page in (*(pages[number] for number in EVERGREEN_NUMBERS), *self._non_articles):
            level = (
                page.level + weekday_level + rng.gauss(0.0, LEVEL_NOISE) + level_changes.get(page.number, 0.0)
            )
            if is_weekend:
                level += page.weekend
            desktop = max(page.desktop - 0.05 * is_weekend, page.desktop / 2)
            result[page.number] = _split_by_access(math.exp(level), desktop, page.app)
        for number, event in sorted(self.schedule.sole_events(day).items()):
            page = pages[number]
            noise = _PROGRAM_NOISE.get(event.program, _SOLE_EVENT_NOISE)
            level = event.level(day) + weekday_level * (event.kind != "bot") + rng.gauss(0.0, noise)
            if event.kind == "bot":
                result[number] = _split_by_access(math.exp(level), event.desktop, (1 - event.desktop) / 10)
            else:
                result[number] = _split_by_access(math.exp(level), page.desktop, page.app)
        return result

    @lru_cache(maxsize=128)  # noqa: B019 - instances live as long as the process
    def top(self, day: dt.date, access: str) -> tuple[Row, ...]:
        """Return the list of a day: the most read titles. Tied titles share a rank (1, 2, 2, 4)."""
        pages = self.catalogue.pages
        totals = [(views.of(access), pages[number].title) for number, views in self.views(day).items()]
        totals.sort(key=lambda total: (-total[0], total[1]))
        rows: list[Row] = []
        for position, (views, title) in enumerate(totals[: self.catalogue.wiki.rows], start=1):
            is_tied = bool(rows) and rows[-1].views == views
            rows.append(Row(title, views, rows[-1].rank if is_tied else position))
        return tuple(rows)

    def page_views(self, page: Page, day: dt.date) -> Views | None:
        """Return the views of one page on a day; None if the page has no views."""
        views = self.views(day).get(page.number)
        if views is not None or page.number in NEW_NUMBERS:
            return views
        rng = random.Random(f"{self._name}/quiet/{page.number}/{day}")
        return _split_by_access(self.catalogue.wiki.scale * rng.uniform(100, 900) + 3, page.desktop, page.app)


def _split_by_access(views: float, desktop: float, app: float) -> Views:
    return Views(round(views * desktop), round(views * (1 - desktop - app)), round(views * app))
