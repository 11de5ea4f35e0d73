"""Render the report as text for a terminal or a pipe.

Titles are untrusted: markup of Rich in a title is printed as text, and control characters are replaced with their codes.
Without colour, the text contains no control codes, and the environment variables cannot change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wiki_trends.queries.evidence import FLAG
from wiki_trends.report import calendar
from wiki_trends.report.formats import counted
from wiki_trends.report.sparkline import fitted, sparkline
from wiki_trends.report.text import safe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from rich.console import Console

    from wiki_trends.report.calendar import Calendar
    from wiki_trends.report.model import Arrival, Category, Change, Report

MIN_WIDTH = 60
_COLUMN_GAP = 2
_MIN_TITLE_WIDTH = 8
# A table has sparklines only if they leave at least this width for the titles.
_MIN_TITLE_WIDTH_BESIDE_SPARKLINE = 26
# The largest width of a sparkline whose marks stand for several days. With a mark for each day, it may be wider.
_MAX_SPARKLINE_WIDTH = 31
_MAX_CALENDAR_WEEKS = 9
_MAX_MISSING_DAYS_NAMED = 10
# Precedes the rank of a page with an unusual share of views from desktops.
_FLAG_MARK = "*"
# The mark and the style of each kind of day. The kind `running` is absent, because no day of a published window has it.
_MARKS = {
    "complete": ("■", "green"),
    "unusual": ("▲", "yellow"),
    "restated": ("r", "yellow"),
    "uncommitted": ("◐", "yellow"),
    "invalid": ("✗", "red"),
    "absent": ("·", "red"),
    "lag": ("~", "dim"),
    "waived": ("w", "dim"),
}
_TITLES = {
    "growing": "Top growing",
    "declining": "Top declining",
    "volatile": "Most volatile",
    "climbers": "Best rank improvements",
    "sustained": "Sustained (listed every day, ordered by the weakest day)",
}


class _Row(NamedTuple):
    """A row of a table: a title, its views on each day for the sparkline, and the texts of the other columns."""

    title: str
    views: Sequence[int | None]
    cells: tuple[str, ...]


def render(report: Report, *, width: int = 100, colour: bool = False) -> str:
    """Render the report as text that ends with a line feed.

    Args:
        report: the report.
        width: the maximum length of a line, at least 60; a smaller value is treated as 60.
        colour: whether to add ANSI colours.
    """
    import io

    from rich.console import Console

    text = io.StringIO()
    console = Console(
        file=text,
        width=max(width, MIN_WIDTH),
        height=100,
        color_system="standard" if colour else None,
        force_terminal=colour,
        no_color=not colour,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
        _environ={},
    )
    _print_heading(console, report)
    _print_peaks(console, report)
    _print_why(console, report)
    _print_falls(console, report)
    for name in ("growing", "declining"):
        _print_changes(console, report, name, _VIEWS_COLUMNS)
    _print_changes(console, report, "volatile", _SPREAD_COLUMNS)
    _print_changes(console, report, "climbers", _RANK_COLUMNS)
    _print_arrivals(console, report, "New in the lists", report.new)
    _print_arrivals(console, report, "Back in the lists", report.returning)
    _print_categories(console, report.categories)
    _print_changes(console, report, "sustained", _SUSTAINED_COLUMNS)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def write(report: Report, stream: TextIO) -> None:
    """Write the report in the width of the terminal.

    The text has colours if the stream is a terminal other than `dumb` and `NO_COLOR` is not set.
    """
    import os
    import shutil

    colour = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size((100, 40)).columns
    stream.write(render(report, width=width, colour=colour))


def _print_heading(console: Console, report: Report) -> None:
    run = report.run
    console.print(f"Trends of {run.window_start} .. {run.window_end}", style="bold")
    console.print(
        f"Coverage {run.coverage_pct:.1f} % of {counted(run.expected, 'expected day')}, "
        f"{counted(len(run.days_used), 'day')} used, as of {run.as_of}"
    )
    window_calendar = calendar.of_run(run)
    missing_days = [day for day in window_calendar.days if not day.available]
    if missing_days:
        dates = ", ".join(str(day.day) for day in missing_days[:_MAX_MISSING_DAYS_NAMED])
        unnamed = len(missing_days) - _MAX_MISSING_DAYS_NAMED
        more = f" and {counted(unnamed, 'day')} more" if unnamed > 0 else ""
        console.print(f"Missing: {dates}{more}", style="bold red")
    console.print(
        f"{counted(run.rows['wiki_trends_timeseries'], 'record')}, "
        f"{counted(report.common_pages, 'page')} listed on every day"
    )
    console.print()
    _print_calendar(console, window_calendar)
    console.print()
    for sentence in report.headline:
        console.print(f"• {safe(str(sentence))}")
    if report.restatements:
        console.print()
        console.print("Restated since they were published", style="bold")
    for restatement in report.restatements:
        console.print(f"  {safe(restatement.text)}")


def _print_calendar(console: Console, window_calendar: Calendar) -> None:
    """Print a line for each week, or for each month of a long window; then the ranges of days that are not complete, and the legend."""
    from rich.text import Text

    if len(window_calendar.weeks) <= _MAX_CALENDAR_WEEKS:
        console.print(Text("            Mo Tu We Th Fr Sa Su", style="dim"))
        lines = [(f"{_monday(week)}  ", " ", week) for week in window_calendar.weeks]
    else:
        months: dict[str, list[calendar.CalendarDay | None]] = {}
        for day in window_calendar.days:
            # In the line of the first month, the days before the window are empty.
            days_before: list[calendar.CalendarDay | None] = [None] * (day.day.day - 1)
            month = months.setdefault(f"{day.day:%Y-%m}", days_before)
            month.append(day)
        lines = [(f"{name}  ", "", tuple(days)) for name, days in months.items()]
    for name, gap, days in lines:
        line = Text(name, style="dim")
        for cell in days:
            mark, style = (" ", "") if cell is None else _MARKS[cell.kind]
            line.append(f"{gap}{mark}{gap}", style=style)
        console.print(line)
    for day_range in window_calendar.ranges:
        first = day_range.first
        mark, style = _MARKS[first.kind]
        reason = f": {safe(first.reason)}" if first.reason else ""
        span = str(first.day) if day_range.length == 1 else f"{first.day} .. {day_range.last.day}"
        text = f"{span}  {calendar.KINDS[first.kind]}{f' ({first.code})' if first.code else ''}{reason}"
        console.print(Text.assemble((f"{mark} ", style), text))
    legend = Text()
    for kind in window_calendar.kinds:
        legend.append(_MARKS[kind][0], style=_MARKS[kind][1]).append(
            f" {calendar.KINDS[kind]}   ", style="dim"
        )
    console.print(legend)


def _monday(week: Sequence[calendar.CalendarDay | None]) -> str:
    import datetime as dt

    first = next(day.day for day in week if day is not None)
    return (first - dt.timedelta(days=first.weekday())).isoformat()


def _print_peaks(console: Console, report: Report) -> None:
    flagged = {peak.page for peak in report.peaks}.intersection(report.run.flagged)
    rows = [
        _Row(
            peak.page_display,
            report.views(peak.page),
            (
                f"{peak.date}",
                f"{peak.views:,}",
                f"{_FLAG_MARK if peak.page in flagged else ''}{peak.rank}",
                "" if peak.times is None else f"{'≥ ' if peak.days_unlisted else ''}{peak.times:,.1f}×",
            ),
        )
        for peak in report.peaks
    ]
    _print_table(
        console,
        "Peaks, most certain rise first (best day compared with the page's usual day)",
        ("Page", "Day", "Views", "Rank", "× usual"),
        rows,
    )
    if flagged:
        console.print(f"{_FLAG_MARK} {FLAG}", style="dim")


def _print_why(console: Console, report: Report) -> None:
    """Print the evidence for the peaks. Nothing is printed if the run asked for no evidence about them."""
    from rich.padding import Padding

    peaks = [peak for peak in report.peaks if peak.page in report.why]
    if peaks:
        console.print()
        console.print("Why they rose, by public evidence", style="bold cyan")
    for peak in peaks:
        text = f"{safe(peak.page_display)}: {safe(str(report.why[peak.page]['text']))}"
        console.print(Padding(text, (0, 0, 0, _COLUMN_GAP)))


def _print_falls(console: Console, report: Report) -> None:
    rows = [
        _Row(
            fall.page_display,
            report.views(fall.page),
            (
                f"{fall.date}",
                f"{fall.views:,}",
                f"{fall.expected_views:,.0f}",
                f"×{fall.at_most:,.2f}",
            ),
        )
        for fall in report.falls
    ]
    if rows:
        _print_table(
            console,
            "Falls, most certain fall first (even on the best day at most this part of the expected views)",
            ("Page", "Day", "Views", "Expected", "At most"),
            rows,
        )


_VIEWS_COLUMNS = ("First", "Last", "Change", "%")
_SPREAD_COLUMNS = ("Lowest", "Highest", "Spread")
_RANK_COLUMNS = ("From", "To", "Ranks")
_SUSTAINED_COLUMNS = ("Weakest", "Average", "Rank")


def _print_changes(console: Console, report: Report, name: str, columns: tuple[str, ...]) -> None:
    cells = {
        _VIEWS_COLUMNS: _views_cells,
        _SPREAD_COLUMNS: _spread_cells,
        _RANK_COLUMNS: _rank_cells,
        _SUSTAINED_COLUMNS: _sustained_cells,
    }[columns]
    pages: Sequence[Change] = getattr(report, name)
    rows = [_Row(page.page_display, report.views(page.page), cells(page)) for page in pages]
    _print_table(console, _TITLES[name], ("Page", *columns), rows)


def _print_arrivals(console: Console, report: Report, title: str, pages: Sequence[Arrival]) -> None:
    rows = [
        _Row(
            page.page_display,
            report.views(page.page),
            (f"{page.peak_date}", f"{page.peak_views:,}", f"{page.peak_rank}"),
        )
        for page in pages
    ]
    if rows:
        _print_table(console, title, ("Page", "Best day", "Views", "Rank"), rows)


def _views_cells(page: Change) -> tuple[str, ...]:
    return (
        f"{page.first_views:,}",
        f"{page.last_views:,}",
        f"{page.views_change:+,}",
        _percent(page.views_change_pct),
    )


def _spread_cells(page: Change) -> tuple[str, ...]:
    return f"{page.min_views:,}", f"{page.max_views:,}", f"{page.volatility:,}"


def _rank_cells(page: Change) -> tuple[str, ...]:
    return f"{page.first_rank}", f"{page.last_rank}", f"{page.rank_change:+}"


def _sustained_cells(page: Change) -> tuple[str, ...]:
    return f"{page.min_views:,}", f"{page.avg_views:,.0f}", f"{page.last_rank}"


def _print_categories(console: Console, categories: Sequence[Category]) -> None:
    rows = [
        _Row(
            item.category,
            (),  # The table of categories has no sparklines.
            (
                f"{item.pages:,}",
                f"{item.views:,}",
                f"{item.share_pct:.1f} %",
                _percent(item.views_change_pct),
            ),
        )
        for item in categories
    ]
    _print_table(console, "Categories", ("Category", "Pages", "Views", "Share", "First to last"), rows)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+,.1f} %"


def _print_table(
    console: Console,
    title: str,
    columns: Sequence[str],
    rows: Sequence[_Row],
) -> None:
    """Print a table with a column of titles, a column of sparklines if the terminal is wide enough, and the other columns."""
    from rich.table import Table
    from rich.text import Text

    console.print()
    console.print(title, style="bold cyan")
    if not rows:
        console.print("  none")
        return
    days = max(len(row.views) for row in rows)
    cells_by_column = zip(columns[1:], *(row.cells for row in rows), strict=True)
    widths = [max(map(len, header_and_cells)) for header_and_cells in cells_by_column]
    # In a narrow terminal only titles are shortened, because a shortened number would be wrong.
    title_width = console.width - sum(widths) - _COLUMN_GAP * len(widths)
    max_sparkline_width = title_width - _MIN_TITLE_WIDTH_BESIDE_SPARKLINE - _COLUMN_GAP
    sparkline_width = days if days <= max_sparkline_width else min(days, _MAX_SPARKLINE_WIDTH)
    width_beside_sparkline = title_width - sparkline_width - _COLUMN_GAP
    has_sparklines = sparkline_width > 1 and width_beside_sparkline >= _MIN_TITLE_WIDTH_BESIDE_SPARKLINE
    if has_sparklines:
        title_width = width_beside_sparkline
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, _COLUMN_GAP, 0, 0))
    table.add_column(
        columns[0], no_wrap=True, overflow="ellipsis", max_width=max(title_width, _MIN_TITLE_WIDTH)
    )
    if has_sparklines:
        # In a long window, a mark stands for the highest of several days.
        header = "" if sparkline_width == days else f"{days / sparkline_width:.1f} days per mark"
        table.add_column(header, no_wrap=True, width=sparkline_width, style="cyan")
    for name, width in zip(columns[1:], widths, strict=True):
        table.add_column(name, justify="right", no_wrap=True, width=width)
    for row in rows:
        sparklines = [Text(sparkline(fitted(row.views, sparkline_width)))] if has_sparklines else []
        table.add_row(Text(safe(row.title)), *sparklines, *(Text(cell) for cell in row.cells))
    console.print(table)
