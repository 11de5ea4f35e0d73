"""Detect partitions with an unusual number of rows or an unusual volume, from manifests alone.

A partition can be committed, keep its contract, and still lack half of its rows: the API answered early, or a filter
removed too much. The rows and the volume of a day are compared with those of the same weekday in the past eight weeks. The
usual range is median ± k · 1.4826 · MAD, and at least median ± a tenth of the median: otherwise any change would be unusual
after eight equal days. With fewer than four past days there is no verdict.

Source of the factor: the MAD of a normal distribution is its standard deviation / 1.4826.
"""

from __future__ import annotations

import datetime as dt
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest import Depth, InspectOptions, inspect
from smart_orchestrator.errors import OptionError
from smart_orchestrator.model.partition import Code, Partition, verdict
from smart_orchestrator.store.opening import lake_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.store.base import Lake

WEEKS = 8
MIN_PAST_DAYS = 4
WIDTH = 6.0
MIN_RELATIVE_WIDTH = 0.1
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class Band:
    """The usual range of a number, with both ends."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def band(past: Sequence[float], width: float = WIDTH) -> Band | None:
    """The usual range, from past values; None when there are too few of them."""
    if len(past) < MIN_PAST_DAYS:
        return None
    middle = statistics.median(past)
    spread = statistics.median(abs(value - middle) for value in past) * _MAD_TO_SIGMA
    half_width = max(width * spread, MIN_RELATIVE_WIDTH * abs(middle))
    return Band(middle - half_width, middle + half_width)


def with_volume(
    dataset: Dataset,
    completeness: Completeness,
    *,
    lake: Lake | None = None,
    options: InspectOptions | None = None,
    width: float = WIDTH,
) -> Completeness:
    """A copy of `completeness` in which partitions of an unusual volume have the code `UNUSUAL_VOLUME`.

    Args:
        dataset: the dataset of the check.
        completeness: a check of the window.
        lake: an open lake; default the dataset's own.
        options: how to inspect the past days; their data are never read.
        width: k of the usual range.

    Raises:
        OptionError: `width` is not more than 0.
        LakeError: the lake does not answer or refuses.
    """
    if not width > 0:
        raise OptionError("width", width, "is not more than 0", f"Give for example {WIDTH:g}.")
    lake = (lake or lake_of(dataset)).counted()
    metadata_only = replace(options or InspectOptions(), depth=Depth.METADATA)
    partitions = {partition.day: partition for partition in completeness.partitions}
    past = {
        day
        for partition in completeness.partitions
        if partition.available
        for day in _same_weekday(partition.day)
    }
    outside = sorted(past - partitions.keys())
    if outside:
        with ThreadPoolExecutor(min(lake.concurrency, len(outside)), thread_name_prefix="volume") as pool:
            inspected = pool.map(lambda day: inspect(dataset, day, lake=lake, options=metadata_only), outside)
            partitions |= zip(outside, inspected, strict=True)
    checked = tuple(_check_volume(partition, partitions, width) for partition in completeness.partitions)
    return replace(completeness, partitions=checked, volume_requests=lake.requests.to_json())


def _same_weekday(day: dt.date) -> list[dt.date]:
    return [day - dt.timedelta(weeks=week) for week in range(1, WEEKS + 1)]


def _check_volume(partition: Partition, partitions: Mapping[dt.date, Partition], width: float) -> Partition:
    if not partition.available:
        return partition
    past = [partitions[day] for day in _same_weekday(partition.day) if partitions[day].available]
    for measure, value, past_values in (
        ("rows", partition.rows, [p.rows for p in past if p.rows is not None]),
        ("total", partition.volume, [p.volume for p in past if p.volume is not None]),
    ):
        usual = band(past_values, width)
        if value is not None and usual is not None and value not in usual:
            reason = f"{measure} {value:,}, usual on this weekday are {usual.low:,.0f} to {usual.high:,.0f}"
            return verdict(partition.day, Code.UNUSUAL_VOLUME, reason, partition)
    return partition
