"""Rendered responses: bytes with an ETag, compressed once, sent many times."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request

# Smaller bodies are not compressed.
_MIN_GZIP_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered response body.

    Attributes:
        body: the uncompressed bytes.
        gzipped: the bytes as gzip; None if the body is small.
        media_type: media type with charset.
        etag: weak, since both forms of the body share it.
    """

    body: bytes
    gzipped: bytes | None
    media_type: str
    etag: str

    @classmethod
    def of(cls, text: str, media_type: str) -> Rendered:
        """Encode and compress a text."""
        body = text.encode("utf-8", "replace")
        gzipped = gzip.compress(body, 6, mtime=0) if len(body) >= _MIN_GZIP_BYTES else None
        digest = hashlib.sha256(media_type.encode() + body).hexdigest()[:24]
        return cls(body, gzipped, media_type, f'W/"{digest}"')

    def response(self, request: Request) -> Response:
        """The response to a request: 304 without a body if the client has it already."""
        headers = {
            "ETag": self.etag,
            "Cache-Control": "private, no-cache",
            "Vary": "Accept-Encoding, Authorization, Cookie",
        }
        if _matches(request.headers.get("if-none-match", ""), self.etag):
            return Response(status_code=304, headers=headers)
        if self.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(self.gzipped, media_type=self.media_type, headers=headers)
        return Response(self.body, media_type=self.media_type, headers=headers)


def _matches(if_none_match: str, etag: str) -> bool:
    """Whether an `If-None-Match` names the ETag, compared weakly."""
    strong = etag.removeprefix("W/")
    return any(tag.strip().removeprefix("W/") in (strong, "*") for tag in if_none_match.split(","))
