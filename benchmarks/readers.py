"""Measure the rule for pages that programs request on synthetic worlds (`python -m benchmarks.readers`).

The worlds have programs of three kinds (`sample.events.PROGRAMS`), in a wiki that people read on all devices and in a wiki that they read
almost only on phones. For each kind, and for the news (bursts, new pages and pages that are read for a few days), this module prints:

- `flagged`: the share of the days in the list on which the desktop share is unusual;
- `left out`: the share of the pages that a window of 14 days leaves out, because their views are also flat;
- `fixed limits`: the share of the days in the list on which the share is certainly below 10 % or above 90 %. Wikimedia's most-read
  service left such pages out until 2020.

The figures show what the rule does with programs that were planted to be like this. They do not show how many programs request real
pages, or how many of them the rule finds.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from typing import TYPE_CHECKING, Any

import polars as pl

from benchmarks.trends import judged_rows, mean, pages_left_out
from wiki_trends.pipeline.lists.device_share import DeviceLists
from wiki_trends.pipeline.lists.top_list import ListRow
from wiki_trends.sample import truth, wikis
from wiki_trends.sample.days import wiki_traffic
from wiki_trends.sample.events import PROGRAMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PROJECTS = {"en.wikipedia": "all devices", "ar.wikipedia": "phones"}
SEEDS = range(1, 6)
FIRST = dt.date(2025, 11, 1)
WINDOW_DAYS = 14
NEWS = "news"
# No news may be left out. All crawls that last long enough must be.
TARGETS = {"news_left_out": 0.0, "crawl_left_out": 1.0}
_MIN_DAYS = 4


def measure(seeds: Iterable[int], projects: Iterable[str] = tuple(PROJECTS)) -> dict[str, Any]:
    """Measure a window in the world of each seed, by project and kind."""
    figures: dict[str, Any] = {}
    for project in projects:
        days: dict[str, list[tuple[bool, bool]]] = {}
        pages: dict[str, list[bool]] = {}
        for seed in seeds:
            _measure_world(project, seed, days, pages)
        figures[project] = {
            kind: {
                "pages": len(pages[kind]),
                "flagged": mean([flagged for flagged, _ in days[kind]]),
                "left_out": mean(pages[kind]),
                "fixed": mean([fixed for _, fixed in days[kind]]),
            }
            for kind in (*PROGRAMS, NEWS)
        }
    return figures


def _measure_world(
    project: str, seed: int, days: dict[str, list[tuple[bool, bool]]], pages: dict[str, list[bool]]
) -> None:
    """Add the listed days (flagged, outside the fixed limits) and the pages (left out) of a world, by kind."""
    window = [FIRST + dt.timedelta(days=number) for number in range(WINDOW_DAYS)]
    planted = truth(seed, project, window[0], window[-1])
    traffic = wiki_traffic(seed, wikis.WIKIS[project])
    kinds = _kinds_by_title(planted)
    rows = []
    for day in window:
        lists = [[ListRow(*row) for row in traffic.top(day, access)] for access in ("desktop", "mobile-web")]
        devices = DeviceLists(*lists)
        for row, suspect in judged_rows(traffic, day, planted["non_articles"]):
            rows.append((day, row.title, row.views, suspect))
            share = devices.desktop_share(row.title, row.views)
            if kind := kinds.get((row.title, day)):
                days.setdefault(kind, []).append((suspect, share.high < 0.1 or share.low > 0.9))
    frame = pl.DataFrame(rows, schema=["date", "page", "views", "suspect"], orient="row")
    left_out = pages_left_out(frame)
    listed: dict[tuple[str, str], int] = {}
    titles_by_day = set(frame.select("page", "date").iter_rows())
    for (title, day), kind in kinds.items():
        listed[kind, title] = listed.get((kind, title), 0) + ((title, day) in titles_by_day)
    for (kind, title), number in listed.items():
        if number and (kind == NEWS or number >= _MIN_DAYS):
            pages.setdefault(kind, []).append(title in left_out)


def _kinds_by_title(planted: Mapping[str, Any]) -> dict[tuple[str, dt.date], str]:
    """Return the kind of the event of each title and day: a kind of program, or `news`."""
    kinds: dict[tuple[str, dt.date], str] = {}
    for event in (*planted["events"], *planted["fleeting"]):
        kind = event.get("program") or (NEWS if event["kind"] in ("burst", "new", "fleeting") else "")
        first, last = dt.date.fromisoformat(event["start"]), dt.date.fromisoformat(event["end"])
        for number in range((last - first).days + 1):
            if kind:
                kinds[event["title"], first + dt.timedelta(days=number)] = kind
    return kinds


def table(figures: Mapping[str, Any]) -> str:
    """Return the figures as text."""
    lines = [f"programs and news of {WINDOW_DAYS} days, by device share and flat views", ""]
    lines.append(f"  {'':<44}{'pages':>7}{'flagged':>9}{'left out':>10}{'fixed limits':>14}")
    for project, kinds in figures.items():
        lines.append(f"  {project}, read on {PROJECTS[project]}")
        for kind, of in kinds.items():
            lines.append(
                f"    {_NAMES[kind]:<42}{of['pages']:>7}{of['flagged']:>9.3f}{of['left_out']:>10.3f}{of['fixed']:>14.3f}"
            )
    return "\n".join(lines) + "\n"


_NAMES = {
    "desktop": "programs on desktops only, irregular",
    "mix": "programs with the devices of readers",
    "crawl": "flat crawls of at least four days",
    NEWS: "news",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readers", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), help="the worlds")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    figures = measure(arguments.seeds)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n" if arguments.json else table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
