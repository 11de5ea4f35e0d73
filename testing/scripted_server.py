"""A real HTTP server that answers with the replies that a test defines, and records the requests."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class ReceivedRequest:
    """A request that the server received.

    Attributes:
        method: the HTTP method.
        path: the path without the query.
        params: the parameters in the query or in the body of the form.
        headers: the headers, with names in lower case.
        received_at: the monotonic time at which the request arrived, in seconds.
        port: the port of the client, which identifies the connection.
        body: the body of a POST or PATCH request; empty for another method.
    """

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    received_at: float
    port: int
    body: str = ""


@dataclass(frozen=True)
class Reply:
    """A response of the server.

    Attributes:
        body: bytes, or a value to encode as JSON.
        status: the HTTP status.
        headers: additional headers.
        fault: `reset` resets the connection, `truncate` sends half of the body, `stall` sends nothing, and `drip` sends one
            byte every 0.05 seconds; empty for no fault.
        gzipped: whether to compress the body.
    """

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""
    gzipped: bool = False

    def encoded_body(self) -> bytes:
        """Return the body as bytes, compressed if `gzipped`."""
        raw = (
            self.body if isinstance(self.body, bytes) else json.dumps(self.body, ensure_ascii=False).encode()
        )
        return gzip.compress(raw) if self.gzipped else raw


class ScriptedServer:
    """The server, which runs during a `with` block.

    Attributes:
        answer: a function that returns the reply to a request.
        requests: the requests that have arrived, in order.
        peak_in_flight: the largest number of requests that `answer` handled at the same time.
        ended: set when the `with` block ends.
        url: the address of the server.
    """

    def __init__(self, answer: Callable[[ReceivedRequest], Reply]) -> None:
        self.answer = answer
        self.requests: list[ReceivedRequest] = []
        self.peak_in_flight = 0
        self._in_flight = 0
        self._lock = threading.Lock()
        self.ended = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    def request_began(self, request: ReceivedRequest) -> None:
        with self._lock:
            self.requests.append(request)
            self._in_flight += 1
            self.peak_in_flight = max(self.peak_in_flight, self._in_flight)

    def request_ended(self) -> None:
        with self._lock:
            self._in_flight -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: ScriptedServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print the traceback of an exception, except when a client has disconnected, as some tests do on purpose."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer(urlsplit(self.path).query)

    def do_HEAD(self) -> None:
        self._answer(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def do_PATCH(self) -> None:
        self.do_POST()

    def _answer(self, query: str) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        params = dict(parse_qsl(query, keep_blank_values=True))
        path = urlsplit(self.path).path
        owner = self.server.owner
        body = query if self.command in ("POST", "PATCH") else ""
        request = ReceivedRequest(
            self.command, path, params, headers, time.monotonic(), self.client_address[1], body
        )
        owner.request_began(request)
        try:
            reply = owner.answer(request)
        finally:
            # Count the request as ended before the reply is sent: after the last byte, the client may send its next request before
            # this thread continues. That request would then count as a second request in flight.
            owner.request_ended()
        try:
            self._reply(reply)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # The client has disconnected.

    def _reply(self, reply: Reply) -> None:
        self.close_connection = self.close_connection or bool(reply.fault)
        if reply.fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif reply.fault == "stall":
            self.server.owner.ended.wait(30)
        else:
            self._send(reply)

    def _send(self, reply: Reply) -> None:
        data = reply.encoded_body()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.gzipped:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "HEAD":
            data = b""
        if reply.fault == "truncate":
            data = data[: len(data) // 2]
        step = 1 if reply.fault == "drip" else max(1, len(data))
        for start in range(0, len(data), step):
            self.wfile.write(data[start : start + step])
            self.wfile.flush()
            if reply.fault == "drip" and self.server.owner.ended.wait(0.05):
                return


def replies_in_turn(*replies: Reply) -> Callable[[ReceivedRequest], Reply]:
    """Return an `answer` function that returns each reply once, in order, and then repeats the last reply."""
    remaining = list(replies)
    lock = threading.Lock()

    def answer(_: ReceivedRequest) -> Reply:
        with lock:
            return remaining.pop(0) if len(remaining) > 1 else remaining[0]

    return answer
