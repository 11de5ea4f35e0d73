"""Check a window of partitions against the lake.

`check` inspects every key with the adapter of the dataset, and returns a `Completeness`. A `Completeness` contains the expected,
available and missing keys, and the coverage. If the lake does not respond, `check` raises `LakeError`; such a lake never counts as empty.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.base import adapter_of, inspect_key
from smart_orchestrator.adapters.manifest import InspectOptions
from smart_orchestrator.model.completeness import Completeness, Policy
from smart_orchestrator.model.dataset import PATH_ADAPTERS
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.partition import Code, Partition, State
from smart_orchestrator.store.opening import lake_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.grain import Key
    from smart_orchestrator.model.run import Run
    from smart_orchestrator.model.window import Window
    from smart_orchestrator.store.base import Lake
    from smart_orchestrator.waiver_store import Waiver

# A check searches the names in the dataset's folder for strays, which are names that are not partitions. By default, it reads at
# most this number of names.
MAX_NAMES_BY_DEFAULT = 1000


def check(
    dataset: Dataset,
    window: Window,
    *,
    lake: Lake | None = None,
    waiver_lake: Lake | None = None,
    options: InspectOptions | None = None,
    policy: Policy | None = None,
    strays: bool | None = None,
) -> Completeness:
    """Inspect every partition of a window, and return the completeness of the window.

    A key before the dataset's `history_start` is not expected. A window without expected keys is not ready.

    Args:
        dataset: the dataset to check.
        window: the partitions to check.
        lake: an open lake; by default, the lake that the dataset names. Adapters that do not read objects ignore this argument.
        waiver_lake: the lake that stores the waivers; by default `lake`. Without this argument, a dataset in a table has no waivers.
        options: the options of the inspection, such as the data to read.
        policy: the condition for a ready window; by default, every expected partition is available.
        strays: whether to search the dataset's folder for strays: names that are not partitions. By default, only the first
            thousand names are searched, and only if a listing of the lake needs no network request.

    Raises:
        LakeError: the lake does not respond, or refuses the request.
        DatasetError: the description of the dataset does not match the data.
    """
    # The copies that `counted` returns count only the requests of this check.
    lake = (lake or lake_of(dataset)).counted() if dataset.adapter in PATH_ADAPTERS else None
    adapter = adapter_of(dataset, lake)
    inspected = adapter.inspect(list(window), options or InspectOptions())
    partitions = [_mark_not_expected(dataset, window, inspected[key]) for key in window]
    waiver_lake = waiver_lake.counted() if waiver_lake is not None else lake
    names = find_strays(dataset, lake, thorough=strays) if lake is not None else ()
    if waiver_lake is not None:
        partitions = _mark_waived(dataset, window, partitions, waiver_lake)
    if dataset.recheck:
        from smart_orchestrator.upstream.recheck_store import mark_restated

        partitions = mark_restated(dataset, partitions, lake)
    # The partitions and the waivers can be in the same lake, whose requests count once.
    lakes = {id(used): used for used in (lake, waiver_lake) if used is not None}
    return Completeness(
        dataset=dataset.name,
        window=window,
        partitions=tuple(partitions),
        strays=tuple(names),
        policy=policy or Policy(),
        requests=_sum_requests(adapter.requests, *(used.requests.to_json() for used in lakes.values())),
    )


def with_settled(
    dataset: Dataset, completeness: Completeness, runs: Mapping[Key, Run], options: InspectOptions
) -> Completeness:
    """Inspect each `STILL_WRITING` partition again if its run succeeded, and return the updated completeness.

    `runs` contains the latest run of each key. Files of an unknown writer count as complete only after the settle time. Files of a
    successful run need no settle time.
    """
    writing = [partition for partition in completeness.partitions if partition.code is Code.STILL_WRITING]
    if not writing:
        return completeness
    from smart_orchestrator.model.plan import written_by
    from smart_orchestrator.model.run import RunState

    keys_of_ended_writers = [
        partition.day
        for partition in writing
        if (run := runs.get(partition.day)) is not None
        and run.state is RunState.SUCCEEDED
        and written_by(partition, run)
    ]
    if not keys_of_ended_writers:
        return completeness
    inspected = adapter_of(replace(dataset, settle=0.0)).inspect(keys_of_ended_writers, options)
    return replace(completeness, partitions=tuple(inspected.get(p.day, p) for p in completeness.partitions))


def is_complete(dataset: Dataset, key: Key, run: Run | None) -> bool:
    """Return whether the partition of a key is complete and not restated, just before a run of the key would start.

    `run` is the latest run of the key, which may have ended since the plan was made. Files of a successful run need no settle time.

    Raises:
        LakeError: the lake does not answer or refuses the request.
    """
    from smart_orchestrator.model.plan import written_by
    from smart_orchestrator.model.run import RunState

    partition = inspect_key(dataset, key)
    writer_ended = run is not None and run.state is RunState.SUCCEEDED and written_by(partition, run)
    if partition.code is Code.STILL_WRITING and writer_ended:
        partition = inspect_key(dataset, key, writer_ended=True)
    if not partition.available or not dataset.recheck:
        return partition.available
    from smart_orchestrator.upstream.recheck_store import is_restated

    return not is_restated(dataset, partition)


def _sum_requests(*counts: Mapping[str, int]) -> dict[str, int]:
    """Add up the numbers of requests by kind."""
    total: dict[str, int] = {}
    for count in counts:
        for kind, number in count.items():
            total[kind] = total.get(kind, 0) + number
    return total


def _mark_not_expected(dataset: Dataset, window: Window, partition: Partition) -> Partition:
    """Return the partition, with the code for a key that is not expected: before the upstream's history, or within the lag."""
    if partition.available:
        return partition
    first = dataset.history_start
    if first is not None and dataset.beyond_history(partition.day):
        reason = f"the upstream has no {dataset.grain} before {key_text(first)}: {partition.reason}"
        return partition.with_expectation(Code.BEYOND_UPSTREAM_HISTORY, reason)
    if window.within_lag(partition.day):
        reason = f"not expected before {key_text(window.expected_from(partition.day))}: {partition.reason}"
        return partition.with_expectation(Code.WITHIN_LAG, reason)
    return partition


