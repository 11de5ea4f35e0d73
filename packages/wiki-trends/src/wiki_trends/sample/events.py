"""Plants events in the views: bursts, growth and decline, weekly peaks, new pages, automated traffic, and fleeting interest.

The seed, the project and the block of days in which an event begins determine the event. So a day can be generated independently of
other days. Days are UTC days. A level is the natural logarithm of a number of views.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from wiki_trends.sample.pages import BOT_NUMBERS, NEW_NUMBERS, RARE_NUMBERS, Catalogue, level_of_rank

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_DAYS = 10
BURSTS_PER_BLOCK = NEW_PAGES_PER_BLOCK = 3
# The kinds of programs. One program begins in each block. `desktop` requests pages from desktops only. `mix` has the same devices as readers.
# `crawl` requests a page at nearly the same rate every day, mostly from desktops.
PROGRAMS = ("mix", "desktop", "crawl")
# The smallest and the largest fraction of the views from desktops. For `mix`, the numbers are positions between the smallest fraction (0) and
# the largest fraction (1) of the pages of the wiki, see `Wiki.desktop_shares`.
_PROGRAM_DESKTOP = {"mix": (0.25, 0.75), "desktop": (0.97, 0.99), "crawl": (0.95, 0.97)}
FLEETING_PER_DAY = 120
CYCLE_DAYS = 72  # the time from one rise of a trending page to the next
_MAX_EVENT_DAYS = 30  # for kinds of events that begin in a block


@dataclass(frozen=True, slots=True)
class Event:
    """A planted change in the views of a page.

    Attributes:
        kind: the kind: `burst`, `growth`, `decline`, `weekly`, `new`, `bot` or `fleeting`.
        number: the number of the page.
        start: the first day.
        days: the duration in days.
        size: for `burst` and `weekly`, the logarithm of the factor on the best day; for `growth` and `decline`, the daily
            change of the level; for other kinds, the level on the first day.
        decay: for `new` and `fleeting`, the daily decrease of the level; for `burst`, the factor from one day's change of the
            level to the next day's change.
        desktop: for `bot`, the fraction of the views that come from desktops.
        program: for `bot`, the kind of the program, one of `PROGRAMS`.
    """

    kind: str
    number: int
    start: dt.date
    days: int
    size: float
    decay: float = 0.0
    desktop: float = 0.0
    program: str = ""

    @property
    def end(self) -> dt.date:
        """The last day of the event."""
        return self.start + dt.timedelta(days=self.days - 1)

    def level(self, day: dt.date) -> float:
        """Return the level of the page on a day, if the event is the only traffic of the page."""
        return self.size - self.decay * (day - self.start).days


class Schedule:
    """The events of one wiki."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._name = f"{catalogue.seed}/{catalogue.wiki.project}"
        self._scale = catalogue.wiki.scale
        self._weekly = tuple(self._weekly_pages())

    def level_changes(self, day: dt.date) -> dict[int, float]:
        """Return the changes that events make to the levels of evergreen pages on a day, by page number."""
        level_changes: dict[int, float] = {}
        for event in self._block_events(day, "burst"):
            level_changes[event.number] = event.size * event.decay ** (day - event.start).days
        for position, number in enumerate(self._catalogue.roles["trend"]):
            level_changes[number] = self._trend_level_change(position, day)
        return level_changes | {
            number: change for number, weekday, change in self._weekly if weekday == day.weekday()
        }

    def sole_events(self, day: dt.date) -> dict[int, Event]:
        """Return the events that are the only traffic of their page on a day, by page number. The largest event of a page counts."""
        events = [
            *self._block_events(day, "new"),
            *self._block_events(day, "bot"),
            *self._fleeting_events(day),
        ]
        result: dict[int, Event] = {}
        for event in events:
            largest = result.get(event.number)
            if largest is None or largest.level(day) < event.level(day):
                result[event.number] = event
        return result

    def events_between(self, start: dt.date, end: dt.date) -> Iterator[Event]:
        """Return all events with a day between `start` and `end`, both included, sorted by start and page."""
        events: set[Event] = set()
        for offset in range((end - start).days + 1):
            day = start + dt.timedelta(days=offset)
            events.update(*(self._block_events(day, kind) for kind in ("burst", "new", "bot")))
            events.update(self._fleeting_events(day))
            for position in range(len(self._catalogue.roles["trend"])):
                trend = self._trend_events(position, self._cycle_number(position, day))
                events.update(event for event in trend if event.start <= day <= event.end)
            events.update(
                Event("weekly", number, day, 1, change)
                for number, weekday, change in self._weekly
                if weekday == day.weekday()
            )
        return iter(sorted(events, key=lambda event: (event.start, event.number, event.kind)))

    def _block_events(self, day: dt.date, kind: str) -> list[Event]:
        """Return the events of a kind that include a day."""
        first_block = (day.toordinal() - _MAX_EVENT_DAYS) // BLOCK_DAYS
        last_block = day.toordinal() // BLOCK_DAYS
        blocks = range(first_block, last_block + 1)
        events = (event for block in blocks for event in self.events_starting_in(block))
        return [event for event in events if event.kind == kind and event.start <= day <= event.end]

    @lru_cache(maxsize=2048)  # noqa: B019 - schedules live as long as the process
    def events_starting_in(self, block: int) -> tuple[Event, ...]:
        """Generate the bursts, new pages and automated traffic that begin in a block of days."""
        rng = random.Random(f"{self._name}/block/{block}")
        burst_pages = self._catalogue.roles["burst"]

        def random_start() -> dt.date:
            return dt.date.fromordinal(block * BLOCK_DAYS + rng.randrange(BLOCK_DAYS))

        bursts = [
            Event(
                "burst",
                burst_pages[(block * BURSTS_PER_BLOCK + n) % len(burst_pages)],
                random_start(),
                days=rng.randint(1, 4),
                size=math.log(4) + rng.random() * math.log(6),
                decay=0.55,
            )
            for n in range(BURSTS_PER_BLOCK)
        ]
        new_pages = [
            Event(
                "new",
                NEW_NUMBERS[(block * NEW_PAGES_PER_BLOCK + n) % len(NEW_NUMBERS)],
                random_start(),
                days=rng.randint(20, _MAX_EVENT_DAYS),
                size=level_of_rank(math.exp(rng.uniform(math.log(4), math.log(80))), self._scale),
                decay=math.log(2) / rng.uniform(4, 10),
            )
            for n in range(NEW_PAGES_PER_BLOCK)
        ]
        first_program = self._catalogue.wiki.first_program
        bots = [
            Event(
                "bot",
                BOT_NUMBERS[(first_program + block * len(PROGRAMS) + n) % len(BOT_NUMBERS)],
                random_start(),
                days=rng.randint(8, 25),
                size=math.log(self._scale * rng.uniform(120_000, 500_000)),
                desktop=self._desktop_share(program, rng.uniform(*_PROGRAM_DESKTOP[program])),
                program=program,
            )
            for n, program in enumerate(PROGRAMS)
        ]
        return (*bursts, *new_pages, *bots)

    def _desktop_share(self, program: str, value: float) -> float:
        low, high = self._catalogue.wiki.desktop_shares
        return low + value * (high - low) if program == "mix" else value

    def _fleeting_events(self, day: dt.date) -> list[Event]:
        """Return the fleeting events of a day. They begin on the day or up to two days before it."""
        starts = (day - dt.timedelta(days=back) for back in range(3))
        return [
            event
            for start in starts
            for event in self._fleeting_events_starting_on(start)
            if day <= event.end
        ]

    @lru_cache(maxsize=1024)  # noqa: B019 - schedules live as long as the process
    def _fleeting_events_starting_on(self, start: dt.date) -> tuple[Event, ...]:
        rng = random.Random(f"{self._name}/fleeting/{start}")
        return tuple(
            Event(
                "fleeting",
                RARE_NUMBERS[rng.randrange(len(RARE_NUMBERS))],
                start,
                days=rng.randint(1, 3),
                size=level_of_rank(math.exp(rng.uniform(math.log(80), math.log(1000))), self._scale),
                decay=0.5,
            )
            for _ in range(FLEETING_PER_DAY)
        )

    def _cycle_number(self, position: int, day: dt.date) -> int:
        """Return the number of a trending page's cycle on a day; `position` is the page's position in the role `trend`."""
        # The cycles of different pages begin on different days, so on each day some pages rise and other pages fall.
        return (day.toordinal() + position * 31) // CYCLE_DAYS

    @lru_cache(maxsize=8192)  # noqa: B019 - schedules live as long as the process
    def _trend_events(self, position: int, cycle: int) -> tuple[Event, Event]:
        """Generate the rise of a trending page in a cycle, and the later decline to the level before the rise."""
        rng = random.Random(f"{self._name}/trend/{position}/{cycle}")
        number = self._catalogue.roles["trend"][position]
        start = dt.date.fromordinal(cycle * CYCLE_DAYS - position * 31)
        days, rate = rng.randint(14, 18), rng.uniform(0.032, 0.055)
        decline_start = start + dt.timedelta(days=days + rng.randint(6, 14))
        return Event("growth", number, start, days, rate), Event(
            "decline", number, decline_start, days, -rate
        )

    def _trend_level_change(self, position: int, day: dt.date) -> float:
        """Return how much the rise and the decline of a trending page have changed its level on a day."""
        return sum(
            event.size * min(max((day - event.start).days + 1, 0), event.days)
            for event in self._trend_events(position, self._cycle_number(position, day))
        )

    def _weekly_pages(self) -> Iterator[tuple[int, int, float]]:
        """Yield the number, the weekday of the peak and the change of the level of each page with weekly peaks."""
        rng = random.Random(f"{self._name}/weekly")
        for number in self._catalogue.roles["weekly"]:
            yield number, rng.randrange(7), rng.uniform(math.log(2), math.log(4))
