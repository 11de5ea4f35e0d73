"""Collect evidence for the findings of a window from all sources, within the limits of `queries`.

If a source fails, the analysis continues. The kinds of evidence of this source are then in `not_asked`, with the reason. "No explanation" is
written for a page only if no source has failed. Sources that need a request for each page are asked about the first findings only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wiki_trends.errors import WikimediaUnreachable, WikiTrendsError
from wiki_trends.evidence.queries import NotAsked, Queries
from wiki_trends.evidence.search import Search
from wiki_trends.evidence.sources import (
    earlier_years,
    edits,
    languages,
    links,
    main_page,
    redirects,
    wikidata,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from typing import Any

    from wiki_trends.evidence.model import Evidence, Finding, ListedRedirect
    from wiki_trends.evidence.queries import Connect

MAX_FINDINGS = 50
_MAIN_PAGE = ("in the news", "featured", "did you know", "on this day")
# The sources in the order in which they are asked, each with its kinds of evidence. `edits` and `earlier_years` come last, because they ask
# about the findings for which no source before them had evidence (`edits` also about new pages).
_SOURCES: tuple[tuple[tuple[str, ...], Callable[[Search], Iterator[Evidence]]], ...] = (
    (("redirect",), redirects.redirects),
    (("death", "anniversary"), wikidata.deaths_and_anniversaries),
    (("current events",), links.current_events),
    (_MAIN_PAGE, main_page.main_page),
    (("story",), links.stories),
    ((languages.KIND,), languages.other_languages),
    (edits.KINDS, edits.edits),
    ((earlier_years.KIND,), earlier_years.earlier_years),
)
KINDS = tuple(kind for kinds, _source in _SOURCES for kind in kinds)


@dataclass
class Collected:
    """The evidence of a window.

    Attributes:
        evidence: the pieces of evidence.
        not_asked: the kinds of evidence whose source failed or was not asked, each with the reason.
        asked: for each kind of evidence that is requested for some findings only, the pages of these findings.
        requests: the number of requests, including retries, by the kinds of evidence of the source.
        reused: the number of queries for which stored facts were used.
    """

    evidence: list[Evidence] = field(default_factory=list)
    not_asked: dict[str, str] = field(default_factory=dict)
    asked: Mapping[str, AbstractSet[str]] = field(default_factory=dict)
    requests: dict[str, int] = field(default_factory=dict)
    reused: int = 0


def collect(
    findings: Sequence[Finding],
    project: str,
    connect: Connect | None,
    facts: dict[str, Any] | None = None,
    redirects: Sequence[ListedRedirect] = (),
) -> Collected:
    """Ask all sources about the findings, the most important first.

    Args:
        findings: the findings; at most 50 are asked about.
        project: the project, for example `en.wikipedia`.
        connect: makes the client when the first request must be sent; None to use the stored facts only.
        facts: the facts that sources answered before, by the key of their query; new facts are added.
        redirects: the redirects in the lists of the window's days.
    """
    # The Action API separates the titles in a parameter with "|".
    findings = [finding for finding in findings if "|" not in finding.page][:MAX_FINDINGS]
    queries = Queries(connect, {} if facts is None else facts)
    search = Search(findings, project, queries, redirects)
    collected = Collected(search.evidence, asked=search.asked)
    for kinds, source in _SOURCES if findings else ():
        sent_before = queries.sent
        reason = _ask(source, search)
        collected.requests[", ".join(kinds)] = queries.sent - sent_before
        collected.not_asked |= dict.fromkeys(kinds, reason) if reason else {}
    collected.reused = queries.reused
    return collected


def _ask(source: Callable[[Search], Iterator[Evidence]], search: Search) -> str:
    """Add the evidence of a source. Return the reason why the source has not answered; empty if it has answered."""
    try:
        # Each piece is added at once, so that the pieces before a failure are kept.
        for piece in source(search):
            search.evidence.append(piece)
    except (NotAsked, WikiTrendsError) as error:
        if isinstance(error, WikimediaUnreachable):
            search.queries.failed_sources += 1
        return str(error)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        return f"an unexpected response ({type(error).__name__}: {error})"
    return ""
