"""Returns the ground truth of the synthetic data as one document, for the evaluation of analytics and pipelines."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

from wiki_trends.errors import SettingError
from wiki_trends.sample import wikis
from wiki_trends.sample.days import wiki_traffic
from wiki_trends.sample.options import NEVER_PUBLISHED
from wiki_trends.sample.pageviews import FIRST_DAY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wiki_trends.sample.days import WikiTraffic
    from wiki_trends.sample.events import Event
    from wiki_trends.sample.pages import Page


def truth(seed: int, project: str, start: dt.date, end: dt.date) -> dict[str, Any]:
    """Return the planted events of the UTC days from `start` to `end`, both included. Titles have underscores, as in the lists.

    Keys of the result:
        seed, project, start, end: the arguments.
        events: the events, each with `kind`, `title`, `start` and `end` (which may be outside the window). Events of some
            kinds have further values. `burst` and `weekly`: `factor`, the views on the best day divided by the usual views.
            `growth` and `decline`: `pct_per_day`. `bot`: `desktop_share` and `program` (`desktop`, `mix` or `crawl`).
            `weekly` also: `weekday`, with Monday as 0; each peak is an event.
        fleeting: the titles that are read for one to three days only, with `start` and `end`. They do not count as events.
        bots: the titles with automated traffic.
        redirects: the title of the target for each listed redirect.
        non_articles: the listed titles that are not articles.
        missing: the listed titles that are not pages of the wiki.
        pages: for each listed article, `category`, `location_type`, `location` (the country; None without one),
            `latitude`, `longitude`. A page without facts has the category `Other` and the location type `General`.
        days: the figures of each day's all-access list: `day`, `published` (whether the list exists), `rows`, `non_articles`,
            `merged` (redirects to another listed title), `articles` (all other rows), and `bots` (articles with automated
            traffic).

    Raises:
        SettingError: the synthetic data do not have the project.
    """
    wiki = wikis.find_wiki(project)
    if wiki is None:
        raise SettingError(
            name="project",
            value=project,
            origin="--project",
            problem="is not in the synthetic world",
            fix=f"Give one of {', '.join(wikis.WIKIS)}.",
        )
    traffic = wiki_traffic(seed, wiki)
    days = [start + dt.timedelta(days=offset) for offset in range((end - start).days + 1)]
    pages_by_day = {
        day: [traffic.catalogue.by_title[row.article] for row in traffic.top(day, "all-access")]
        for day in days
        if day >= FIRST_DAY and day not in NEVER_PUBLISHED
    }
    distinct_pages = {page.number: page for pages in pages_by_day.values() for page in pages}
    events = list(traffic.schedule.events_between(start, end))
    listed_pages = sorted(distinct_pages.values(), key=lambda page: page.number)
    return {
        "seed": seed,
        "project": wiki.project,
        "start": str(start),
        "end": str(end),
        "events": [_describe_event(event, traffic) for event in events if event.kind != "fleeting"],
        "fleeting": [_describe_event(event, traffic) for event in events if event.kind == "fleeting"],
        "bots": sorted(
            {traffic.catalogue.pages[event.number].title for event in events if event.kind == "bot"}
        ),
        "redirects": {
            page.title: _target(page, traffic).title for page in listed_pages if page.target is not None
        },
        "non_articles": [page.title for page in listed_pages if page.role == "non_article"],
        "missing": [page.title for page in listed_pages if page.role in ("missing", "invalid")],
        "pages": dict(_describe_pages(listed_pages, traffic)),
        "days": [_describe_day(day, pages_by_day.get(day), traffic) for day in days],
    }


def _target(page: Page, traffic: WikiTraffic) -> Page:
    return page if page.target is None else traffic.catalogue.pages[page.target]


def _describe_event(event: Event, traffic: WikiTraffic) -> dict[str, Any]:
    result: dict[str, Any] = {
        "kind": event.kind,
        "title": traffic.catalogue.pages[event.number].title,
        "start": str(event.start),
        "end": str(event.end),
    }
    if event.kind in ("burst", "weekly"):
        result["factor"] = round(math.exp(event.size), 3)
    if event.kind == "weekly":
        result["weekday"] = event.start.weekday()
    if event.kind in ("growth", "decline"):
        result["pct_per_day"] = round(100 * math.expm1(event.size), 3)
    if event.kind == "bot":
        result["desktop_share"] = round(event.desktop, 4)
        result["program"] = event.program
    return result


def _describe_pages(pages: Iterable[Page], traffic: WikiTraffic) -> Iterable[tuple[str, dict[str, Any]]]:
    for listed_page in pages:
        page = _target(listed_page, traffic)
        if page.role == "non_article":
            continue
        details = traffic.catalogue.details(page.number)
        has_facts = page.role not in ("missing", "invalid")
        yield (
            page.title,
            {
                "category": page.topic.category if has_facts else "Other",
                "location_type": page.topic.location_type if has_facts else "General",
                "location": details.country.name if details.country and has_facts else None,
                "latitude": details.latitude if has_facts else None,
                "longitude": details.longitude if has_facts else None,
            },
        )


def _describe_day(day: dt.date, pages: list[Page] | None, traffic: WikiTraffic) -> dict[str, Any]:
    if pages is None:
        return {
            "day": str(day),
            "published": False,
            "rows": 0,
            "non_articles": 0,
            "merged": 0,
            "articles": 0,
            "bots": 0,
        }
    listed_articles = [page for page in pages if page.role != "non_article"]
    articles = {_target(page, traffic).number for page in listed_articles}
    events = traffic.schedule.sole_events(day)
    bots = sum(1 for number in articles if number in events and events[number].kind == "bot")
    return {
        "day": str(day),
        "published": True,
        "rows": len(pages),
        "non_articles": len(pages) - len(listed_articles),
        "merged": len(listed_articles) - len(articles),
        "articles": len(articles),
        "bots": bots,
    }
