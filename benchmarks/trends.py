"""Measure the accuracy of the trends: compare the scores with the events of a synthetic world (`python -m benchmarks.trends`).

Each seed creates another world. The lists of a world are cleaned as in the pipeline and the analysis: rows that are not articles are
removed, the views of redirects are added to their targets, and a page is left out of a window if its desktop share is unusual and its
views are flat (`benchmarks.readers` measures this rule).

Bursts and weekly recurrences are measured in a window of 60 days after a baseline of 56 days. Steady growth and decline are measured
in windows of 14 days within these 60 days. For comparison, the figures are also measured for a simple ranking by the change from the
first day to the last.

To count how often noise is taken for a trend, other worlds have pages whose levels are first-order autoregressive series (AR(1)).
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from wiki_trends.analytics.engines.duckdb import computed_tables
from wiki_trends.analytics.page_rules import FLAT_DAYS, PageRules, is_flat
from wiki_trends.analytics.tables.declarations import DAYS, EARLIER, EARLIER_DAYS, PAGE_HISTORY, ROWS, RUN
from wiki_trends.analytics.tables.history import BASELINE_DAYS
from wiki_trends.pipeline.cache.facts import to_frame
from wiki_trends.pipeline.cache.renames import renamed_pages
from wiki_trends.pipeline.lists.device_share import BY_DEVICE_SINCE, DeviceLists, UnusualShares
from wiki_trends.pipeline.lists.top_list import ListRow
from wiki_trends.sample import truth, wikis
from wiki_trends.sample.days import wiki_traffic
from wiki_trends.sample.events import PROGRAMS
from wiki_trends.warehouse.arrow import StreamOnly
from wiki_trends.wikimedia.pages import PageFacts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from wiki_trends.sample.days import WikiTraffic

PROJECT = "en.wikipedia"
START = dt.date(2025, 6, 1)
WINDOW_DAYS = 60
TREND_WINDOW_DAYS = 14
# The thresholds of the scores were chosen with the seeds 101 to 103, so these seeds are not used here.
SEEDS = range(1, 21)
# The number of quiet pages of each world that are moved in the middle of the window.
RENAMED_PAGES = 40
# The autocorrelations and the number of the pages of the AR(1) worlds, their day-to-day noise in ln(1 + views), and the growth of
# the pages with a trend.
CORRELATIONS = (0.0, 0.3, 0.5, 0.7, 0.8)
NOISE_PAGES, NOISE, GROWTH = 2000, 0.25, 0.12
TARGETS = {
    "bursts": 0.9,
    "growing": 0.95,
    "declining": 0.95,
    "weekly": 0.05,
    "renamed": 0,
    "crawl_in_top_20": 0,
}


@dataclass
class Results:
    """The measurements of the worlds so far.

    Attributes:
        bursts: the R-precision of the scores for bursts, by world.
        bursts_plain: the R-precision of the simple ranking for bursts, by world.
        planted: the number of bursts in the window, by world.
        weekly: for each page with a weekly recurrence, whether the scores report a burst.
        renamed: for each page that is moved within the window, whether one of its titles is called a burst or new.
        renamed_plain: the same if the titles are taken for two pages.
        programs_in_top: the number of pages that programs read among the first 20 pages of two rankings, by kind of program and
            world. A program that began in the last days of the window, so that its views cannot be flat yet, is not counted.
        trends: the values of pages with a planted trend, and of pages without an event, by kind of trend and measure.
    """

    bursts: list[float] = field(default_factory=list)
    bursts_plain: list[float] = field(default_factory=list)
    planted: list[int] = field(default_factory=list)
    weekly: list[bool] = field(default_factory=list)
    renamed: list[bool] = field(default_factory=list)
    renamed_plain: list[bool] = field(default_factory=list)
    programs_in_top: dict[str, list[int]] = field(default_factory=dict)
    trends: dict[tuple[str, str], tuple[list[float], list[float]]] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """Return the figures over all worlds."""
        areas = {f"{kind}_{name}": auc(*values) for (kind, name), values in self.trends.items()}
        return {
            "worlds": len(self.bursts),
            "bursts_a_window": [min(self.planted), max(self.planted)],
            "bursts": mean(self.bursts),
            "bursts_least": min(self.bursts),
            "bursts_plain": mean(self.bursts_plain),
            "growing": areas["growth_score"],
            "growing_plain": areas["growth_plain"],
            "declining": areas["decline_score"],
            "declining_plain": areas["decline_plain"],
            "planted_trends": [len(self.trends[kind, "score"][0]) for kind in ("growth", "decline")],
            "quiet_pages": len(self.trends["growth", "score"][1]),
            "weekly": mean(self.weekly),
            "weekly_pages": len(self.weekly),
            "renamed": mean(self.renamed),
            "renamed_plain": mean(self.renamed_plain),
            "renamed_pages": len(self.renamed),
            **{f"{kind}_in_top_20": max(numbers) for kind, numbers in self.programs_in_top.items()},
        }


def measure(seeds: Iterable[int], step_days: int = 7) -> dict[str, Any]:
    """Measure the worlds of these seeds, and return the figures. Growth and decline are measured every `step_days` days."""
    results = Results()
    for seed in seeds:
        print(f"world {seed}", file=sys.stderr, flush=True)
        _measure_world(results, seed, step_days)
    return results.figures()


def _measure_world(results: Results, seed: int, step_days: int) -> None:
    last = START + dt.timedelta(days=BASELINE_DAYS + WINDOW_DAYS - 1)
    planted = truth(seed, PROJECT, START, last)
    rows = lists(seed, planted)
    _measure_bursts(results, rows, planted, last)
    _measure_renames(results, rows, planted["events"], last)
    for offset in range(0, WINDOW_DAYS - TREND_WINDOW_DAYS + 1, step_days):
        _measure_trends(results, rows, planted["events"], last - dt.timedelta(days=offset))


def _measure_bursts(results: Results, rows: pl.DataFrame, planted: Mapping[str, Any], last: dt.date) -> None:
    first = last - dt.timedelta(days=WINDOW_DAYS - 1)
    tables = analysis_of(rows, first, last)
    scores = tables["wiki_trends_scores"]
    bursts = [
        event for event in planted["events"] if event["kind"] == "burst" and _touches(event, first, last)
    ]
    titles = {event["title"] for event in bursts if event["start"] >= str(first)}
    # The peak of a burst that started earlier may be outside the window. Pages with such a burst are not counted.
    earlier_titles = {event["title"] for event in bursts} - titles
    scored_pages = scores.filter(
        pl.col("at_least").is_not_null(),
        2 * pl.col("reference_listed") >= pl.col("reference_days"),
        ~pl.col("page").is_in(earlier_titles),
    )
    changed_pages = tables["wiki_trends_growth"].filter(~pl.col("page").is_in(earlier_titles))
    results.planted.append(len(titles))
    results.bursts.append(r_precision(scored_pages.sort("at_least", descending=True), titles))
    results.bursts_plain.append(
        r_precision(changed_pages.sort("views_change_pct", descending=True, nulls_last=True), titles)
    )
    weekly = {event["title"] for event in planted["events"] if event["kind"] == "weekly"}
    results.weekly += scores.filter(pl.col("page").is_in(weekly))["burst"].fill_null(value=False).to_list()
    rankings = [
        scores.sort(by, descending=True, nulls_last=True).head(20)["page"] for by in ("at_least", "views")
    ]
    top_pages = {page for ranking in rankings for page in ranking}
    latest_start = str(last - dt.timedelta(days=FLAT_DAYS - 1))
    programs = [
        event for event in planted["events"] if event["kind"] == "bot" and event["start"] <= latest_start
    ]
    for kind in PROGRAMS:
        titles = {event["title"] for event in programs if event["program"] == kind}
        results.programs_in_top.setdefault(kind, []).append(len(top_pages & titles))


def _measure_renames(
    results: Results, rows: pl.DataFrame, events: Sequence[Mapping[str, Any]], last: dt.date
) -> None:
    """Move quiet pages in the middle of the window: their old title is listed before, and their new title after."""
    first = last - dt.timedelta(days=WINDOW_DAYS - 1)
    titles_with_event = {event["title"] for event in events}
    days_listed = rows.filter(~pl.col("page").is_in(titles_with_event)).group_by("page").len()
    always = days_listed.filter(pl.col("len") == rows["date"].n_unique()).sort("page")["page"]
    old_titles = always.head(RENAMED_PAGES).to_list()
    new_titles = {title: f"{title}_(moved)" for title in old_titles}
    moved_on = first + dt.timedelta(days=WINDOW_DAYS // 2)
    is_moved = pl.col("page").is_in(old_titles) & (pl.col("date") >= moved_on)
    moved = rows.with_columns(
        pl.when(is_moved).then(pl.col("page") + "_(moved)").otherwise(pl.col("page")).alias("page")
    )
    # The cache has facts of the old title from the days before the move, and of the new title from the days after.
    facts = [
        (
            title,
            float(title in new_titles.values()),
            PageFacts(title.replace("_", " "), wikidata_id=f"Q{item}"),
        )
        for item, pair in enumerate(new_titles.items())
        for title in pair
    ]
    rules = PageRules(renamed=renamed_pages(to_frame(facts)))
    one_page = pl.concat([rules.apply(day) for day in moved.partition_by("date", maintain_order=True)])
    for values, table_rows in ((results.renamed, one_page), (results.renamed_plain, moved)):
        scores = scores_of(table_rows, first, last)
        is_false = pl.col("burst").fill_null(value=False) | (pl.col("presence") == "new")
        false = set(scores.filter(is_false)["page"])
        values += [bool({old, new} & false) for old, new in new_titles.items()]


def _measure_trends(
    results: Results, rows: pl.DataFrame, events: Sequence[Mapping[str, Any]], last: dt.date
) -> None:
    first = last - dt.timedelta(days=TREND_WINDOW_DAYS - 1)
    tables = analysis_of(rows, first, last)
    joined = tables["wiki_trends_growth"].join(tables["wiki_trends_scores"], on="page")
    titles_with_event = {event["title"] for event in events if _touches(event, first, last)}
    quiet = joined.filter(~pl.col("page").is_in(titles_with_event))
    for kind, sign in (("growth", 1), ("decline", -1)):
        titles = {
            event["title"]
            for event in events
            if event["kind"] == kind and event["start"] <= str(first) and str(last) <= event["end"]
        }
        steady = joined.filter(pl.col("page").is_in(titles))
        for name, column in (("score", "trend_t"), ("plain", "views_change_pct")):
            positive, negative = results.trends.setdefault((kind, name), ([], []))
            positive += (sign * steady[column]).to_list()
            negative += (sign * quiet[column]).to_list()


def noise_figures(correlation: float, seed: int = 1) -> dict[str, float]:
    """Return three fractions of the pages of an AR(1) world.

    Returns:
        `false`: the fraction of the pages without a trend for which `has_trend` is true. `power`: the same for the pages with
        steady growth. `plain`: the fraction of the pages without a trend whose |t| is at least 2 if the autocorrelation is not
        corrected.
    """
    rng = np.random.default_rng(seed)
    days = [START + dt.timedelta(days=number) for number in range(TREND_WINDOW_DAYS)]
    noise = np.empty((NOISE_PAGES, TREND_WINDOW_DAYS))
    noise[:, 0] = rng.standard_normal(NOISE_PAGES)
    for number in range(1, TREND_WINDOW_DAYS):
        fresh = rng.standard_normal(NOISE_PAGES)
        noise[:, number] = correlation * noise[:, number - 1] + np.sqrt(1 - correlation**2) * fresh
    levels = 9 + NOISE * noise
    levels[: NOISE_PAGES // 10] += GROWTH * np.arange(TREND_WINDOW_DAYS)
    frames = [
        pl.DataFrame({"page": np.arange(NOISE_PAGES), "views": np.exp(levels[:, number]).astype(np.int64)})
        .select(date=pl.lit(day), page=pl.col("page").cast(pl.String), views="views")
        for number, day in enumerate(days)
    ]  # fmt: skip
    scores = analysis_of(complete_rows(pl.concat(frames)), days[0], days[-1])["wiki_trends_scores"]
    grows = pl.col("page").cast(pl.Int64) < NOISE_PAGES // 10
    quiet, growing = scores.filter(~grows), scores.filter(grows)
    # The factor by which the correction for autocorrelation increases the standard error.
    correction = ((1 + quiet["trend_rho"]) / (1 - quiet["trend_rho"])).sqrt()
    return {
        "false": mean(quiet["has_trend"].to_list()),
        "plain": mean(((quiet["trend_t"] * correction).abs() >= 2).to_list()),
        "power": mean(growing["has_trend"].to_list()),
    }


def _touches(event: Mapping[str, Any], first: dt.date, last: dt.date) -> bool:
    """Return whether an event has a day from `first` to `last`."""
    return bool(event["start"] <= str(last) and str(first) <= event["end"])


def lists(seed: int, planted: Mapping[str, Any]) -> pl.DataFrame:
    """Return the cleaned lists of a world: a row for each page and day, with the columns of the diamond layer, `date` and `suspect`."""
    synthetic = wiki_traffic(seed, wikis.WIKIS[PROJECT])
    non_articles, redirect_targets = set(planted["non_articles"]), planted["redirects"]
    rows: list[tuple[dt.date, str, int, bool]] = []
    for day_description in planted["days"]:
        day = dt.date.fromisoformat(day_description["day"])
        views: dict[str, int] = {}
        suspect_views: dict[str, int] = {}
        for row, is_suspect in judged_rows(synthetic, day, non_articles):
            page = redirect_targets.get(row.title, row.title)
            views[page] = views.get(page, 0) + row.views
            suspect_views[page] = suspect_views.get(page, 0) + row.views * is_suspect
        rows += [(day, page, count, 2 * suspect_views[page] >= count) for page, count in views.items()]
    return complete_rows(pl.DataFrame(rows, schema=["date", "page", "views", "suspect"], orient="row"))


def judged_rows(
    traffic: WikiTraffic, day: dt.date, non_articles: Collection[str]
) -> Iterator[tuple[ListRow, bool]]:
    """Yield the articles of a day's list, and whether the desktop share of each is unusual on the day."""
    list_by_access = {
        name: [ListRow(*row) for row in traffic.top(day, name)]
        for name in ("all-access", "desktop", "mobile-web")
    }
    devices = DeviceLists(
        list_by_access["desktop"], list_by_access["mobile-web"], by_device=day >= BY_DEVICE_SINCE
    )
    articles = [row for row in list_by_access["all-access"] if row.title not in non_articles]
    shares = [(devices.desktop_share(row.title, row.views), row.views) for row in articles]
    unusual = UnusualShares.of_day(shares, by_device=devices.by_device)
    for row, (share, views) in zip(articles, shares, strict=True):
        yield row, unusual.contains(share, views)


