"""Detect partitions with an unusual number of rows or an unusual volume, from metadata alone.

A committed partition can satisfy its contract although half of its rows are missing, for example because the API responded too early
or a filter removed too much. The check compares the number of rows and the volume (the sum of the volume column) of a partition with
eight past partitions. For days and hours, these are the same weekday and hour of the past eight weeks. For weeks and months, they
are the previous eight. The usual range is median ± k · 1.4826 · MAD, where MAD is the median absolute deviation. The range is at
least median ± a tenth of the median. Without this minimum, any change after eight equal partitions would be unusual. A partition with
fewer than four past partitions is not checked.

Source of the factor 1.4826: the MAD of a normal distribution is its standard deviation / 1.4826.
"""

from __future__ import annotations

import datetime as dt
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.base import adapter_of
from smart_orchestrator.adapters.manifest import Depth, InspectOptions
from smart_orchestrator.errors import OptionError
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.partition import Code, Partition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.store.base import Lake

# The number of past partitions in a comparison.
PAST_KEYS = 8
# The distance between two of these partitions, in keys.
_KEYS_BETWEEN = {Grain.HOUR: 7 * 24, Grain.DAY: 7, Grain.WEEK: 1, Grain.MONTH: 1}
# With fewer past partitions, no volume is unusual.
MIN_PAST_KEYS = 4
# A volume is unusual if its distance from the median of the past exceeds this number of spreads.
WIDTH = 6.0
# The distance must also exceed this fraction of the median.
MIN_RELATIVE_WIDTH = 0.1
# The spread is this factor times the median absolute deviation, as for a normal distribution.
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class Band:
    """The usual range of a number, including both ends."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def band(past: Sequence[float], width: float = WIDTH) -> Band | None:
    """Return the usual range according to past values, or None if there are too few past values."""
    if len(past) < MIN_PAST_KEYS:
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
    """Return a copy of `completeness` in which partitions with an unusual volume have the code `UNUSUAL_VOLUME`.

    Args:
        dataset: the dataset of the check.
        completeness: the completeness of the window.
        lake: an open lake; by default, the lake that the dataset names. Adapters that do not read objects ignore this argument.
        options: how to inspect the past partitions. The check never reads their data.
        width: the factor k of the usual range.

    Raises:
        OptionError: `width` is not more than 0.
        LakeError: the lake does not respond, or refuses the request.
    """
    if not width > 0:
        raise OptionError("width", width, "is not more than 0", f"Give for example {WIDTH:g}.")
    adapter = adapter_of(dataset, lake)
    metadata_only = replace(options or InspectOptions(), depth=Depth.METADATA)
    partitions = {partition.day: partition for partition in completeness.partitions}
    past = {
        key
        for partition in completeness.partitions
        if partition.available
        for key in _comparable_keys(dataset.grain, partition.day)
    }
    outside_window = sorted(past - partitions.keys())
    if outside_window:
        partitions |= adapter.inspect(outside_window, metadata_only)
    checked = tuple(
        _check_volume(dataset.grain, partition, partitions, width) for partition in completeness.partitions
    )
    return replace(completeness, partitions=checked, volume_requests=dict(adapter.requests))


def _comparable_keys(grain: Grain, key: dt.date) -> list[dt.date]:
    """Return the keys whose volume is compared with that of `key`, newest first."""
    index_of_key, lowest_index = grain.index(key), grain.index(dt.date.min)
    indices = [index_of_key - _KEYS_BETWEEN[grain] * number for number in range(1, PAST_KEYS + 1)]
    return [grain.key_at(index) for index in indices if index >= lowest_index]


def _check_volume(
    grain: Grain, partition: Partition, partitions: Mapping[dt.date, Partition], width: float
) -> Partition:
    """Return the partition, with the code `UNUSUAL_VOLUME` if it is unusual. A restated partition keeps its code."""
    if not partition.available or partition.code is Code.RESTATED:
        return partition
    past = [partitions[key] for key in _comparable_keys(grain, partition.day) if partitions[key].available]
    when = " on this weekday" if _KEYS_BETWEEN[grain] > 1 else ""
    for measure, value, past_values in (
        ("rows", partition.rows, [p.rows for p in past if p.rows is not None]),
        ("total", partition.volume, [p.volume for p in past if p.volume is not None]),
    ):
        usual = band(past_values, width)
        if value is not None and usual is not None and value not in usual:
            reason = f"{measure} {value:,}, usual{when} are {usual.low:,.0f} to {usual.high:,.0f}"
            return partition.with_code(Code.UNUSUAL_VOLUME, reason)
    return partition
