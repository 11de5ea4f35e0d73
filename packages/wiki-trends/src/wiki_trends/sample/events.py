"""Planted events: bursts, growth and decline, weekly recurrences, new pages, automated traffic, and brief interest.

Each event follows from (seed, project) and the part of the calendar that it begins in, never from the days asked
before, so any day can be made on its own. Times are UTC days. Levels are natural logarithms of views.
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

BLOCK = 10  # days
BURSTS = NEWBORN = BOTS = 3  # that begin in a block
FLEETING = 120  # that begin on a day
CYCLE = 72  # days from one rise of a trending page to its next
_LONGEST = 30  # days that an event of a block lasts at most


@dataclass(frozen=True, slots=True)
class Event:
    """Something planted on a page.

    Attributes:
        kind: `burst`, `growth`, `decline`, `weekly`, `new`, `bot` or `fleeting`.
        number: the page.
        start: first day of it.
        days: how many days it lasts.
        size: `burst`, `weekly`: logarithm of the factor on its best day; `growth`, `decline`: change of the level a
            day; otherwise: level on the first day.
        decay: what each further day takes from the level (`new`, `fleeting`), or multiplies the lift with (`burst`).
        desktop: `bot`: the part of the traffic that comes from desktops.
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
        """The last day of it, included."""
        return self.start + dt.timedelta(days=self.days - 1)

    def level(self, day: dt.date) -> float:
        """Of an event that is a page's whole traffic: its level on a day within it."""
        return self.size - self.decay * (day - self.start).days


class Schedule:
    """The events of one wiki."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._name = f"{catalogue.seed}/{catalogue.wiki.project}"
        self._scale = catalogue.wiki.scale
        self._weekly = tuple(self._weekly_pages())

    def lifts(self, day: dt.date) -> dict[int, float]:
        """Changes of the levels of evergreen pages on a day by events, by page."""
        lifts: dict[int, float] = {}
        for event in self._block_events(day, "burst"):
            lifts[event.number] = event.size * event.decay ** (day - event.start).days
        for place, number in enumerate(self._catalogue.roles["trend"]):
            lifts[number] = self._trend_lift(place, day)
        return lifts | {number: lift for number, weekday, lift in self._weekly if weekday == day.weekday()}

    def visitors(self, day: dt.date) -> dict[int, Event]:
        """The events of a day that are the whole traffic of a page, by page; the greatest for each."""
        events = [*self._block_events(day, "new"), *self._block_events(day, "bot"), *self._fleeting(day)]
        result: dict[int, Event] = {}
        for event in events:
            other = result.get(event.number)
            if other is None or other.level(day) < event.level(day):
                result[event.number] = event
        return result

    def between(self, start: dt.date, end: dt.date) -> Iterator[Event]:
        """Every event that has a day between two days, both included, in the order of start and page."""
        events: set[Event] = set()
        for offset in range((end - start).days + 1):
            day = start + dt.timedelta(days=offset)
            events.update(*(self._block_events(day, kind) for kind in ("burst", "new", "bot")))
            events.update(self._fleeting(day))
            for place in range(len(self._catalogue.roles["trend"])):
                events.update(
                    e for e in self._trend(place, self._cycle(place, day)) if e.start <= day <= e.end
                )
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
        """The bursts, new pages and automated traffic that begin within a block of days."""
        rng = random.Random(f"{self._name}/block/{block}")
        bursting = self._catalogue.roles["burst"]

        def begin() -> dt.date:
            return dt.date.fromordinal(block * BLOCK + rng.randrange(BLOCK))

        bursts = [
            Event(
                "burst",
                bursting[(block * BURSTS + n) % len(bursting)],
                begin(),
                days=rng.randint(1, 4),
                size=math.log(4) + rng.random() * math.log(6),
                decay=0.55,
            )
            for n in range(BURSTS)
        ]
        newborn = [
            Event(
                "new",
                NEW[(block * NEWBORN + n) % len(NEW)],
                begin(),
                days=rng.randint(20, _LONGEST),
                size=level_of_rank(math.exp(rng.uniform(math.log(4), math.log(80))), self._scale),
                decay=math.log(2) / rng.uniform(4, 10),
            )
            for n in range(NEWBORN)
        ]
        bots = [
            Event(
                "bot",
                BOT[(block * BOTS + n) % len(BOT)],
                begin(),
                days=rng.randint(8, 25),
                size=math.log(self._scale * rng.uniform(120_000, 500_000)),
                desktop=rng.uniform(0.97, 0.99) if n else rng.uniform(0.01, 0.03),
            )
            for n in range(BOTS)
        ]
        return (*bursts, *newborn, *bots)

    def _fleeting(self, day: dt.date) -> list[Event]:
        """The passing interest of a day: what began on it or up to two days before."""
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

    def _cycle(self, place: int, day: dt.date) -> int:
        # The places are spread over the cycle, so that each day some pages rise and others fall.
        return (day.toordinal() + place * 31) // CYCLE

    @lru_cache(maxsize=8192)  # noqa: B019 - schedules live as long as the process
    def _trend(self, place: int, cycle: int) -> tuple[Event, Event]:
        """The rise of a trending page within a cycle, and its fall back to where it was."""
        rng = random.Random(f"{self._name}/trend/{place}/{cycle}")
        number = self._catalogue.roles["trend"][place]
        start = dt.date.fromordinal(cycle * CYCLE - place * 31)
        days, rate = rng.randint(14, 18), rng.uniform(0.032, 0.055)
        fall = start + dt.timedelta(days=days + rng.randint(6, 14))
        return Event("growth", number, start, days, rate), Event("decline", number, fall, days, -rate)

    def _trend_lift(self, place: int, day: dt.date) -> float:
        return sum(
            event.size * min(max((day - event.start).days + 1, 0), event.days)
            for event in self._trend(place, self._cycle(place, day))
        )

    def _weekly_pages(self) -> Iterator[tuple[int, int, float]]:
        rng = random.Random(f"{self._name}/weekly")
        for number in self._catalogue.roles["weekly"]:
            yield number, rng.randrange(7), rng.uniform(math.log(2), math.log(4))