def complete_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the other columns of the diamond layer to rows with `date`, `page` and `views`."""
    rank = pl.col("views").rank("min", descending=True).over("date")
    texts = {"category": "Other", "location_type": "General", "location": "No specific location", "link": ""}
    missing_coordinate = pl.lit(None, pl.Float64)
    return rows.with_columns(
        rank=rank, page_display=pl.col("page"), latitude=missing_coordinate, longitude=missing_coordinate,
        **{name: pl.lit(text) for name, text in texts.items()},
    )  # fmt: skip


def scores_of(
    rows: pl.DataFrame, first: dt.date, last: dt.date, history: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Compute the scores of the window from `first` to `last`; see `analysis_of`."""
    return analysis_of(rows, first, last, history)["wiki_trends_scores"]


def analysis_of(
    rows: pl.DataFrame, first: dt.date, last: dt.date, history: pl.DataFrame | None = None
) -> dict[str, pl.DataFrame]:
    """Compute the tables of the window from `first` to `last`, with the days before the window as baseline.

    Args:
        rows: the lists of all days, from `complete_rows`. If they have the column `suspect`, the pages with flat views on suspect
            days are left out.
        first: the first day of the window.
        last: the last day of the window.
        history: the exact views of some pages, with the columns of `declarations.HISTORY_TYPES`.
    """
    baseline = pl.col("date").is_between(first - dt.timedelta(days=BASELINE_DAYS), first, closed="left")
    if "suspect" in rows.columns:
        read = rows.filter(pl.col("date").is_between(first - dt.timedelta(days=BASELINE_DAYS), last))
        rows = rows.filter(~pl.col("page").is_in(list(pages_left_out(read))))
    window, earlier = rows.filter(pl.col("date").is_between(first, last)), rows.filter(baseline)
    inputs = {
        ROWS: window,
        DAYS: window.select("date").unique(),
        EARLIER: earlier,
        EARLIER_DAYS: earlier.select("date").unique(),
        RUN: pl.DataFrame(
            {"dataset": ["diamond"], "window_start": [first], "window_end": [last], "project": [PROJECT]}
        ),
    }
    if history is not None:
        inputs[PAGE_HISTORY] = history
    with computed_tables(inputs) as tables:
        names = ("wiki_trends_scores", "wiki_trends_growth")
        return {name: pl.DataFrame(StreamOnly(tables[name])) for name in names}


