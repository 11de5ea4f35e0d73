"""Recheck keys: ask the upstream again about keys that have landed, and find the partitions whose data it has changed since.

`Dataset.recheck` contains the times of the rechecks, as numbers of days after the landing of a key. With `(1, 7)`, a key is rechecked one
day and seven days after it landed. If more than one of these times has passed since the last recheck, one request covers them. If the lake
received the data of the key after the latest of the times that have passed, no request is sent, because these data already contain the
changes up to that time. If the upstream does not respond, the recheck is repeated later.

A key has *landed* when the upstream has it, as in `watch`. The exact time of the landing is not known. In this module, the time of the
landing is the earlier of two times: when the lake received the data of the key, and the start of the key that is `lag` keys later.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from smart_orchestrator.model.grain import key_text
from smart_orchestrator.upstream.probe import MAX_RETRY_AFTER, Presence
from smart_orchestrator.upstream.recheck_store import (
    Change,
    Recheck,
    RecheckHistory,
    mark_restated,
    recheck_document,
)
from smart_orchestrator.upstream.store import RESERVATION
from smart_orchestrator.upstream.watch import now_utc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.grain import Key
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.upstream.probe import Probe
    from smart_orchestrator.upstream.store import KnownAnswer

logger = logging.getLogger(__name__)

# The largest number of keys that one check rechecks. The newest keys come first. Keys whose last recheck had no answer come last.
MAX_QUESTIONS = 30
# A key is not rechecked any more when the last of its times passed more than this number of days ago.
MAX_DELAY_DAYS = 30
# How long no request is sent to an upstream that did not respond.
UNKNOWN_PAUSE = MAX_RETRY_AFTER


@dataclass(frozen=True, slots=True)
class Verdict:
    """The comparison of a partition with the data of the upstream.

    Attributes:
        change: the kind of the difference.
        detail: the difference, or the reason why the difference is unknown, as a part of a sentence.
        etag: the ETag of the upstream's data; empty without one.
        until: for an unknown change, the time before which the upstream must not be asked again; None for the default.
    """

    change: Change
    detail: str = ""
    etag: str = ""
    until: dt.datetime | None = None


class Comparison(Protocol):
    """Compares partitions with the data that the upstream has now."""

    def held_since(self, partition: Partition) -> dt.datetime | None:
        """Return the time at which the lake got the data of a partition from the upstream; None if it is not known."""
        ...

    def compare(self, partition: Partition, etag: str, now: dt.datetime) -> Verdict:
        """Ask the upstream about the key of a partition. `etag` is the ETag at the last recheck, or empty."""
        ...


class ProbeComparison:
    """A `Comparison` by the ETag that a probe returns. The first ETag of a key is only stored, because there is nothing to compare it with.

    Args:
        probe: the probe of the upstream.
        last_answer: returns the stored answer of the last probe of a key. A key is probed until the answer is "landed", so the ETag of this
            answer is that of the key's first data.
    """

    def __init__(self, probe: Probe, last_answer: Callable[[Key], KnownAnswer | None]) -> None:
        self._probe = probe
        self._last_answer = last_answer

    def held_since(self, partition: Partition) -> dt.datetime | None:
        """See `Comparison`."""
        if partition.manifest is not None:
            return partition.manifest.written_at
        known = self._last_answer(partition.day)
        return known.asked_at if known is not None and known.presence is Presence.LANDED else None

    def compare(self, partition: Partition, etag: str, now: dt.datetime) -> Verdict:
        """See `Comparison`."""
        if not etag:
            known = self._last_answer(partition.day)
            etag = known.etag if known is not None else ""
        answer = self._probe.ask(partition.day, now)
        if answer.presence is not Presence.LANDED:
            return Verdict(Change.UNKNOWN, answer.detail, etag, answer.until)
        if not answer.etag:
            return Verdict(Change.NONE, "the upstream sends no ETag")
        if not etag:
            return Verdict(Change.NONE, "its ETag was not known before", answer.etag)
        if _strong(answer.etag) == _strong(etag):
            return Verdict(Change.NONE, "its ETag is the same", answer.etag)
        return Verdict(Change.MATERIAL, f"its ETag was {etag}, and is {answer.etag}", answer.etag)


def _strong(etag: str) -> str:
    return etag.removeprefix("W/")


class Rechecks:
    """The rechecks of one dataset.

    Args:
        dataset: the dataset. Its `recheck` has the times of the rechecks. Its `lag` limits the time of the landing, see the module.
        comparison: the comparison with the upstream.
        clock: the function that returns the current time in UTC.
    """

    def __init__(
        self,
        dataset: Dataset,
        comparison: Comparison,
        *,
        clock: Callable[[], dt.datetime] = now_utc,
    ) -> None:
        self._dataset = dataset
        self._comparison = comparison
        self._document = recheck_document(dataset)
        self._clock = clock

    def apply(self, completeness: Completeness) -> Completeness:
        """Recheck the available partitions of a window for which a recheck is due, and mark the restated partitions.

        Raises:
            ConfigError: the configuration of the probe is wrong.
            LakeError: the stored rechecks cannot be read or written.
        """
        if not self.ask(completeness.partitions):
            # The check has marked the partitions that earlier rechecks found to be restated.
            return completeness
        return replace(completeness, partitions=tuple(mark_restated(self._dataset, completeness.partitions)))

    def ask(self, partitions: Sequence[Partition]) -> dict[Key, Recheck]:
        """Recheck those of `partitions` that are available and for which a recheck is due. Return the new rechecks.

        Raises:
            ConfigError: the configuration of the probe is wrong.
            LakeError: the stored rechecks cannot be read or written.
        """
        rechecked_keys: dict[Key, Recheck] = {}
        available = [p for p in reversed(partitions) if p.available and p.fingerprint]
        if not available:
            return rechecked_keys
        history = self._document.read()
        due = [p for p in available if self._is_due(p.day, history)]
        # The loop stops at the first key without an answer. Keys that had none the last time come last, so that they do not keep the
        # others from being rechecked.
        unanswered = {key for key, recheck in history.rechecks.items() if recheck.had_no_answer}
        due.sort(key=lambda p: p.day in unanswered)
        for partition, known in self._reserve(due[:MAX_QUESTIONS]):
            rechecked = self._recheck(partition, known)
            self._store(partition.day, rechecked)
            rechecked_keys[partition.day] = rechecked
            logger.info(
                "%s %s: %s: %s",
                self._dataset.name,
                key_text(partition.day),
                rechecked.change,
                rechecked.detail,
            )
            if rechecked.had_no_answer:
                break  # The upstream is not asked about the remaining keys now. Their reservations expire.
        return rechecked_keys

    def _store(self, key: Key, recheck: Recheck) -> None:
        self._document.update(lambda history: history.with_recheck(key, recheck))

    def known(self, keys: Sequence[Key]) -> Mapping[Key, Recheck]:
        """Return the last recheck of each key that was rechecked.

        Raises:
            LakeError: the stored rechecks cannot be read.
        """
        rechecks = self._document.read().rechecks
        return {key: rechecks[key] for key in keys if key in rechecks and rechecks[key].asked_at is not None}

    def _is_due(self, key: Key, history: RecheckHistory) -> bool:
        """Return whether a key must be rechecked now.

        The landing of a key without a stored recheck is assumed to be the end of its span, which is the earliest possible time.
        """
        known = history.rechecks.get(key)
        now = self._clock()
        landed_at = self._dataset.span(key)[1] if known is None else known.landed_at
        if now - landed_at > dt.timedelta(days=self._dataset.recheck[-1] + MAX_DELAY_DAYS):
            return False
        return bool(self._passed_times(landed_at, known.age if known else 0)) and (
            known is None or known.next_at <= now
        )

    def _passed_times(self, landed_at: dt.datetime, done_days: int) -> list[int]:
        """Return the times of `Dataset.recheck`, in days, that have passed since a key landed and come after `done_days`, the last one done."""
        now = self._clock()
        return [
            days
            for days in self._dataset.recheck
            if days > done_days and landed_at + dt.timedelta(days=days) <= now
        ]

    def _reserve(self, due: Sequence[Partition]) -> list[tuple[Partition, Recheck]]:
        """Reserve the due keys, so that no other process rechecks them. Return the keys that this process has reserved."""
        if not due:
            return []
        landed = {partition.day: self._landed_at(partition) for partition in due}
        reserved: list[tuple[Partition, Recheck]] = []

        def reserve(history: RecheckHistory) -> RecheckHistory | None:
            until = self._clock() + RESERVATION
            # `update` calls this function again if another process has changed the history in the meantime.
            reserved.clear()
            for partition in due:
                key = partition.day
                if self._is_due(key, history):
                    known = history.rechecks.get(key) or Recheck(landed[key], age=0, next_at=until)
                    history = history.with_recheck(key, replace(known, next_at=until))
                    reserved.append((partition, known))
            return history if reserved else None

        self._document.update(reserve)
        return reserved

    def _landed_at(self, partition: Partition) -> dt.datetime:
        grain = self._dataset.grain
        expected_key = grain.key_at(grain.index(partition.day) + self._dataset.lag)
        expected_at = grain.start(expected_key, self._dataset.zone)
        held_since = self._comparison.held_since(partition)
        return expected_at if held_since is None else min(held_since, expected_at)

    def _recheck(self, partition: Partition, known: Recheck) -> Recheck:
        """Return the new recheck of a reserved key, and ask the upstream if it is necessary."""
        now = self._clock()
        passed = self._passed_times(known.landed_at, known.age)
        if not passed:
            # The key landed later than `_is_due` assumed.
            return replace(known, next_at=known.landed_at + dt.timedelta(days=self._dataset.recheck[0]))
        # Without a request, the last request that had no answer needs no repetition, so it is not recorded any more.
        without_request = replace(
            known, age=passed[-1], next_at=now, asked_at=None if known.had_no_answer else known.asked_at
        )
        if known.marks_as_restated(partition):
            # The partition must be made again anyway.
            return without_request
        held_since = self._comparison.held_since(partition)
        if held_since is not None and known.landed_at + dt.timedelta(days=passed[-1]) <= held_since:
            # The lake received the data after all times that have passed.
            return without_request
        verdict = self._comparison.compare(partition, known.etag, now)
        answered = replace(
            known, asked_at=now, change=verdict.change, detail=verdict.detail, etag=verdict.etag or known.etag
        )
        if verdict.change is Change.UNKNOWN:
            return replace(answered, next_at=max(verdict.until or now, now + UNKNOWN_PAUSE))
        fingerprint = partition.fingerprint if verdict.change is Change.MATERIAL else ""
        return replace(answered, age=passed[-1], next_at=now, fingerprint=fingerprint or "")
