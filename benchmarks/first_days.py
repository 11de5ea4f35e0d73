"""Measure how well a new lake finds the rises of its first 14 days (`python -m benchmarks.first_days`).

A new lake has no days before the window. Each world of `benchmarks.trends` is analysed twice: with the 14 lists alone, and with the exact
views of the 60 days that the pipeline requests for the likely risers (`pipeline.history.candidates`).

The truth is the exact views of the world. A page *rose* if a planted event made its views at least `MIN_RISE` times the median of its
views on the 28 days before the event. Three kinds of event do so: bursts of pages that the lists know, pages that are read for one to
three days only (`fleeting`), and new pages. A list alone cannot distinguish the last two from pages that were read every day just
below the list; exact views can. So the ranking is compared with two sets of pages:

- `bursts`: the planted bursts of listed pages. The other pages that rose, and pages that programs read, are removed from the ranking
  first. The figures with the programs in the ranking are printed, too (`benchmarks.readers` measures which of them are left out).
- `rises`: all pages that rose.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import statistics
import sys
from typing import TYPE_CHECKING, Any

import polars as pl

from benchmarks.trends import PROJECT, START, lists, mean, r_precision, scores_of
from wiki_trends.pipeline.history.candidates import MAX_CANDIDATES, rank_candidates
from wiki_trends.sample import truth, wikis
from wiki_trends.sample.days import WikiTraffic, wiki_traffic

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

SEEDS = range(1, 11)
WINDOW_DAYS = 14
HISTORY_DAYS = 60
REFERENCE_DAYS = 28
MIN_RISE = 4.0
# The last day of each window, in days after `START`.
ENDS = (80, 110)
TARGETS = {"bursts_alone": 0.69, "bursts_with_history": 0.9}


def measure(seeds: Iterable[int], ends: Sequence[int] = ENDS) -> dict[str, Any]:
    """Measure the windows that end on these days in the worlds of these seeds, and return the figures."""
    results: dict[str, list[float]] = {}
    counts: dict[str, list[int]] = {"bursts": [], "rises": []}
    for seed in seeds:
        print(f"world {seed}", file=sys.stderr, flush=True)
        last_day = START + dt.timedelta(days=max(ends))
        planted = truth(seed, PROJECT, START, last_day)
        rows = lists(seed, planted)
        traffic = wiki_traffic(seed, wikis.WIKIS[PROJECT])
        for end in ends:
            last = START + dt.timedelta(days=end)
            first = last - dt.timedelta(days=WINDOW_DAYS - 1)
            bursts, rises = risen_pages(traffic, planted, first, last)
            counts["bursts"].append(len(bursts))
            counts["rises"].append(len(rises))
            window = rows.filter(pl.col("date").is_between(first, last))
            candidates = rank_candidates(window, first)[:MAX_CANDIDATES]
            history = exact_views(traffic, candidates, first, last)
            for name, known in (("alone", None), ("with_history", history)):
                ranked = scores_of(window, first, last, known)
                ranked = ranked.filter(pl.col("at_least").is_not_null()).sort("at_least", descending=True)
                for others, programs in (("bursts", set(planted["bots"])), ("programs", set())):
                    without_others = ranked.filter(~pl.col("page").is_in((rises | programs) - bursts))
                    results.setdefault(f"{others}_{name}", []).append(r_precision(without_others, bursts))
                results.setdefault(f"rises_{name}", []).append(r_precision(ranked, rises))
    figures: dict[str, Any] = {name: mean(values) for name, values in results.items()}
    figures["windows"] = len(counts["bursts"])
    figures |= {f"{name}_a_window": [min(values), max(values)] for name, values in counts.items()}
    return figures


def risen_pages(
    traffic: WikiTraffic, planted: Mapping[str, Any], first: dt.date, last: dt.date
) -> tuple[set[str], set[str]]:
    """Return the pages with a planted burst that rose in a window, and all pages that rose in it.

    A page whose event began before the window is in neither set.
    """
    bursts, rises = set(), set()
    for event in (*planted["events"], *planted["fleeting"]):
        start = dt.date.fromisoformat(event["start"])
        if event["kind"] not in ("burst", "new", "fleeting") or not first <= start <= last:
            continue
        before = [start - dt.timedelta(days=days) for days in range(1, REFERENCE_DAYS + 1)]
        usual = statistics.median(_views_on(traffic, event["title"], before))
        end = min(last, start + dt.timedelta(days=3))
        peak = max(_views_on(traffic, event["title"], _days_between(start, end)))
        if peak + 1 >= MIN_RISE * (usual + 1):
            rises.add(event["title"])
            if event["kind"] == "burst":
                bursts.add(event["title"])
    return bursts, rises


def exact_views(traffic: WikiTraffic, titles: Collection[str], first: dt.date, last: dt.date) -> pl.DataFrame:
    """Return the exact views of pages, with the columns of `declarations.HISTORY_TYPES`."""
    days = _days_between(first - dt.timedelta(days=HISTORY_DAYS - WINDOW_DAYS), last)
    rows = [
        (title, day, views, last)
        for title in titles
        for day, views in zip(days, _views_on(traffic, title, days), strict=True)
    ]
    return pl.DataFrame(
        rows,
        schema={"page": pl.String, "date": pl.Date, "views": pl.Int64, "requested_for": pl.Date},
        orient="row",
    )


def _views_on(traffic: WikiTraffic, title: str, days: Iterable[dt.date]) -> list[int]:
    """Return the views of a page on these days; 0 on a day that it was not read."""
    page = traffic.catalogue.by_title.get(title)
    views = [traffic.page_views(page, day) if page is not None else None for day in days]
    return [0 if day_views is None else day_views.of("all-access") for day_views in views]


def _days_between(first: dt.date, last: dt.date) -> list[dt.date]:
    return [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]


def table(figures: Mapping[str, Any]) -> str:
    """Return the figures as text."""
    (few_bursts, most_bursts), (few_rises, most_rises) = figures["bursts_a_window"], figures["rises_a_window"]
    bursts = f"bursts of listed pages ({few_bursts} to {most_bursts} a window)"
    rises = f"all pages that rose ({few_rises} to {most_rises} a window)"
    targets = f">= {TARGETS['bursts_alone']} and >= {TARGETS['bursts_with_history']}"
    lines = [
        f"{figures['windows']} windows of {WINDOW_DAYS} days without a baseline, R-precision",
        "",
        f"  {'':<52}{'lists alone':>12}{'with history':>14}  target",
        f"  {bursts:<52}{figures['bursts_alone']:>12.3f}{figures['bursts_with_history']:>14.3f}  {targets}",
        f"  {'  with the programs in the ranking':<52}{figures['programs_alone']:>12.3f}{figures['programs_with_history']:>14.3f}",
        f"  {rises:<52}{figures['rises_alone']:>12.3f}{figures['rises_with_history']:>14.3f}",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.first_days", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), help="the worlds")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    figures = measure(arguments.seeds)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n" if arguments.json else table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
