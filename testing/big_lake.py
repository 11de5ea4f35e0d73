"""Write lakes of thousands of days quickly: the objects of committed partitions are written without a commit."""

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
PARTS_PER_DAY = 2
WRITTEN_AT = dt.datetime(2025, 11, 12, tzinfo=dt.UTC)


def days_dataset(lake_url: str, key_format: str = KEY_FORMAT) -> DailyDataset:
    """Return a dataset whose partitions have the columns `page` and `views`."""
    return DailyDataset("days", lake_url, key_format, columns=(Column("page"), Column("views", "integer")))


def days_from(first: dt.date, number: int) -> list[dt.date]:
    """Return `number` consecutive days, beginning with `first`."""
    return [first + dt.timedelta(days=index) for index in range(number)]


def _objects_of_day(dataset: DailyDataset, day: dt.date) -> Iterator[tuple[str, bytes]]:
    """Yield the key and the content of each object of a committed day: two parts with one row each, and the marker."""
    folder = dataset.key(day)
    parts = []
    for part_number in range(PARTS_PER_DAY):
        data = f"page,views\nPage_{part_number},{day.toordinal()}\n".encode()
        name = f"part-{part_number:05}-{day:%Y%m%d}.csv"
        parts.append(PartInfo(name, len(data), checksum_of(data)))
        yield f"{folder}/{name}", data
    manifest = Manifest(day, "filled", tuple(parts), PARTS_PER_DAY, ("page", "views"), None, {}, WRITTEN_AT)
    yield f"{folder}/{MARKER}", manifest.to_bytes()


def fill(dataset: DailyDataset, days: Iterable[dt.date]) -> None:
    """Put the objects of these days into the lake, with 64 requests at the same time."""
    lake = lake_of(dataset)

    def put_day(day: dt.date) -> None:
        for key, data in _objects_of_day(dataset, day):
            lake.put(key, data)

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(put_day, days))


def fill_folder(dataset: DailyDataset, days: Iterable[dt.date]) -> None:
    """Write the objects of these days into a local folder, without syncing each file."""
    for day in days:
        for key, data in _objects_of_day(dataset, day):
            path = Path(dataset.lake, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
