"""Measure the evidence on planted causes (`python -m benchmarks.evidence`).

Each seed creates another world, whose bursts have planted causes: a death, or a link in the current events. About a third of the bursts
have none. Decoys are earlier deaths, and current events with pages that did not rise. The findings are those of the real scores.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from benchmarks.trends import PROJECT, START, analysis_of, lists
from wiki_trends.analytics.tables.history import BASELINE_DAYS
from wiki_trends.evidence.collect import collect, find_rises, rules
from wiki_trends.sample import truth, wikis
from wiki_trends.sample.days import wiki_traffic
from wiki_trends.sample.evidence import planted_causes
from wiki_trends.sample.options import SampleOptions
from wiki_trends.sample.server import Api

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WINDOW_DAYS = 7
SEEDS = range(1, 6)


class SampleClient:
    """A client that calls the sample API without a connection."""

    def __init__(self, seed: int) -> None:
        self._api = Api(SampleOptions(seed=seed))

    def action(self, project: str, params: Mapping[str, str]) -> Any:
        """Answer one query."""
        host = "www.wikidata" if project == "wikidata" else project
        return json.loads(self._api.respond("GET", f"/{host}/w/api.php?{urlencode(params)}", "", "").body)


def measure(seeds: Iterable[int], windows: int = 8) -> dict[str, Any]:
    """Return the counts of `windows` consecutive windows in the world of each seed, and the figures made from them."""
    counts = dict.fromkeys(("pieces", "true", "planted", "found", "uncaused", "uncaused_explained"), 0)
    most_requests = 0
    for seed in seeds:
        print(f"world {seed}", file=sys.stderr, flush=True)
        planted = truth(seed, PROJECT, START, START + dt.timedelta(BASELINE_DAYS + WINDOW_DAYS * windows - 1))
        rows = lists(seed, planted)
        for number in range(windows):
            first = START + dt.timedelta(BASELINE_DAYS + WINDOW_DAYS * number)
            last = first + dt.timedelta(WINDOW_DAYS - 1)
            findings = find_rises(analysis_of(rows, first, last)["wiki_trends_scores"])
            collected = collect(findings, PROJECT, SampleClient(seed))
            most_requests = max(most_requests, collected.requests)
            causes = _causes(seed, first, last)
            # A burst of up to four days that began before the window also rose in it, and its cause explains the rise.
            true_causes = causes | _causes(seed, first - dt.timedelta(days=3), first)
            explained = {(piece.page, rules()[piece.rule]["kind"]) for piece in collected.evidence}
            uncaused = {item.page for item in findings} - {page for page, _ in true_causes}
            counts["pieces"] += len(explained)
            counts["true"] += len(explained & true_causes)
            counts["planted"] += len(causes)
            counts["found"] += len(explained & causes)
            counts["uncaused"] += len(uncaused)
            counts["uncaused_explained"] += len(uncaused & {page for page, _ in explained})
    return counts | {
        "precision": counts["true"] / counts["pieces"],
        "found_share": counts["found"] / counts["planted"],
        "uncaused_share": counts["uncaused_explained"] / counts["uncaused"],
        "most_requests": most_requests,
    }


def _causes(seed: int, first: dt.date, last: dt.date) -> set[tuple[str, str]]:
    """Return the title and the kind of each planted cause whose burst begins in a window."""
    pages = wiki_traffic(seed, wikis.WIKIS[PROJECT]).catalogue.pages
    return {
        (pages[number].title, cause)
        for (number, start), cause in planted_causes(seed).items()
        if first <= start <= last and cause != "none"
    }


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
        f"most requests for a window          {figures['most_requests']}  (limit 50)\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
