"""Check a window of partitions against the lake.

`check` asks the dataset's adapter for a verdict on every key and returns a `Completeness`: a pure value from which expected,
available, missing and coverage are derived. A lake that does not answer raises `LakeError`; it never counts as empty.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.base import adapter_of
from smart_orchestrator.adapters.manifest import InspectOptions
from smart_orchestrator.model.completeness import Completeness, Policy
from smart_orchestrator.model.dataset import PATH_ADAPTERS
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.partition import Code, Partition, State
from smart_orchestrator.model.plan import written_by
from smart_orchestrator.model.run import RunState
from smart_orchestrator.store.opening import lake_of
from smart_orchestrator.waiver_store import waivers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.grain import Key
    from smart_orchestrator.model.run import Run
    from smart_orchestrator.model.window import Window
    from smart_orchestrator.store.base import Lake
    from smart_orchestrator.waiver_store import Waiver

# Names beside the partitions that are listed by default; listing more has to be asked for.
FREE_NAMES = 1000


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
    """Return the completeness of a window: a verdict on every key, and what follows from them.

    A key before the dataset's `history_start` is not expected. A window of nothing else expects nothing, and is not ready.

    Args:
        dataset: the dataset to check.
        window: the partitions to check.
        lake: an open lake; default the dataset's own. Adapters that do not read objects ignore it.
        waiver_lake: where the waivers are; default the lake. Tables have none by default.
        options: how closely to inspect; by default listings and manifests only.
        policy: when the window counts as ready; by default when every expected partition is available.
        strays: list all names beside the partitions (True) or none (False); by default the first thousand names of a
            lake whose listings cost no request.

    Raises:
        LakeError: the lake does not answer or refuses.
        DatasetError: the dataset's description does not fit what is there.
    """
    lake = (lake or lake_of(dataset)).counted() if dataset.adapter in PATH_ADAPTERS else None
    adapter = adapter_of(dataset, lake)
    verdicts = adapter.inspect(list(window), options or InspectOptions())
    partitions = [_mark_not_expected(dataset, window, verdicts[key]) for key in window]
    waiver_lake = waiver_lake.counted() if waiver_lake is not None else lake
    names = find_strays(dataset, lake, strays) if lake is not None else ()
    if waiver_lake is not None:
        partitions = _mark_waived(dataset, window, partitions, waiver_lake)
    lakes = {id(each): each for each in (lake, waiver_lake) if each is not None}
    return Completeness(
        dataset=dataset.name,
        window=window,
        partitions=tuple(partitions),
        strays=tuple(names),
        policy=policy or Policy(),
        requests=_sum(adapter.requests, *(each.requests.to_json() for each in lakes.values())),
    )


def with_settled(
    dataset: Dataset, completeness: Completeness, runs: Mapping[Key, Run], options: InspectOptions
) -> Completeness:
    """Return the completeness, with a new verdict on each partition whose writer is known to have ended with success.

    Files that nobody is known to have finished need time to settle; the files of a run that has succeeded do not.
    """
    settled = [
        partition.day
        for partition in completeness.partitions
        if partition.code is Code.STILL_WRITING
        and (run := runs.get(partition.day)) is not None
        and run.state is RunState.SUCCEEDED
        and written_by(partition, run)
    ]
    if not settled:
        return completeness
    verdicts = adapter_of(replace(dataset, settle=0.0)).inspect(settled, options)
    return replace(completeness, partitions=tuple(verdicts.get(p.day, p) for p in completeness.partitions))


def _sum(*counts: Mapping[str, int]) -> dict[str, int]:
    """Return the sum of several counts of requests, by kind."""
    total: dict[str, int] = {}
    for count in counts:
        for kind, number in count.items():
            total[kind] = total.get(kind, 0) + number
    return total


def _mark_not_expected(dataset: Dataset, window: Window, partition: Partition) -> Partition:
    """Return the partition; with a code that says so when it is not available and the upstream does not have its day."""
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
    """Return the partitions, with `WAIVED` as the code of those that were waived.

    The waivers are read only when a partition is not available.
    """
    unavailable = [partition.day for partition in partitions if not partition.available]
    if not unavailable:
        return list(partitions)
    recorded = waivers(dataset, lake, unavailable)
    return [
        _with_waiver(partition, recorded[partition.day], window) if partition.day in recorded else partition
        for partition in partitions
    ]


def _with_waiver(partition: Partition, waiver: Waiver, window: Window) -> Partition:
    """Return the partition with its waiver: waived, or expected as before when the waiver does not hold."""
    if waiver.problem:
        return partition.with_expectation(Code.BAD_WAIVER, f"{waiver.problem}; {partition.reason}")
    if waiver.holds(window.as_of):
        return partition.with_expectation(Code.WAIVED, waiver.reason)
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
    """Return how many keys of partitions the lake holds, complete or not: one listing of the dataset's folder."""
    folder = dataset.folder
    above = f"{folder}/" if folder else ""
    return sum(1 for name in lake.names(folder) if dataset.day(above + name.rstrip("/")) is not None)


def states(completeness: Completeness) -> dict[State, int]:
    """Return how many partitions are in each state."""
    states_of_partitions = [completeness.policy.state_of(partition) for partition in completeness.partitions]
    return {state: states_of_partitions.count(state) for state in State}
