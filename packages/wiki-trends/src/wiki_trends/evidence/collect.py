"""Collect evidence for the surest rises of a window from Wikidata, the current events portal, and the links between the pages.

At most `MAX_REQUESTS` requests are sent for a window. A source that fails does not fail the analysis: pages without evidence then
have the kind `unavailable`, with the reason. A page is said to have no explanation only if every source answered.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from wiki_trends.config.projects import host_of
from wiki_trends.errors import WikiTrendsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

    from wiki_trends.warehouse.base import ArrowStream

MAX_REQUESTS = 50
MAX_FINDINGS = 50
NO_EXPLANATION = "no public explanation found"
FLAT = "; a flat rise without one can be automated traffic"
# A death explains a rise on the same day or on one of this many days after it.
MAX_DAYS_AFTER_DEATH = 7
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


class Client(Protocol):
    """The part of `WikimediaClient` that the collection needs."""

    def action(self, project: str, params: Mapping[str, str]) -> Any:
        """Send one query to the Action API of a project, and return the JSON of the response."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """A page that certainly rose: its title as in the tables, the day of the rise, and the shape of the rise, if it has one."""

    page: str
    day: dt.date
    shape: str | None = None

    @property
    def title(self) -> str:
        """The title with spaces, as the Action API returns it."""
        return self.page.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A piece of evidence for the rise of a page; `source` is the URL of the source."""

    page: str
    rule: str
    text: str
    source: str
    date: dt.date


@cache
def rules() -> dict[str, dict[str, Any]]:
    """Return the rules, by name."""
    return tomllib.loads((files("wiki_trends.evidence") / "rules.toml").read_text("utf-8"))


