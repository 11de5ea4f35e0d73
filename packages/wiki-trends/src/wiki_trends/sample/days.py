"""Generates the views of a day in a synthetic wiki, by page and access method, and the lists that the API serves.

Seed, project and day determine the views. The `all-access` views of a page are the sum of its views by desktop, mobile web and
mobile app. The list of each access method has its own most-viewed pages, so a page can be in one list and not in another.
"""

from __future__ import annotations

import math
import random
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from wiki_trends.sample.events import Schedule
from wiki_trends.sample.pages import EVERGREEN_NUMBERS, NEW_NUMBERS, Catalogue, Page, catalogue

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

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
        self._non_articles = [page.number for page in pages.pages if page.role == "non_article"]

    @lru_cache(maxsize=128)  # noqa: B019 - instances live as long as the process
    def views(self, day: dt.date) -> dict[int, Views]:
        """Return the views on a day of every page that can be in a list, by page number."""
        return self._day(day).all_views(self.catalogue.pages)

    @lru_cache(maxsize=128)  # noqa: B019 - instances live as long as the process
    def _day(self, day: dt.date) -> _DayTraffic:
        rng = random.Random(f"{self._name}/day/{day}")
        return _DayTraffic(day, rng, self.schedule, self._non_articles)

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
        traffic = self._day(day)
        if page.number in traffic.positions:
            return traffic.views(page)
        if page.number in NEW_NUMBERS:
            return None  # The page does not exist yet, or is not read any more.
        # A page that exists, but has too few views for the list of the day.
        rng = random.Random(f"{self._name}/quiet/{page.number}/{day}")
        return _split_by_access(self.catalogue.wiki.scale * rng.uniform(100, 900) + 3, page.desktop, page.app)


class _DayTraffic:
    """The traffic of one day. The views of a single page can be generated without those of the other pages.

    Attributes:
        positions: the numbers of the pages that can be in a list, each with the position of its noise among the random numbers of the day.
    """

    def __init__(
        self, day: dt.date, rng: random.Random, schedule: Schedule, non_articles: Iterable[int]
    ) -> None:
        self._day = day
        self._is_weekend = day.weekday() >= 5
        self._weekday_level = _WEEKDAY_LEVELS[day.weekday()]
        self._level_changes = schedule.level_changes(day)
        self._events = schedule.sole_events(day)
        numbers = (*EVERGREEN_NUMBERS, *non_articles, *sorted(self._events))
        self.positions = {number: position for position, number in enumerate(numbers)}
        # Two numbers give the noise of two pages, and the last page can be without a second page.
        self._uniform = [rng.random() for _ in range(len(numbers) + 1)]

    def all_views(self, pages: Sequence[Page]) -> dict[int, Views]:
        """Return the views of every page of `positions`, by page number."""
        pairs = (normal_pair(*pair) for pair in zip(self._uniform[::2], self._uniform[1::2], strict=False))
        return {
            number: self._views(pages[number], deviate)
            for number, deviate in zip(self.positions, chain.from_iterable(pairs), strict=False)
        }

    def views(self, page: Page) -> Views:
        """Return the views of a page of `positions`."""
        pair, second = divmod(self.positions[page.number], 2)
        return self._views(page, normal_pair(*self._uniform[2 * pair : 2 * pair + 2])[second])

    def _views(self, page: Page, deviate: float) -> Views:
        event = self._events.get(page.number)
        if event is None:
            level = page.level + self._weekday_level + LEVEL_NOISE * deviate
            level += self._level_changes.get(page.number, 0.0)
            if self._is_weekend:
                level += page.weekend
                # At weekends, fewer people read on desktops.
                return _split_by_access(math.exp(level), max(page.desktop - 0.05, page.desktop / 2), page.app)
            return _split_by_access(math.exp(level), page.desktop, page.app)
        noise = _PROGRAM_NOISE.get(event.program, _SOLE_EVENT_NOISE) * deviate
        if event.kind == "bot":
            views = math.exp(event.level(self._day) + noise)
            return _split_by_access(views, event.desktop, (1 - event.desktop) / 10)
        views = math.exp(event.level(self._day) + self._weekday_level + noise)
        return _split_by_access(views, page.desktop, page.app)


def normal_pair(first: float, second: float) -> tuple[float, float]:
    """Return two random numbers of the standard normal distribution for two uniform ones, by the method of Box and Muller.

    These are the numbers of `random.gauss`, which gives them only one after another.
    """
    angle, radius = first * math.tau, math.sqrt(-2.0 * math.log(1.0 - second))
    return math.cos(angle) * radius, math.sin(angle) * radius


def _split_by_access(views: float, desktop: float, app: float) -> Views:
    return Views(round(views * desktop), round(views * (1 - desktop - app)), round(views * app))
