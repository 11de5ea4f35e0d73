"""Store when partitions became available and which were late, and decide which messages are due.

An incident begins when a partition misses its deadline. It ends when the partition becomes available, or is no longer expected. The
history of the incidents is in the ledger of the state folder. Before a process sends a message, it claims the message in a transaction. So
only one of several processes sends the message.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.model.freshness import Freshness, Record
from smart_orchestrator.model.grain import key_text, parse_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from sqlite3 import Connection

    from smart_orchestrator.model.freshness import FreshnessReport, PartitionFreshness
    from smart_orchestrator.model.grain import Key
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.runners.ledger import Ledger

# `late_announced` is 1 when a process has claimed the message about the beginning of the incident. `over_announced` is 1 when a process has
# claimed the message about the end of the incident.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS freshness (
    dataset TEXT NOT NULL, key TEXT NOT NULL, available_since TEXT, late_since TEXT, over_at TEXT,
    late_announced INTEGER NOT NULL DEFAULT 0, over_announced INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (dataset, key)
)
"""
# The change that was announced last. The column `fingerprint` contains the fingerprint of the restated partition, and the description of
# the change. The description is needed because a run can write the same data again: the fingerprint then stays the same, and the next
# change of the upstream must be announced, too.
_RESTATED_SCHEMA = """
CREATE TABLE IF NOT EXISTS restated (
    dataset TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, PRIMARY KEY (dataset, key)
)
"""
_SELECT_RECORDS = """
SELECT key, available_since, late_since, over_at,
    over_at IS NOT NULL AND late_announced = 1 AND over_announced = 0 AS is_end_unannounced
FROM freshness WHERE dataset = ?
"""
_MARK_AVAILABLE = """
INSERT INTO freshness (dataset, key, available_since) VALUES (?, ?, ?)
ON CONFLICT (dataset, key) DO UPDATE SET available_since = COALESCE(available_since, excluded.available_since)
"""
# A partition that becomes unavailable after the end of an incident begins a new incident.
_OPEN_INCIDENT = """
INSERT INTO freshness (dataset, key, late_since) VALUES (?, ?, ?)
ON CONFLICT (dataset, key) DO UPDATE
    SET late_since = excluded.late_since, over_at = NULL, late_announced = 0, over_announced = 0
    WHERE late_since IS NULL OR over_at IS NOT NULL
"""
_CLAIM_RESTATED = """
INSERT INTO restated (dataset, key, fingerprint) VALUES (?, ?, ?)
ON CONFLICT (dataset, key) DO UPDATE SET fingerprint = excluded.fingerprint WHERE fingerprint <> excluded.fingerprint
RETURNING key
"""
_CLOSE_INCIDENT = """
UPDATE freshness SET over_at = ? WHERE dataset = ? AND key = ? AND late_since IS NOT NULL AND over_at IS NULL
"""
# An ended incident is forgotten when both its messages were claimed, or neither: the message about the end is sent only if the message about
# the beginning was sent.
_FORGET_ENDED = """
DELETE FROM freshness
WHERE dataset = ? AND key < ? AND (late_since IS NULL OR (over_at IS NOT NULL AND over_announced = late_announced))
"""
_CLAIM_LATE = """
UPDATE freshness SET late_announced = 1 WHERE dataset = ? AND late_since IS NOT NULL AND over_at IS NULL AND late_announced = 0
RETURNING key
"""
_CLAIM_OVER = """
UPDATE freshness SET over_announced = 1
WHERE dataset = ? AND over_at IS NOT NULL AND late_announced = 1 AND over_announced = 0
RETURNING key
"""


@dataclass(frozen=True, slots=True)
class Changes:
    """The partitions about which the caller must send messages now.

    Attributes:
        began: the partitions whose incidents began.
        ended: the partitions whose incidents ended.
    """

    began: tuple[PartitionFreshness, ...] = ()
    ended: tuple[PartitionFreshness, ...] = ()


