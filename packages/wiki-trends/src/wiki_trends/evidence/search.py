"""The state of one collection of evidence: the findings, the facts about their pages, and the findings that each source was asked about."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence

    from wiki_trends.evidence.model import Evidence, Finding, ListedRedirect
    from wiki_trends.evidence.queries import Queries


@dataclass
class Search:
    """A collection for the findings of one project, the most important first.

    Attributes:
        findings: the findings.
        project: the project, for example `en.wikipedia`.
        queries: sends the queries.
        redirects: the redirects in the lists of the window's days.
        evidence: the pieces that were found so far.
        asked: for each kind of evidence that is requested for some findings only, the pages of these findings.
        page_ids: the id of each finding's page, by page, once the wiki has answered.
        items: the id of the Wikidata item of each finding's page, such as `Q42`, by page, once the wiki has answered.
        entities: the facts of the items, by item id; None until Wikidata has answered.
    """

    findings: Sequence[Finding]
    project: str
    queries: Queries
    redirects: Sequence[ListedRedirect] = ()
    evidence: list[Evidence] = field(default_factory=list)
    asked: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    page_ids: dict[str, int] = field(default_factory=dict)
    items: dict[str, str] = field(default_factory=dict)
    entities: Mapping[str, Mapping[str, Any]] | None = None

    @property
    def titles_parameter(self) -> str:
        """The titles of all findings, joined to one parameter of the Action API."""
        return "|".join(finding.title for finding in self.findings)

    @property
    def days(self) -> list[dt.date]:
        """The days of the rises, in the order of the findings."""
        return list(dict.fromkeys(finding.day for finding in self.findings))

    def unexplained(self) -> Iterator[Finding]:
        """Yield the findings without evidence so far, in their order."""
        explained = {piece.page for piece in self.evidence}
        return (finding for finding in self.findings if finding.page not in explained)


def pages_of(answers: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the pages of the responses of `action=query`."""
    return (page for answer in answers for page in answer.get("query", {}).get("pages", []))
