"""Chooses the causes of the rises of English Wikipedia, from the seed alone."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from wiki_trends.sample import wikis
from wiki_trends.sample.days import WikiTraffic, wiki_traffic
from wiki_trends.sample.events import BLOCK_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wiki_trends.sample.events import Event

PROJECT = "en.wikipedia"
FIRST_DAY, LAST_DAY = dt.date(2025, 1, 1), dt.date(2026, 12, 31)
# The other languages whose pages can rise with a page of English Wikipedia.
LANGUAGES = ("de", "fr")
# The kinds of causes that every burst can have, with their weights.
_WEIGHTS = {
    "none": 30, "current events": 12, "in the news": 9, "featured": 6, "did you know": 7, "on this day": 7, "edits": 7,
    "moved": 4, "anniversary": 6, "earlier years": 6, "redirect": 6,
}  # fmt: skip
# The probabilities of the three kinds that have a condition. For `death`, the page is about a person who is not dead yet. For `story`, another
# burst begins on the same day or the day before. For `other languages`, a burst of another wiki begins on the same day.
_DEATHS = _STORIES = _OTHER_LANGUAGES = 0.4
# The probability that a cause is typical.
_TYPICAL = 0.75


@dataclass(frozen=True, slots=True)
class Cause:
    """The cause of a rise.

    Attributes:
        kind: the kind of evidence that the sources show for the cause, or `none`.
        number: the number of the page.
        start: the first day of the rise.
        is_typical: whether the sources show the evidence in the form that a rule expects.
        partner: for `story`, the number of the other page; for `other languages`, the number of the page in that wiki.
        language: for `other languages`, the language.
    """

    kind: str
    number: int
    start: dt.date
    is_typical: bool
    partner: int = -1
    language: str = ""

    @property
    def is_recent_death(self) -> bool:
        """Whether the cause is a death that is also in the news of the main page."""
        return self.kind == "death" and self.is_typical and self.number % 2 == 0


def traffic_of(seed: int, project: str = PROJECT) -> WikiTraffic:
    """Return the traffic of a wiki."""
    return wiki_traffic(seed, wikis.WIKIS[project])


@lru_cache(maxsize=4)
def planted_causes(seed: int) -> Mapping[tuple[int, dt.date], Cause]:
    """Return the cause of each burst and of each new page of English Wikipedia, by page number and first day."""
    bursts = list(_events(traffic_of(seed), "burst"))
    rises_by_day = _rises_of_other_languages(seed)
    causes: dict[tuple[int, dt.date], Cause] = {}
    dead: set[int] = set()
    previous: Event | None = None
    for event in bursts:
        rng = random.Random(f"{seed}/cause/{event.number}/{event.start}")
        is_typical = rng.random() < _TYPICAL
        is_person = traffic_of(seed).catalogue.pages[event.number].topic.location_type == "Person"
        if previous is not None and _can_be_story(previous, event) and rng.random() < _STORIES:
            causes[previous.number, previous.start] = Cause(
                "story", previous.number, previous.start, is_typical, event.number
            )
            cause = Cause("story", event.number, event.start, is_typical, previous.number)
        elif is_person and event.number not in dead and rng.random() < _DEATHS:
            cause = Cause("death", event.number, event.start, is_typical)
            dead.add(event.number)
        elif event.start in rises_by_day and rng.random() < _OTHER_LANGUAGES:
            language, number = rises_by_day[event.start]
            cause = Cause("other languages", event.number, event.start, is_typical, number, language)
        else:
            (kind,) = rng.choices(list(_WEIGHTS), weights=list(_WEIGHTS.values()))
            # The rises of earlier years must be before FIRST_DAY, because the lists since then must not change. They are one and two years
            # before the burst, so the burst must be in the first year.
            kind = "none" if kind == "earlier years" and event.start.year > FIRST_DAY.year else kind
            cause = Cause(kind, event.number, event.start, is_typical)
        causes[event.number, event.start] = cause
        previous = None if cause.kind == "story" else event
    for event in _events(traffic_of(seed), "new"):
        rng = random.Random(f"{seed}/cause/{event.number}/{event.start}")
        causes[event.number, event.start] = Cause(
            "created", event.number, event.start, rng.random() < _TYPICAL
        )
    return causes


@lru_cache(maxsize=4)
def causes_by_day(seed: int) -> Mapping[dt.date, tuple[Cause, ...]]:
    """Return the causes by the first day of their rise."""
    result: dict[dt.date, tuple[Cause, ...]] = {}
    for cause in planted_causes(seed).values():
        result[cause.start] = (*result.get(cause.start, ()), cause)
    return result


def causes_of(seed: int, kind: str, day: dt.date) -> list[Cause]:
    """Return the causes of a kind whose rise begins on a day."""
    return [cause for cause in causes_by_day(seed).get(day, ()) if cause.kind == kind]


def plain_titles(seed: int, name: str, count: int) -> list[str]:
    """Return the titles, with spaces, of some pages that are read every day and never rise."""
    pages = traffic_of(seed).catalogue.pages[:450]
    titles = [page.title.replace("_", " ") for page in pages if page.role == "plain"]
    return random.Random(f"{seed}/plain/{name}").sample(titles, count)


def title_of(seed: int, number: int) -> str:
    """Return the title of a page of English Wikipedia with spaces."""
    return traffic_of(seed).catalogue.pages[number].title.replace("_", " ")


def earlier_rise(seed: int, number: int, day: dt.date) -> float:
    """Return the factor of a planted rise of a page on a day of the two years before its main rise; 1 for most pages and days."""
    return _earlier_rises(seed).get((number, day), 1.0)


@lru_cache(maxsize=4)
def _earlier_rises(seed: int) -> Mapping[tuple[int, dt.date], float]:
    factors = {}
    for cause in planted_causes(seed).values():
        if cause.kind == "earlier years":
            for years in (1, 2):
                # Whole weeks back, so the weekday is the same. The form that no rule expects: a movable feast, whose date in the years before
                # is more than a week away.
                first = cause.start - dt.timedelta(days=364 * years + (0 if cause.is_typical else 9))
                for offset, factor in enumerate((7.0, 5.0, 2.5)):
                    factors[cause.number, first + dt.timedelta(days=offset)] = factor
    return factors


def _can_be_story(previous: Event, event: Event) -> bool:
    return (event.start - previous.start).days <= 1 and event.number != previous.number


def _rises_of_other_languages(seed: int) -> dict[dt.date, tuple[str, int]]:
    """Return the language and the number of a page whose burst begins on a day, by day."""
    return {
        event.start: (language, event.number)
        for language in LANGUAGES
        for event in _events(traffic_of(seed, f"{language}.wikipedia"), "burst")
    }


def _events(traffic: WikiTraffic, kind: str) -> Iterator[Event]:
    blocks = range(FIRST_DAY.toordinal() // BLOCK_DAYS, LAST_DAY.toordinal() // BLOCK_DAYS)
    events = [
        event
        for block in blocks
        for event in traffic.schedule.events_starting_in(block)
        if event.kind == kind
    ]
    return iter(sorted(events, key=lambda event: (event.start, event.number)))
