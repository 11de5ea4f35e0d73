"""Sessions as signed cookies, and a list of revoked sessions.

A cookie contains the expiry time and a random id of a session, and a signature made with the server's token. A new token ends
all sessions; a restart with the same token ends no session. Signing out adds the session id to the list of revoked sessions.
The list is saved in a file. If the file cannot be written, the reason is logged, and the list is lost when the process ends.
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
# The maximum length of the list of revoked sessions. The sessions that expire first are dropped first.
_MAX_REVOKED = 10_000
# An expiry is a Unix time in seconds. A longer number was not written by this program.
_MAX_EXPIRY_DIGITS = 11


class Sessions:
    """Creates, verifies and revokes session cookies. Not thread-safe: use it on the event loop only.

    Args:
        key: the secret key that signs the cookies.
        revoked_file: the file in which the list of revoked sessions is saved; with None, the list is only in memory.
        clock: returns the seconds since the epoch.
    """

    def __init__(
        self, key: bytes, revoked_file: Path | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._key = key
        self._revoked_file = revoked_file
        self._clock = clock
        self._expiry_by_revoked_id: dict[str, int] | None = None

    def create(self, expires_at: int | None = None) -> str:
        """Return the cookie of a new session.

        Args:
            expires_at: the end of the session in seconds since the epoch; by default, `SESSION_SECONDS` from now.
        """
        expiry = int(self._clock()) + SESSION_SECONDS if expires_at is None else expires_at
        body = f"{expiry}.{secrets.token_urlsafe(16)}"
        return f"{body}.{self._signature(body)}"

    def is_valid(self, cookie: str) -> bool:
        """Return whether the key signed the cookie, and the session has neither expired nor been revoked."""
        session = self._verify(cookie)
        if session is None:
            return False
        session_id, _ = session
        return session_id not in self._revocations()

    def revoke(self, cookie: str) -> None:
        """Add the session of a cookie to the list of revoked sessions."""
        session = self._verify(cookie)
        if session is None:
            return
        session_id, expiry = session
        self._revocations()[session_id] = expiry
        self._prune()
        self._save()

    def _verify(self, cookie: str) -> tuple[str, int] | None:
        """Return the session id and the expiry time of a cookie; None if the signature is invalid or the session has expired."""
        body, _, signature = cookie.rpartition(".")
        expiry, _, session_id = body.partition(".")
        if not session_id or not (
            expiry.isascii() and expiry.isdecimal() and len(expiry) <= _MAX_EXPIRY_DIGITS
        ):
            return None
        if int(expiry) < self._clock():
            return None
        expected_signature = self._signature(body)
        is_signed = hmac.compare_digest(
            signature.encode("utf-8", "surrogateescape"), expected_signature.encode()
        )
        return (session_id, int(expiry)) if is_signed else None

    def _signature(self, body: str) -> str:
        message = f"session {body}".encode("utf-8", "surrogateescape")
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()

    def _revocations(self) -> dict[str, int]:
        if self._expiry_by_revoked_id is None:
            self._expiry_by_revoked_id = self._load()
        return self._expiry_by_revoked_id

    def _load(self) -> dict[str, int]:
        if self._revoked_file is None:
            return {}
        try:
            lines = self._revoked_file.read_text("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return {}
        except OSError as error:
            # The file may become readable again, so this process must not replace it by a list without its sessions.
            self._revoked_file = None
            logger.warning("the list of revoked sessions cannot be read (%s)", error.strerror)
            return {}
        expiry_by_id = {}
        for line in lines[:_MAX_REVOKED]:
            expiry, _, session_id = line.partition(" ")
            if expiry.isascii() and expiry.isdecimal() and len(expiry) <= _MAX_EXPIRY_DIGITS and session_id:
                expiry_by_id[session_id] = int(expiry)
        return expiry_by_id

    def _prune(self) -> None:
        now = self._clock()
        unexpired = [
            (session_id, expiry) for session_id, expiry in self._revocations().items() if expiry >= now
        ]
        unexpired.sort(key=lambda id_and_expiry: id_and_expiry[1])
        self._expiry_by_revoked_id = dict(unexpired[-_MAX_REVOKED:])

    def _save(self) -> None:
        if self._revoked_file is None:
            return
        text = "".join(f"{expiry} {session_id}\n" for session_id, expiry in self._revocations().items())
        temporary = self._revoked_file.with_name(f"{self._revoked_file.name}.new")
        try:
            self._revoked_file.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(text, "utf-8")
            temporary.replace(self._revoked_file)
        except OSError as error:
            logger.warning("the list of revoked sessions cannot be written (%s)", error.strerror)
