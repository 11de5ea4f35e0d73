"""An in-memory server for the part of Google Cloud Storage's XML API that obstore uses.

Google publishes no server for tests. This server follows Google's documentation: each version of an object has a generation, a
request can have a condition on the generation, and the deletion of a missing object returns 404. Source: https://cloud.google.com/storage/docs/xml-api/reference-headers
"""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "lake"
TOKEN = "the-token-of-the-tests"


class _Object(NamedTuple):
    data: bytes
    generation: int
    modified: dt.datetime

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.data + str(self.generation).encode()).hexdigest()}"'


class GcsServer(ThreadingHTTPServer):
    """The server, with its objects, its address, and the environment variables of its clients."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, _Object] = {}
        self.lock = threading.Lock()
        self.generations = count(1)
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"
        self.environment = {"GOOGLE_BASE_URL": self.endpoint, "GOOGLE_BEARER_TOKEN": TOKEN}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: GcsServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass

    def parse_request(self) -> bool:
        is_valid = super().parse_request()
        if is_valid:
            parts = urlsplit(self.path)
            self.query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self.bucket, _, self.key = unquote(parts.path).lstrip("/").partition("/")
        return is_valid

    def _refuse_if_unauthorized(self) -> bool:
        """Send an error response if the token or the bucket is not correct, and return whether one was sent."""
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._send(401, _error("AuthenticationRequired"))
        elif self.bucket != BUCKET:
            self._send(404, _error("NoSuchBucket"))
        else:
            return False
        return True

    def do_GET(self) -> None:
        if self._refuse_if_unauthorized():
            return
        if not self.key:
            self._send(200, self._listing())
            return
        current = self.server.objects.get(self.key)
        if current is None:
            self._send(404, _error("NoSuchKey"))
        elif self.headers.get("If-Match", current.etag) != current.etag:
            self._send(412, _error("PreconditionFailed"))
        else:
            start, _, end = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
            data = current.data[int(start) : int(end) + 1 if end else None]
            headers = _headers(current)
            if "Range" in self.headers:
                last = int(start) + len(data) - 1
                headers["Content-Range"] = f"bytes {start}-{last}/{len(current.data)}"
            self._send(206 if "Range" in self.headers else 200, data, headers)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self._refuse_if_unauthorized():
            return
        condition = self.headers.get("x-goog-if-generation-match")
        with self.server.lock:
            current = self.server.objects.get(self.key)
            if condition is not None and int(condition) != (current.generation if current else 0):
                self._send(412, _error("PreconditionFailed"))
                return
            new_object = _Object(data, next(self.server.generations), dt.datetime.now(dt.UTC))
            self.server.objects[self.key] = new_object
        self._send(200, b"", _headers(new_object))

    def do_DELETE(self) -> None:
        if self._refuse_if_unauthorized():
            return
        with self.server.lock:
            current = self.server.objects.pop(self.key, None)
        self._send(204 if current else 404, b"" if current else _error("NoSuchKey"))

    def _listing(self) -> bytes:
        prefix, delimiter = self.query.get("prefix", ""), self.query.get("delimiter", "")
        after = self.query.get("continuation-token") or self.query.get("start-after", "")
        limit = int(self.query.get("max-keys", 1000))
        objects: list[str] = []
        folders: list[str] = []
        last = ""
        is_truncated = False
        for key, item in sorted(self.server.objects.items()):
            if not key.startswith(prefix) or key <= after:
                continue
            folder_end = key.find(delimiter, len(prefix)) if delimiter else -1
            folder = key[: folder_end + 1] if folder_end >= 0 else ""
            if folder and (folder <= after or folder in folders):
                continue
            if len(objects) + len(folders) == limit:
                is_truncated = True
                break
            last = folder or key
            if folder:
                folders.append(folder)
            else:
                objects.append(
                    f"<Contents><Key>{escape(key)}</Key><Size>{len(item.data)}</Size><ETag>{escape(item.etag)}</ETag>"
                    f"<LastModified>{item.modified.isoformat()}</LastModified></Contents>"
                )
        continuation = (
            f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if is_truncated else ""
        )
        prefixes = "".join(
            f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>" for folder in folders
        )
        return f"<ListBucketResult>{''.join(objects)}{prefixes}{continuation}</ListBucketResult>".encode()

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _headers(item: _Object) -> dict[str, str]:
    return {
        "ETag": item.etag,
        "x-goog-generation": str(item.generation),
        "Last-Modified": item.modified.strftime("%a, %d %b %Y %H:%M:%S GMT"),
    }


def _error(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode()


@contextmanager
def gcs_server() -> Iterator[GcsServer]:
    """Run a server with an empty bucket during the block."""
    server = GcsServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
