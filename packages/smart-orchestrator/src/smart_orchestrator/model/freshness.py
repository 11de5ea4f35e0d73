"""Judge whether partitions arrive in time: objectives, deadlines, states and incidents. Pure values; callers pass the current time.

Every partition is judged by its own deadline, so filling an old partition never changes the state of the newest one.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from smart_orchestrator.model.completeness import NOT_EXPECTED
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.partition import Code
from smart_orchestrator.model.window import Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.grain import Grain, Key
    from smart_orchestrator.model.partition import Partition

DEFAULT_JUDGED = 7
FRESH_EXAMPLE = "06:00 UTC, 2 days"
COMPLETE_EXAMPLE = "7 of 7"
_MAX_DAYS = 366
_MAX_JUDGED = 366
_AT_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9]) ([A-Za-z0-9_+/-]+), ([0-9]{1,3}) days?")
_AFTER = re.compile(r"([0-9]{1,4}) (minutes?|hours?)")
_COMPLETE = re.compile(r"([0-9]{1,3}) of ([0-9]{1,3})")
# A partition with one of these codes has no deadline unless it is available. A partition within the publication lag does have a
# deadline, because the deadlines of an objective do not depend on the lag.
_EXCUSED = tuple(code for code in NOT_EXPECTED if code is not Code.WITHIN_LAG)
_FAR_FUTURE = dt.datetime.max.replace(tzinfo=dt.UTC)


class Freshness(StrEnum):
    """Whether a partition arrived in time. The values are stable, because programs branch on them."""

    FRESH = "fresh"
    LATE = "late"
    RECOVERED = "recovered"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Objective:
    """When the partitions of a dataset must be available, and how many of the newest ones.

    Attributes:
        time: the time of day of the deadline; None for a deadline that is only a delay.
        timezone: the IANA name of the time zone of `time`.
        days: the number of days from the last day of a key's span to the day of the deadline.
        delay: without a `time`, the delay from the end of a key's span to the deadline.
        required: how many of the `judged` partitions must be available.
        judged: the number of partitions that are judged: the newest ones whose deadlines have passed.
    """

    time: dt.time | None = None
    timezone: str = "UTC"
    days: int = 0
    delay: dt.timedelta = dt.timedelta(0)
    required: int = DEFAULT_JUDGED
    judged: int = DEFAULT_JUDGED

    def deadline(self, grain: Grain, key: Key, zone: dt.tzinfo) -> dt.datetime:
        """Return the moment by which the partition of a key must be available, in UTC. `zone` is the time zone of the keys."""
        try:
            end = grain.end(key, zone)
            if self.time is None:
                return end + self.delay
            from zoneinfo import ZoneInfo

            last_day = (end - dt.timedelta(microseconds=1)).astimezone(zone).date()
            day = last_day + dt.timedelta(days=self.days)
            return dt.datetime.combine(day, self.time, ZoneInfo(self.timezone)).astimezone(dt.UTC)
        except (OverflowError, ValueError):
            # The calendar ends before the deadline.
            return _FAR_FUTURE

    @property
    def allowed_late(self) -> int:
        """How many of the judged partitions may be late."""
        return self.judged - self.required


def parse_objective(fresh: str, complete: str = "") -> Objective:
    """Parse an objective.

    Args:
        fresh: the deadline: a time of day, a time zone and a number of days after the last day of the key's span (`06:00 UTC, 2 days`);
            or a delay after the end of the span (`2 hours`, `90 minutes`).
        complete: how many of the newest due partitions must be available, such as `6 of 7`; empty for `7 of 7`.

    Raises:
        ValueError: a text does not have this form. The message continues a sentence that begins with the text.
    """
    required, judged = _parse_complete(complete) if complete else (DEFAULT_JUDGED, DEFAULT_JUDGED)
    if match := _AFTER.fullmatch(fresh):
        unit = match[2] if match[2].endswith("s") else f"{match[2]}s"
        return Objective(delay=dt.timedelta(**{unit: int(match[1])}), required=required, judged=judged)
    match = _AT_TIME.fullmatch(fresh)
    if match is None:
        message = f"is not a deadline such as {FRESH_EXAMPLE}, or 2 hours"
        raise ValueError(message)
    from smart_orchestrator.model.dataset import is_time_zone

    hour, minute, timezone, days = int(match[1]), int(match[2]), match[3], int(match[4])
    if not is_time_zone(timezone):
        message = f"names the time zone {timezone!r}, which is not UTC or an IANA name such as Europe/Berlin"
        raise ValueError(message)
    if days > _MAX_DAYS:
        message = f"is a deadline after more than {_MAX_DAYS} days"
        raise ValueError(message)
    return Objective(dt.time(hour, minute), timezone, days, required=required, judged=judged)


def parse_complete(text: str) -> str:
    """Check a text such as `6 of 7`, and return it.

    Raises:
        ValueError: the text does not have this form. The message continues a sentence that begins with the text.
    """
    _parse_complete(text)  # Raises the error.
    return text


def _parse_complete(text: str) -> tuple[int, int]:
    match = _COMPLETE.fullmatch(text)
    if match is None:
        message = f"is not a number of partitions such as {COMPLETE_EXAMPLE}"
        raise ValueError(message)
    required, judged = int(match[1]), int(match[2])
    if not 1 <= required <= judged <= _MAX_JUDGED:
        message = f"is not between 1 of 1 and {_MAX_JUDGED} of {_MAX_JUDGED}"
        raise ValueError(message)
    return required, judged


@dataclass(frozen=True, slots=True)
class Record:
    """The stored history of one partition.

    Attributes:
        available_since: the first known time at which the partition was available; None if no time is known.
        late_since: the deadline that the partition missed; None if the partition never had an incident.
        over_at: the time at which the incident ended; None if there is no incident, or the incident is open.
        is_end_unannounced: whether the message about the end of the incident is still due.
    """

    available_since: dt.datetime | None = None
    late_since: dt.datetime | None = None
    over_at: dt.datetime | None = None
    is_end_unannounced: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the partition has an incident that has not ended."""
        return self.late_since is not None and self.over_at is None

    @property
    def is_tracked(self) -> bool:
        """Whether the partition is judged although it is old: its incident is open, or the message about the end is due."""
        return self.is_open or self.is_end_unannounced


