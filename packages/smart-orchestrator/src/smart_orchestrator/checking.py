"""Which days of a window are there: the answer to the only question that the consumer asks.

`check` looks at the lake and returns a `Completeness`: a pure value from which expected, available, missing and
coverage are derived. The cost follows the window: one listing and one small read a day, or, for long windows on S3, one
listing from the window's first key to its last. A lake that does not answer raises `LakeError`, it never looks empty.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.bulk import inspect_deeply
from smart_orchestrator.adapters.manifest import Look, inspect_listed
from smart_orchestrator.adapters.manifest_document import Partition, State
from smart_orchestrator.contract.rows import Code
from smart_orchestrator.errors import LakeError
from smart_orchestrator.store.object_store import lake_of
from smart_orchestrator.waiver_store import waivers

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.window import Window
    from smart_orchestrator.store.object_store import Lake, ObjectInfo

# Up to here a listing a day is cheaper than pages that may begin long before the window's end.
DAYS_LISTED_ONE_BY_ONE = 30
# A look into a local folder is free up to about here; beyond, only when asked for.
FREE_NAMES = 1000


@dataclass(frozen=True, slots=True)
class Policy:
    """When a window counts as ready.

    Attributes:
        min_coverage: percent of the expected days that must be available.
        min_days: available days that there must be at least.
        allow_lag: days that the source need not have yet may be missing from an explicit window.
    """

    min_coverage: float = 100.0
    min_days: int = 1
    allow_lag: bool = False

    def to_json(self) -> dict[str, object]:
        """The policy as `check --json` shows it."""
        return {"min_coverage": self.min_coverage, "min_days": self.min_days, "allow_lag": self.allow_lag}


@dataclass(frozen=True, slots=True)
class Completeness:
    """What a window holds.

    Attributes:
        dataset: the dataset's name.
        window: the days looked at.
        days: one partition a day, oldest first; days that are not expected have `WITHIN_LAG` or `WAIVED` as code.
        strays: names beside the days that are no day's key.
        policy: when the window counts as ready.
        requests: what the check asked of the lake, by kind.
        volume_requests: what the volume check asked besides.
    """

    dataset: str
    window: Window
    days: tuple[Partition, ...]
    strays: tuple[str, ...] = ()
    policy: Policy = field(default_factory=Policy)
    requests: Mapping[str, int] = field(default_factory=dict)
    volume_requests: Mapping[str, int] = field(default_factory=dict)

    def __getitem__(self, day: dt.date) -> Partition:
        return self.days[(day - self.window.start).days]

    @property
    def expected(self) -> tuple[dt.date, ...]:
        """Days that must be there, and those that are there although they need not be."""
        return tuple(p.day for p in self.days if p.available or p.code not in (Code.WITHIN_LAG, Code.WAIVED))

    @property
    def available(self) -> tuple[dt.date, ...]:
        """Days that can be used, oldest first."""
        return tuple(p.day for p in self.days if p.available)

    @property
    def missing(self) -> tuple[dt.date, ...]:
        """Days that are expected and not available, oldest first."""
        have = set(self.available)
        return tuple(day for day in self.expected if day not in have)

    @property
    def waived(self) -> tuple[dt.date, ...]:
        """Days that someone has said will never come, and that have not come."""
        return tuple(p.day for p in self.days if p.code is Code.WAIVED)

    @property
    def not_yet(self) -> tuple[dt.date, ...]:
        """Days of the window that the source need not have yet, and that are not there."""
        return tuple(p.day for p in self.days if p.code is Code.WITHIN_LAG)

    @property
    def coverage_pct(self) -> float:
        """Available / expected in percent with one decimal; 100.0 only when nothing is missing, 0.0 of nothing."""
        expected = len(self.expected)
        if not expected:
            return 0.0
        percent = round(100 * len(self.available) / expected, 1)
        return min(percent, 99.9) if self.missing else percent

    @property
    def ready(self) -> bool:
        """Whether the consumer may run under the policy."""
        expected, available = len(self.expected), len(self.available)
        enough = expected > 0 and 100 * available >= self.policy.min_coverage * expected
        return enough and available >= self.policy.min_days and (self.policy.allow_lag or not self.not_yet)

    @property
    def whole(self) -> bool:
        """Whether every day that is expected is available, and there is one."""
        return bool(self.expected) and not self.missing

    def being_written(self, days: Collection[dt.date]) -> Completeness:
        """The same, with these days `STILL_WRITING` where they are absent or uncommitted: a run of them is in flight."""
        marked = tuple(
            replace(
                found,
                state=State.UNCOMMITTED,
                code=Code.STILL_WRITING,
                reason=f"a run is in flight: {found.reason}",
            )
            if found.day in days and found.code in (Code.MISSING, Code.NO_MARKER)
            else found
            for found in self.days
        )
        return replace(self, days=marked)

    def to_json(self) -> dict[str, object]:
        """The document that `check --json` prints; days are ISO strings, oldest first."""

        def iso(days: Iterable[dt.date]) -> list[str]:
            return [day.isoformat() for day in days]

        return {
            "dataset": self.dataset,
            "as_of": self.window.as_of.isoformat(),
            "window": {
                "start": self.window.start.isoformat(),
                "end": self.window.last.isoformat(),
                "days": len(self.window),
                "lag_days": self.window.lag,
            },
            "expected": iso(self.expected),
            "available": iso(self.available),
            "missing": iso(self.missing),
            "waived": iso(self.waived),
            "not_yet": iso(self.not_yet),
            "coverage_pct": self.coverage_pct,
            "ready": self.ready,
            "policy": self.policy.to_json(),
            "days": [partition.to_json() for partition in self.days],
            "strays": list(self.strays),
            "requests": dict(self.requests),
            **({"volume_requests": dict(self.volume_requests)} if self.volume_requests else {}),
        }


def check(
    dataset: DailyDataset,
    window: Window,
    *,
    lake: Lake | None = None,
    look: Look | None = None,
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
    look = look or Look()
    listed = _listings(dataset, window, lake)

    failed: list[LakeError] = []

    def one(day: dt.date, closely: Look) -> Partition:
        if failed:
            # A lake that is gone is told after one time-out, not after one for every few days.
            raise failed[0]
        try:
            objects = listed[day] if listed is not None else lake.list(dataset.key(day))
            return inspect_listed(dataset, day, objects, lake=lake, look=closely)
        except LakeError as error:
            failed.append(error)
            raise

    with ThreadPoolExecutor(min(lake.at_once, len(window)), thread_name_prefix="check") as pool:
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
