"""uvicorn's HTTP protocol with a deadline for receiving a request.

A connection that has not sent a complete request (head and body) in time is closed, even if it keeps sending bytes. The
deadline starts with the connection, and for later requests with their first byte; between requests uvicorn's keep-alive
timeout applies. Once the request is complete, the response may take as long as it needs, as the event stream does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

REQUEST_SECONDS = 20.0


class DeadlineProtocol(H11Protocol):
    """Closes connections whose request does not arrive within `request_seconds`."""

    request_seconds = REQUEST_SECONDS
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline with the connection."""
        super().connection_made(transport)
        self._start()

    def data_received(self, data: bytes) -> None:
        """Start the deadline with the first byte of a request, and stop it with the last."""
        if self.conn.their_state is h11.IDLE:
            self._start()
        super().data_received(data)
        self._stop_if_received()

    def on_response_complete(self) -> None:
        """Start the deadline of a pipelined request whose first bytes are here already."""
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._start()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the deadline."""
        self._stop()
        super().connection_lost(exc)

    def _start(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.request_seconds, self._expire)

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stop_if_received(self) -> None:
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            self._stop()

    def _expire(self) -> None:
        self._deadline = None
        self.transport.abort()


def deadline_protocol(seconds: float) -> type[DeadlineProtocol]:
    """The protocol with another deadline."""
    return type("DeadlineProtocol", (DeadlineProtocol,), {"request_seconds": seconds})
