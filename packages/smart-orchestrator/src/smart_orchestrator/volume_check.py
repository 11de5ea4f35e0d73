"""Is a day's volume unusual? A robust band from the same weekday of the past eight weeks, from manifests alone.

A day can be committed, inside its contract, and still be half a day: the API answered early, a filter ate too much.
The band is median ± k · 1.4826 · MAD of rows and of the volume column, on each of them at least a tenth of the median
wide (eight equal days would otherwise make any change unusual). Below four known days there is no verdict.

Source of the factor: the MAD of a normal distribution is its standard deviation / 1.4826.
"""

from __future__ import annotations

import datetime as dt
import statistics
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest import InspectOptions, inspect
from smart_orchestrator.model.partition import Code, Partition, State
from smart_orchestrator.store.opening import lake_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.store.base import Lake

WEEKS = 8
FEWEST = 4
WIDTH = 6.0
NARROWEST = 0.1
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True, slots=True)
class Band:
    """The usual range of one number, both ends included."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def band(past: Sequence[float], width: float = WIDTH) -> Band | None:
    """The usual range given past values; None when they are too few to say."""
    if len(past) < FEWEST:
        return None
    middle = statistics.median(past)
    spread = statistics.median(abs(value - middle) for value in past) * _MAD_TO_SIGMA
    half = max(width * spread, NARROWEST * abs(middle))
    return Band(middle - half, middle + half)


def with_volume(
    dataset: DailyDataset,
    completeness: Completeness,
    *,
    lake: Lake | None = None,
    look: InspectOptions | None = None,
    width: float = WIDTH,
    strict: bool = False,
) -> Completeness:
    """The same completeness, days of an unusual volume marked `UNUSUAL_VOLUME`.

    Args:
        dataset: whose days they are.
        completeness: a check of the window.
        lake: an open lake; default the dataset's own.
        look: how the past days are inspected; their data are never read.
        width: k of the band.
        strict: an unusual day is invalid instead of complete with a warning.

    Raises:
        LakeError: the lake does not answer or refuses.
    """
    lake = (lake or lake_of(dataset)).counted()
    shallow = replace(look or InspectOptions(), deep=False, shallow=True)
    here = {partition.day: partition for partition in completeness.days}
    past = {
        day for partition in completeness.days if partition.available for day in _same_weekday(partition.day)
    }
    unknown = sorted(past - here.keys())
    known = dict(here)
    if unknown:
        with ThreadPoolExecutor(min(lake.concurrency, len(unknown)), thread_name_prefix="volume") as pool:
            known |= zip(
                unknown,
                pool.map(lambda day: inspect(dataset, day, lake=lake, look=shallow), unknown),
                strict=True,
            )
    days = tuple(_judged(partition, known, width, strict=strict) for partition in completeness.days)
    return replace(completeness, days=days, volume_requests=lake.requests.to_json())


def _same_weekday(day: dt.date) -> list[dt.date]:
    return [day - dt.timedelta(weeks=week) for week in range(1, WEEKS + 1)]


def _judged(
    partition: Partition, known: Mapping[dt.date, Partition], width: float, *, strict: bool
) -> Partition:
    if not partition.available:
        return partition
    past = [known[day] for day in _same_weekday(partition.day) if known[day].available]
    for what, value, before in (
        ("rows", partition.rows, [p.rows for p in past if p.rows is not None]),
        ("total", partition.volume, [p.volume for p in past if p.volume is not None]),
    ):
        usual = band(before, width)
        if value is not None and usual is not None and value not in usual:
            reason = f"{what} {value:,}, usual on this weekday are {usual.low:,.0f} to {usual.high:,.0f}"
            state = State.INVALID if strict else State.COMPLETE
            return replace(partition, state=state, code=Code.UNUSUAL_VOLUME, reason=reason)
    return partition
