"""Write lakes with any number of days and pages for benchmarks."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from smart_orchestrator.adapters.manifest_document import MARKER, checksum_of
from smart_orchestrator.contract.rows import to_bytes
from smart_orchestrator.model.partition import Manifest, PartInfo
from smart_orchestrator.model.window import Window
from smart_orchestrator.store.opening import lake_of
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import Settings

if TYPE_CHECKING:
    from smart_orchestrator.model.dataset import DailyDataset

LAST_DAY = dt.date(2025, 11, 9)
# The fraction of a day's pages that are listed every day. The other pages of a day are chosen at random from a pool.
_DAILY_FRACTION = 0.6
# The number of pages in the pool, divided by the number of pages of a day.
_POOL_FACTOR = 20


def diamond_in(root: str) -> DailyDataset:
    """Return the dataset of the diamond layer of a lake below `root`."""
    return layers(Settings(lake=f"{root}/{{layer}}")).diamond


def window_of(days: int) -> Window:
    """Return the window of `days` days that ends with `LAST_DAY`."""
    return Window.between(LAST_DAY - dt.timedelta(days=days - 1), LAST_DAY, LAST_DAY + dt.timedelta(days=3))


def fill(dataset: DailyDataset, window: Window, pages: int) -> None:
    """Write the objects that commits of the days of a window would write. Each day has `pages` rows."""
    lake = lake_of(dataset)
    for day in window:
        frame = rows_of_day(day, pages)
        data = to_bytes(dataset, frame)
        part = PartInfo("part-00000.csv", len(data), checksum_of(data))
        volume, now = int(frame["views"].sum()), dt.datetime.now(tz=dt.UTC)
        marker = Manifest(day, "filled", (part,), frame.height, tuple(frame.columns), volume, {}, now)
        for name, content in ((part.name, data), (MARKER, marker.to_bytes())):
            if "://" in dataset.lake:
                lake.put(f"{dataset.key(day)}/{name}", content)
            else:
                # `lake.put` would sync each file to the disk, which takes long.
                path = Path(dataset.lake, dataset.key(day), name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


def rows_of_day(day: dt.date, pages: int) -> pl.DataFrame:
    """Return the rows of a day, whose views decrease with the rank as in a list of Wikipedia."""
    rng = np.random.default_rng(day.toordinal())
    daily = np.arange(int(pages * _DAILY_FRACTION))
    random_pages = len(daily) + rng.choice(pages * _POOL_FACTOR, pages - len(daily), replace=False)
    slope = 4.0 / pages
    views = np.exp(12 - slope * np.arange(pages)) * rng.lognormal(0, 0.2, pages)
    frame = pl.DataFrame(
        {
            "page": [f"Page_of_some_length_{number}" for number in np.concatenate([daily, random_pages])],
            "views": views.astype(np.int64) + 1,
        }
    ).sort("views", descending=True)
    return frame.select(
        "page",
        pl.col("page").str.replace_all("_", " ").alias("page_display"),
        "views",
        pl.col("views").rank("min", descending=True).cast(pl.Int64).alias("rank"),
        ("https://en.wikipedia.org/wiki/" + pl.col("page")).alias("link"),
        pl.lit("Sports").alias("category"),
        pl.lit("Country").alias("location_type"),
        pl.lit("France").alias("location"),
        pl.lit(48.8567).alias("latitude"),
        pl.lit(2.3522).alias("longitude"),
    )
