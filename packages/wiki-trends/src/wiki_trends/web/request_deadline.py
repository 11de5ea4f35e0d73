"""uvicorn's HTTP protocol with a deadline for receiving a request.

A connection that does not send a complete request (head and body) before the deadline is closed. The deadline of the first
request starts when the connection opens; the deadline of a later request starts with its first byte. Between requests,
uvicorn's keep-alive time-out applies. A response has no deadline, because the event stream never ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

REQUEST_DEADLINE_SECONDS = 20.0


class DeadlineProtocol(H11Protocol):
    """Closes a connection if a complete request does not arrive within `request_seconds`."""

    request_seconds = REQUEST_DEADLINE_SECONDS
    _deadline_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of the first request."""
        super().connection_made(transport)
        self._start_deadline()

    def data_received(self, data: bytes) -> None:
        """Start the deadline at the first byte of a request, and cancel it after the last byte."""
        if self.conn.their_state is h11.IDLE:
            self._start_deadline()
        super().data_received(data)
        self._cancel_deadline_if_complete()

    def on_response_complete(self) -> None:
        """Start the deadline of a pipelined request whose first bytes have already arrived."""
        super().on_response_complete()
        unparsed_bytes, _ = self.conn.trailing_data
        if self.conn.their_state is h11.IDLE and unparsed_bytes:
            self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadline of the closed connection."""
        self._cancel_deadline()
        super().connection_lost(exc)

    def _start_deadline(self) -> None:
        if self._deadline_timer is None:
            self._deadline_timer = self.loop.call_later(self.request_seconds, self._close_connection)

    def _cancel_deadline(self) -> None:
        if self._deadline_timer is not None:
            self._deadline_timer.cancel()
            self._deadline_timer = None

    def _cancel_deadline_if_complete(self) -> None:
        # In the state IDLE, the head is not complete; in the state SEND_BODY, the body is not complete.
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._cancel_deadline()

    def _close_connection(self) -> None:
        self._deadline_timer = None
        self.transport.abort()


def deadline_protocol(seconds: float) -> type[DeadlineProtocol]:
    """Return the protocol class with a deadline of `seconds`."""
    return type("DeadlineProtocol", (DeadlineProtocol,), {"request_seconds": seconds})
