"""Render the top pages, or the details of one page, as lines of text.

A sparkline shows `·` for a day on which the page was not listed (its views are unknown, not zero), and `–` for a day that was not read.
Titles are untrusted, so `report.text.safe` escapes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smart_orchestrator.model.grain import Grain
from smart_orchestrator.text.spans import counted_span, group_alike
from wiki_trends.queries.evidence import FLAG
from wiki_trends.queries.series import days_of
from wiki_trends.report.formats import counted
from wiki_trends.report.sparkline import OUTSIDE, UNREAD, dated_sparkline
from wiki_trends.report.text import safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.text.reports import Line
    from wiki_trends.queries.pages import PageDetails, PageList


def top_lines(top: PageList) -> list[Line]:
    """Return a heading, and the lines of each page: its place and title, its scores, whether it is flagged, and why it rose, if known."""
    run = top.run
    lines: list[Line] = [(f"Top by {top.by}, {run.window_start} .. {run.window_end}", "strong")]
    if not top.pages:
        lines.append(("none", ""))
    for place, row in enumerate(top.pages, start=1):
        lines.append((f"{place:>3}  {safe(row['page_display'])}  ({safe(row['category'])})", ""))
        lines.append((f"     {'; '.join(_score_texts(row))}", "dim"))
        if row["page"] in top.why:
            # The text of a flagged page contains the flag.
            lines.append((f"     why: {safe(top.why[row['page']]['text'])}", "dim"))
        elif row["page"] in run.flagged:
            lines.append((f"     flagged: {FLAG}", "warn"))
    return lines


def page_lines(page: PageDetails) -> list[Line]:
    """Return the lines about one page.

    The lines contain the title, a sparkline, the days of the window, the scores with their inputs, and the scores of earlier
    windows.
    """
    row, run = page.row, page.run
    lines: list[Line] = [
        (safe(row["page_display"]), "strong"),
        (f"{safe(row['category'])}; {safe(row['location'])}; {safe(row['link'])}", "dim"),
        ("", ""),
    ]
    by_day = {day["date"]: day for day in page.series}
    first = min(run.window_start, *by_day)
    views = {date: day["views"] for date, day in by_day.items()}
    if row["page"] in run.flagged:
        lines.insert(1, (f"flagged: {FLAG}", "warn"))
    lines += [(line, "") for line in dated_sparkline(views, first, run.window_end)]
    lines.append((f"{OUTSIDE} outside that day's list: unknown, not zero", "dim"))
    if len(by_day) < (run.window_end - first).days + 1:
        lines.append((f"{UNREAD} not in the lake when the window was published", "dim"))
    lines.append(("", ""))
    lines += _day_lines([by_day.get(date, {"date": date}) for date in days_of(run)])
    lines.append(("", ""))
    if page.scores is None:
        lines.append((f"Not listed in {run.window_start} .. {run.window_end}: no scores", "warn"))
    else:
        lines.append((f"Scores of {run.window_start} .. {run.window_end}", "strong"))
        lines += [(f"  {text}", "") for text in (*_presence_texts(page.scores), *_score_texts(page.scores))]
    if page.evidence:
        lines += [("", ""), ("Why", "strong")]
        lines += [(f"  {_evidence_text(row)}", "") for row in page.evidence]
    if page.windows:
        lines += [("", ""), ("In other windows", "strong")]
        lines += [(f"  {_window_text(row)}", "") for row in page.windows]
    return lines


def _day_lines(days: Sequence[Mapping[str, Any]]) -> list[Line]:
    """Return the views and ranks of a page, oldest day first; neighbouring days without views share a line."""
    lines: list[Line] = []
    for group in group_alike(days, lambda day: day["date"], _day_text, Grain.DAY):
        text = _day_text(group[0])
        if group[0].get("views") is None:
            lines.append((f"  {counted_span(Grain.DAY, [day['date'] for day in group])}: {text}", ""))
        else:
            lines += [(f"  {day['date']}  {text}", "") for day in group]
    return lines


def _day_text(day: Mapping[str, Any]) -> str:
    if "views" not in day:
        return "not in the lake when the window was published"
    return "outside the list" if day["views"] is None else f"{day['views']:>12,} views, rank {day['rank']}"


def _presence_texts(row: Mapping[str, Any]) -> list[str]:
    """Return the days on which the page was listed, and its best day, as phrases."""
    baseline = f"{row['baseline_days_listed']} of {counted(row['baseline_days'], 'baseline day')}"
    days = f"listed on {row['days_listed']} of {counted(row['days_used'], 'day')}, {baseline}"
    return [
        f"presence {row['presence']}: {days}; {counted(row['streak'], 'day')} in a row",
        f"best day {row['peak_date']} with {row['peak_views']:,} views at rank {row['peak_rank']}",
    ]


def _score_texts(row: Mapping[str, Any]) -> list[str]:
    """Return the scores of a page as phrases, without the scores that are null."""
    texts = []
    if row["score"] is not None:
        texts.append(_rise_text(row))
    if row["at_most"] is not None and row["at_most"] < 1:
        texts.append(f"fall to at most ×{row['at_most']:,.2f} of the expected views on every day")
    if row["momentum"] is not None:
        texts.append(f"{row['momentum_label']} ({100 * row['momentum']:+.0f} % over 14 days)")
    if row["has_trend"]:
        texts.append(f"{row['trend_pct_per_day']:+.1f} % a day")
    if row["wikitrends_score"] is not None:
        texts.append(f"Wikitrends score {row['wikitrends_score']:,.0f}")
    if row.get("views_change_pct") is not None:
        texts.append(f"first to last {row['views_change_pct']:+,.1f} %")
    texts.append(f"{row['views']:,} views")
    return texts


def _rise_text(row: Mapping[str, Any]) -> str:
    """Return the rise on the page's most surprising day as a phrase."""
    bound = "at most " if 2 * row["reference_listed"] < row["reference_days"] else ""
    rise = f"{row['surprise_views']:,} views on {row['surprise_date']}, {bound}{row['expected_views']:,.0f} expected"
    if row["at_least"] is None:
        return f"{row['shape'] or 'score'} {row['score']:.1f}: {rise}, confidence {100 * row['confidence']:.0f} %"
    after = " after it" if row["reference"] == "window" else ""
    days = f"{counted(row['reference_days'], 'reference day')}{after}"
    return f"{row['shape'] or 'rise'} at least ×{row['at_least']:,.1f}: {rise}, {days}"


def _evidence_text(row: Mapping[str, Any]) -> str:
    """Return a piece of evidence with its strength and its source as a line of text."""
    text = safe(row["text"])
    return (
        text if row["source"] is None else f"{text} (strength {row['strength']:.2f}): {safe(row['source'])}"
    )


def _window_text(row: Mapping[str, Any]) -> str:
    """Return the score of a page in an earlier window as a line of text."""
    score = "no score" if row["score"] is None else f"score {row['score']:.1f}"
    rise = score if row["at_least"] is None else f"at least ×{row['at_least']:,.1f}"
    days = counted((row["window_end"] - row["window_start"]).days + 1, "day")
    stale = ", some days were restated since" if row["stale"] else ""
    return f"{row['window_start']} .. {row['window_end']} ({days}): {rise}, {row['views']:,} views{stale}"
