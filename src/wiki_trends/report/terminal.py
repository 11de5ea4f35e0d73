"""The report as text for a terminal or a pipe.

Titles are data: Rich's markup in them is shown as text, and whatever could steer a terminal is shown as its code.
Without colour there is no control code in the result, whatever the environment says.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from wiki_trends.report.text import counted, safe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from rich.console import Console

    from wiki_trends.report.model import Category, Change, Peak, Report
    from wiki_trends.warehouse.base import RunRecord

MIN_WIDTH = 60
_GAP = 2
_MIN_TITLE = 8
_TITLES = {
    "growing": "Top growing",
    "declining": "Top declining",
    "volatile": "Most volatile",
    "climbers": "Best rank improvements",
    "sustained": "Sustained (listed every day, by their weakest day)",
}


def render(report: Report, *, width: int = 100, colour: bool = False) -> str:
    """The report as text with a line feed at its end.

    Args:
        report: what to show.
        width: columns; no line is longer. Less than 60 is taken as 60.
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
    _heading(console, report)
    _peaks(console, report.peaks)
    for name in ("growing", "declining"):
        _changes(console, _TITLES[name], getattr(report, name), _VIEWS)
    _changes(console, _TITLES["volatile"], report.volatile, _SPREAD)
    _changes(console, _TITLES["climbers"], report.climbers, _RANKS)
    _categories(console, report.categories)
    _changes(console, _TITLES["sustained"], report.sustained, _STEADY)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def write(report: Report, stream: TextIO) -> None:
    """Write the report as wide as the terminal; in colours where the stream is one and `NO_COLOR` is not set."""
    import os
    import shutil

    colour = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size((100, 40)).columns
    stream.write(render(report, width=width, colour=colour))


def _heading(console: Console, report: Report) -> None:
    run = report.run
    console.print(f"Trends of {run.window_start} .. {run.window_end}", style="bold")
    console.print(
        f"Coverage {run.coverage_pct:.1f} % of {counted(run.expected, 'expected day')}, "
        f"{counted(len(run.days_used), 'day')} used, seen from {run.as_of}"
    )
    gaps = _gaps(run)
    if gaps:
        console.print(f"Not in it: {', '.join(map(str, gaps))}")
    console.print(
        f"{counted(run.rows['wiki_trends_timeseries'], 'record')}, "
        f"{counted(report.common_pages, 'page')} common to every day"
    )
    console.print()
    for sentence in report.headline:
        console.print(f"• {sentence}")


def _gaps(run: RunRecord) -> list[dt.date]:
    length = (run.window_end - run.window_start).days + 1
    days = (run.window_start + dt.timedelta(days=offset) for offset in range(length))
    used = set(run.days_used)
    return [day for day in days if day not in used]


def _peaks(console: Console, peaks: Sequence[Peak]) -> None:
    rows = [
        (
            peak.page_display,
            f"{peak.date}",
            f"{peak.views:,}",
            f"{peak.rank}",
            "" if peak.times is None else f"{'≥ ' if peak.days_unlisted else ''}{peak.times:,.1f}×",
        )
        for peak in peaks
    ]
    _table(
        console,
        "Peaks (best day against the page's usual day)",
        ("Page", "Day", "Views", "Rank", "Usual"),
        rows,
    )


_VIEWS = ("First", "Last", "Change", "%")
_SPREAD = ("Lowest", "Highest", "Spread")
_RANKS = ("From", "To", "Ranks")
_STEADY = ("Weakest", "Average", "Rank")


def _changes(console: Console, title: str, pages: Sequence[Change], columns: tuple[str, ...]) -> None:
    cells = {_VIEWS: _views, _SPREAD: _spread, _RANKS: _ranks, _STEADY: _steady}[columns]
    _table(console, title, ("Page", *columns), [(page.page_display, *cells(page)) for page in pages])


def _views(page: Change) -> tuple[str, ...]:
    return (
        f"{page.first_views:,}",
        f"{page.last_views:,}",
        f"{page.views_change:+,}",
        _percent(page.views_change_pct),
    )


def _spread(page: Change) -> tuple[str, ...]:
    return f"{page.min_views:,}", f"{page.max_views:,}", f"{page.volatility:,}"


def _ranks(page: Change) -> tuple[str, ...]:
    return f"{page.first_rank}", f"{page.last_rank}", f"{page.rank_change:+}"


def _steady(page: Change) -> tuple[str, ...]:
    return f"{page.min_views:,}", f"{page.avg_views:,.0f}", f"{page.last_rank}"


def _categories(console: Console, categories: Sequence[Category]) -> None:
    rows = [
        (
            item.category,
            f"{item.pages:,}",
            f"{item.views:,}",
            f"{item.share_pct:.1f} %",
            _percent(item.views_change_pct),
        )
        for item in categories
    ]
    _table(console, "Categories", ("Category", "Pages", "Views", "Share", "First to last"), rows)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:+,.1f} %"


def _table(console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    console.print()
    console.print(title, style="bold cyan")
    if not rows:
        console.print("  none")
        return
    # Only titles are shortened where the terminal is narrow: a figure that is cut is a wrong figure.
    widths = [max(len(row[index]) for row in (columns, *rows)) for index in range(1, len(columns))]
    room = console.width - sum(widths) - _GAP * len(widths)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, _GAP, 0, 0))
    table.add_column(columns[0], no_wrap=True, overflow="ellipsis", max_width=max(room, _MIN_TITLE))
    for name, width in zip(columns[1:], widths, strict=True):
        table.add_column(name, justify="right", no_wrap=True, width=width)
    for first, *others in rows:
        table.add_row(Text(safe(first)), *(Text(cell) for cell in others))
    console.print(table)
