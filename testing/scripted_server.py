"""A real HTTP server whose every answer is written in the test; it remembers what it was asked."""

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
class Asked:
    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    at: float
    port: int
    body: str = ""


@dataclass(frozen=True)
class Reply:
    """An answer; `fault` is one of reset, truncate, stall, drip."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""
    gzipped: bool = False

    def data(self) -> bytes:
        raw = (
            self.body if isinstance(self.body, bytes) else json.dumps(self.body, ensure_ascii=False).encode()
        )
        return gzip.compress(raw) if self.gzipped else raw


class ScriptedServer:
    def __init__(self, answer: Callable[[Asked], Reply]) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.most_in_flight = 0
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

    def enter(self, asked: Asked) -> None:
        with self._lock:
            self.asked.append(asked)
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)

    def leave(self) -> None:
        with self._lock:
            self._in_flight -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: ScriptedServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what some tests are about."""
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

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _answer(self, query: str) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        params = dict(parse_qsl(query, keep_blank_values=True))
        path = urlsplit(self.path).path
        owner = self.server.owner
        body = query if self.command == "POST" else ""
        asked = Asked(self.command, path, params, headers, time.monotonic(), self.client_address[1], body)
        owner.enter(asked)
        try:
            reply = owner.answer(asked)
        finally:
            # A client that has the last byte may send its next request before this thread goes on.
            owner.leave()
        try:
            self._reply(reply)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # The client went away, as it may.

    def _reply(self, reply: Reply) -> None:
        self.close_connection = self.close_connection or bool(reply.fault)
        if reply.fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif reply.fault == "stall":
            self.server.owner.ended.wait(30)
        else:
            self._send(reply)

    def _send(self, reply: Reply) -> None:
        data = reply.data()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.gzipped:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if reply.fault == "truncate":
            data = data[: len(data) // 2]
        step = 1 if reply.fault == "drip" else max(1, len(data))
        for start in range(0, len(data), step):
            self.wfile.write(data[start : start + step])
            self.wfile.flush()
            if reply.fault == "drip" and self.server.owner.ended.wait(0.05):
                return


def in_turn(*replies: Reply) -> Callable[[Asked], Reply]:
    """Each reply once, the last for ever."""
    left = list(replies)
    lock = threading.Lock()

    def answer(_: Asked) -> Reply:
        with lock:
            return left.pop(0) if len(left) > 1 else left[0]

    return answer
