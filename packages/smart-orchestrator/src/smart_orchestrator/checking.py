"""Which days of a window are there: the answer to the only question that the consumer asks.

`check` looks at the lake and returns a `Completeness`: a pure value from which expected, available, missing and
coverage are derived. The cost follows the window: one listing and one small read a day, or, for long windows on S3, one
listing from the window's first key to its last. A lake that does not answer raises `LakeError`, it never looks empty.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.bulk import inspect_deeply
from smart_orchestrator.adapters.manifest import InspectOptions, inspect_listed
from smart_orchestrator.errors import LakeError
from smart_orchestrator.model.completeness import Completeness, Policy
from smart_orchestrator.model.partition import Code, Partition, State
from smart_orchestrator.store.opening import lake_of
from smart_orchestrator.waiver_store import waivers

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.window import Window
    from smart_orchestrator.store.base import Lake, ObjectInfo

# Up to here a listing a day is cheaper than pages that may begin long before the window's end.
DAYS_LISTED_ONE_BY_ONE = 30
# A look into a local folder is free up to about here; beyond, only when asked for.
FREE_NAMES = 1000


def check(
    dataset: DailyDataset,
    window: Window,
    *,
    lake: Lake | None = None,
    look: InspectOptions | None = None,
    policy: Policy | None = None,
    strays: bool | None = None,
) -> Completeness:
    """What the lake holds of the window.

    Args:
        dataset: what to look at.
        window: which days.
        lake: an open lake; default the dataset's own.
        look: how closely; default listing and manifests only.
        policy: when the window counts as ready; default when all of it is there.
        strays: look through all names beside the days (True) or not (False); by default the first thousand names of a
            lake whose listings are free.

    Raises:
        LakeError: the lake does not answer or refuses.
    """
    lake = (lake or lake_of(dataset)).counted()
    look = look or InspectOptions()
    listed = _listings(dataset, window, lake)

    failed: list[LakeError] = []

    def one(day: dt.date, closely: InspectOptions) -> Partition:
        if failed:
            # A lake that is gone is told after one time-out, not after one for every few days.
            raise failed[0]
        try:
            objects = listed[day] if listed is not None else lake.list(dataset.key(day))
            return inspect_listed(dataset, day, objects, lake=lake, look=closely)
        except LakeError as error:
            failed.append(error)
            raise

    with ThreadPoolExecutor(min(lake.concurrency, len(window)), thread_name_prefix="check") as pool:
        if look.deep:
            glance = partial(one, closely=replace(look, deep=False, shallow=True))
            found = list(
                inspect_deeply(dataset, list(window), lake, pool, glance, partial(one, closely=look))
            )
        else:
            found = list(pool.map(lambda day: one(day, look), window))
    days = tuple(_within_lag(partition, window) for partition in found)
    return Completeness(
        dataset=dataset.name,
        window=window,
        days=_waived(dataset, window, days, lake),
        strays=tuple(find_strays(dataset, lake, strays)),
        policy=policy or Policy(),
        requests=lake.requests.to_json(),
    )


def _listings(dataset: DailyDataset, window: Window, lake: Lake) -> dict[dt.date, list[ObjectInfo]] | None:
    """Every day's objects from one listing, or None where a listing a day is cheaper."""
    if lake.listing_is_local or len(window) <= DAYS_LISTED_ONE_BY_ONE:
        return None
    keys = {dataset.key(day): day for day in window}
    objects: dict[dt.date, list[ObjectInfo]] = {day: [] for day in window}
    depth = dataset.key_format.count("/") + 1
    for info in lake.list_between(dataset.folder, min(keys), max(keys)):
        day = keys.get("/".join(info.key.split("/")[:depth]))
        if day is not None:
            objects[day].append(info)
    return objects


def _within_lag(found: Partition, window: Window) -> Partition:
    if found.available or not window.within_lag(found.day):
        return found
    reason = f"not expected before {window.expected_from(found.day)}: {found.reason}"
    return replace(found, code=Code.WITHIN_LAG, reason=reason)


def _waived(
    dataset: DailyDataset, window: Window, days: tuple[Partition, ...], lake: Lake
) -> tuple[Partition, ...]:
    """The days, those that were waived marked. A window without a hole does not ask who waived what."""
    holes = [found.day for found in days if not found.available]
    if not holes:
        return days
    known = waivers(dataset, lake, holes)
    holding = {day: waiver for day, waiver in known.items() if waiver.holds(window.as_of)}
    return tuple(
        replace(found, code=Code.WAIVED, reason=holding[found.day].reason) if found.day in holding else found
        for found in days
    )


def find_strays(dataset: DailyDataset, lake: Lake, thorough: bool | None = True) -> Sequence[str]:
    """Names beside the days that are no day's key; what begins with `_` or `.` is nobody's data and left out."""
    if thorough is False or (thorough is None and not lake.listing_is_local):
        return []
    folder = dataset.folder
    above = f"{folder}/" if folder else ""
    depth = dataset.key_format.count("/") - above.count("/")
    if depth:
        return []  # A key of several levels below its fixed folder has other datasets' names beside it.
    names = lake.names(folder, None if thorough else FREE_NAMES)
    own = [name for name in names if name[0] not in "_."]
    return [above + name for name in own if not name.endswith("/") or dataset.day(above + name[:-1]) is None]


def total_days(dataset: DailyDataset, lake: Lake) -> int:
    """How many days the lake has a key for, whole or not: one listing of the dataset's folder."""
    folder = dataset.folder
    above = f"{folder}/" if folder else ""
    return sum(1 for name in lake.names(folder) if dataset.day(above + name.rstrip("/")) is not None)


def states(completeness: Completeness) -> dict[State, int]:
    """How many days are in each state."""
    return {state: sum(1 for p in completeness.days if p.state is state) for state in State}
