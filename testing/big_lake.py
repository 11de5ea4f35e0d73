"""Lakes of thousands of days, written as fast as the store takes them: no commit, the objects that commits leave."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest_document import MARKER, checksum_of
from smart_orchestrator.model.dataset import Column, DailyDataset
from smart_orchestrator.model.partition import Manifest, PartInfo
from smart_orchestrator.store.opening import lake_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

KEY_FORMAT = "day_{day:%Y_%m_%d}.csv"
PARTS = 2
WRITTEN = dt.datetime(2025, 11, 12, tzinfo=dt.UTC)


def days_dataset(lake_url: str, key_format: str = KEY_FORMAT) -> DailyDataset:
    """Days of two columns."""
    return DailyDataset("days", lake_url, key_format, columns=(Column("page"), Column("views", "integer")))


def days_from(first: dt.date, number: int) -> list[dt.date]:
    return [first + dt.timedelta(days=index) for index in range(number)]


def objects_of(dataset: DailyDataset, day: dt.date) -> Iterator[tuple[str, bytes]]:
    """A day as it lies in the lake: two parts of a row each, and the marker."""
    folder = dataset.key(day)
    parts = []
    for number in range(PARTS):
        data = f"page,views\nPage_{number},{day.toordinal()}\n".encode()
        name = f"part-{number:05}-{day:%Y%m%d}.csv"
        parts.append(PartInfo(name, len(data), checksum_of(data)))
        yield f"{folder}/{name}", data
    manifest = Manifest(day, "filled", tuple(parts), PARTS, ("page", "views"), None, {}, WRITTEN)
    yield f"{folder}/{MARKER}", manifest.to_bytes()


def fill(dataset: DailyDataset, days: Iterable[dt.date]) -> None:
    """Put every object of these days, many at once where a request takes its time."""
    lake = lake_of(dataset)

    def put(day: dt.date) -> None:
        for key, data in objects_of(dataset, day):
            lake.put(key, data)

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(put, days))


def fill_folder(dataset: DailyDataset, days: Iterable[dt.date]) -> None:
    """The same in a local folder, without syncing each file."""
    for day in days:
        for key, data in objects_of(dataset, day):
            path = Path(dataset.lake, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
