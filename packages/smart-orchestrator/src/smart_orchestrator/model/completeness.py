"""The completeness of a window, and the policy that decides whether the window is ready: pure values.

A *day* stands for a key of any grain.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from smart_orchestrator.errors import OptionError
from smart_orchestrator.model.bounds import integer_problem
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.partition import Code, Partition, State

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Mapping

    from smart_orchestrator.model.window import Window


# Under a strict policy, a complete partition with one of these codes is invalid.
WARNINGS = (Code.UNUSUAL_VOLUME,)
# A partition with one of these codes is not expected unless it is available.
NOT_EXPECTED = (Code.WITHIN_LAG, Code.WAIVED, Code.BEYOND_UPSTREAM_HISTORY)


@dataclass(frozen=True, slots=True)
class Policy:
    """The conditions under which a window is ready.

    Attributes:
        min_coverage: the minimum percentage of the expected days that must be available.
        min_days: the minimum number of available days.
        allow_lag: whether a window may be ready although days within the publication lag are not available.
        strict: whether a complete partition with a warning, such as `UNUSUAL_VOLUME`, counts as invalid.
    """

    min_coverage: float = 100.0
    min_days: int = 1
    allow_lag: bool = False
    strict: bool = False

    def __post_init__(self) -> None:
        is_number = isinstance(self.min_coverage, int | float) and not isinstance(self.min_coverage, bool)
        if not (is_number and 0 <= self.min_coverage <= 100):
            raise OptionError(
                "min_coverage", self.min_coverage, "is not between 0 and 100 percent", "Give for example 80."
            )
        if problem := integer_problem(self.min_days):
            raise OptionError("min_days", self.min_days, problem, "Give 0 or more days.")

    def state_of(self, partition: Partition) -> State:
        """Return the state of the partition under this policy."""
        counts_as_invalid = self.strict and partition.available and partition.code in WARNINGS
        return State.INVALID if counts_as_invalid else partition.state

    def to_json(self) -> dict[str, object]:
        """Return the policy as a JSON object, for `check --json`."""
        return {"min_coverage": self.min_coverage, "min_days": self.min_days, "allow_lag": self.allow_lag}


@dataclass(frozen=True, slots=True)
class Completeness:
    """The state of every day of a window, and the totals derived from it.

    Attributes:
        dataset: the name of the dataset.
        window: the window that was checked.
        partitions: the partition of each day, oldest first. A day that is not expected has one of the codes in `NOT_EXPECTED`.
        strays: the names of the files and folders in the dataset's folder that are not partitions.
        policy: the conditions under which the window is ready.
        requests: the number of requests that the check sent to the lake, by kind.
        volume_requests: the number of additional requests that the volume check sent, by kind.
    """

    dataset: str
    window: Window
    partitions: tuple[Partition, ...]
    strays: tuple[str, ...] = ()
    policy: Policy = field(default_factory=Policy)
    requests: Mapping[str, int] = field(default_factory=dict)
    volume_requests: Mapping[str, int] = field(default_factory=dict)

    def __getitem__(self, day: dt.date) -> Partition:
        if day not in self.window:
            message = (
                f"{day} is not in the window {key_text(self.window.start)} to {key_text(self.window.last)}"
            )
            raise KeyError(message)
        return self.partitions[self.window.position(day)]

    def blocks(self, key: dt.date) -> bool:
        """Return whether datasets that need this key must wait: its partition is not available, but may become available."""
        partition = self[key]
        return not partition.available and partition.code not in (Code.WAIVED, Code.BEYOND_UPSTREAM_HISTORY)

    def accepts(self, partition: Partition) -> bool:
        """Return whether the data of the partition can be used under the policy."""
        return self.policy.state_of(partition) is State.COMPLETE

    @property
    def usable(self) -> tuple[Partition, ...]:
        """The partitions whose data can be used, oldest first."""
        return tuple(p for p in self.partitions if self.accepts(p))

    @property
    def expected(self) -> tuple[dt.date, ...]:
        """The expected days, oldest first. An available day always counts as expected, for example a day within the lag."""
        return tuple(p.day for p in self.partitions if self.accepts(p) or p.code not in NOT_EXPECTED)

    @property
    def available(self) -> tuple[dt.date, ...]:
        """The days whose data can be used, oldest first."""
        return tuple(p.day for p in self.usable)

    @property
    def missing(self) -> tuple[dt.date, ...]:
        """The days that are expected but not available, oldest first."""
        available = set(self.available)
        return tuple(day for day in self.expected if day not in available)

    @property
    def restated(self) -> tuple[dt.date, ...]:
        """The days whose data are available, but are no longer those of the upstream, oldest first."""
        return tuple(p.day for p in self.partitions if p.code is Code.RESTATED)

    @property
    def to_fill(self) -> tuple[dt.date, ...]:
        """The days that are missing or restated, oldest first."""
        return tuple(sorted({*self.missing, *self.restated}))

    @property
    def waived(self) -> tuple[dt.date, ...]:
        """The days with a waiver that are not available, oldest first."""
        return tuple(p.day for p in self.partitions if p.code is Code.WAIVED)

    @property
    def not_yet(self) -> tuple[dt.date, ...]:
        """The days within the publication lag that are not available, oldest first."""
        return tuple(p.day for p in self.partitions if p.code is Code.WITHIN_LAG)

    @property
    def beyond_history(self) -> tuple[dt.date, ...]:
        """The days before the first day of the upstream that are not available, oldest first."""
        return tuple(p.day for p in self.partitions if p.code is Code.BEYOND_UPSTREAM_HISTORY)

    @property
    def coverage_pct(self) -> float:
        """The percentage of expected days that are available, with one decimal.

        The percentage is 100.0 only if no day is missing, and 0.0 if no day is expected.
        """
        expected = len(self.expected)
        if not expected:
            return 0.0
        percent = round(100 * len(self.available) / expected, 1)
        return min(percent, 99.9) if self.missing else percent

    @property
    def ready(self) -> bool:
        """Whether the window meets all conditions of the policy."""
        expected, available = len(self.expected), len(self.available)
        covered = expected > 0 and 100 * available >= self.policy.min_coverage * expected
        return covered and available >= self.policy.min_days and (self.policy.allow_lag or not self.not_yet)

    @property
    def complete(self) -> bool:
        """Whether at least one day is expected and every expected day is available."""
        return bool(self.expected) and not self.missing

    def with_runs_in_flight(self, days: Collection[dt.date]) -> Completeness:
        """Return a copy for the days that have a run in flight: those of them that are missing or not committed are `STILL_WRITING`."""
        marked = tuple(
            replace(partition, code=Code.STILL_WRITING, reason=f"a run is in flight: {partition.reason}")
            if partition.day in days and partition.code in (Code.MISSING, Code.NO_MARKER)
            else partition
            for partition in self.partitions
        )
        return replace(self, partitions=marked)

    def to_json(self) -> dict[str, object]:
        """Return the JSON document that `check --json` prints. Days are ISO strings, oldest first."""

        def key_texts(days: Iterable[dt.date]) -> list[str]:
            return [key_text(day) for day in days]

        return {
            "dataset": self.dataset,
            "as_of": key_text(self.window.as_of),
            "window": {
                "start": key_text(self.window.start),
                "end": key_text(self.window.last),
                "days": len(self.window),
                "lag_days": self.window.lag,
            },
            "expected": key_texts(self.expected),
            "available": key_texts(self.available),
            "missing": key_texts(self.missing),
            "restated": key_texts(self.restated),
            "waived": key_texts(self.waived),
            "not_yet": key_texts(self.not_yet),
            "coverage_pct": self.coverage_pct,
            "ready": self.ready,
            "policy": self.policy.to_json(),
            "days": [p.to_json() | {"state": self.policy.state_of(p).value} for p in self.partitions],
            "strays": list(self.strays),
            "requests": dict(self.requests),
            **({"volume_requests": dict(self.volume_requests)} if self.volume_requests else {}),
        }
