"""Measure the evidence on planted causes (`python -m benchmarks.evidence`).

Each seed creates another world, whose rises have planted causes of every kind; a third of the bursts have none. About a quarter of the
causes is not in the form that the rules expect, so that they cannot be found. Decoys resemble causes. The findings are those of the
real scores.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from benchmarks.trends import PROJECT, START, analysis_of, lists
from wiki_trends.analytics.tables.history import BASELINE_DAYS
from wiki_trends.errors import DayNotPublished
from wiki_trends.evidence.collect import KINDS, collect
from wiki_trends.evidence.model import ListedRedirect
from wiki_trends.evidence.table import find_rises
from wiki_trends.sample import truth
from wiki_trends.sample.evidence.causes import Cause, planted_causes, traffic_of
from wiki_trends.sample.options import SampleOptions
from wiki_trends.sample.server import Api
from wiki_trends.wikimedia.client import RawAnswer
from wiki_trends.wikimedia.transport import Counters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from wiki_trends.evidence.collect import Collected
    from wiki_trends.evidence.model import Finding

WINDOW_DAYS = 7
SEEDS = range(1, 6)
# The share of the views that come through a redirect without a cause.
_DECOY_SHARES = (0.05, 0.6)


class SampleClient:
    """A client that calls the sample API without a connection."""

    def __init__(self, seed: int) -> None:
        self._api = Api(SampleOptions(seed=seed, today=START + dt.timedelta(days=365)))
        self.counters = Counters()

    def action(self, project: str, params: Mapping[str, str]) -> Any:
        """Answer one query."""
        host = "www.wikidata" if project == "wikidata" else project
        return json.loads(self._get(f"/{host}/w/api.php?{urlencode(params)}") or b"{}")

    def top_pages(self, project: str, access: str, day: dt.date) -> RawAnswer:
        """Return the list of a day."""
        path = f"/metrics/pageviews/top/{project}/{access}/{day:%Y/%m/%d}"
        body = self._get(path)
        if body is None:
            raise DayNotPublished(day=day, project=project, url=path)
        return _raw(body)

    def article_views(
        self, project: str, access: str, title: str, first: dt.date, last: dt.date
    ) -> RawAnswer | None:
        """Return the daily views of one page."""
        days = f"{first:%Y%m%d}/{last:%Y%m%d}"
        path = f"/metrics/pageviews/per-article/{project}/{access}/user/{quote(title, safe='')}/daily/{days}"
        body = self._get(path)
        return None if body is None else _raw(body)

    def _get(self, path: str) -> bytes | None:
        response = self._api.respond("GET", path, "", "")
        return response.body if response.status == 200 else None


def _raw(body: bytes) -> RawAnswer:
    return RawAnswer(body, "", 200, None, dt.datetime.now(tz=dt.UTC))


@dataclass
class Counts:
    """The counts of all windows so far; `by_kind` has the same for each kind of evidence.

    Attributes:
        planted: the number of planted causes.
        found: the number of those that the evidence names.
        pieces: the number of pages and kinds for which there is evidence.
        true: the number of those that are planted.
        uncaused: the number of findings without a cause.
        explained: the number of those with evidence.
        requests: the number of requests of each window, by the kinds of the source.
    """

    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    pieces: Counter[str] = field(default_factory=Counter)
    true: Counter[str] = field(default_factory=Counter)
    uncaused: int = 0
    explained: int = 0
    requests: list[Mapping[str, int]] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """Return the figures over all windows."""
        windows = [sum(requests.values()) for requests in self.requests]
        sources = self.requests[0] if self.requests else {}
        return {
            "pieces": self.pieces.total(),
            "true": self.true.total(),
            "precision": self.true.total() / self.pieces.total(),
            "planted": self.planted.total(),
            "found": self.found.total(),
            "found_share": self.found.total() / self.planted.total(),
            "uncaused": self.uncaused,
            "uncaused_explained": self.explained,
            "uncaused_share": self.explained / self.uncaused,
            "most_requests": max(windows),
            "requests": {
                name: sum(requests[name] for requests in self.requests) / len(windows) for name in sources
            },
            "kinds": {
                kind: [self.planted[kind], self.found[kind], self.pieces[kind], self.true[kind]]
                for kind in KINDS
            },
        }


def measure(seeds: Iterable[int], windows: int = 8) -> dict[str, Any]:
    """Return the figures over `windows` consecutive windows in the world of each seed."""
    counts = Counts()
    for seed in seeds:
        print(f"world {seed}", file=sys.stderr, flush=True)
        planted = truth(seed, PROJECT, START, START + dt.timedelta(BASELINE_DAYS + WINDOW_DAYS * windows - 1))
        rows = lists(seed, planted)
        for number in range(windows):
            first = START + dt.timedelta(BASELINE_DAYS + WINDOW_DAYS * number)
            last = first + dt.timedelta(WINDOW_DAYS - 1)
            findings = find_rises(analysis_of(rows, first, last)["wiki_trends_scores"])
            redirects = list(_listed_redirects(seed, findings, first, last))
            collected = collect(findings, PROJECT, partial(SampleClient, seed), redirects=redirects)
            if collected.not_asked:
                raise SystemExit(f"not asked: {collected.not_asked}")
            _count(counts, seed, findings, collected, (first, last))
    return counts.figures()


def _count(
    counts: Counts,
    seed: int,
    findings: Sequence[Finding],
    collected: Collected,
    window: tuple[dt.date, dt.date],
) -> None:
    first, last = window
    planted = [cause for cause in planted_causes(seed).values() if cause.kind != "none"]
    # A rise of some days that began before the window also rose in it, and its cause explains it. A new page is new for a week.
    true = {
        (page, kind)
        for cause in planted
        if first - dt.timedelta(days=7 if cause.kind == "created" else 3) <= cause.start <= last
        for page, kind in _true_pieces(seed, cause)
    }
    pieces = {(piece.page, piece.kind) for piece in collected.evidence}
    for _page, kind in pieces:
        counts.pieces[kind] += 1
    for _page, kind in pieces & true:
        counts.true[kind] += 1
    for cause in planted:
        # A story has one name, so its evidence stands at the other page.
        if first <= cause.start <= last and not (cause.kind == "story" and cause.partner < cause.number):
            counts.planted[cause.kind] += 1
            wanted = {(page, cause.kind) for page, _kind in _true_pieces(seed, cause)}
            counts.found[cause.kind] += bool(wanted & pieces)
    uncaused = {finding.page for finding in findings} - {page for page, _kind in true}
    counts.uncaused += len(uncaused)
    counts.explained += len(uncaused & {page for page, _kind in pieces})
    counts.requests.append(collected.requests)


def _true_pieces(seed: int, cause: Cause) -> Iterator[tuple[str, str]]:
    """Yield the page and the kind of each piece of evidence that a cause can leave."""
    pages = traffic_of(seed).catalogue.pages
    yield pages[cause.number].title, cause.kind
    if cause.kind == "story":
        yield pages[cause.partner].title, cause.kind
    if cause.is_recent_death:
        yield pages[cause.number].title, "in the news"


def _listed_redirects(
    seed: int, findings: Sequence[Finding], first: dt.date, last: dt.date
) -> Iterator[ListedRedirect]:
    """Plant redirects in the lists: one that brought the views of a rise, and for each third page one that is always read."""
    days = [first + dt.timedelta(days=offset) for offset in range(WINDOW_DAYS)]
    causes = {
        traffic_of(seed).catalogue.pages[cause.number].title: cause
        for cause in planted_causes(seed).values()
        if cause.kind == "redirect" and first <= cause.start <= last
    }
    for finding in findings:
        rng = random.Random(f"{seed}/redirect/{finding.page}/{first}")
        cause = causes.get(finding.page)
        usual = rng.uniform(*_DECOY_SHARES)
        if cause is None and rng.random() < 2 / 3:
            continue
        for day in days:
            share = usual * rng.uniform(0.85, 1.15)
            if cause is not None:
                # A redirect that is not typical brings less than half of the views.
                is_rise = 0 <= (day - cause.start).days <= 3
                share = (rng.uniform(0.6, 0.9) if cause.is_typical else 0.4) if is_rise else 0.1
            yield ListedRedirect(
                finding.page, f"{finding.page}_(redirect)", day, round(10_000 * share), 10_000
            )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), help="the worlds")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    figures = measure(arguments.seeds)
    if arguments.json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
        return 0
    sys.stdout.write(
        f"precision of the evidence           {figures['precision']:.3f}  ({figures['true']} of {figures['pieces']}; target >= 0.95)\n"
        f"planted causes that are found       {figures['found_share']:.3f}  ({figures['found']} of {figures['planted']}; target >= 0.6)\n"
        f"rises without a cause but explained {figures['uncaused_share']:.3f}  ({figures['uncaused_explained']} of {figures['uncaused']}; target <= 0.02)\n"
        f"most requests for a window          {figures['most_requests']}  (limit 50)\n\n"
        f"{'kind':16} {'found':>9} {'true':>9}\n"
    )
    for kind, (planted, found, pieces, true) in figures["kinds"].items():
        sys.stdout.write(f"{kind:16} {f'{found} of {planted}':>9} {f'{true} of {pieces}':>9}\n")
    sys.stdout.write("\nrequests for a window, on average\n")
    for name, requests in figures["requests"].items():
        sys.stdout.write(f"{name:46} {requests:>5.1f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
