"""Store the last answer about each key of a dataset, and the delays with which keys landed, in one bounded JSON object.

The object is in the state folder of this machine, or in a lake that several machines share. Before a process asks the upstream about a
key, it reserves the key with a conditional write. Until the reservation ends, the other processes use the last answer. So two processes
never ask about the same key at the same time. If the process dies, the reservation ends after `RESERVATION`.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from smart_orchestrator.foreign import BadDocument, one_line, parse_document, text_field, timestamp_field
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.upstream.probe import Answer, Presence
from smart_orchestrator.upstream.shared_document import SharedDocument

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from smart_orchestrator.model.grain import Grain, Key
    from smart_orchestrator.store.base import Lake

MAX_ANSWERS = 400
MAX_DELAYS = 60
MAX_BYTES = 1 << 20
RESERVATION = dt.timedelta(minutes=2)
# A key landed between the last answer "not yet" and the first answer "landed". Its delay is recorded only if at most this time lies between
# the two answers.
MAX_UNCERTAINTY = dt.timedelta(hours=6)
_VERSION = 1


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """The last answer about one key.

    Attributes:
        presence: whether the upstream has the key.
        asked_at: the time of the answer.
        until: the time until which the answer is valid.
        next_at: the time of the next probe, or the end of a reservation; not used for a key that has landed.
        etag: the ETag of the key's data; empty without one.
        url: the address that was asked; empty without one.
        detail: the response of the upstream, such as `HTTP 404`, or the reason why the presence is unknown.
        absent_at: the time of the last answer that the upstream does not have the key yet; None without one.
    """

    presence: Presence
    asked_at: dt.datetime
    until: dt.datetime
    next_at: dt.datetime
    etag: str = ""
    url: str = ""
    detail: str = ""
    absent_at: dt.datetime | None = None

    @property
    def text(self) -> str:
        """The answer as a part of a sentence."""
        verb = {
            Presence.LANDED: "the upstream has it",
            Presence.NOT_YET: "the upstream does not have it yet",
            Presence.UNKNOWN: "the upstream does not say whether it has it",
        }[self.presence]
        source = f"{self.url} " if self.url else ""
        text = f"{verb} ({source}{self.detail}, asked {_minute(self.asked_at)}"
        return text + (
            ")" if self.presence is Presence.LANDED else f"); the next probe is at {_minute(self.next_at)}"
        )

    def to_json(self, key: Key) -> dict[str, object]:
        """Return the answer as a JSON object."""
        return {
            "key": key_text(key),
            "answer": self.presence.value,
            "asked_at": self.asked_at.isoformat(),
            "valid_until": self.until.isoformat(),
            "next_probe_at": None if self.presence is Presence.LANDED else self.next_at.isoformat(),
            "etag": self.etag or None,
            "url": self.url or None,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class AnswerHistory:
    """The content of the object: the answers by key, and the delays of landings in seconds, the newest last."""

    answers: Mapping[Key, KnownAnswer]
    delays: Sequence[float] = ()

    def with_answer(
        self,
        key: Key,
        answer: Answer,
        now: dt.datetime,
        end: dt.datetime,
        next_at: Callable[[Sequence[float]], dt.datetime],
    ) -> AnswerHistory:
        """Return a copy with a new answer about one key.

        Args:
            key: the key that was asked about.
            answer: the answer.
            now: the time of the answer.
            end: the end of the span of the key.
            next_at: returns the time of the next probe of the key, from the delays of landings.
        """
        known = self.answers.get(key)
        absent_at = now if answer.presence is Presence.NOT_YET else known.absent_at if known else None
        delay = self._landing_delay(key, now, end) if answer.presence is Presence.LANDED else None
        delays = [*self.delays, *([] if delay is None else [delay])][-MAX_DELAYS:]
        new = KnownAnswer(
            presence=answer.presence,
            asked_at=now,
            until=answer.until,
            next_at=max(answer.until, next_at(delays)),
            etag=answer.etag,
            url=answer.url,
            detail=answer.detail,
            absent_at=absent_at,
        )
        return AnswerHistory(dict(sorted({**self.answers, key: new}.items())[-MAX_ANSWERS:]), tuple(delays))

    def _landing_delay(self, key: Key, now: dt.datetime, end: dt.datetime) -> float | None:
        """Return the delay of a key that has landed, or None if the landing was known before or its time is too uncertain.

        The delay counts from the end of the key's span to the estimated landing. The estimate is the middle between the last answer "not
        yet" (without such an answer, the end of the span) and the first answer "landed".
        """
        known = self.answers.get(key)
        if known is not None and known.presence is Presence.LANDED:
            return None
        absent_at = end if known is None or known.absent_at is None else max(end, known.absent_at)
        if now - absent_at > MAX_UNCERTAINTY:
            return None
        return max(0.0, (absent_at + (now - absent_at) / 2 - end).total_seconds())

    def to_bytes(self) -> bytes:
        """Return the content of the object."""
        document = {
            "version": _VERSION,
            "delays": [round(delay, 1) for delay in self.delays],
            "answers": [
                {
                    **answer.to_json(key),
                    "next_probe_at": answer.next_at.isoformat(),
                    "absent_at": None if answer.absent_at is None else answer.absent_at.isoformat(),
                }
                for key, answer in self.answers.items()
            ],
        }
        return json.dumps(document, ensure_ascii=False, indent=1).encode()


class AnswerStore:
    """The answers and landings of one dataset.

    Args:
        lake: the lake that contains the object.
        key: the key of the object in the lake.
        grain: the grain of the dataset.
    """

    def __init__(self, lake: Lake, key: str, grain: Grain) -> None:
        self._document = SharedDocument(lake, key, lambda data: _parse(data, key, grain), AnswerHistory({}))

    def read(self) -> AnswerHistory:
        """Read the object. A missing or unreadable object counts as empty, because the upstream can be asked again.

        Raises:
            LakeError: the lake does not respond, or refuses the request.
        """
        return self._document.read()

    def reserve(
        self, keys: Sequence[Key], now: dt.datetime, is_due: Callable[[AnswerHistory, Key], bool]
    ) -> list[Key]:
        """Reserve those of `keys` whose next probe is due, and return them. Until the reservation ends, no other process can reserve them.

        Raises:
            ObjectConflict: other processes changed the object again and again.
            LakeError: the lake does not respond, or refuses the request.
        """
        due: list[Key] = []
        until = now + RESERVATION
        unasked = KnownAnswer(Presence.UNKNOWN, now, until, until, detail="it is being asked")

        def reserve_due(history: AnswerHistory) -> AnswerHistory | None:
            due[:] = [key for key in keys if is_due(history, key)]
            reserved = {key: replace(history.answers.get(key, unasked), next_at=until) for key in due}
            answers = dict(sorted({**history.answers, **reserved}.items())[-MAX_ANSWERS:])
            # The oldest keys do not fit into the object, so they are not reserved.
            due[:] = [key for key in due if key in answers]
            return replace(history, answers=answers) if reserved else None

        self._document.update(reserve_due)
        return due

    def update(self, change: Callable[[AnswerHistory], AnswerHistory]) -> AnswerHistory:
        """Change the content of the object atomically, and return the new content.

        Raises:
            ObjectConflict: other processes changed the object again and again.
            LakeError: the lake does not respond, or refuses the request.
        """
        return self._document.update(change)


def _parse(data: bytes, name: str, grain: Grain) -> AnswerHistory:
    """Parse the content of the object.

    Raises:
        BadDocument: the content was written by another program.
    """
    document = parse_document(data, what=name, max_bytes=MAX_BYTES)
    delays, items = document.get("delays"), document.get("answers")
    if not isinstance(delays, list) or not isinstance(items, list):
        raise BadDocument(name, "it has no delays or no answers")
    try:
        answers = dict(_parse_answer(item, name, grain) for item in items)
        numbers = tuple(float(delay) for delay in delays)
    except (ValueError, TypeError, AttributeError) as error:
        raise BadDocument(name, str(error)) from None
    return AnswerHistory(dict(sorted(answers.items())[-MAX_ANSWERS:]), numbers[-MAX_DELAYS:])


def _parse_answer(item: Mapping[str, Any], name: str, grain: Grain) -> tuple[Key, KnownAnswer]:
    return grain.parse(text_field(item, "key", what=name)), KnownAnswer(
        presence=Presence(text_field(item, "answer", what=name)),
        asked_at=timestamp_field(item, "asked_at", what=name),
        until=timestamp_field(item, "valid_until", what=name),
        next_at=timestamp_field(item, "next_probe_at", what=name),
        etag=one_line(item.get("etag") or ""),
        url=one_line(item.get("url") or "", 500),
        detail=one_line(item.get("detail") or ""),
        absent_at=timestamp_field(item, "absent_at", what=name) if item.get("absent_at") else None,
    )


def _minute(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
