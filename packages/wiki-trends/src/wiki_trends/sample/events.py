"""Planted events: bursts, growth and decline, weekly recurrences, new pages, automated traffic, and brief interest.

An event is determined by the seed, the project and the block of days in which it begins, so any day can be generated
independently of other days. Days are UTC days. Levels are natural logarithms of views.
"""

from __future__ import annotations

import datetime as dt
import math
import random
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from wiki_trends.sample.pages import BOT, NEW, RARE, Catalogue, level_of_rank

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 10  # days in a block
BURSTS = NEW_PAGES = BOTS = 3  # events of each kind that begin in a block
FLEETING = 120  # fleeting events that begin on a day
CYCLE = 72  # days from one rise of a trending page to its next
_LONGEST = 30  # most days of an event that begins in a block


@dataclass(frozen=True, slots=True)
class Event:
    """Something planted on a page.

    Attributes:
        kind: `burst`, `growth`, `decline`, `weekly`, `new`, `bot` or `fleeting`.
        number: number of its page.
        start: its first day.
        days: how many days it lasts.
        size: `burst`, `weekly`: logarithm of the factor on its best day; `growth`, `decline`: daily change of the level;
            other kinds: level on the first day.
        decay: `new`, `fleeting`: subtracted from the level each day; `burst`: each day's lift is the previous one times this.
        desktop: `bot`: fraction of the views that come from desktops.
    """

    kind: str
    number: int
    start: dt.date
    days: int
    size: float
    decay: float = 0.0
    desktop: float = 0.0

    @property
    def end(self) -> dt.date:
        """Its last day, included."""
        return self.start + dt.timedelta(days=self.days - 1)

    def level(self, day: dt.date) -> float:
        """The level of the page on a day of an event that is the page's only traffic."""
        return self.size - self.decay * (day - self.start).days


