"""Measure the ranking on real days (`python -m benchmarks.real_weeks FOLDER`), if the folder of recorded Wikimedia data is here.

Two recordings of daily lists are analysed:

- the 30 most-read pages of 444 weeks of it.wikipedia (2015 to 2023). The description of a page names the year of a death; a person
  *died in a week* if this is the year of the week, and the most-read day has at least twice the views of the first day: after a
  death before the week or on its first day, the views only fall. Each such week is analysed with the 0, 7, 28 and 56 days before it as
  baseline. The share of the deaths in the first ten pages of the ranking and the mean reciprocal rank are compared with three other
  rankings, which need no baseline. A second set of deaths does not depend on the form of the views within a week: each person once,
  in the week of their most-read day. It is measured without a baseline.
- seven whole lists of fr.wikipedia, without a baseline. The ranks of the pages of events of these days are printed.

The weeks have no exact views of pages outside the list, so history on demand cannot be measured here.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gzip
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from benchmarks.trends import analysis_of, complete_rows, mean
from testing.recorded import RECORDED
from wiki_trends.pipeline.lists.row_filter import RowFilter, filter_rows
from wiki_trends.pipeline.lists.top_list import ListRow
from wiki_trends.wikimedia.siteinfo import parse_siteinfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

BASELINES = (0, 7, 28, 56)
TOP = 10
TARGET = 0.89
# The views of the most-read day of a week in which a person died, divided by the views of the first day.
MIN_RISE = 2
_ITALIAN = "top_lists/it.wikipedia/weekly_top30_daily_2015_2023.jsonl.gz"
_FRENCH = "top_lists/fr.wikipedia"
_FRENCH_SITE = "recorded/action/formatversion2-siteinfo-fr.wikipedia.json"
# Pages of events from 1 to 7 October 2021: two deaths, a publication of the press, a football match, a sale.
EVENTS = (
    "Bernard_Tapie",
    "Étienne_Mougeotte",
    "Pandora_Papers",
    "Ligue_des_nations_de_l'UEFA",
    "Newcastle_United_Football_Club",
)
# A description such as `attore (1954-2022)`. A second range with an open end is the life, and the first an office.
_LIFE = r"\(\d{{3,4}}\s*[-–]\s*{year}\s*\)"
_OPEN = re.compile(r"[-–]\s*\)")
# The name of the second set of deaths.
_ONCE = "once"
# The other rankings, each with its table and column.
_OTHERS = {
    "first to last": ("wiki_trends_growth", "views_change_pct"),
    "Wikitrends": ("wiki_trends_scores", "wikitrends_score"),
    "views": ("wiki_trends_scores", "views"),
}


def deaths(lines: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return the pages of the people who died in a week, by week."""
    weeks: dict[str, set[str]] = {}
    for line in lines:
        if _names_year_of_death(line) and max(line["views"]) >= MIN_RISE * line["views"][0]:
            weeks.setdefault(line["week"], set()).add(line["article"])
    return weeks


