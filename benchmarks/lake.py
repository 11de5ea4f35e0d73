"""Measures the duration of a check in a large lake, on a local S3 server (SeaweedFS) and on a local disk.

Each figure is the ratio of two medians. The runs of both sides are interleaved.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from statistics import median
from typing import TYPE_CHECKING
from unittest.mock import patch

import obstore
from obstore.store import S3Store

from benchmarks.timing import BenchmarkFailed
from smart_orchestrator.adapters.manifest import Depth, InspectOptions
from smart_orchestrator.adapters.manifest_document import MARKER, is_part
from smart_orchestrator.checking import check
from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.model.window import Window
from smart_orchestrator.store.base import PAGE_SIZE
from smart_orchestrator.store.object_store import RemoteLake
from smart_orchestrator.store.opening import open_lake
from testing.big_lake import PARTS_PER_DAY, days_dataset, days_from, fill, fill_folder
from testing.s3_server import BUCKET, s3_server
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import polars as pl

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.store.base import Lake

LAST = dt.date(2025, 11, 9)
SMALL, LARGE, HUGE = 10, 3650, 20_000
WINDOW, LONG_WINDOW, DEEP_WINDOW = 5, 400, 30
ROWS = 1000
AT_MOST = {"five days, against a lake of 10 days": 1.3, "400 days, against the bare requests": 3.0}
AT_LEAST = {
    "listing the complete lake, against five days": 50.0,
    "csv, one day after the other, against --deep": 5.0,
}

Ratios = dict[str, dict[str, float]]


def lake(folder: Path, rounds: int) -> dict[str, object]:
    """Run all comparisons; return their durations and ratios. The lakes need about 300 MB in `folder`."""
    ratios: Ratios = {}
    with on_s3(folder / "s3"):
        ratios |= five_days("S3", f"s3://{BUCKET}", fill, LARGE, rounds)
        ratios |= four_hundred_days(rounds)
        ratios |= deep("S3", f"s3://{BUCKET}/deep", rounds)
    ratios |= five_days("disk", str(folder), fill_folder, HUGE, rounds)
    ratios |= deep("disk", str(folder / "deep"), rounds)
    return {"rounds": rounds, "ratios": ratios}


@contextmanager
def on_s3(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True)
    with s3_server(folder) as server, patch.dict(os.environ, server.environment):
        yield


def five_days(
    where: str, root: str, fill: Callable[[DailyDataset, list[dt.date]], None], days: int, rounds: int
) -> Ratios:
    """Compare a check of five days in a large lake with one in a small lake: at the end, in the middle and at the start.

    On S3, also compare it with a listing of the complete lake.
    """
    small, large = days_dataset(f"{root}/small"), days_dataset(f"{root}/large")
    fill(small, days_to(LAST, SMALL))
    every = days_to(LAST, days)
    fill(large, every)
    places = {"end": LAST, "middle": every[days // 2], "start": every[WINDOW - 1]}
    timed = side_by_side(
        {
            "small": lambda: check_window(small, LAST, WINDOW),
            **{place: partial(check_window, large, last, WINDOW) for place, last in places.items()},
        },
        rounds * 10,
    )
    ratios = {
        f"{where}, {days:,} days, {place}: five days, against a lake of 10 days": ratio(
            timed[place], timed["small"]
        )
        for place in places
    }
    if where == "S3":
        everything = side_by_side({"all": lambda: every_key(open_lake(large.lake), days)}, 3)["all"]
        name = f"{where}, {days:,} days: listing the complete lake, against five days"
        ratios[name] = ratio(everything, timed["end"])
    return ratios


def four_hundred_days(rounds: int) -> Ratios:
    """Compare a check of a long window with its requests alone."""
    dataset = days_dataset(f"s3://{BUCKET}/large")
    days = days_to(LAST - dt.timedelta(days=LARGE // 2), LONG_WINDOW)
    store = S3Store(BUCKET, prefix="large", client_options={"allow_http": True})
    first, last = dataset.key(days[0]), dataset.key(days[-1])

    def read(key: str) -> int:
        return len(obstore.get(store, key).bytes())

    def bare() -> None:
        keys: list[str] = []
        for page in obstore.list(store, offset=first + "/ ", chunk_size=PAGE_SIZE):
            keys += [item["path"] for item in page]
            if keys[-1] > last + "/~":
                break
        markers = [key for key in keys if key.endswith(MARKER) and key < last + "/~"]
        with ThreadPoolExecutor(RemoteLake.concurrency) as pool:
            expect(len(list(pool.map(read, markers))), LONG_WINDOW)

    timed = side_by_side(
        {"check": lambda: check_window(dataset, days[-1], LONG_WINDOW), "bare": bare}, rounds * 2
    )
    return {f"S3, {LARGE:,} days: 400 days, against the bare requests": ratio(timed["check"], timed["bare"])}


def deep(where: str, root: str, rounds: int) -> Ratios:
    """Compare `--deep` with a check of the same contract through the csv module, and with its requests alone.

    The S3 server uses the same cores, so the duration of the requests alone is a lower bound.
    """
    dataset = replace(layers(Settings()).diamond, lake=root)
    days = days_to(LAST, DEEP_WINDOW)
    for day in days:
        write_frame(dataset, day, articles())
    reader = open_lake(root)

    def every_object(day: dt.date) -> int:
        return sum(len(reader.get(info.key)[0]) for info in reader.list(dataset.key(day)))

    def bare() -> None:
        with ThreadPoolExecutor(reader.concurrency) as pool:
            expect(len(list(pool.map(every_object, days))), DEEP_WINDOW)

    timed = side_by_side(
        {
            "bare": bare,
            "deep": lambda: check_window(dataset, LAST, DEEP_WINDOW, InspectOptions(Depth.ROWS)),
            "csv": lambda: expect(
                sum(rows_by_csv(reader, dataset.key(day)) for day in days), ROWS * DEEP_WINDOW
            ),
        },
        rounds * 2,
    )
    name = f"{where}, 30 days of {ROWS:,} rows"
    return {
        f"{name}: csv, one day after the other, against --deep": ratio(timed["csv"], timed["deep"]),
        f"{name}: --deep, against its bare requests": ratio(timed["deep"], timed["bare"]),
    }


def rows_by_csv(reader: Lake, key: str) -> int:
    """Count the rows of a day that satisfy the contract of the diamond layer, with the csv module."""
    seen: set[str] = set()
    rows = 0
    for info in reader.list(key):
        if not is_part(info.key.rpartition("/")[2]):
            reader.get(info.key)
            continue
        for row in csv.DictReader(io.StringIO(reader.get(info.key)[0].decode(), newline="")):
            texts = (
                row[name]
                for name in ("page", "page_display", "link", "category", "location_type", "location")
            )
            valid = all(texts) and int(row["views"]) >= 0 and 1 <= int(row["rank"]) <= 1000
            places = (row["latitude"], 90.0), (row["longitude"], 180.0)
            valid = valid and all(not text or -most <= float(text) <= most for text, most in places)
            rows += valid and row["page"] not in seen
            seen.add(row["page"])
    return rows


def articles() -> pl.DataFrame:
    import polars as pl

    numbers = range(1, ROWS + 1)
    names = [f"An_article_that_many_have_read_{number}" for number in numbers]
    return pl.DataFrame(
        {
            "page": names,
            "page_display": [name.replace("_", " ") for name in names],
            "views": [100 * (ROWS + 1 - number) for number in numbers],
            "rank": list(numbers),
            "link": [f"https://en.wikipedia.org/wiki/{name}" for name in names],
            "category": ["History"] * ROWS,
            "location_type": ["country"] * ROWS,
            "location": ["France"] * ROWS,
            "latitude": [48.0 + number / 1000 for number in numbers],
            "longitude": [2.0 + number / 1000 for number in numbers],
        }
    )


def days_to(last: dt.date, number: int) -> list[dt.date]:
    return days_from(last - dt.timedelta(days=number - 1), number)


def check_window(
    dataset: DailyDataset, last: dt.date, days: int, options: InspectOptions | None = None
) -> None:
    window = Window.between(last - dt.timedelta(days=days - 1), last, LAST)
    expect(len(check(dataset, window, options=options, strays=False).available), days)


def every_key(reader: Lake, days: int) -> None:
    expect(len(reader.list("")), days * (PARTS_PER_DAY + 1))


def expect(actual: int, expected: int) -> None:
    if actual != expected:
        raise BenchmarkFailed(f"{actual} instead of {expected}: the measured work is wrong")


def side_by_side(works: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Run the functions in turn; return the median duration of each in seconds. The first round is not measured."""
    timed: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            began = time.perf_counter()
            work()
            if number:
                timed[name].append(time.perf_counter() - began)
    return {name: median(seconds) for name, seconds in timed.items()}


def ratio(seconds: float, against: float) -> dict[str, float]:
    return {"seconds": round(seconds, 4), "against": round(against, 4), "ratio": round(seconds / against, 2)}
