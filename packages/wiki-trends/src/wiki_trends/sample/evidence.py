"""Plants causes of bursts in the synthetic wiki: dates of death in Wikidata, and links of the current events.

About a third of the bursts have no cause. Decoys are dates of death years before, and current events with pages that did not rise.
"""

from __future__ import annotations

import datetime as dt
import random
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from wiki_trends.sample import wikis
from wiki_trends.sample.days import wiki_traffic
from wiki_trends.sample.events import BLOCK_DAYS
from wiki_trends.sample.responses import Response, json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_DAY, LAST_DAY = dt.date(2025, 1, 1), dt.date(2026, 12, 31)
PORTAL = "Portal:Current events/"
_DECOYS_A_DAY = 5


@lru_cache(maxsize=4)
def planted_causes(seed: int) -> dict[tuple[int, dt.date], str]:
    """Return the cause of each burst of English Wikipedia by page number and first day: `death`, `current events` or `none`."""
    traffic = wiki_traffic(seed, wikis.WIKIS["en.wikipedia"])
    causes: dict[tuple[int, dt.date], str] = {}
    dead: set[int] = set()
    for block in range(FIRST_DAY.toordinal() // BLOCK_DAYS, LAST_DAY.toordinal() // BLOCK_DAYS):
        for event in traffic.schedule.events_starting_in(block):
            if event.kind != "burst":
                continue
            chance = random.Random(f"{seed}/cause/{event.number}/{event.start}").random()
            is_person = traffic.catalogue.pages[event.number].topic.location_type == "Person"
            cause = "none" if chance < 1 / 3 else "current events"
            if cause != "none" and is_person and event.number not in dead:
                cause = "death"
                dead.add(event.number)
            causes[event.number, event.start] = cause
    return causes


def respond_wikidata(params: Mapping[str, str], seed: int) -> Response:
    """Answer `wbgetentities` with the dates of death."""
    catalogue = wiki_traffic(seed, wikis.WIKIS["en.wikipedia"]).catalogue
    deaths = {number: day for (number, day), cause in planted_causes(seed).items() if cause == "death"}
    entities: dict[str, Any] = {}
    for item in params.get("ids", "").split("|"):
        number = (int(item[1:]) - 1_000_000) // 37 if item[1:].isdigit() else -1
        day = deaths.get(number)
        if 0 <= number < len(catalogue.pages) and day is None:
            rng = random.Random(f"{seed}/decoy/{number}")
            if catalogue.pages[number].topic.location_type == "Person" and rng.random() < 0.5:
                day = dt.date(2019, 1, 1) + dt.timedelta(days=rng.randrange(700))
        value = {"time": f"+{day}T00:00:00Z", "precision": 11}
        claims = {"P570": [{"rank": "normal", "mainsnak": {"datavalue": {"value": value}}}]} if day else {}
        entities[item] = {"id": item, "claims": claims}
    return json_response({"entities": entities, "success": 1})


def respond_links(params: Mapping[str, str], seed: int, project: str) -> Response:
    """Answer `prop=links`: the current events link to the pages of planted bursts and to decoys; other pages have no links."""
    pages = []
    for title in params.get("titles", "").split("|"):
        page: dict[str, Any] = {"ns": 0, "title": title}
        if project == "en.wikipedia" and title.startswith(PORTAL):
            page["links"] = [{"ns": 0, "title": name} for name in _portal_links(title, seed)]
        pages.append(page)
    return json_response({"batchcomplete": True, "query": {"pages": pages}})


def _portal_links(title: str, seed: int) -> list[str]:
    day = dt.datetime.strptime(title.removeprefix(PORTAL), "%Y %B %d").replace(tzinfo=dt.UTC).date()
    catalogue = wiki_traffic(seed, wikis.WIKIS["en.wikipedia"]).catalogue
    causes = planted_causes(seed)
    numbers = [
        number for (number, start), cause in causes.items() if start == day and cause == "current events"
    ]
    plain = [page.number for page in catalogue.pages[:450] if page.role == "plain"]
    numbers += random.Random(f"{seed}/portal/{day}").sample(plain, _DECOYS_A_DAY)
    return sorted(catalogue.pages[number].title.replace("_", " ") for number in numbers)
