"""Convert keys between grains and time zones: the hours of a local day, or the day of an hour."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from smart_orchestrator.model.grain import ONE_HOUR, Grain
from smart_orchestrator.model.window import Window

if TYPE_CHECKING:
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.grain import Key

# The number of keys in the default window of a dataset, by grain.
DEFAULT_LAST = {Grain.HOUR: 24, Grain.DAY: 7, Grain.WEEK: 4, Grain.MONTH: 3}
# The years for which `has_whole_hours` checks the offset of a time zone.
_CHECKED_YEARS = range(2015, 2036)


def keys_overlapping(start: dt.datetime, end: dt.datetime, grain: Grain, zone: dt.tzinfo) -> list[Key]:
    """Return the keys of a grain whose spans overlap the time from `start` to `end`, oldest first."""
    keys: list[Key] = []
    key = grain.floor(start, zone)
    while grain.start(key, zone) < end:
        if grain.end(key, zone) > start:
            keys.append(key)
        key = grain.key_at(grain.index(key) + 1)
    return keys


def keys_for(dataset: Dataset, key: Key, needed: Dataset) -> list[Key]:
    """Return the keys of the dataset `needed` that must be available before `dataset` can run `key`."""
    start, end = dataset.grain.start(key, dataset.zone), dataset.grain.end(key, dataset.zone)
    return keys_overlapping(start, end, needed.grain, needed.zone)


def window_for(window: Window, zone: dt.tzinfo, dataset: Dataset, as_of: Key) -> Window:
    """Return the smallest window of `dataset` that covers `window`.

    `window` may have another grain. Its keys are in the time zone `zone`. `as_of` is the as-of key of the result.
    """
    start, end = window.grain.start(window.start, zone), window.grain.end(window.last, zone)
    keys = keys_overlapping(start, end, dataset.grain, dataset.zone)
    return Window.between(keys[0], keys[-1], as_of=as_of, lag=dataset.lag, grain=dataset.grain)


def last_published_window(
    dataset: Dataset, now: dt.datetime, count: int, grain: Grain, zone: dt.tzinfo
) -> Window:
    """Return the window of the last `count` keys of `grain` for which all data of the dataset have been published by `now`.

    `grain` is the grain of the dataset or a coarser one. Its keys are in the time zone `zone`.
    """
    newest_index = dataset.grain.index(dataset.grain.floor(now, dataset.zone)) - dataset.lag
    # The last key is the newest one that ends no later than the newest partition of the dataset.
    end = dataset.grain.end(dataset.grain.key_at(newest_index), dataset.zone)
    last = grain.index(grain.floor(end, zone)) - 1
    return Window.between(
        grain.key_at(last - count + 1), grain.key_at(last), as_of=grain.floor(now, zone), lag=0, grain=grain
    )


def has_whole_hours(zone_name: str) -> bool:
    """Return whether the days of a time zone consist of complete UTC hours."""
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(zone_name)
    moments = (
        dt.datetime(year, month, 1, tzinfo=dt.UTC) for year in _CHECKED_YEARS for month in range(1, 13)
    )
    return all(moment.astimezone(zone).utcoffset() % ONE_HOUR == dt.timedelta(0) for moment in moments)  # type: ignore[operator]
