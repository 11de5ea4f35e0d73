"""Write a year of data for the benchmark of the dashboard: each day lists 1,000 of 3,000 pages, with bursts and noise."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from typing import TYPE_CHECKING

from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.model.window import Window
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import Settings
from wiki_trends.jobs import main as main_job

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

LAST_DAY = dt.date(2025, 11, 9)
AS_OF = LAST_DAY + dt.timedelta(days=3)
DAYS = 365
PAGES_PER_DAY, TOTAL_PAGES = 1000, 3000
_CATEGORIES = ("Entertainment", "Sports", "Politics", "Science", "Business and finance", "Health", "Other")


def settings_in(folder: Path) -> Settings:
    """Return settings with the lake, the warehouse and the state in a folder, and a window of one year."""
    return replace(
        Settings(),
        lake=f"{folder}/lake/{{layer}}",
        warehouse=f"duckdb:///{folder}/warehouse.duckdb",
        state=f"{folder}/state",
        days=DAYS,
    )


def fill(settings: Settings) -> None:
    """Write every day of the year into the lake."""
    rng = random.Random(8)
    usual_views = [int(2_000_000 / (rank + 3)) for rank in range(TOTAL_PAGES)]
    bursting_pages = rng.sample(range(TOTAL_PAGES), 40)
    dataset = layers(settings).diamond
    for days_back in range(DAYS):
        day = LAST_DAY - dt.timedelta(days=days_back)
        views = {page: int(level * rng.lognormvariate(0, 0.25)) for page, level in enumerate(usual_views)}
        for page in bursting_pages:
            views[page] = int(views[page] * (1 + 6 * rng.random() ** 8))
        write_frame(dataset, day, _frame(views))


def window() -> Window:
    """Return the window that contains the year."""
    return Window.of_days(DAYS, AS_OF, Settings().max_lag)


def publish(settings: Settings) -> None:
    """Analyse and publish the year, even if it is already published."""
    check_window = main_job.checker_of_window(settings, window())
    main_job.analyze_window(settings, completeness=check_window(), check_window=check_window)


def _frame(views: dict[int, int]) -> pl.DataFrame:
    import polars as pl

    listed = sorted(views, key=lambda page: -views[page])[:PAGES_PER_DAY]
    return pl.DataFrame(
        {
            "page": [f"Page_{page}" for page in listed],
            "page_display": [f"Page {page}" for page in listed],
            "views": [views[page] for page in listed],
            "rank": range(1, len(listed) + 1),
            "link": [f"https://en.wikipedia.org/wiki/Page_{page}" for page in listed],
            "category": [_CATEGORIES[page % len(_CATEGORIES)] for page in listed],
            "location_type": ["General"] * len(listed),
            "location": ["No specific location"] * len(listed),
            "latitude": [None] * len(listed),
            "longitude": [None] * len(listed),
        },
        schema_overrides={"latitude": pl.Float64, "longitude": pl.Float64},
    )
