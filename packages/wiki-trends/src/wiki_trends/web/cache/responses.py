"""Rendered response bodies with an ETag. A body is compressed once and sent many times."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request

# Compressing a smaller body would save too few bytes.
_MIN_GZIP_BYTES = 1024


@dataclass(frozen=True, slots=True)
class RenderedBody:
    """A rendered response body.

    Attributes:
        body: the uncompressed bytes.
        gzip_body: the bytes compressed with gzip; None if the body is small.
        media_type: the media type, with the charset.
        etag: the ETag of both the compressed and the uncompressed body. It is weak, because their bytes differ.
    """

    body: bytes
    gzip_body: bytes | None
    media_type: str
    etag: str

    @classmethod
    def of(cls, text: str, media_type: str) -> RenderedBody:
        """Return the body of a text, encoded as UTF-8 and compressed."""
        body = text.encode("utf-8", "replace")
        gzip_body = gzip.compress(body, 6, mtime=0) if len(body) >= _MIN_GZIP_BYTES else None
        digest = hashlib.sha256(media_type.encode() + body).hexdigest()[:24]
        return cls(body, gzip_body, media_type, f'W/"{digest}"')

    def response(self, request: Request) -> Response:
        """Return the response to a request. The status is 304, without a body, if the client already has the body."""
        headers = {
            "ETag": self.etag,
            "Cache-Control": "private, no-cache",
            "Vary": "Accept-Encoding, Authorization, Cookie",
        }
        if _etag_matches(request.headers.get("if-none-match", ""), self.etag):
            return Response(status_code=304, headers=headers)
        if self.gzip_body is not None and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(self.gzip_body, media_type=self.media_type, headers=headers)
        return Response(self.body, media_type=self.media_type, headers=headers)


def _etag_matches(if_none_match: str, etag: str) -> bool:
    """Return whether an `If-None-Match` header contains the ETag, by weak comparison."""
    opaque_tag = etag.removeprefix("W/")
    return any(tag.strip().removeprefix("W/") in (opaque_tag, "*") for tag in if_none_match.split(","))
