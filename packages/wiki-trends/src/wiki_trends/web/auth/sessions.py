"""Sessions as signed cookies, and a list of the revoked ones.

A cookie contains its expiry and a random id, and is signed with the token. A new token ends all sessions; a restart with the
same token ends none. Signing out adds the id to the list of revoked sessions. With a file, the list survives a restart. If the
file cannot be written, the reason is logged, and the session is revoked only until the process restarts.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

logger = logging.getLogger(__name__)
SESSION_SECONDS = 7 * 86_400
# Revoked sessions that are remembered; the ones that expire first are dropped first.
_MAX_REVOKED = 10_000
# The most digits of an expiry in seconds.
_EXPIRY_DIGITS = 11


class Sessions:
    """Creates, verifies and revokes session cookies. Not thread-safe: used on the event loop only.

    Args:
        key: the secret that signs the cookies.
        revoked_file: where revoked sessions are kept over a restart; None: only in memory.
        clock: seconds since the epoch.
    """

    def __init__(
        self, key: bytes, revoked_file: Path | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._key = key
        self._file = revoked_file
        self._clock = clock
        self._revoked: dict[str, int] | None = None

    def create(self, expires: int | None = None) -> str:
        """A cookie for a new session, valid until `expires` (seconds since the epoch), else for `SESSION_SECONDS`."""
        until = int(self._clock()) + SESSION_SECONDS if expires is None else expires
        body = f"{until}.{secrets.token_urlsafe(16)}"
        return f"{body}.{self._signature(body)}"

    def is_valid(self, cookie: str) -> bool:
        """Whether the cookie is signed with our key, has not expired, and was not revoked."""
        verified = self._verified(cookie)
        if verified is None:
            return False
        session_id, _ = verified
        return session_id not in self._revocations()

    def revoke(self, cookie: str) -> None:
        """End the session of a cookie."""
        verified = self._verified(cookie)
        if verified is None:
            return
        session_id, until = verified
        self._revocations()[session_id] = until
        self._prune()
        self._save()

    def _verified(self, cookie: str) -> tuple[str, int] | None:
        """Session id and expiry of a cookie; None if the signature is invalid or the session has expired."""
        body, _, signature = cookie.rpartition(".")
        until, _, session_id = body.partition(".")
        if not session_id or not (until.isascii() and until.isdecimal() and len(until) <= _EXPIRY_DIGITS):
            return None
        if int(until) < self._clock():
            return None
        expected = self._signature(body)
        valid = hmac.compare_digest(signature.encode("utf-8", "surrogateescape"), expected.encode())
        return (session_id, int(until)) if valid else None

    def _signature(self, body: str) -> str:
        message = f"session {body}".encode("utf-8", "surrogateescape")
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()

    def _revocations(self) -> dict[str, int]:
        if self._revoked is None:
            self._revoked = self._load()
        return self._revoked

    def _load(self) -> dict[str, int]:
        if self._file is None:
            return {}
        try:
            lines = self._file.read_text("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return {}
        except OSError as error:
            logger.warning("the list of revoked sessions cannot be read (%s)", error.strerror)
            return {}
        revoked = {}
        for line in lines[:_MAX_REVOKED]:
            until, _, session_id = line.partition(" ")
            if until.isascii() and until.isdecimal() and len(until) <= _EXPIRY_DIGITS and session_id:
                revoked[session_id] = int(until)
        return revoked

    def _prune(self) -> None:
        now = self._clock()
        current = [(session_id, until) for session_id, until in self._revocations().items() if until >= now]
        current.sort(key=lambda entry: entry[1])
        self._revoked = dict(current[-_MAX_REVOKED:])

    def _save(self) -> None:
        if self._file is None:
            return
        text = "".join(f"{until} {session_id}\n" for session_id, until in self._revocations().items())
        temporary = self._file.with_name(f"{self._file.name}.new")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(text, "utf-8")
            temporary.replace(self._file)
        except OSError as error:
            logger.warning("the list of revoked sessions cannot be written (%s)", error.strerror)
