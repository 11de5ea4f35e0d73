"""Published windows for the tests of the report, in a lake and a warehouse in a folder."""

from __future__ import annotations

import datetime as dt

from smart_orchestrator.checking import check
from smart_orchestrator.model.completeness import Policy
from smart_orchestrator.model.window import Window
from testing.window_data import NOW, day_number, row, write_day
from wiki_trends.analytics.analyze import analyze
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import Settings
from wiki_trends.warehouse import open_warehouse

CATEGORIES = (
    "Sports",
    "Politics",
    "Science",
    "Health",
    "Music",
    "Food and drink",
    "Games",
    "History",
    "Other",
)
PLACES = (("Japan", 35.7, 139.7), ("France", 48.9, 2.4), ("Kenya", -1.3, 36.8))

# Titles that would run or change a page if they were not escaped.
HOSTILE = (
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "javascript:alert(3)",
    "<!--<script>{{ 7 * 7 }}{% raw %}${alert(4)}",
    "\u202egnp.tset\u2066\u2069 turned",
    "'-alert(5)-'",
    "line\u2028separator\u2029end",
    "é" * 127 + "x",
    "=HYPERLINK(1)",
    "&lt;b&gt; & <b>bold</b>",
)


def settings_in(folder, **others):
    """Return settings with the lake, the warehouse and the state in a folder."""
    return Settings(
        lake=f"{folder}/lake/{{layer}}",
        warehouse=f"duckdb:///{folder}/w.duckdb",
        state=f"{folder}/state",
        **others,
    )


def publish(settings, days, *, window, min_coverage=100.0):
    """Write the rows of each day, check the last `window` days, and publish them.

    `days` contains the rows of each day, by the offset of the day from `FIRST_DAY`.
    """
    dataset = layers(settings).diamond
    for offset, rows in days.items():
        write_day(dataset, offset, rows)
    last = day_number(max(days))
    checked_window = Window.of_days(window, last + dt.timedelta(days=3))
    completeness = check(dataset, checked_window, policy=Policy(min_coverage=min_coverage))
    analyze(dataset, completeness, open_warehouse(settings.warehouse), clock=lambda: NOW)


def varied_rows(offset, titles=(), pages=60):
    """Return the rows of a day: pages whose views vary, some with a location, one with a late peak, and pages with `titles`."""
    rows = []
    for number in range(pages):
        place = PLACES[number % 3]
        views = 400_000 // (number + 8) + 700 * ((number * 7 + offset * 5) % 11)
        if number == 17 and offset >= 4:
            views = 900_000
        columns = {"category": CATEGORIES[number % len(CATEGORIES)]}
        if number % 4 == 0:
            columns |= {"location": place[0], "latitude": place[1] + number / 20, "longitude": place[2]}
        rows.append((f"Page_{number}", views, columns))
    rows += [
        (title.replace(" ", "_"), 30_000 + 5_000 * offset + index, {}) for index, title in enumerate(titles)
    ]
    rows.sort(key=lambda entry: (-entry[1], entry[0]))
    return [
        row(page, views, rank, **columns, page_display=page.replace("_", " "))
        for rank, (page, views, columns) in enumerate(rows, start=1)
    ]
