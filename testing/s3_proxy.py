"""A proxy in front of an S3 server that records requests and injects faults."""

from __future__ import annotations

import http.client
import random
import socket
import struct
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

# The headers of a response that the proxy does not forward, because they describe one connection. The proxy sets its own.
HOP_BY_HOP = {"connection", "transfer-encoding", "content-length"}
# 500 and 503 are responses. `reset` resets the connection before the request is forwarded, and `lost` afterwards. `stall` never
# answers. `cut` and `short` send half of the body, with and without a `Content-Length` header.
FAULTS = ("500", "503", "reset", "lost", "stall", "cut", "short")
# The status, the code and the message of each error response.
ERRORS = {
    "500": (500, "InternalError", "We encountered an internal error."),
    "503": (503, "SlowDown", "Please reduce your request rate."),
    # The response of AWS if the bucket is in another region; SeaweedFS has no regions.
    "region": (400, "AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-west-1'"),
    "moved": (301, "PermanentRedirect", "The bucket must be addressed using the specified endpoint."),
}


@dataclass
class Faults:
    """Chooses the requests that fail. The same seed chooses the same requests.

    Attributes:
        share: the fraction of requests that fail, from 0 to 1.
        kinds: the faults to choose from.
        seed: the seed of the random choice.
        done: the faults that were injected, in order.
    """

    share: float
    kinds: tuple[str, ...] = FAULTS
    seed: int = 20251105
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()

    def next(self) -> str | None:
        with self._lock:
            if self._random.random() >= self.share:
                return None
            kind = self._random.choice(self.kinds)
            self.done.append(kind)
            return kind


class S3Proxy:
    """The state of a proxy: the recorded requests, and the faults to inject.

    Attributes:
        endpoint: the address of the proxy.
        requests: the method (`LIST`, `GET`, `PUT`, `POST`, `DELETE` or `HEAD`) and the path of each request, in order.
        faults: the faults to inject; may be set at any time.
        gone_after: the number of further requests after which the server is gone; None if it stays.
        silent: whether a server that is gone leaves requests unanswered, instead of resetting the connections.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.requests: list[tuple[str, str]] = []
        self.faults: Faults | None = None
        self.gone_after: int | None = None
        self.silent = False
        self.closing = threading.Event()
        self.connected: set[tuple[str, int]] = set()
        self.changed = threading.Condition()
        self._lock = threading.Lock()

    def count(self, method: str) -> int:
        """Return the number of requests with a method."""
        return sum(1 for request_method, _ in self.requests if request_method == method)

    def wait_until_idle(self) -> None:
        """Wait until the proxy has handled all requests of disconnected clients, including requests that are still in transit."""
        host = urlsplit(self.endpoint)
        with socket.create_connection((host.hostname or "", host.port or 0)) as newest:
            # Connections are accepted in order, so all earlier connections have been accepted before this one.
            own_address = newest.getsockname()
            with self.changed:
                assert self.changed.wait_for(lambda: self.connected == {own_address}, timeout=30)

    def next_fault(self) -> str | None:
        """Return the fault to inject into the next request; None for no fault."""
        with self._lock:
            if self.gone_after is not None:
                if self.gone_after <= 0:
                    return "stall" if self.silent else "reset"
                self.gone_after -= 1
        return self.faults.next() if self.faults is not None else None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: S3Proxy
    host: str

    def forward(self) -> None:
        url = urlsplit(self.path)
        listing = self.command == "GET" and "list-type" in parse_qs(url.query)
        self.proxy.requests.append(("LIST" if listing else self.command, url.path))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.next_fault()
        if fault == "stall":
            self.proxy.closing.wait()
        if fault in ("stall", "reset"):
            self.reset()
        elif fault in ERRORS:
            self.refuse(fault)
        else:
            response, data = self.send_upstream(body)
            if fault == "lost":
                self.reset()
            else:
                self.send_back(response, data, fault if listing or self.command == "GET" else None)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = forward  # noqa: N815 - names of the base class

    def send_upstream(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        upstream = http.client.HTTPConnection(self.host, timeout=30)
        try:
            # The signature covers the headers as the client sent them, including `Host`.
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                upstream.putheader(name, value)
            upstream.endheaders(body)
            response = upstream.getresponse()
            return response, response.read()
        finally:
            upstream.close()

    def send_back(self, response: http.client.HTTPResponse, data: bytes, fault: str | None) -> None:
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        if fault == "short":
            self.send_header("Connection", "close")
        else:
            length = response.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
            self.send_header("Content-Length", length or "0")
        self.end_headers()
        if fault in ("cut", "short"):
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
        else:
            self.wfile.write(data)

    def refuse(self, fault: str) -> None:
        status, code, message = ERRORS[fault]
        data = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def finish(self) -> None:
        """Flush the connection unless it was reset."""
        if self.connection.fileno() >= 0:
            super().finish()

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    proxy: S3Proxy

    def process_request(self, request: Any, client_address: tuple[str, int]) -> None:
        """Record the connection, then serve it."""
        with self.proxy.changed:
            self.proxy.connected.add(client_address)
            self.proxy.changed.notify_all()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: tuple[str, int]) -> None:
        """Serve the connection, then remove it from `connected`."""
        super().process_request_thread(request, client_address)
        with self.proxy.changed:
            self.proxy.connected.discard(client_address)
            self.proxy.changed.notify_all()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing: clients disconnect at their time-out."""


@contextmanager
def s3_proxy(target: str, faults: Faults | None = None) -> Iterator[S3Proxy]:
    """Run a proxy in front of the server at the URL `target` during the block."""
    handler: Any = type("Handler", (_Handler,), {"host": urlsplit(target).netloc})
    server = _Server(("127.0.0.1", 0), handler)
    proxy = handler.proxy = server.proxy = S3Proxy(f"http://127.0.0.1:{server.server_address[1]}")
    proxy.faults = faults
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield proxy
    finally:
        proxy.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
