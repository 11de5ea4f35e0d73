"""Ask the upstream of a dataset about keys when a probe is due, and apply the answers to a window.

A key has *landed* when the upstream has it. The *outer bound* is the lag of the dataset; with an automatic lag, it is `max_lag`.

| the upstream says | automatic lag, before the outer bound | fixed lag, or after the outer bound |
|---|---|---|
| landed | the key is expected | the key is expected |
| not yet | the key is not expected (`WITHIN_LAG`) | the key is missing (`NOT_PUBLISHED`), and no run is started |
| unknown | the key is not expected (`WITHIN_LAG`) | the key is expected |

The upstream is not asked about a key that is more than `HORIZON` grains older than the outer bound. Such a key counts as landed. If the
upstream does not have it, the run of the key fails.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.partition import Code
from smart_orchestrator.upstream.probe import Presence
from smart_orchestrator.upstream.schedule import LandingDelays, first_probe, next_probe, pace_of
from smart_orchestrator.upstream.store import MAX_ANSWERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.grain import Key
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.window import Window
    from smart_orchestrator.upstream.probe import Answer, Probe
    from smart_orchestrator.upstream.store import AnswerHistory, AnswerStore, KnownAnswer

# The number of grains beyond the outer bound in which the upstream is still asked about a key.
HORIZON = 30
# Codes of partitions for which no run is started. The upstream's answer does not matter for these partitions.
_NOT_JUDGED = (Code.WAIVED, Code.BEYOND_UPSTREAM_HISTORY, Code.STILL_WRITING)


def now_utc() -> dt.datetime:
    """Return the current time in UTC."""
    return dt.datetime.now(tz=dt.UTC)


@dataclass(frozen=True, slots=True)
class UpstreamStatus:
    """What is known about the upstream of a dataset.

    Attributes:
        is_lag_automatic: whether a key is expected as soon as it has landed.
        max_lag: the outer bound: the fixed lag, or the largest automatic lag.
        delays: the typical and the worst landing delay.
        next_probe_at: the time of the next probe; None if every key has landed.
        pending: the keys that were asked about and have not landed, with the last answers, oldest first.
    """

    is_lag_automatic: bool
    max_lag: int
    delays: LandingDelays
    next_probe_at: dt.datetime | None
    pending: Mapping[Key, KnownAnswer]

    def to_json(self) -> dict[str, object]:
        """Return the status as a JSON object."""
        return {
            "lag": "auto" if self.is_lag_automatic else self.max_lag,
            "max_lag": self.max_lag,
            "landings": self.delays.count,
            "typical_delay_seconds": self.delays.typical,
            "worst_delay_seconds": self.delays.worst,
            "next_probe_at": None if self.next_probe_at is None else self.next_probe_at.isoformat(),
            "pending": [answer.to_json(key) for key, answer in self.pending.items()],
        }


class UpstreamWatch:
    """The upstream of one dataset: its probe, and the store of its answers.

    Args:
        dataset: the dataset. Its `lag` is the fixed lag or, with an automatic lag, the outer bound.
        probe: the probe of the upstream; None to use only the stored answers.
        store: the stored answers, which several processes share.
        is_lag_automatic: whether a key is expected as soon as it has landed.
        clock: the function that returns the current time in UTC.
    """

    def __init__(
        self,
        dataset: Dataset,
        probe: Probe | None,
        store: AnswerStore,
        *,
        is_lag_automatic: bool,
        clock: Callable[[], dt.datetime] = now_utc,
    ) -> None:
        self._dataset = dataset
        self._probe = probe
        self._store = store
        self.is_lag_automatic = is_lag_automatic
        self._clock = clock
        self._pace = pace_of(dataset.grain)
        # No request is sent before this time, because the upstream did not respond or asked to slow down.
        self._silent_until: dt.datetime | None = None

    def ask(self, keys: Iterable[Key]) -> dict[Key, KnownAnswer]:
        """Ask about the keys whose probe is due, and return the last answer about each key that has one.

        A key is not asked about if its span has not ended, if it is beyond the horizon, or if it is before the upstream's first key
        (`Dataset.history_start`).

        Raises:
            ConfigError: the configuration of the probe is wrong.
            LakeError: the stored answers cannot be read or written.
        """
        # The store keeps the answers about the newest `MAX_ANSWERS` keys.
        keys = [key for key in keys if self._is_asked_about(key)][-MAX_ANSWERS:]
        history = self._store.read()
        is_silent = self._silent_until is not None and self._clock() < self._silent_until
        if self._probe is not None and not is_silent and any(self._is_due(history, key) for key in keys):
            for key in self._store.reserve(keys, self._clock(), self._is_due):
                answer = self._probe.ask(key, self._clock())
                history = self._store.update(partial(self._with_answer, key=key, answer=answer))
                if answer.is_silent:
                    self._silent_until = answer.until
                    break  # The reservations of the other keys expire.
        return {key: history.answers[key] for key in keys if key in history.answers}

    def lag(self, as_of: Key) -> int:
        """Return the number of grains from the newest key that has landed to `as_of`: at least 1, and at most the outer bound.

        `as_of` only chooses the keys. A key counts as landed if it has landed by now, even if it landed after `as_of`. For a dataset with
        a fixed lag, return the fixed lag.

        Raises:
            ConfigError: the configuration of the probe is wrong.
            LakeError: the stored answers cannot be read or written.
        """
        bound = self._dataset.lag
        if not self.is_lag_automatic:
            return bound
        grain = self._dataset.grain
        for lag in range(1, bound):
            key = grain.key_at(grain.index(as_of) - lag)
            known = self.ask([key]).get(key)
            has_landed = known is not None and known.presence is Presence.LANDED
            # A key beyond the horizon counts as landed.
            if has_landed or self._age(key) > self._oldest_age:
                return lag
        return bound

    def apply(self, completeness: Completeness) -> Completeness:
        """Ask about the keys of a window that are not available, and mark those that have not landed.

        Raises:
            ConfigError: the configuration of the probe is wrong.
            LakeError: the stored answers cannot be read or written.
        """
        window = completeness.window
        judged = [
            partition.day
            for partition in completeness.partitions
            if not partition.available
            and partition.code not in _NOT_JUDGED
            and (self.is_lag_automatic or not window.within_lag(partition.day))
        ]
        if not judged:
            return completeness
        answers = self.ask(judged)
        marked = {key for key in judged if self._is_asked_about(key)}
        partitions = tuple(
            self._mark(partition, answers.get(partition.day), window)
            if partition.day in marked
            else partition
            for partition in completeness.partitions
        )
        return replace(completeness, partitions=partitions)

    def _mark(self, partition: Partition, known: KnownAnswer | None, window: Window) -> Partition:
        """Return a partition that is not available, with the code that follows from the answer about its key."""
        if known is not None and known.presence is Presence.LANDED:
            return partition
        key = partition.day
        text = "the upstream was not asked yet" if known is None else known.text
        age = window.grain.index(window.as_of) - window.grain.index(key)
        if self.is_lag_automatic and age < self._dataset.lag:
            bound = window.grain.key_at(window.grain.index(key) + self._dataset.lag)
            reason = f"not expected before it lands or before {key_text(bound)}: {text}"
            return partition.with_expectation(Code.WITHIN_LAG, reason)
        if known is not None and known.presence is Presence.NOT_YET:
            return partition.with_expectation(Code.NOT_PUBLISHED, f"{text}; {partition.reason}")
        return partition

    def answer(self, key: Key) -> KnownAnswer | None:
        """Return the last answer about a key without asking again; None if the upstream was never asked about it.

        Raises:
            LakeError: the stored answers cannot be read.
        """
        return self._store.read().answers.get(key)

    def status(self) -> UpstreamStatus:
        """Return what is known about the upstream, without asking it.

        Raises:
            LakeError: the stored answers cannot be read.
        """
        history = self._store.read()
        pending = {
            key: known
            for key, known in sorted(history.answers.items())
            if known.presence is not Presence.LANDED and self._is_asked_about(key)
        }
        return UpstreamStatus(
            self.is_lag_automatic,
            self._dataset.lag,
            LandingDelays.of(history.delays),
            self._next_probe_at(history, self._watched_keys(history)),
            pending,
        )

    def _watched_keys(self, history: AnswerHistory) -> list[Key]:
        """Return the keys that can have the next probe: those with an answer, and with an automatic lag also the newest ones.

        Keys with an answer may have landed. `_due_at` has no next probe for them.
        """
        grain = self._dataset.grain
        newest = grain.index(grain.floor(self._clock(), self._dataset.zone))
        keys = [key for key in history.answers if self._is_asked_about(key)]
        # Like `lag`, from the newest key back to the first one that has landed.
        for age in range(self._dataset.lag if self.is_lag_automatic else 0):
            key = grain.key_at(newest - age)
            known = history.answers.get(key)
            if self._dataset.beyond_history(key) or (known is not None and known.presence is Presence.LANDED):
                break
            keys.append(key)
        return keys

    def _next_probe_at(self, history: AnswerHistory, keys: Sequence[Key]) -> dt.datetime | None:
        times = [self._due_at(history, key) for key in keys]
        return min((time for time in times if time is not None), default=None)

    def _is_due(self, history: AnswerHistory, key: Key) -> bool:
        due_at = self._due_at(history, key)
        return due_at is not None and due_at <= self._clock()

    def _due_at(self, history: AnswerHistory, key: Key) -> dt.datetime | None:
        """Return the time of the next probe of a key; None for a key that has landed."""
        known = history.answers.get(key)
        if known is None:
            return self._at(key, first_probe(history.delays, self._pace))
        return None if known.presence is Presence.LANDED else known.next_at

    def _with_answer(self, history: AnswerHistory, key: Key, answer: Answer) -> AnswerHistory:
        now = self._clock()
        end = self._dataset.span(key)[1]

        def next_at(delays: Sequence[float]) -> dt.datetime:
            return self._at(key, next_probe(delays, max(0.0, (now - end).total_seconds()), self._pace))

        return history.with_answer(key, answer, now, end, next_at)

    def _at(self, key: Key, seconds: float) -> dt.datetime:
        """Return the time that is a number of seconds after the end of the key's span."""
        return self._dataset.span(key)[1] + dt.timedelta(seconds=seconds)

    def _age(self, key: Key) -> int:
        """Return the number of grains from a key to the key whose span contains the current time."""
        grain = self._dataset.grain
        return grain.index(grain.floor(self._clock(), self._dataset.zone)) - grain.index(key)

    def _is_asked_about(self, key: Key) -> bool:
        return 1 <= self._age(key) <= self._oldest_age and not self._dataset.beyond_history(key)

    @property
    def _oldest_age(self) -> int:
        return self._dataset.lag + HORIZON
