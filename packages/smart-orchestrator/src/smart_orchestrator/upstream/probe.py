"""A probe asks an upstream whether it has a key. This module has the protocol of probes, and the answer of a probe.

If the upstream does not respond, a probe raises no error: the answer is `UNKNOWN`, with the reason. The modules `url_probe` and
`program_probes` contain the kinds of probes. A key has *landed* when the upstream has it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from smart_orchestrator.foreign import one_line

if TYPE_CHECKING:
    from smart_orchestrator.model.grain import Key

# How long an answer is valid if the upstream does not specify a time: the answers "landed" and "not yet", and an unknown answer.
DEFAULT_VALIDITY = dt.timedelta(minutes=30)
UNKNOWN_VALIDITY = dt.timedelta(minutes=5)
# A longer `Retry-After` is shortened to this.
MAX_RETRY_AFTER = dt.timedelta(minutes=15)
# A longer `max-age` is shortened to this.
MAX_VALIDITY = dt.timedelta(days=1)


class Presence(StrEnum):
    """Whether the upstream has a key. The values are stable, because programs branch on them."""

    LANDED = "landed"
    NOT_YET = "not_yet"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a probe about one key.

    Attributes:
        presence: whether the upstream has the key.
        until: the time until which the answer is valid, and before which the upstream must not be asked again.
        etag: the ETag of the key's data; empty without one.
        url: the address that was asked, without credentials; empty for a probe without an address.
        detail: the response of the upstream, such as `HTTP 404`, or the reason why the presence is unknown.
        is_silent: whether the upstream did not respond, or asked to slow down. Before `until`, it is then not asked about any key.
    """

    presence: Presence
    until: dt.datetime
    etag: str = ""
    url: str = ""
    detail: str = ""
    is_silent: bool = False

    def __post_init__(self) -> None:
        """Reject an answer that cannot be stored. The function of a user may have created it."""
        if self.until.tzinfo is None:
            message = "the time `until` of an answer has no time zone; use for example datetime.now(tz=UTC)"
            raise ValueError(message)
        object.__setattr__(self, "presence", Presence(self.presence))
        for name in ("etag", "url", "detail"):
            object.__setattr__(self, name, one_line(getattr(self, name) or ""))

    @classmethod
    def of(
        cls, presence: Presence, now: dt.datetime, detail: str = "", *, url: str = "", is_silent: bool = False
    ) -> Answer:
        """Return an answer with the default validity."""
        validity = UNKNOWN_VALIDITY if presence is Presence.UNKNOWN else DEFAULT_VALIDITY
        return cls(presence, now + validity, url=url, detail=detail, is_silent=is_silent)


class Probe(Protocol):
    """Asks an upstream, at a low cost, whether it has a key."""

    def ask(self, key: Key, now: dt.datetime) -> Answer:
        """Ask the upstream about one key. `now` is the current time, from which the validity counts.

        Raises:
            ConfigError: the configuration of the probe is wrong, so the probe works for no key.
        """
        ...