class IncidentStore:
    """Incidents in the ledger of a state folder. Safe for concurrent threads and processes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def records(self, dataset: str) -> Mapping[Key, Record]:
        """Return the stored history of the partitions of a dataset, by key.

        Raises:
            RunsError: the state folder or the ledger cannot be used.
        """
        with self._ledger.connection() as database:
            database.execute(_SCHEMA)
            rows = database.execute(_SELECT_RECORDS, (dataset,)).fetchall()
        return {
            parse_key(key): Record(
                _parse_time(available_since),
                _parse_time(late_since),
                _parse_time(over_at),
                is_end_unannounced=bool(is_end_unannounced),
            )
            for key, available_since, late_since, over_at, is_end_unannounced in rows
        }

    def update(self, report: FreshnessReport) -> Changes:
        """Store a report, and claim the messages that are due after it. Then forget old incidents that need no more messages.

        Raises:
            RunsError: the state folder or the ledger cannot be used.
        """
        with self._ledger.connection() as database:
            database.execute(_SCHEMA)
            _store(database, report)
            began = _keys(database.execute(_CLAIM_LATE, (report.dataset,)))
            ended = _keys(database.execute(_CLAIM_OVER, (report.dataset,)))
            if report.partitions:
                oldest = key_text(report.partitions[0].key)
                database.execute(_FORGET_ENDED, (report.dataset, oldest))
        return Changes(
            tuple(p for p in report.partitions if p.key in began),
            tuple(p for p in report.partitions if p.key in ended),
        )

    def claim_restated(self, dataset: str, partitions: Sequence[Partition]) -> list[Partition]:
        """Claim the message about restated partitions; return those that were not announced before.

        Raises:
            RunsError: the state folder or the ledger cannot be used.
        """
        if not partitions:
            return []
        with self._ledger.connection() as database:
            database.execute(_RESTATED_SCHEMA)
            return [
                partition
                for partition in partitions
                if database.execute(
                    _CLAIM_RESTATED,
                    (dataset, key_text(partition.day), f"{partition.fingerprint}: {partition.reason}"),
                ).fetchall()
            ]

    def release_restated(self, dataset: str, partitions: Sequence[Partition]) -> None:
        """Release the claim of messages about restated partitions, because no address accepted the messages."""
        with self._ledger.connection() as database:
            database.executemany(
                "DELETE FROM restated WHERE dataset = ? AND key = ?",
                [(dataset, key_text(partition.day)) for partition in partitions],
            )

    def release(self, dataset: str, changes: Changes) -> None:
        """Release the claim of messages, because no address accepted the messages. The next update returns them again."""
        with self._ledger.connection() as database:
            for column, partitions in (("late_announced", changes.began), ("over_announced", changes.ended)):
                keys = [(dataset, key_text(partition.key)) for partition in partitions]
                database.executemany(
                    f"UPDATE freshness SET {column} = 0 WHERE dataset = ? AND key = ?",  # noqa: S608 - two fixed names
                    keys,
                )


def _store(database: Connection, report: FreshnessReport) -> None:
    """Store the state of each partition of a report."""
    name, now = report.dataset, report.judged_at.isoformat()
    for partition in report.partitions:
        key = key_text(partition.key)
        if _ends_incident(partition):
            database.execute(_CLOSE_INCIDENT, (now, name, key))
        elif partition.state is Freshness.LATE and report.broken:
            database.execute(_OPEN_INCIDENT, (name, key, partition.deadline.isoformat()))
        if partition.available_since is not None:
            database.execute(_MARK_AVAILABLE, (name, key, partition.available_since.isoformat()))


def _ends_incident(partition: PartitionFreshness) -> bool:
    """Return whether an incident of the partition is over: the partition is available, or no longer expected."""
    return partition.state is Freshness.RECOVERED or partition.excused


def _keys(rows: Iterable[tuple[str]]) -> set[Key]:
    return {parse_key(key) for (key,) in rows}


def _parse_time(text: str | None) -> dt.datetime | None:
    return None if text is None else dt.datetime.fromisoformat(text)
