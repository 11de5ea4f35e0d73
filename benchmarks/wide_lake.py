"""Writes lakes with any number of days and pages for benchmarks."""

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

LAST = dt.date(2025, 11, 9)
# The fraction of a day's pages that is listed every day. The other pages are drawn from a pool; the pool size is a multiple of the
# number of pages of a day.
_DAILY_FRACTION, _POOL_FACTOR = 0.6, 20


def diamond_in(root: str) -> DailyDataset:
    return layers(Settings(lake=f"{root}/{{layer}}")).diamond


def window_of(days: int) -> Window:
    return Window.between(LAST - dt.timedelta(days=days - 1), LAST, LAST + dt.timedelta(days=3))


def fill(dataset: DailyDataset, window: Window, pages: int) -> None:
    """Write the same objects as commits of these days would write."""
    lake = lake_of(dataset)
    for day in window:
        frame = day_of(day, pages)
        data = to_bytes(dataset, frame)
        part = PartInfo("part-00000.csv", len(data), checksum_of(data))
        volume, now = int(frame["views"].sum()), dt.datetime.now(tz=dt.UTC)
        marker = Manifest(day, "filled", (part,), frame.height, tuple(frame.columns), volume, {}, now)
        for name, content in ((part.name, data), (MARKER, marker.to_bytes())):
            if "://" in dataset.lake:
                lake.put(f"{dataset.key(day)}/{name}", content)
            else:
                # Not through the lake, because it would sync each file to the disk.
                path = Path(dataset.lake, dataset.key(day), name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


def day_of(day: dt.date, pages: int) -> pl.DataFrame:
    """Return a list of pages as of Wikipedia: six in ten pages are listed every day, the others vary."""
    rng = np.random.default_rng(day.toordinal())
    daily = np.arange(int(pages * _DAILY_FRACTION))
    others = len(daily) + rng.choice(pages * _POOL_FACTOR, pages - len(daily), replace=False)
    slope = 4.0 / pages
    views = np.exp(12 - slope * np.arange(pages)) * rng.lognormal(0, 0.2, pages)
    frame = pl.DataFrame(
        {
            "page": [f"Page_of_some_length_{number}" for number in np.concatenate([daily, others])],
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
