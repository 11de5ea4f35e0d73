"""Check a window of partitions against the lake.

`check` inspects the lake and returns a `Completeness`: a pure value from which expected, available, missing and
coverage are derived. The cost follows the window: one listing and one small read a partition, or, for long windows on
S3, one listing from the window's first key to its last. A lake that does not answer raises `LakeError`; it never
counts as empty.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.bulk import inspect_deeply
from smart_orchestrator.adapters.layout import list_partition
from smart_orchestrator.adapters.manifest import InspectOptions, inspect_listed
from smart_orchestrator.errors import LakeError
from smart_orchestrator.model.completeness import Completeness, Policy
from smart_orchestrator.model.partition import Code, Partition, State
from smart_orchestrator.store.opening import lake_of
from smart_orchestrator.waiver_store import waivers

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.window import Window
    from smart_orchestrator.store.base import Lake, ObjectInfo
    from smart_orchestrator.waiver_store import Waiver

# Up to this length of the window, a listing a partition is cheaper than one listing of the window.
DAYS_LISTED_ONE_BY_ONE = 30
# Names beside the partitions that are listed by default; listing more has to be asked for.
FREE_NAMES = 1000


def check(
    dataset: Dataset,
    window: Window,
    *,
    lake: Lake | None = None,
    options: InspectOptions | None = None,
    policy: Policy | None = None,
    strays: bool | None = None,
) -> Completeness:
    """What the lake holds of the window.

    A day before the dataset's `history_start` is not expected. A window of nothing else expects nothing, and is not ready.

    Args:
        dataset: the dataset to check.
        window: the partitions to check.
        lake: an open lake; default the dataset's own.
        options: how closely to inspect; by default listings and manifests only.
        policy: when the window counts as ready; by default when every expected partition is available.
        strays: list all names beside the partitions (True) or none (False); by default the first thousand names of a
            lake whose listings cost no request.

    Raises:
        LakeError: the lake does not answer or refuses.
    """
    lake = (lake or lake_of(dataset)).counted()
    options = options or InspectOptions()
    listings = _listings(dataset, window, lake)

    failures: list[LakeError] = []

    def inspect_day(day: dt.date, options: InspectOptions) -> Partition:
        if failures:
            # A lake that does not answer ends the check after one time-out, not after one for each partition.
            raise failures[0]
        try:
            objects = listings[day] if listings is not None else list_partition(dataset, day, lake)
            return inspect_listed(dataset, day, objects, lake=lake, options=options)
        except LakeError as error:
            failures.append(error)
            raise

    with ThreadPoolExecutor(min(lake.concurrency, len(window)), thread_name_prefix="check") as pool:
        if options.deep:
            shallow = partial(inspect_day, options=replace(options, deep=False, shallow=True))
            deep = partial(inspect_day, options=options)
            partitions = list(inspect_deeply(dataset, list(window), lake, pool, shallow, deep))
        else:
            partitions = list(pool.map(partial(inspect_day, options=options), window))
    partitions = [_mark_not_expected(dataset, window, partition) for partition in partitions]
    return Completeness(
        dataset=dataset.name,
        window=window,
        partitions=_mark_waived(dataset, window, partitions, lake),
        strays=tuple(find_strays(dataset, lake, strays)),
        policy=policy or Policy(),
        requests=lake.requests.to_json(),
    )


def _listings(dataset: Dataset, window: Window, lake: Lake) -> dict[dt.date, list[ObjectInfo]] | None:
    """Every partition's objects from one listing, or None where a listing a partition is cheaper."""
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


def _mark_not_expected(dataset: Dataset, window: Window, partition: Partition) -> Partition:
    """The partition; with a code that says so when it is not available and the upstream does not have its day."""
    if partition.available:
        return partition
    if dataset.beyond_history(partition.day):
        reason = f"the upstream has no day before {dataset.history_start}: {partition.reason}"
        return replace(partition, code=Code.BEYOND_UPSTREAM_HISTORY, reason=reason)
    if window.within_lag(partition.day):
        reason = f"not expected before {window.expected_from(partition.day)}: {partition.reason}"
        return replace(partition, code=Code.WITHIN_LAG, reason=reason)
    return partition


def _mark_waived(
    dataset: Dataset, window: Window, partitions: Sequence[Partition], lake: Lake
) -> tuple[Partition, ...]:
    """The partitions, with `WAIVED` as the code of those that were waived.

    The waivers are read only when a partition is not available.
    """
    unavailable = [partition.day for partition in partitions if not partition.available]
    if not unavailable:
        return tuple(partitions)
    recorded = waivers(dataset, lake, unavailable)
    return tuple(
        _with_waiver(partition, recorded[partition.day], window) if partition.day in recorded else partition
        for partition in partitions
    )


def _with_waiver(partition: Partition, waiver: Waiver, window: Window) -> Partition:
    """The partition with its waiver: waived, or expected as before when the waiver does not hold."""
    if waiver.problem:
        return replace(partition, code=Code.BAD_WAIVER, reason=f"{waiver.problem}; {partition.reason}")
    if waiver.holds(window.as_of):
        return replace(partition, code=Code.WAIVED, reason=waiver.reason)
    return partition


def find_strays(dataset: Dataset, lake: Lake, thorough: bool | None = True) -> Sequence[str]:
    """Names beside the partitions that are not a partition's key.

    Names that begin with `_` or `.` are not data and are left out.
    """
    if thorough is False or (thorough is None and not lake.listing_is_local):
        return []
    folder = dataset.folder
    above = f"{folder}/" if folder else ""
    depth = dataset.key_format.count("/") - above.count("/")
    if depth:
        return []  # Keys of several levels have names of other datasets beside them.
    names = lake.names(folder, None if thorough else FREE_NAMES)
    visible = [name for name in names if name.strip("/") and not name.startswith(("_", "."))]
    return [
        above + name for name in visible if not name.endswith("/") or dataset.day(above + name[:-1]) is None
    ]


def total_days(dataset: Dataset, lake: Lake) -> int:
    """How many keys of partitions the lake holds, complete or not: one listing of the dataset's folder."""
    folder = dataset.folder
    above = f"{folder}/" if folder else ""
    return sum(1 for name in lake.names(folder) if dataset.day(above + name.rstrip("/")) is not None)


def states(completeness: Completeness) -> dict[State, int]:
    """How many partitions are in each state."""
    return {
        state: sum(1 for partition in completeness.partitions if partition.state is state) for state in State
    }
