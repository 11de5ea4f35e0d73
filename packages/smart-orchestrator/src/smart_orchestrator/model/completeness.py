"""What a window holds, and when it counts as ready: pure values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from smart_orchestrator.errors import OptionError
from smart_orchestrator.model.partition import Code, Partition, State

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterable, Mapping

    from smart_orchestrator.model.window import Window


# A partition with one of these codes is not expected unless it is available.
NOT_EXPECTED = (Code.WITHIN_LAG, Code.WAIVED, Code.BEYOND_UPSTREAM_HISTORY)


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

    def __post_init__(self) -> None:
        if not 0 <= self.min_coverage <= 100:
            raise OptionError(
                "min_coverage", self.min_coverage, "is not between 0 and 100 percent", "Give for example 80."
            )
        if self.min_days < 0:
            raise OptionError("min_days", self.min_days, "is negative", "Give 0 or more days.")

    def to_json(self) -> dict[str, object]:
        """The policy as `check --json` shows it."""
        return {"min_coverage": self.min_coverage, "min_days": self.min_days, "allow_lag": self.allow_lag}


@dataclass(frozen=True, slots=True)
class Completeness:
    """What a window holds.

    Attributes:
        dataset: the dataset's name.
        window: the days looked at.
        partitions: one for each day, oldest first; days that are not expected have a code of `NOT_EXPECTED`.
        strays: names beside the days that are no day's key.
        policy: when the window counts as ready.
        requests: what the check asked of the lake, by kind.
        volume_requests: what the volume check asked besides.
    """

    dataset: str
    window: Window
    partitions: tuple[Partition, ...]
    strays: tuple[str, ...] = ()
    policy: Policy = field(default_factory=Policy)
    requests: Mapping[str, int] = field(default_factory=dict)
    volume_requests: Mapping[str, int] = field(default_factory=dict)

    def __getitem__(self, day: dt.date) -> Partition:
        if not self.window.start <= day <= self.window.last:
            message = f"{day} is not in the window {self.window.start} to {self.window.last}"
            raise KeyError(message)
        return self.partitions[(day - self.window.start).days]

    @property
    def expected(self) -> tuple[dt.date, ...]:
        """Days that must be there, and those that are there although they need not be."""
        return tuple(p.day for p in self.partitions if p.available or p.code not in NOT_EXPECTED)

    @property
    def available(self) -> tuple[dt.date, ...]:
        """Days that can be used, oldest first."""
        return tuple(p.day for p in self.partitions if p.available)

    @property
    def missing(self) -> tuple[dt.date, ...]:
        """Days that are expected and not available, oldest first."""
        have = set(self.available)
        return tuple(day for day in self.expected if day not in have)

    @property
    def waived(self) -> tuple[dt.date, ...]:
        """Days that someone has said will never come, and that have not come."""
        return tuple(p.day for p in self.partitions if p.code is Code.WAIVED)

    @property
    def not_yet(self) -> tuple[dt.date, ...]:
        """Days of the window that the source need not have yet, and that are not there."""
        return tuple(p.day for p in self.partitions if p.code is Code.WITHIN_LAG)

    @property
    def beyond_history(self) -> tuple[dt.date, ...]:
        """Days of the window that lie before the upstream's history, and that are not there."""
        return tuple(p.day for p in self.partitions if p.code is Code.BEYOND_UPSTREAM_HISTORY)

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
    def complete(self) -> bool:
        """Whether every day that is expected is available, and there is one."""
        return bool(self.expected) and not self.missing

    def with_runs_in_flight(self, days: Collection[dt.date]) -> Completeness:
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
            for found in self.partitions
        )
        return replace(self, partitions=marked)

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
            "days": [partition.to_json() for partition in self.partitions],
            "strays": list(self.strays),
            "requests": dict(self.requests),
            **({"volume_requests": dict(self.volume_requests)} if self.volume_requests else {}),
        }
