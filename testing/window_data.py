"""Write rows as diamond partitions, check windows of them, and make records of publishes."""

from __future__ import annotations

import datetime as dt

import polars as pl

from smart_orchestrator.checking import check
from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.model.window import Window
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import Settings
from wiki_trends.warehouse.base import RunRecord

FIRST_DAY = dt.date(2025, 11, 5)
NOW = dt.datetime(2025, 11, 12, 3, 0, tzinfo=dt.UTC)
TYPES = {
    "page": pl.String,
    "page_display": pl.String,
    "views": pl.Int64,
    "rank": pl.Int64,
    "link": pl.String,
    "category": pl.String,
    "location_type": pl.String,
    "location": pl.String,
    "latitude": pl.Float64,
    "longitude": pl.Float64,
}


def day_number(offset):
    """Return the day that is `offset` days after `FIRST_DAY`."""
    return FIRST_DAY + dt.timedelta(days=offset)


def row(page, views, rank=1, **others):
    """Return a diamond row with default values; `others` override columns."""
    return {
        "page": page,
        "page_display": page.replace("_", " "),
        "views": views,
        "rank": rank,
        "link": f"https://en.wikipedia.org/wiki/{page}",
        "category": "Other",
        "location_type": "General",
        "location": "No specific location",
        "latitude": None,
        "longitude": None,
        **others,
    }


def ranked(views_by_page):
    """Return the rows of a day, ranked by views; equal views share a rank."""
    return [
        row(page, views, 1 + sum(other > views for other in views_by_page.values()))
        for page, views in views_by_page.items()
    ]


def window_of(length):
    """Return the window of `length` days that begins on `FIRST_DAY`."""
    return Window.of_days(length, day_number(length - 1) + dt.timedelta(days=3))


def diamond_in(folder):
    """Return the dataset of the diamond layer of a lake in a folder."""
    return layers(Settings(lake=f"{folder}/{{layer}}")).diamond


def write_day(dataset, offset, rows):
    """Commit the rows of the day that is `offset` days after `FIRST_DAY`."""
    write_frame(dataset, day_number(offset), pl.DataFrame(rows, schema=TYPES))


def checked_window(folder, days):
    """Commit the rows of each day, beginning on `FIRST_DAY`. Return the dataset and the completeness of the window."""
    dataset = diamond_in(folder)
    for offset, rows in enumerate(days):
        write_day(dataset, offset, rows)
    return dataset, check(dataset, window_of(len(days)))


def run_record(days=(FIRST_DAY,), **others):
    """Return the record of a publish of these days; `others` override its fields."""
    values = {
        "dataset": "diamond",
        "window_start": days[0],
        "window_end": days[-1],
        "as_of": days[-1] + dt.timedelta(days=3),
        "lag_days": 3,
        "days_used": tuple(days),
        "expected": len(days),
        "coverage_pct": 100.0,
        "policy": "{}",
        "fingerprints": {day.isoformat(): "f" for day in days},
        "published_at": NOW,
        "version": "0.0.0",
    }
    return RunRecord(**(values | others))
