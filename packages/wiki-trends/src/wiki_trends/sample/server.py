"""Serves the synthetic (or recorded) Wikimedia on a local HTTP port.

`…/metrics/pageviews/…` is the route of the pageviews API, and `…/{project}/w/api.php` the route of the Action API. If the path has
no project, the `Host` header decides the project; the default is English Wikipedia. The server has one thread per connection,
keeps connections open, and writes one log line per request. Except for injected faults, every request gets a response. If the port
is in use, `SampleServer` raises `SettingError`.
"""

from __future__ import annotations

import datetime as dt
import select
import signal
import socket
import struct
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote

from smart_orchestrator.model.window import today_utc
from wiki_trends.config.projects import canonical_project
from wiki_trends.errors import SettingError
from wiki_trends.sample import evidence, mediawiki, pageviews, wikis
from wiki_trends.sample.faults import Faults, fault_response
from wiki_trends.sample.replay import Replay
from wiki_trends.sample.responses import Response, error_response, text_response

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from wiki_trends.sample.options import SampleOptions

_API = "/w/api.php"
_MIN_GZIP_BYTES = 1000
# The characters of a form that the log does not percent-encode.
_QUERY_CHARACTERS = "%&=+|!:;,/?@$'()*"
_MAX_FORM_BYTES = 1_000_000
# With this value of SO_LINGER, closing a socket sends a reset.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its outcome.

    Attributes:
        method: the HTTP method, `GET` or `POST`.
        path: the path with the query; the fields of a POST are part of the query.
        status: the status of the response; 0 without a response (`reset`, `timeout`).
        fault: the injected fault, or None.
        at: the UTC time of arrival.
        began: the time of arrival in seconds of a monotonic clock.
        ended: the end of the request on the same clock: just before the response is sent, or when a fault has ended it.
        in_flight: the number of requests in flight at the time of arrival, including this request.
    """

    method: str
    path: str
    status: int
    fault: str | None
    at: dt.datetime
    began: float
    ended: float
    in_flight: int

    def line(self) -> str:
        """Return the log line: arrival, method, path, status, fault or `-`, duration and number in flight, separated by spaces."""
        arrival = f"{self.at:%Y-%m-%dT%H:%M:%S}.{self.at.microsecond // 1000:03}Z"
        duration = f"{1000 * (self.ended - self.began):.0f}ms"
        return f"{arrival} {self.method} {self.path} {self.status} {self.fault or '-'} {duration} {self.in_flight}"


class Api:
    """Answers requests to both APIs, independently of HTTP connections."""

    def __init__(self, options: SampleOptions) -> None:
        self._options = options
        self._replay = None if options.replay is None else Replay(options.replay)
        today = options.today
        self._publication = pageviews.Publication(
            today=today_utc if today is None else lambda: today,
            lag=options.publication_lag,
            late=options.late,
            never=frozenset(options.never),
            broken=frozenset(options.broken),
            titles_per_answer=options.titles_per_answer,
        )

    def respond(self, method: str, target: str, form: str, host: str) -> Response:
        """Answer a request. `form` is the body of a POST request."""
        path, _mark, query = target.partition("?")
        if path.endswith(_API):
            params = dict(parse_qsl(query, keep_blank_values=True)) | dict(
                parse_qsl(form, keep_blank_values=True)
            )
            return self._respond_action(path, params, host)
        if method != "GET":
            return text_response(405, "Method Not Allowed\n", {"Allow": "GET"})
        if self._replay is not None:
            return self._replay.respond_rest(path)
        if pageviews.ROOT in path:
            return pageviews.respond(path, self._options.seed, self._publication)
        return error_response(404, path, "invalid route")

    def _respond_action(self, path: str, params: dict[str, str], host: str) -> Response:
        project_in_path = unquote(path.removesuffix(_API).rpartition("/")[2])
        project = canonical_project(project_in_path or _project_of(host))
        if self._replay is not None:
            return self._replay.respond_action(project, params)
        response = evidence.respond(params, self._options.seed, project)
        if response is not None:
            return response
        wiki = wikis.find_wiki(project)
        if wiki is None:
            return text_response(404, f"There is no wiki {project}.\n")
        options = self._options
        return mediawiki.respond(params, options.seed, wiki, options.category_limit, self._publication)


class SampleServer:
    """The synthetic APIs on a local port. Entering the context starts the server, and leaving the context stops it.

    Attributes:
        exchanges: the finished requests, in the order of completion.
        echo: a function that gets each log line, or None.
    """

    def __init__(self, options: SampleOptions) -> None:
        self.options = options
        self.api = Api(options)
        self.faults = Faults(options.faults, options.seed)
        self.stopping = threading.Event()
        self.exchanges: list[Exchange] = []
        self._in_flight = 0
        self.echo: Callable[[str], object] | None = None
        self._lock = threading.Lock()
        self._log = None if options.log is None else options.log.open("a", encoding="utf-8")
        self._thread: threading.Thread | None = None
        try:
            self._http = _HttpServer((options.host, options.port), self)
        except (OSError, OverflowError) as error:
            raise SettingError(
                name="port",
                value=f"{options.host}:{options.port}",
                origin="--port",
                problem=f"cannot be listened on ({getattr(error, 'strerror', None) or error})",
                fix="Give another port, or 0 for a free one.",
            ) from None

    @property
    def url(self) -> str:
        """The base URL of the server."""
        host = self.options.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self._http.server_address[1]}"

    @property
    def wikimedia_url(self) -> str:
        """The value for the setting `wikimedia_url`."""
        return f"{self.url}/api/rest_v1"

    @property
    def mediawiki_url(self) -> str:
        """The value for the setting `mediawiki_url`, with the literal `{project}`."""
        return f"{self.url}/{{project}}/w/api.php"

    @property
    def requests(self) -> list[tuple[str, str, int]]:
        """The method, path and status of each request, in the order of completion."""
        with self._lock:
            return [(item.method, item.path, item.status) for item in self.exchanges]

    @property
    def most_in_flight(self) -> int:
        """The largest number of requests that were in flight at the same time."""
        with self._lock:
            return max((item.in_flight for item in self.exchanges), default=0)

    def start(self) -> None:
        """Start serving in background threads."""
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.05,), name="sample-api", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close all connections, including connections that a fault keeps open."""
        self.stopping.set()
        if self._thread is not None:
            self._http.shutdown()
            self._thread.join()
        self._http.close_connections()
        self._http.server_close()
        if self._log is not None:
            self._log.close()

    def serve_forever(self) -> None:
        """Serve until SIGINT or SIGTERM, then stop. Call this method only in the main thread."""
        signals = {signal.SIGINT, signal.SIGTERM}
        # Threads inherit the mask, so only `sigwait` below receives the signals.
        previous_mask = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        try:
            self.start()
            signal.sigwait(signals)
        finally:
            self.stop()
            signal.pthread_sigmask(signal.SIG_SETMASK, previous_mask)

    def begin_request(self) -> int:
        """Count a new request and return the number of requests in flight. Call `end_request` when the request has ended."""
        with self._lock:
            self._in_flight += 1
            return self._in_flight

    def end_request(self, exchange: Exchange) -> None:
        """Record a finished request and write its log line."""
        line = exchange.line() + "\n"
        with self._lock:
            self._in_flight -= 1
            self.exchanges.append(exchange)
            if self._log is not None and not self._log.closed:
                self._log.write(line)
                self._log.flush()
            if self.echo is not None:
                self.echo(line)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(options: SampleOptions) -> None:
    """Serve until SIGINT or SIGTERM. Print the URL as one line to stdout, and log requests to stderr or `options.log`.

    Raises:
        SettingError: the port is in use, or the folder `options.replay` has no exchange.
    """
    server = SampleServer(options)
    if options.log is None:
        server.echo = _write_to_stderr
    # A parent process can wait for this line. The socket already listens, so an early request waits in the socket's queue.
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    server.serve_forever()


