"""Find the findings whose subject rose in another language too, in the lists of other Wikipedias."""

from __future__ import annotations

import datetime as dt
from functools import partial
from typing import TYPE_CHECKING, Any

from wiki_trends.evidence.model import languages, piece, rules
from wiki_trends.evidence.queries import NotAsked
from wiki_trends.evidence.sources.wikidata import item_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wiki_trends.evidence.model import Evidence, Finding
    from wiki_trends.evidence.search import Search

_RULE = "rose-in-another-language"
KIND = "other languages"
_FAMILY = ".wikipedia"
_MAX_DAYS, _MAX_WIKIS = 2, 2


def other_languages(search: Search) -> Iterator[Evidence]:
    """Yield the rises of the same subjects in the lists of two other Wikipedias, on the first two days of `search.days`."""
    if not search.project.endswith(_FAMILY):
        return
    if search.entities is None:
        message = "Wikidata did not answer"
        raise NotAsked(message)
    own = search.project.removesuffix(_FAMILY)
    for day in search.days[:_MAX_DAYS]:
        findings = [finding for finding in search.findings if finding.day == day]
        wikis = _languages_of(search, findings, own)
        for pieces in search.queries.together(
            partial(_pieces, search, language, day, findings) for language in wikis
        ):
            yield from pieces
        search.asked[KIND] |= {finding.page for finding in findings}


def _title(search: Search, finding: Finding, language: str) -> str | None:
    titles = (search.entities or {}).get(search.items.get(finding.page, ""), {}).get("titles", {})
    title = titles.get(f"{language}wiki")
    return None if title is None else str(title).replace(" ", "_")


def _languages_of(search: Search, findings: Sequence[Finding], own: str) -> list[str]:
    """Return the two languages in which the most findings have a page. Of equal numbers, the first language of the rules wins."""
    counts = {
        language: sum(_title(search, finding, language) is not None for finding in findings)
        for language in languages()
        if language != own
    }
    chosen = sorted((name for name in counts if counts[name]), key=lambda name: -counts[name])
    return chosen[:_MAX_WIKIS]


def _pieces(search: Search, language: str, day: dt.date, findings: Sequence[Finding]) -> list[Evidence]:
    limits = rules()[_RULE]
    title_by_finding = {
        finding: title for finding in findings if (title := _title(search, finding, language)) is not None
    }
    wanted = set(title_by_finding.values())
    project = f"{language}{_FAMILY}"

    def listed_views(rows: Sequence[Any]) -> dict[str, Any]:
        views = {str(row["article"]): int(row["views"]) for row in rows}
        # A title that is not in the list has at most the views of the last row.
        return {"last": min(views.values(), default=0)} | {
            "views": {title: views[title] for title in sorted(wanted & views.keys())}
        }

    # The stored result of `listed_views` depends on the wanted titles, so they are part of its key.
    key = "|".join(sorted(wanted))
    before = day - dt.timedelta(days=int(limits["days_before"]))
    of_day = search.queries.top(project, day, listed_views, key)
    of_before = search.queries.top(project, before, listed_views, key)
    pieces = []
    for finding, title in title_by_finding.items():
        usual = max(of_before["views"].get(title, of_before["last"]), 1)
        times = of_day["views"].get(title, 0) / usual
        if times >= limits["times"]:
            source = item_url(search.items[finding.page])
            pieces.append(piece(_RULE, finding.page, source, day, title=project, times=f"{times:.1f}"))
    return pieces
