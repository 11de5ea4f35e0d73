"""An answer as bytes, made once and sent often: with its ETag, and packed once for who takes gzip."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request

# Below, packing gains nothing.
_WORTH_PACKING = 1024


@dataclass(frozen=True, slots=True)
class Rendered:
    """The bytes of an answer.

    Attributes:
        body: as it is.
        packed: as gzip; None when it is not worth it.
        media_type: with its charset.
        etag: weak, since both forms of the body share it.
    """

    body: bytes
    packed: bytes | None
    media_type: str
    etag: str

    @classmethod
    def of(cls, text: str, media_type: str) -> Rendered:
        """A text as an answer."""
        body = text.encode("utf-8", "replace")
        packed = gzip.compress(body, 6, mtime=0) if len(body) >= _WORTH_PACKING else None
        digest = hashlib.sha256(media_type.encode() + body).hexdigest()[:24]
        return cls(body, packed, media_type, f'W/"{digest}"')

    def answer(self, request: Request) -> Response:
        """The answer to a request: 304 without a body when the asker has it already."""
        headers = {
            "ETag": self.etag,
            "Cache-Control": "private, no-cache",
            "Vary": "Accept-Encoding, Authorization, Cookie",
        }
        if _has(request.headers.get("if-none-match", ""), self.etag):
            return Response(status_code=304, headers=headers)
        if self.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(self.packed, media_type=self.media_type, headers=headers)
        return Response(self.body, media_type=self.media_type, headers=headers)


def _has(given: str, etag: str) -> bool:
    """Whether an `If-None-Match` names the ETag, compared weakly."""
    strong = etag.removeprefix("W/")
    return any(one.strip().removeprefix("W/") in (strong, "*") for one in given.split(","))