def _write_to_stderr(line: str) -> None:
    sys.stderr.write(line)
    sys.stderr.flush()


def _project_of(host: str) -> str:
    name = host.partition(":")[0]
    return name if wikis.find_wiki(name) is not None else "en.wikipedia"


class _HttpServer(ThreadingHTTPServer):
    """An HTTP server that tracks open connections, so that it can stop without waiting for clients."""

    daemon_threads = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], sample: SampleServer) -> None:
        self.sample = sample
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # The method of HTTPServer resolves the host's name, which can take seconds.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_RESET_ON_CLOSE)) == _RESET_ON_CLOSE:
            self.close_request(request)  # An orderly shutdown would hide the reset from the client.
        else:
            super().shutdown_request(request)

    def close_connections(self) -> None:
        """Shut down every open connection, so that the threads of the connections end."""
        with self._open_lock:
            for request in self._open:
                with suppress(OSError):  # The client has already closed the connection.
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client may close its connection at any time, so its error is not printed. Any other exception is a defect of this server.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # A buffer sends headers and body in one packet.
    server: _HttpServer

    def do_GET(self) -> None:
        self._handle("")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and int(length) <= _MAX_FORM_BYTES):
            self.close_connection = True
            self._send(text_response(411, "Length Required\n"), {"Connection": "close"})
            return
        self._handle(self.rfile.read(int(length)).decode("utf-8", errors="replace"))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Do nothing, because `SampleServer.end_request` writes the log."""

    def _handle(self, form: str) -> None:
        sample = self.server.sample
        arrival, began, in_flight = dt.datetime.now(tz=dt.UTC), time.monotonic(), sample.begin_request()
        path = self.path
        if form:
            path += ("&" if "?" in path else "?") + quote(form, safe=_QUERY_CHARACTERS)
        fault = sample.faults.draw(action=self.path.partition("?")[0].endswith(_API))
        response = None
        if fault not in ("reset", "timeout"):
            response = fault_response(fault, self.path) if fault else None
            response = response or sample.api.respond(
                self.command, self.path, form, self.headers.get("Host", "")
            )
        # The latency includes the time to make the response.
        sample.stopping.wait(max(0.0, began + sample.options.latency - time.monotonic()))
        if response is None:
            self._simulate_network_fault(fault)
        # The request is logged before the response is sent, so a client with a response always finds its request in the log.
        status = response.status if response else 0
        sample.end_request(
            Exchange(self.command, path, status, fault, arrival, began, time.monotonic(), in_flight)
        )
        if response is not None:
            self._send(response, {}, cut=fault == "truncate")

    def _simulate_network_fault(self, fault: str | None) -> None:
        """Reset the connection, or keep it open without a response."""
        if fault == "timeout":
            # A client sends nothing more before a response, so the socket becomes readable only when the client closes it.
            select.select([self.connection], [], [], self.server.sample.options.stall)
        else:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.close_connection = True

    def _send(self, response: Response, extra: dict[str, str], *, cut: bool = False) -> None:
        body = response.body
        headers = {
            "Content-Type": response.content_type,
            "Vary": "Accept-Encoding",
            **response.headers,
            **extra,
        }
        if len(body) >= _MIN_GZIP_BYTES and "gzip" in self.headers.get("Accept-Encoding", ""):
            import gzip

            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        if cut:
            self.close_connection = True
        self.send_response(response.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