class Schedule:
    """The events of one wiki."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._name = f"{catalogue.seed}/{catalogue.wiki.project}"
        self._scale = catalogue.wiki.scale
        self._weekly = tuple(self._weekly_pages())

    def lifts(self, day: dt.date) -> dict[int, float]:
        """How much events change the levels of evergreen pages on a day, by page number."""
        lifts: dict[int, float] = {}
        for event in self._block_events(day, "burst"):
            lifts[event.number] = event.size * event.decay ** (day - event.start).days
        for position, number in enumerate(self._catalogue.roles["trend"]):
            lifts[number] = self._trend_lift(position, day)
        return lifts | {number: lift for number, weekday, lift in self._weekly if weekday == day.weekday()}

    def sole_events(self, day: dt.date) -> dict[int, Event]:
        """The events of a day that are the only traffic of their page, by page number; the largest of each page."""
        events = [*self._block_events(day, "new"), *self._block_events(day, "bot"), *self._fleeting(day)]
        result: dict[int, Event] = {}
        for event in events:
            other = result.get(event.number)
            if other is None or other.level(day) < event.level(day):
                result[event.number] = event
        return result

    def between(self, start: dt.date, end: dt.date) -> Iterator[Event]:
        """All events that have a day between `start` and `end`, both included, sorted by start and page."""
        events: set[Event] = set()
        for offset in range((end - start).days + 1):
            day = start + dt.timedelta(days=offset)
            events.update(*(self._block_events(day, kind) for kind in ("burst", "new", "bot")))
            events.update(self._fleeting(day))
            for position in range(len(self._catalogue.roles["trend"])):
                trend = self._trend(position, self._cycle(position, day))
                events.update(event for event in trend if event.start <= day <= event.end)
            events.update(
                Event("weekly", number, day, 1, lift)
                for number, weekday, lift in self._weekly
                if weekday == day.weekday()
            )
        return iter(sorted(events, key=lambda event: (event.start, event.number, event.kind)))

    def _block_events(self, day: dt.date, kind: str) -> list[Event]:
        """The events of a kind that are under way on a day."""
        block = day.toordinal() // BLOCK
        first = (day.toordinal() - _LONGEST) // BLOCK
        events = (event for number in range(first, block + 1) for event in self._starting(number))
        return [event for event in events if event.kind == kind and event.start <= day <= event.end]

    @lru_cache(maxsize=2048)  # noqa: B019 - schedules live as long as the process
    def _starting(self, block: int) -> tuple[Event, ...]:
        """The bursts, new pages and automated traffic that begin in a block of days."""
        rng = random.Random(f"{self._name}/block/{block}")
        bursting = self._catalogue.roles["burst"]

        def random_start() -> dt.date:
            return dt.date.fromordinal(block * BLOCK + rng.randrange(BLOCK))

        bursts = [
            Event(
                "burst",
                bursting[(block * BURSTS + n) % len(bursting)],
                random_start(),
                days=rng.randint(1, 4),
                size=math.log(4) + rng.random() * math.log(6),
                decay=0.55,
            )
            for n in range(BURSTS)
        ]
        new_pages = [
            Event(
                "new",
                NEW[(block * NEW_PAGES + n) % len(NEW)],
                random_start(),
                days=rng.randint(20, _LONGEST),
                size=level_of_rank(math.exp(rng.uniform(math.log(4), math.log(80))), self._scale),
                decay=math.log(2) / rng.uniform(4, 10),
            )
            for n in range(NEW_PAGES)
        ]
        bots = [
            Event(
                "bot",
                BOT[(block * BOTS + n) % len(BOT)],
                random_start(),
                days=rng.randint(8, 25),
                size=math.log(self._scale * rng.uniform(120_000, 500_000)),
                desktop=rng.uniform(0.97, 0.99) if n else rng.uniform(0.01, 0.03),
            )
            for n in range(BOTS)
        ]
        return (*bursts, *new_pages, *bots)

    def _fleeting(self, day: dt.date) -> list[Event]:
        """The fleeting events of a day, which began on it or up to two days before."""
        days = (day - dt.timedelta(days=back) for back in range(3))
        return [event for start in days for event in self._fleeting_from(start) if day <= event.end]

    @lru_cache(maxsize=1024)  # noqa: B019 - schedules live as long as the process
    def _fleeting_from(self, start: dt.date) -> tuple[Event, ...]:
        rng = random.Random(f"{self._name}/fleeting/{start}")
        return tuple(
            Event(
                "fleeting",
                RARE[rng.randrange(len(RARE))],
                start,
                days=rng.randint(1, 3),
                size=level_of_rank(math.exp(rng.uniform(math.log(80), math.log(1000))), self._scale),
                decay=0.5,
            )
            for _ in range(FLEETING)
        )

    def _cycle(self, position: int, day: dt.date) -> int:
        """The cycle in which a trending page is on a day; `position` is its position in the role `trend`."""
        # The cycles of different pages begin on different days, so that on each day some pages rise and others fall.
        return (day.toordinal() + position * 31) // CYCLE

    @lru_cache(maxsize=8192)  # noqa: B019 - schedules live as long as the process
    def _trend(self, position: int, cycle: int) -> tuple[Event, Event]:
        """The rise of a trending page in a cycle, and its decline to the level before."""
        rng = random.Random(f"{self._name}/trend/{position}/{cycle}")
        number = self._catalogue.roles["trend"][position]
        start = dt.date.fromordinal(cycle * CYCLE - position * 31)
        days, rate = rng.randint(14, 18), rng.uniform(0.032, 0.055)
        fall = start + dt.timedelta(days=days + rng.randint(6, 14))
        return Event("growth", number, start, days, rate), Event("decline", number, fall, days, -rate)

    def _trend_lift(self, position: int, day: dt.date) -> float:
        return sum(
            event.size * min(max((day - event.start).days + 1, 0), event.days)
            for event in self._trend(position, self._cycle(position, day))
        )

    def _weekly_pages(self) -> Iterator[tuple[int, int, float]]:
        rng = random.Random(f"{self._name}/weekly")
        for number in self._catalogue.roles["weekly"]:
            yield number, rng.randrange(7), rng.uniform(math.log(2), math.log(4))