def pages_left_out(rows: pl.DataFrame) -> set[str]:
    """Return the pages whose views are flat on their suspect days; see `page_rules.pages_of_programs`."""
    views: dict[str, dict[dt.date, int]] = {}
    for page, day, count in rows.filter("suspect").select("page", "date", "views").iter_rows():
        views.setdefault(page, {})[day] = count
    return {page for page, of_page in views.items() if is_flat(of_page)}


def r_precision(ranked: pl.DataFrame, relevant: set[str]) -> float:
    """Return the fraction of relevant pages among the first R pages, where R is the number of relevant pages."""
    return mean([page in relevant for page in ranked.head(len(relevant))["page"]])


def auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Return the area under the ROC curve.

    This is the probability that a positive value is above a negative value, where a tie counts as one half.
    """
    frame = pl.DataFrame({"value": [*positive, *negative]}, schema={"value": pl.Float64})
    ranks = frame["value"].rank("average").to_list()[: len(positive)]
    return float((sum(ranks) - len(positive) * (len(positive) + 1) / 2) / (len(positive) * len(negative)))


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def table(figures: Mapping[str, Any]) -> str:
    """Return the figures as text."""
    low, high = figures["bursts_a_window"]
    growing, declining = figures["planted_trends"]
    lines = [
        f"{figures['worlds']} worlds, {WINDOW_DAYS} days each after {BASELINE_DAYS} of baseline",
        "",
        f"  {'':<44}{'scores':>8}{'first to last':>15}  target",
        _row("bursts, R-precision", figures["bursts"], figures["bursts_plain"], ">= 0.9"),
        f"    {low} to {high} a window; least of all worlds {figures['bursts_least']:.3f}",
        _row("steady growth told from noise, AUC", figures["growing"], figures["growing_plain"], ">= 0.95"),
        _row(
            "steady decline told from noise, AUC", figures["declining"], figures["declining_plain"], ">= 0.95"
        ),
        f"    {growing} growing, {declining} declining, {figures['quiet_pages']} times a quiet page",
        _row("weekly recurrences called bursts", figures["weekly"], None, "<= 0.05"),
        _row("renamed pages called bursts or new", figures["renamed"], None, "0"),
        f"    {figures['renamed_plain']:.3f} if the titles are taken for two pages",
        _row("crawls in a top 20, most", figures["crawl_in_top_20"], None, "0"),
        _row("  irregular programs on desktops", figures["desktop_in_top_20"], None, "flagged only"),
        _row("  programs with the devices of readers", figures["mix_in_top_20"], None, "not seen"),
        "",
        f"  {'AR(1) pages of 14 days with a trend':<44}{'has_trend':>9}{'plain |t| >= 2':>15}  with a planted trend",
    ]
    for correlation, shares in figures["noise"].items():
        name = f"correlation of consecutive days {correlation}"
        lines.append(f"  {name:<44}{shares['false']:>9.3f}{shares['plain']:>15.3f}  {shares['power']:.3f}")
    return "\n".join(lines) + "\n"


def _row(name: str, value: float, plain: float | None, target: str) -> str:
    plain_text = "" if plain is None else f"{plain:.3f}"
    return f"  {name:<44}{value:>8.3f}{plain_text:>15}  {target}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trends", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), help="the worlds")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    figures = measure(arguments.seeds)
    figures["noise"] = {str(correlation): noise_figures(correlation) for correlation in CORRELATIONS}
    sys.stdout.write(json.dumps(figures, indent=2) + "\n" if arguments.json else table(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