def _mark_waived(
    dataset: Dataset, window: Window, partitions: Sequence[Partition], lake: Lake
) -> list[Partition]:
    """Return the partitions. A partition with a valid waiver gets the code `WAIVED`.

    If all partitions are available, the waivers are not read.
    """
    unavailable = [partition.day for partition in partitions if not partition.available]
    if not unavailable:
        return list(partitions)
    from smart_orchestrator.waiver_store import waivers

    recorded = waivers(dataset, lake, unavailable)
    return [
        _with_waiver(partition, recorded[partition.day], window) if partition.day in recorded else partition
        for partition in partitions
    ]


def _with_waiver(partition: Partition, waiver: Waiver, window: Window) -> Partition:
    """Apply a waiver to a partition. An expired waiver changes nothing. An unreadable waiver gives the code `BAD_WAIVER`."""
    if waiver.problem:
        return partition.with_expectation(Code.BAD_WAIVER, f"{waiver.problem}; {partition.reason}")
    if waiver.holds(window.as_of):
        return partition.with_expectation(Code.WAIVED, waiver.reason)
    return partition


def find_strays(dataset: Dataset, lake: Lake, thorough: bool | None = True) -> Sequence[str]:
    """List the names of the files and folders in the dataset's folder that are not partitions.

    Names that begin with `_` or `.` are not data, and are not listed. `thorough` is the argument `strays` of `check`.
    """
    if thorough is False or (thorough is None and not lake.listing_is_local):
        return []
    folder = dataset.folder
    prefix = f"{folder}/" if folder else ""
    if dataset.key_format.count("/") > prefix.count("/"):
        return []  # With keys of several levels, the folder can contain other datasets.
    names = lake.names(folder, None if thorough else MAX_NAMES_BY_DEFAULT)
    visible = [name for name in names if name.strip("/") and not name.startswith(("_", "."))]
    # A file is always a stray. A folder is a stray if its name is not the name of a partition.
    return [
        prefix + name for name in visible if not name.endswith("/") or dataset.day(prefix + name[:-1]) is None
    ]


def total_days(dataset: Dataset, lake: Lake) -> int:
    """Count the partitions in the dataset's folder, complete or not, with one listing."""
    folder = dataset.folder
    prefix = f"{folder}/" if folder else ""
    return sum(1 for name in lake.names(folder) if dataset.day(prefix + name.rstrip("/")) is not None)


def states(completeness: Completeness) -> dict[State, int]:
    """Count the partitions in each state."""
    states_of_partitions = [completeness.policy.state_of(partition) for partition in completeness.partitions]
    return {state: states_of_partitions.count(state) for state in State}
