"""Answers `wbgetentities`: the dates of the items, and the titles of their pages in other languages."""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING, Any

from wiki_trends.sample.evidence.causes import LANGUAGES, PROJECT, Cause, planted_causes, traffic_of
from wiki_trends.sample.pages import NEW_NUMBERS
from wiki_trends.sample.responses import Response, json_response

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The ids of properties in Wikidata.
_BIRTH, _DEATH, _FOUNDATION = "P569", "P570", "P571"
# Wikidata's numbers for the precision of a date.
_DAY, _MONTH = 11, 10
# The deaths that are not causes are at most 700 days after this day, so they are before the first planted cause.
_OLDEST_DEATH = dt.date(2019, 1, 1)


def respond_wikidata(params: Mapping[str, str], seed: int) -> Response:
    """Answer a request for items by their numbers."""
    pages = traffic_of(seed).catalogue.pages
    causes: dict[int, list[Cause]] = {}
    for cause in planted_causes(seed).values():
        causes.setdefault(cause.number, []).append(cause)
    entities: dict[str, Any] = {}
    for item in params.get("ids", "").split("|"):
        # The reverse of `wikidata_id` in `Catalogue.details`.
        number = (int(item[1:]) - 1_000_000) // 37 if item[1:].isdigit() else -1
        entity: dict[str, Any] = {"id": item, "claims": {}, "sitelinks": {}}
        if 0 <= number < len(pages):
            entity["claims"] = dict(_claims(seed, number, causes.get(number, ())))
            entity["sitelinks"] = _sitelinks(seed, number, causes.get(number, ()))
        entities[item] = entity
    return json_response({"entities": entities, "success": 1})


def _claims(seed: int, number: int, causes: list[Cause] | tuple[Cause, ...]) -> Iterator[tuple[str, Any]]:
    rng = random.Random(f"{seed}/dates/{number}")
    is_person = traffic_of(seed).catalogue.pages[number].topic.location_type == "Person"
    born = dt.date(rng.randint(1930, 1990), rng.randint(1, 12), rng.randint(1, 28))
    died, precision = None, _DAY
    if is_person and rng.random() < 0.5:
        died = _OLDEST_DEATH + dt.timedelta(days=rng.randrange(700))
    for cause in causes:
        if cause.kind == "anniversary":
            # Only round anniversaries are evidence.
            day = min(cause.start.day, 28)
            born = dt.date(cause.start.year - (50 if cause.is_typical else 47), cause.start.month, day)
        if cause.kind == "death":
            died, precision = cause.start, _DAY if cause.is_typical else _MONTH
    yield _BIRTH if is_person else _FOUNDATION, [_claim(born, _DAY)]
    if died is not None:
        yield _DEATH, [_claim(died, precision)]


def _claim(day: dt.date, precision: int) -> dict[str, Any]:
    text = f"{day}" if precision == _DAY else f"{day:%Y-%m}-00"
    value = {"time": f"+{text}T00:00:00Z", "precision": precision}
    return {"rank": "normal", "mainsnak": {"datavalue": {"value": value}}}


def _sitelinks(seed: int, number: int, causes: list[Cause] | tuple[Cause, ...]) -> dict[str, Any]:
    if number in NEW_NUMBERS:
        return {}  # Nobody has translated a new page yet.
    titles = {"enwiki": traffic_of(seed, PROJECT).catalogue.pages[number].title}
    rng = random.Random(f"{seed}/sitelinks/{number}")
    for language in LANGUAGES:
        pages = traffic_of(seed, f"{language}.wikipedia").catalogue.pages
        # By default, the link leads to the page with the same number. Pages with the role `burst` are left out, because they could rise.
        if rng.random() < 0.8 and pages[number].role not in ("missing", "invalid", "non_article", "burst"):
            titles[f"{language}wiki"] = pages[number].title
        for cause in causes:
            # The form that no rule expects: the item has no page in the other language.
            if cause.kind == "other languages" and cause.language == language and cause.is_typical:
                titles[f"{language}wiki"] = pages[cause.partner].title
    return {
        site: {"site": site, "title": title.replace("_", " "), "badges": []} for site, title in titles.items()
    }
