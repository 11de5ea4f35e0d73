"""Find deaths and anniversaries in Wikidata."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wiki_trends.evidence.model import piece, rules
from wiki_trends.evidence.search import pages_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wiki_trends.evidence.model import Evidence, Finding
    from wiki_trends.evidence.search import Search

_DEATH, _ANNIVERSARY = "wikidata-date-of-death", "anniversary-in-wikidata"
_DATE_OF_DEATH = "P570"
# The `precision` of a date that Wikidata knows to the day.
_DAY_PRECISION = 11
# The day of a time such as `+2024-05-01T00:00:00Z`. Years before Christ (with a minus) and after 9999 do not match.
_TIME = re.compile(r"\+(\d{4}-\d{2}-\d{2})T")


def deaths_and_anniversaries(search: Search) -> Iterator[Evidence]:
    """Yield the deaths of the days before a rise, and the anniversaries of the day of a rise."""
    _fill_page_ids_and_items(search)
    item_ids = sorted(set(search.items.values()))
    params = {"action": "wbgetentities", "ids": "|".join(item_ids), "props": "claims|sitelinks"}
    search.entities = search.queries.action("wikidata", params, _entities) if item_ids else {}
    for finding in search.findings:
        facts = search.entities.get(search.items.get(finding.page, ""), {})
        yield from _pieces(finding, search.items.get(finding.page, ""), facts.get("dates", {}))


def item_url(item: str, fragment: str = "") -> str:
    """Return the URL of an item of Wikidata."""
    return f"https://www.wikidata.org/wiki/{quote(item)}{fragment}"


def _pieces(finding: Finding, item: str, dates: Mapping[str, Sequence[str]]) -> Iterator[Evidence]:
    """Yield at most one death and one anniversary. `dates` has the ISO days of each property of the item."""
    for text in dates.get(_DATE_OF_DEATH, ()):
        died = dt.date.fromisoformat(text)
        if 0 <= (finding.day - died).days <= rules()[_DEATH]["days_before"]:
            yield piece(_DEATH, finding.page, item_url(item, f"#{_DATE_OF_DEATH}"), died)
            break
    limits = rules()[_ANNIVERSARY]
    for name in limits["properties"]:
        for text in dates.get(name, ()):
            day = dt.date.fromisoformat(text)
            years = finding.day.year - day.year
            is_same_day = (day.month, day.day) == (finding.day.month, finding.day.day)
            if is_same_day and years > 0 and years % limits["multiple"] == 0:
                yield piece(_ANNIVERSARY, finding.page, item_url(item, f"#{name}"), finding.day, years=years)
                return


def _fill_page_ids_and_items(search: Search) -> None:
    """Ask the wiki for the pages of the findings, and add their ids to `search.page_ids` and their Wikidata items to `search.items`.

    For a page that was renamed since, the redirect is followed.
    """
    params = {
        "action": "query",
        "titles": search.titles_parameter,
        "prop": "pageprops",
        "ppprop": "wikibase_item",
        "redirects": "1",
    }
    pages = search.queries.action(search.project, params, _page_ids_and_items)
    for finding in search.findings:
        page_id, item = pages.get(finding.title, (0, ""))
        search.page_ids[finding.page] = page_id
        if item:
            search.items[finding.page] = item


def _page_ids_and_items(answers: Sequence[Any]) -> dict[str, tuple[int, str]]:
    pages = {
        page["title"]: (int(page.get("pageid", 0)), str(page.get("pageprops", {}).get("wikibase_item", "")))
        for page in pages_of(answers)
    }
    for answer in answers:
        for redirect in answer.get("query", {}).get("redirects", []):
            if redirect["to"] in pages:
                pages.setdefault(redirect["from"], pages[redirect["to"]])
    return pages


def _entities(answers: Sequence[Any]) -> dict[str, Any]:
    """Return only the dates of the entities and the titles in other Wikipedias, because the entities themselves have megabytes."""
    entities = {}
    for answer in answers:
        for item, entity in answer["entities"].items():
            claims = entity.get("claims", {})
            names = {_DATE_OF_DEATH, *rules()[_ANNIVERSARY]["properties"]}
            entities[item] = {
                "dates": {name: days for name in sorted(names) if (days := _days(claims.get(name, [])))},
                "titles": {
                    site: str(link["title"])
                    for site, link in entity.get("sitelinks", {}).items()
                    if site.endswith("wiki")
                },
            }
    return entities


def _days(claims: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the ISO days of claims that are known to the day and are not deprecated.

    Raises:
        ValueError: a claim names a day that does not exist.
    """
    values = [
        claim["mainsnak"].get("datavalue", {}).get("value", {})
        for claim in claims
        if claim.get("rank") != "deprecated"
    ]
    matches = [
        _TIME.match(str(value.get("time", "")))
        for value in values
        if value.get("precision") == _DAY_PRECISION
    ]
    days = [match[1] for match in matches if match]
    # Checked here, so that an impossible day is not cached with the facts.
    return [dt.date.fromisoformat(day).isoformat() for day in days]