def deaths_once(lines: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return the pages of the people whose description names the year of the week, by the week of their most-read day."""
    best: dict[str, tuple[int, str]] = {}
    for line in lines:
        day = (max(line["views"]), line["week"])
        if _names_year_of_death(line) and (line["article"] not in best or day[0] > best[line["article"]][0]):
            best[line["article"]] = day
    weeks: dict[str, set[str]] = {}
    for page, (_, week) in best.items():
        weeks.setdefault(week, set()).add(page)
    return weeks


def _names_year_of_death(line: Mapping[str, Any]) -> bool:
    description = line["description"] or ""
    is_named = re.search(_LIFE.format(year=line["week"][:4]), description) is not None
    return is_named and _OPEN.search(description) is None


def italian_figures(lines: Sequence[Mapping[str, Any]], every: int = 1) -> dict[str, Any]:
    """Measure the deaths of every `every`-th week that has one."""
    rows = complete_rows(_rows_of(lines))
    starts = {line["week"]: dt.date.fromisoformat(line["start"]) for line in lines}
    ranks: dict[str, list[int | None]] = {}
    died = dict(sorted(deaths(lines).items())[::every])
    once = dict(sorted(deaths_once(lines).items())[::every])
    for week, pages in once.items():
        first, last = starts[week], starts[week] + dt.timedelta(days=6)
        tables = analysis_of(rows.filter(pl.col("date") >= first), first, last)
        ranks.setdefault(_ONCE, []).extend(_ranks(tables["wiki_trends_scores"], "at_least", pages))
    for week, pages in died.items():
        first = starts[week]
        last = first + dt.timedelta(days=6)
        for days in BASELINES:
            known = rows.filter(pl.col("date") >= first - dt.timedelta(days=days))
            tables = analysis_of(known, first, last)
            ranks.setdefault(f"{days}", []).extend(_ranks(tables["wiki_trends_scores"], "at_least", pages))
            if not days:
                for name, (table_name, column) in _OTHERS.items():
                    ranks.setdefault(name, []).extend(_ranks(tables[table_name], column, pages))
    return {
        "weeks": len(died),
        "deaths": sum(len(pages) for pages in died.values()),
        "weeks_once": len(once),
        "deaths_once": sum(len(pages) for pages in once.values()),
        "in_top": {
            name: mean([rank is not None and rank <= TOP for rank in of]) for name, of in ranks.items()
        },
        "reciprocal": {name: mean([1 / rank if rank else 0.0 for rank in of]) for name, of in ranks.items()},
    }


def french_figures(folder: Path) -> dict[str, dict[str, int | None]]:
    """Return the rank of each page of `EVENTS` in each ranking of the French week; None if the ranking does not have the page."""
    site = json.loads((folder / _FRENCH_SITE).read_text(encoding="utf-8"))["response"]["body"]
    articles = RowFilter(parse_siteinfo(site, url="recorded"))
    days = []
    for path in sorted((folder / _FRENCH).glob("*.jsonl")):
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
        listed = [ListRow(line["article"], line["views"], line["rank"]) for line in lines]
        kept = filter_rows(listed, articles).kept
        day = dt.date.fromisoformat(lines[0]["date"])
        days.append(pl.DataFrame({"date": [day] * len(kept), "page": [row.title for row, _ in kept],
                                  "views": [row.views for row, _ in kept]}))  # fmt: skip
    rows = complete_rows(pl.concat(days))
    tables = analysis_of(rows, rows["date"].min(), rows["date"].max())  # type: ignore[arg-type]
    rankings = {"at_least": ("wiki_trends_scores", "at_least"), **_OTHERS}
    return {
        page: {name: _ranks(tables[of], column, {page})[0] for name, (of, column) in rankings.items()}
        for page in EVENTS
    }


def _rows_of(lines: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Return date, page and views of the days on which a page is in the list; the recording has 0 for other days."""
    rows = [
        (dt.date.fromisoformat(line["start"]) + dt.timedelta(days=number), line["article"], views)
        for line in lines
        for number, views in enumerate(line["views"])
        if views
    ]
    return pl.DataFrame(rows, schema=["date", "page", "views"], orient="row").unique(["date", "page"])


def _ranks(table: pl.DataFrame, column: str, pages: Iterable[str]) -> list[int | None]:
    """Return the rank of each page by a column, largest first, ties by page; None for a page that is not ranked."""
    ranked = table.filter(pl.col(column).is_not_null()).sort(column, "page", descending=[True, False])["page"]
    places = {page: place for place, page in enumerate(ranked.to_list(), start=1)}
    return [places.get(page) for page in sorted(pages)]


def figures_of(folder: Path, every: int = 1) -> dict[str, Any]:
    """Measure the recordings of a folder. Of the Italian weeks with a death, every `every`-th is measured."""
    with gzip.open(folder / _ITALIAN, "rt", encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return {"italian": italian_figures(lines, every), "french": french_figures(folder)}


def table(figures: Mapping[str, Any]) -> str:
    """Return the figures as text."""
    italian, french = figures["italian"], figures["french"]
    lines = [
        f"it.wikipedia: {italian['deaths']} deaths in {italian['weeks']} weeks",
        f"each person once: {italian['deaths_once']} deaths in {italian['weeks_once']} weeks",
        "",
        f"  {'':<34}{'in top ten':>12}{'mean reciprocal rank':>24}",
    ]
    for name in sorted(italian["in_top"], key=lambda name: not name.isdigit()):
        share = italian["in_top"][name]
        label = f"at_least, {name} days of baseline" if name.isdigit() else name
        label = "at_least, 0 days, each person once" if name == _ONCE else label
        target = f"   target >= {TARGET}" if name in ("0", _ONCE) else ""
        lines.append(f"  {label:<34}{share:>12.3f}{italian['reciprocal'][name]:>24.3f}{target}")
    names = list(next(iter(french.values())))
    lines += ["", "fr.wikipedia, 1 to 7 October 2021, without a baseline: rank", ""]
    lines.append(f"  {'':<34}" + "".join(f"{name:>15}" for name in names))
    for page, ranks in french.items():
        lines.append(f"  {page:<34}" + "".join(f"{ranks[name] or '-':>15}" for name in names))
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_weeks", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=RECORDED, help="the recorded Wikimedia data")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    if not (arguments.folder / _ITALIAN).is_file():
        print(f"real weeks: not measured, because {arguments.folder} has no recorded lists", file=sys.stderr)
        return 0
    figures = figures_of(arguments.folder)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n" if arguments.json else table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
