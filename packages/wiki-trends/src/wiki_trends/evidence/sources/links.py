"""Find the findings that the current events link to, and the findings that rose together as one story."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from wiki_trends.evidence.model import dated, page_names, page_url, piece, rules
from wiki_trends.evidence.search import pages_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wiki_trends.evidence.model import Evidence, Finding
    from wiki_trends.evidence.search import Search

_EVENTS = "portal-current-events"
_LINKED, _RELATED = "linked-pages-rose-together", "related-pages-rose-together"
# The largest number of titles that the Action API accepts in a request.
_MAX_TITLES = 50


class _Relation(NamedTuple):
    """An earlier finding of the same story, and a category that both pages share; empty if no such category is known."""

    leading: Finding
    category: str


def current_events(search: Search) -> Iterator[Evidence]:
    """Yield the current events, of the day of a rise or of the day before it, that link to the page."""
    pattern = page_names(search.project).get(_EVENTS)
    if pattern is None:
        return
    backs = range(int(rules()[_EVENTS]["days_before"]), -1, -1)
    days = {finding.day - dt.timedelta(days=back) for finding in search.findings for back in backs}
    portals = [dated(pattern, day) for day in sorted(days, reverse=True)[:_MAX_TITLES]]
    params = {
        "action": "query",
        "titles": "|".join(portals),
        "prop": "links|info",
        "pltitles": search.titles_parameter,
        "pllimit": "max",
    }
    links = search.queries.action(search.project, params, _links_and_revisions)
    for finding in search.findings:
        for back in backs:
            day = finding.day - dt.timedelta(days=back)
            portal = dated(pattern, day)
            titles, revision = links.get(portal, ((), 0))
            if finding.title in titles:
                source = page_url(search.project, portal, **({"oldid": revision} if revision else {}))
                yield piece(_EVENTS, finding.page, source, day)
                break


def stories(search: Search) -> Iterator[Evidence]:
    """Yield a piece of evidence for each page of a story, except for the first finding, whose title is the name of the story."""
    params = {
        "action": "query",
        "titles": search.titles_parameter,
        "prop": "links",
        "pltitles": search.titles_parameter,
        "pllimit": "max",
    }
    links = search.queries.action(search.project, params, _links_and_revisions)
    linked = {title: set(titles) for title, (titles, _revision) in links.items()}
    candidates = [pair for pair in _pairs_of_the_same_days(search.findings) if _link_count(linked, *pair) > 0]
    # Categories are requested only for pairs of pages with a link in one direction.
    one_way = [pair for pair in candidates if _link_count(linked, *pair) == 1]
    categories = _categories(search, one_way) if one_way else {}
    related: dict[Finding, list[_Relation]] = {}
    for leading, finding in candidates:
        shared = sorted(categories.get(leading.title, set()) & categories.get(finding.title, set()))
        if _link_count(linked, leading, finding) == 2 or shared:
            related.setdefault(finding, []).append(_Relation(leading, shared[0] if shared else ""))
    for finding, relations in related.items():
        leading, category = relations[0]
        first_finding = _first_of_story(related, leading)
        is_mutual = _link_count(linked, leading, finding) == 2
        facts = {} if is_mutual else {"category": category}
        # The first finding names the story, and can be related to this finding through `leading` only.
        pair = "the two pages" if leading == first_finding else f"this page and {leading.title}"
        rule = _LINKED if is_mutual else _RELATED
        source = page_url(search.project, leading.title)
        yield piece(rule, finding.page, source, leading.day, title=first_finding.title, pair=pair, **facts)


def _first_of_story(related: Mapping[Finding, Sequence[_Relation]], finding: Finding) -> Finding:
    """Follow the relations to the first finding of the story. Each step leads to an earlier finding, so the loop ends."""
    while finding in related:
        finding = related[finding][0].leading
    return finding


def _pairs_of_the_same_days(findings: Sequence[Finding]) -> Iterator[tuple[Finding, Finding]]:
    """Yield each pair of findings with the same day or neighbouring days. In each pair, the more important finding is first."""
    days_apart = int(rules()[_LINKED]["days_apart"])
    for position, finding in enumerate(findings):
        for leading in findings[:position]:
            if abs((finding.day - leading.day).days) <= days_apart:
                yield leading, finding


def _link_count(linked: Mapping[str, set[str]], one: Finding, other: Finding) -> int:
    """Return in how many directions two pages link to each other."""
    return (other.title in linked.get(one.title, ())) + (one.title in linked.get(other.title, ()))


def _links_and_revisions(answers: Sequence[Any]) -> dict[str, tuple[list[str], int]]:
    """Return the titles that each page links to, and its current revision, by title; continued responses are merged."""
    result: dict[str, tuple[list[str], int]] = {}
    for page in pages_of(answers):
        titles, revision = result.get(page["title"], ([], 0))
        titles = [*titles, *(link["title"] for link in page.get("links", []))]
        result[page["title"]] = titles, int(page.get("lastrevid", revision))
    return result


def _categories(search: Search, pairs: Sequence[tuple[Finding, Finding]]) -> dict[str, set[str]]:
    """Return the specific categories of the pages, by title."""
    titles = list(dict.fromkeys(finding.title for pair in pairs for finding in pair))[:_MAX_TITLES]
    params = {
        "action": "query",
        "titles": "|".join(titles),
        "prop": "categories",
        "clshow": "!hidden",
        "cllimit": "max",
    }
    generic = re.compile(str(rules()[_RELATED]["generic"]))

    def specific(answers: Sequence[Any]) -> dict[str, list[str]]:
        result: dict[str, list[str]] = {}
        for page in pages_of(answers):
            names = [row["title"].partition(":")[2] for row in page.get("categories", [])]
            result.setdefault(page["title"], []).extend(name for name in names if not generic.search(name))
        return result

    categories = search.queries.action(search.project, params, specific)
    return {title: set(names) for title, names in categories.items()}