@dataclass
class _Queries:
    """Sends queries until the limit of requests is reached."""

    client: Client
    sent: int = 0

    def pages(self, project: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the pages of a query, from all continued responses."""
        pages: list[dict[str, Any]] = []
        continuation: dict[str, str] = {}
        while True:
            answer = self.send(project, {"action": "query", **params, **continuation})
            pages += answer.get("query", {}).get("pages", [])
            if "continue" not in answer:
                return pages
            continuation = {name: str(value) for name, value in answer["continue"].items()}

    def send(self, project: str, params: Mapping[str, str]) -> Any:
        """Send one query."""
        if self.sent >= MAX_REQUESTS:
            raise _LimitReached
        self.sent += 1
        common = {"format": "json", "formatversion": "2", "maxlag": "5"}
        return self.client.action(project, {**common, **params})


class _LimitReached(Exception):
    """The limit of requests for a window is reached."""


@dataclass
class Collected:
    """The evidence of a window, and the reasons why sources were not read."""

    evidence: list[Evidence] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    requests: int = 0


def collect(findings: Sequence[Finding], project: str, client: Client) -> Collected:
    """Read all sources for the findings, surest rise first."""
    collected, queries = Collected(), _Queries(client)
    findings = [item for item in findings if "|" not in item.page][:MAX_FINDINGS]
    sources: tuple[Callable[..., list[Evidence]], ...] = (_deaths, _current_events, _stories)
    for source in sources if findings else ():
        try:
            collected.evidence += source(findings, project, queries)
        except _LimitReached:
            collected.problems.append(f"the limit of {MAX_REQUESTS} requests is reached")
        except WikiTrendsError as error:
            collected.problems.append(str(error))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            collected.problems.append(f"an unexpected response ({type(error).__name__}: {error})")
    collected.requests = queries.sent
    return collected


def _titles(findings: Sequence[Finding]) -> str:
    return "|".join(item.title for item in findings)


def _made(rule: str, page: str, source: str, date: dt.date, title: str = "") -> Evidence:
    day = f"{date.day} {_MONTHS[date.month - 1]} {date.year}"
    return Evidence(page, rule, rules()[rule]["sentence"].format(date=day, title=title), source, date)


def _deaths(findings: Sequence[Finding], project: str, queries: _Queries) -> list[Evidence]:
    params = {"titles": _titles(findings), "prop": "pageprops", "ppprop": "wikibase_item"}
    item_by_title = {
        page["title"]: page["pageprops"]["wikibase_item"]
        for page in queries.pages(project, params)
        if "wikibase_item" in page.get("pageprops", {})
    }
    if not item_by_title:
        return []
    ids = "|".join(item_by_title.values())
    answer = queries.send("wikidata", {"action": "wbgetentities", "ids": ids, "props": "claims"})
    evidence = []
    for item in findings:
        number = item_by_title.get(item.title, "")
        claims = answer["entities"].get(number, {}).get("claims", {})
        for died in _days(claims.get("P570", [])):
            if 0 <= (item.day - died).days <= MAX_DAYS_AFTER_DEATH:
                source = f"https://www.wikidata.org/wiki/{quote(number)}#P570"
                evidence.append(_made("wikidata-date-of-death", item.page, source, died))
                break
    return evidence


def _days(claims: Sequence[Mapping[str, Any]]) -> list[dt.date]:
    """Return the values of claims that are known to the day and are not deprecated."""
    values = [
        claim["mainsnak"].get("datavalue", {}).get("value", {})
        for claim in claims
        if claim.get("rank") != "deprecated"
    ]
    # A precision of 11 is a day. Years before Christ begin with a minus.
    return [
        dt.date.fromisoformat(value["time"][1:11])
        for value in values
        if value.get("precision") == 11 and value["time"].startswith("+")
    ]


def _current_events(findings: Sequence[Finding], project: str, queries: _Queries) -> list[Evidence]:
    if project != "en.wikipedia":
        return []  # The names of these pages differ in every language.
    one_day = dt.timedelta(days=1)
    days = sorted({day for item in findings for day in (item.day - one_day, item.day)})
    evidence, explained = list[Evidence](), set[str]()
    for day in days:
        title = f"Portal:Current events/{day.year} {_MONTHS[day.month - 1]} {day.day}"
        pages = queries.pages(
            project, {"titles": title, "prop": "links", "pllimit": "max", "plnamespace": "0"}
        )
        linked = {link["title"] for page in pages for link in page.get("links", [])}
        for item in findings:
            if item.title in linked and item.day in (day, day + one_day) and item.page not in explained:
                explained.add(item.page)
                evidence.append(_made("portal-current-events", item.page, _page_url(project, title), day))
    return evidence


def _stories(findings: Sequence[Finding], project: str, queries: _Queries) -> list[Evidence]:
    """Return evidence for each page that links to a surer rise of the same days, and is linked from it."""
    titles = _titles(findings)
    params = {"titles": titles, "prop": "links", "pltitles": titles, "pllimit": "max"}
    links: dict[str, set[str]] = {}
    for page in queries.pages(project, params):
        links.setdefault(page["title"], set()).update(link["title"] for link in page.get("links", []))
    evidence = []
    for position, item in enumerate(findings):
        for strongest in findings[:position]:
            is_same_days = abs((item.day - strongest.day).days) <= 1
            is_mutual = strongest.title in links.get(item.title, ()) and item.title in links.get(
                strongest.title, ()
            )
            if is_same_days and is_mutual:
                source = _page_url(project, strongest.title)
                rule = "linked-pages-rose-together"
                evidence.append(_made(rule, item.page, source, strongest.day, strongest.title))
                break
    return evidence


def _page_url(project: str, title: str) -> str:
    return f"https://{host_of(project)}/wiki/{quote(title.replace(' ', '_'), safe=':/')}"


def find_rises(scores: ArrowStream) -> list[Finding]:
    """Return the pages of `wiki_trends_scores` that certainly rose, surest rise first."""
    import polars as pl

    frame = pl.DataFrame(_Stream(scores)).filter(pl.col("at_least") > 1)
    frame = frame.sort("at_least", "views", "page", descending=[True, True, False]).head(MAX_FINDINGS)
    return [Finding(row["page"], row["surprise_date"], row["shape"]) for row in frame.iter_rows(named=True)]


def evidence_table(
    findings: Sequence[Finding], collected: Collected, dataset: str, first: dt.date, last: dt.date
) -> pl.DataFrame:
    """Make `wiki_trends_evidence`: the pieces of evidence of each finding, or one row that says why a finding has none."""
    import polars as pl

    by_page: dict[str, list[Evidence]] = {}
    for piece in collected.evidence:
        by_page.setdefault(piece.page, []).append(piece)
    rows = []
    for finding in findings:
        pieces = sorted(by_page.get(finding.page, []), key=lambda piece: -rules()[piece.rule]["strength"])
        values: list[tuple[Any, ...]] = [
            (
                rules()[piece.rule]["kind"],
                piece.rule,
                rules()[piece.rule]["strength"],
                piece.text,
                piece.source,
                piece.date,
            )
            for piece in pieces
        ] or [_missing(finding, collected.problems)]
        rows += [
            (dataset, first, last, finding.page, place, *row) for place, row in enumerate(values, start=1)
        ]
    schema = {
        "dataset": pl.String, "window_start": pl.Date, "window_end": pl.Date, "page": pl.String, "place": pl.Int32,
        "kind": pl.String, "rule": pl.String, "strength": pl.Float64, "text": pl.String, "source": pl.String, "date": pl.Date,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _missing(finding: Finding, problems: Sequence[str]) -> tuple[Any, ...]:
    if problems:
        return "unavailable", None, None, f"evidence not available: {'; '.join(problems)}", None, None
    flat = FLAT if finding.shape == "plateau" else ""
    return "none", None, None, f"{NO_EXPLANATION}{flat}", None, None


class _Stream:
    """A wrapper that exposes only the Arrow stream of a table, because Polars would also use other interfaces of DuckDB's objects."""

    def __init__(self, table: ArrowStream) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)
