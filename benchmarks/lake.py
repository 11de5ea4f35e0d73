"""Measure the duration of a check in a large lake, on a local S3 server (SeaweedFS) and on a local disk.

Each figure is the ratio of two median durations. The runs of the two compared functions are interleaved.
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

LAST_DAY = dt.date(2025, 11, 9)
# The sizes of the lakes and the lengths of the windows, in days.
SMALL, LARGE, HUGE = 10, 3650, 20_000
WINDOW, LONG_WINDOW, DEEP_WINDOW = 5, 400, 30
ROWS_PER_DAY = 1000
# The limits of the ratios, by comparison.
AT_MOST = {"five days, against a lake of 10 days": 1.3, "400 days, against the bare requests": 3.0}
AT_LEAST = {
    "listing the complete lake, against five days": 50.0,
    "csv, one day after the other, against --deep": 5.0,
}

Ratios = dict[str, dict[str, float]]


def lake(folder: Path, rounds: int) -> dict[str, object]:
    """Run all comparisons, and return the durations and ratios. The lakes need about 300 MB in `folder`."""
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
    """Run an S3 server during the block, and set the environment variables of its clients."""
    folder.mkdir(parents=True)
    with s3_server(folder) as server, patch.dict(os.environ, server.environment):
        yield


def five_days(
    store: str, root: str, fill: Callable[[DailyDataset, list[dt.date]], None], days: int, rounds: int
) -> Ratios:
    """Compare a check of five days in a large lake with a check in a small lake, for days at the end, in the middle and at the start.

    On S3, also compare a listing of the complete lake with the check.
    """
    small, large = days_dataset(f"{root}/small"), days_dataset(f"{root}/large")
    fill(small, days_to(LAST_DAY, SMALL))
    all_days = days_to(LAST_DAY, days)
    fill(large, all_days)
    last_days = {"end": LAST_DAY, "middle": all_days[days // 2], "start": all_days[WINDOW - 1]}
    timed = side_by_side(
        {
            "small": lambda: check_window(small, LAST_DAY, WINDOW),
            **{place: partial(check_window, large, last, WINDOW) for place, last in last_days.items()},
        },
        rounds * 10,
    )
    ratios = {
        f"{store}, {days:,} days, {place}: five days, against a lake of 10 days": ratio(
            timed[place], timed["small"]
        )
        for place in last_days
    }
    if store == "S3":
        listing_seconds = side_by_side({"all": lambda: list_all_keys(open_lake(large.lake), days)}, 3)["all"]
        name = f"{store}, {days:,} days: listing the complete lake, against five days"
        ratios[name] = ratio(listing_seconds, timed["end"])
    return ratios


def four_hundred_days(rounds: int) -> Ratios:
    """Compare a check of a long window with a function that only sends the same requests."""
    dataset = days_dataset(f"s3://{BUCKET}/large")
    days = days_to(LAST_DAY - dt.timedelta(days=LARGE // 2), LONG_WINDOW)
    bucket_store = S3Store(BUCKET, prefix="large", client_options={"allow_http": True})
    first, last = dataset.key(days[0]), dataset.key(days[-1])

    def read(key: str) -> int:
        return len(obstore.get(bucket_store, key).bytes())

    def send_requests() -> None:
        keys: list[str] = []
        for page in obstore.list(bucket_store, offset=first + "/ ", chunk_size=PAGE_SIZE):
            keys += [item["path"] for item in page]
            if keys[-1] > last + "/~":
                break
        markers = [key for key in keys if key.endswith(MARKER) and key < last + "/~"]
        with ThreadPoolExecutor(RemoteLake.concurrency) as pool:
            expect(len(list(pool.map(read, markers))), LONG_WINDOW)

    timed = side_by_side(
        {"check": lambda: check_window(dataset, days[-1], LONG_WINDOW), "bare": send_requests}, rounds * 2
    )
    return {f"S3, {LARGE:,} days: 400 days, against the bare requests": ratio(timed["check"], timed["bare"])}


def deep(store: str, root: str, rounds: int) -> Ratios:
    """Compare `--deep` with a check of the same contract through the csv module, and with a function that only sends the requests.

    The S3 server uses the same cores, so the duration of the requests alone is a lower bound of the duration of a check.
    """
    dataset = replace(layers(Settings()).diamond, lake=root)
    days = days_to(LAST_DAY, DEEP_WINDOW)
    for day in days:
        write_frame(dataset, day, articles())
    reader = open_lake(root)

    def read_objects(day: dt.date) -> int:
        return sum(len(reader.get(info.key)[0]) for info in reader.list(dataset.key(day)))

    def send_requests() -> None:
        with ThreadPoolExecutor(reader.concurrency) as pool:
            expect(len(list(pool.map(read_objects, days))), DEEP_WINDOW)

    timed = side_by_side(
        {
            "bare": send_requests,
            "deep": lambda: check_window(dataset, LAST_DAY, DEEP_WINDOW, InspectOptions(Depth.ROWS)),
            "csv": lambda: expect(
                sum(rows_by_csv(reader, dataset.key(day)) for day in days), ROWS_PER_DAY * DEEP_WINDOW
            ),
        },
        rounds * 2,
    )
    name = f"{store}, 30 days of {ROWS_PER_DAY:,} rows"
    return {
        f"{name}: csv, one day after the other, against --deep": ratio(timed["csv"], timed["deep"]),
        f"{name}: --deep, against its bare requests": ratio(timed["deep"], timed["bare"]),
    }


def rows_by_csv(reader: Lake, key: str) -> int:
    """Count the rows of a day that satisfy the contract of the diamond layer, with the csv module."""
    seen_pages: set[str] = set()
    row_count = 0
    for info in reader.list(key):
        if not is_part(info.key.rpartition("/")[2]):
            reader.get(info.key)
            continue
        for row in csv.DictReader(io.StringIO(reader.get(info.key)[0].decode(), newline="")):
            texts = (
                row[name]
                for name in ("page", "page_display", "link", "category", "location_type", "location")
            )
            is_valid = all(texts) and int(row["views"]) >= 0 and 1 <= int(row["rank"]) <= 1000
            coordinates = (row["latitude"], 90.0), (row["longitude"], 180.0)
            is_valid = is_valid and all(
                not text or -limit <= float(text) <= limit for text, limit in coordinates
            )
            row_count += is_valid and row["page"] not in seen_pages
            seen_pages.add(row["page"])
    return row_count


def articles() -> pl.DataFrame:
    """Return the rows of a day in the diamond layer."""
    import polars as pl

    numbers = range(1, ROWS_PER_DAY + 1)
    names = [f"An_article_that_many_have_read_{number}" for number in numbers]
    return pl.DataFrame(
        {
            "page": names,
            "page_display": [name.replace("_", " ") for name in names],
            "views": [100 * (ROWS_PER_DAY + 1 - number) for number in numbers],
            "rank": list(numbers),
            "link": [f"https://en.wikipedia.org/wiki/{name}" for name in names],
            "category": ["History"] * ROWS_PER_DAY,
            "location_type": ["country"] * ROWS_PER_DAY,
            "location": ["France"] * ROWS_PER_DAY,
            "latitude": [48.0 + number / 1000 for number in numbers],
            "longitude": [2.0 + number / 1000 for number in numbers],
        }
    )


def days_to(last: dt.date, number: int) -> list[dt.date]:
    """Return `number` consecutive days, ending with `last`."""
    return days_from(last - dt.timedelta(days=number - 1), number)


def check_window(
    dataset: DailyDataset, last: dt.date, days: int, options: InspectOptions | None = None
) -> None:
    """Check a window that ends with `last`, and assert that every day is available."""
    window = Window.between(last - dt.timedelta(days=days - 1), last, LAST_DAY)
    expect(len(check(dataset, window, options=options, strays=False).available), days)


def list_all_keys(reader: Lake, days: int) -> None:
    """List all objects of a lake of `days` days, and assert their number."""
    expect(len(reader.list("")), days * (PARTS_PER_DAY + 1))


def expect(actual: int, expected: int) -> None:
    """Raise an error unless both numbers are equal."""
    if actual != expected:
        raise BenchmarkFailed(f"{actual} instead of {expected}: the measured work is wrong")


def side_by_side(functions: Mapping[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Run the functions in turn, and return the median duration of each in seconds. The first round is not measured."""
    timed: dict[str, list[float]] = {name: [] for name in functions}
    for round_number in range(rounds + 1):
        for name, function in functions.items():
            started_at = time.perf_counter()
            function()
            if round_number:
                timed[name].append(time.perf_counter() - started_at)
    return {name: median(seconds) for name, seconds in timed.items()}


def ratio(seconds: float, against: float) -> dict[str, float]:
    """Return two durations in seconds, and their ratio."""
    return {"seconds": round(seconds, 4), "against": round(against, 4), "ratio": round(seconds / against, 2)}