NO_RECORD = Record()


@dataclass(frozen=True, slots=True)
class PartitionFreshness:
    """The freshness of one partition.

    Attributes:
        key: the partition key.
        state: the state.
        deadline: the moment by which the partition must be available, in UTC.
        available_since: the first known time at which the partition was available; None if it is not available or not known.
        reason: the reason as a sentence.
        excused: whether the partition is not expected, for example because of a waiver. An excused partition is never late.
    """

    key: Key
    state: Freshness
    deadline: dt.datetime
    available_since: dt.datetime | None
    reason: str
    excused: bool = False

    def to_json(self) -> dict[str, object]:
        """Return the freshness as a JSON object, for `status --late --json`."""
        return {
            "key": key_text(self.key),
            "state": self.state.value,
            "deadline": self.deadline.isoformat(),
            "available_since": self.available_since.isoformat() if self.available_since else None,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class FreshnessReport:
    """The freshness of the judged partitions of a dataset.

    Attributes:
        dataset: the name of the dataset.
        objective: the objective that the partitions are judged by.
        partitions: the judged partitions, oldest first: the newest partitions whose deadlines have passed, the partitions with an open
            incident or an unannounced end of an incident, and the partitions whose deadlines have not passed.
        met: whether enough of the newest due partitions are available, and no incident is open.
        broken: whether too few of the newest due partitions are available. Incidents then begin for the late partitions.
        judged_at: the time that counts as now.
        restated: the restated partitions of the checked window, oldest first.
    """

    dataset: str
    objective: Objective
    partitions: tuple[PartitionFreshness, ...]
    met: bool
    broken: bool
    judged_at: dt.datetime
    restated: tuple[Partition, ...] = ()

    @property
    def late(self) -> tuple[PartitionFreshness, ...]:
        """The late partitions, oldest first."""
        return tuple(p for p in self.partitions if p.state is Freshness.LATE)

    @property
    def lateness(self) -> dt.timedelta:
        """The time since the earliest missed deadline of a late partition; zero if no partition is late."""
        return max((self.judged_at - p.deadline for p in self.late), default=dt.timedelta(0))

    def to_json(self) -> dict[str, object]:
        """Return the report as a JSON object, for `status --late --json`."""
        return {
            "dataset": self.dataset,
            "met": self.met,
            "required": self.objective.required,
            "judged": self.objective.judged,
            "lateness_seconds": int(self.lateness.total_seconds()),
            "partitions": [partition.to_json() for partition in self.partitions],
        }


def window_to_judge(
    dataset: Dataset, objective: Objective, now: dt.datetime, records: Mapping[Key, Record]
) -> Window:
    """Return the window that contains the newest due keys, the tracked keys of `records`, and the keys that are not yet due."""
    grain = dataset.grain
    as_of = grain.floor(now, dataset.zone)
    newest_due = grain.index(as_of)
    while newest_due > 0 and objective.deadline(grain, grain.key_at(newest_due), dataset.zone) > now:
        newest_due -= 1
    first = min(
        [
            newest_due - objective.judged + 1,
            *(grain.index(key) for key, record in records.items() if record.is_tracked),
        ]
    )
    return Window.between(grain.key_at(first), as_of, as_of=as_of, lag=dataset.lag, grain=grain)


def judge(
    dataset: Dataset,
    objective: Objective,
    completeness: Completeness,
    records: Mapping[Key, Record],
    now: dt.datetime,
) -> FreshnessReport:
    """Judge the partitions of a checked window, each by its own deadline.

    Args:
        dataset: the dataset.
        objective: the objective.
        completeness: the check of the window that `window_to_judge` returns.
        records: the stored history of the partitions.
        now: the current time.
    """
    judged = [
        _judge_partition(
            dataset, objective, completeness, partition, records.get(partition.day, NO_RECORD), now
        )
        for partition in completeness.partitions
    ]
    due = [p for p in judged if p.deadline <= now and not p.excused]
    newest_due = due[-objective.judged :]
    late = [p for p in newest_due if p.state is Freshness.LATE]
    still_open = [p for p in due if p.state is Freshness.LATE and records.get(p.key, NO_RECORD).is_open]
    kept = {p.key for p in (*newest_due, *still_open)} | {p.key for p in judged if p.deadline > now}
    # A partition whose incident has just ended stays in the report, so that its end can be announced.
    kept |= {p.key for p in judged if records.get(p.key, NO_RECORD).is_tracked}
    broken = len(late) > objective.allowed_late
    return FreshnessReport(
        dataset=completeness.dataset,
        objective=objective,
        partitions=tuple(p for p in judged if p.key in kept),
        met=not broken and not still_open,
        broken=broken,
        judged_at=now,
        restated=tuple(completeness[key] for key in completeness.restated),
    )


def _judge_partition(
    dataset: Dataset,
    objective: Objective,
    completeness: Completeness,
    partition: Partition,
    record: Record,
    now: dt.datetime,
) -> PartitionFreshness:
    """Judge one partition of a checked window."""
    key = partition.day
    deadline = objective.deadline(dataset.grain, key, dataset.zone)
    if not completeness.accepts(partition):
        excused = partition.code in _EXCUSED
        late = now >= deadline and not excused
        state = Freshness.LATE if late else Freshness.UNKNOWN
        return PartitionFreshness(
            key=key,
            state=state,
            deadline=deadline,
            available_since=None,
            reason=partition.reason,
            excused=excused,
        )
    since = record.available_since or _known_since(partition, deadline, now)
    if record.late_since is None and since is None:
        state, reason = Freshness.UNKNOWN, "available, but first checked after its deadline"
    elif record.late_since is None and since is not None and since <= deadline:
        state, reason = Freshness.FRESH, "available before its deadline"
    else:
        state, reason = Freshness.RECOVERED, "available after its deadline"
    return PartitionFreshness(key=key, state=state, deadline=deadline, available_since=since, reason=reason)


def _known_since(partition: Partition, deadline: dt.datetime, now: dt.datetime) -> dt.datetime | None:
    """Return the time since which a partition without a history is known to be available.

    Without a manifest, only a check before the deadline proves that the partition was in time.
    """
    if partition.manifest is not None:
        return partition.manifest.written_at
    return now if now <= deadline else None
