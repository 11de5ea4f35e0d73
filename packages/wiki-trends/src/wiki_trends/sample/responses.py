"""Makes HTTP responses of the synthetic APIs, with the error bodies of Wikimedia's pageviews API."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

_NO_DATA = (
    "The date(s) you used are valid, but we either do not have data for those date(s), or the project you asked for "
    "is not loaded yet. Please check documentation for more information."
)
_TITLES = {400: "Bad Request", 404: "Not Found", 500: "Internal Server Error"}


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response: status, body and headers. The server adds the headers for length and encoding."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


def json_response(document: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Make a response of compact JSON in UTF-8, as Wikimedia sends it."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Response(status, text.encode("utf-8", errors="surrogatepass"), headers=headers or {})


def error_response(status: int, uri: str, detail: str = _NO_DATA) -> Response:
    """Make an error response of the pageviews API.

    Args:
        status: the HTTP status.
        uri: the path of the request from `/metrics` on.
        detail: the text of the error; by default, the text for missing data.
    """
    body = {
        "detail": detail,
        "method": "get",
        "status": status,
        "title": _TITLES[status],
        "type": "about:blank",
        "uri": uri,
    }
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(status, text.encode(), content_type="application/problem+json")


def text_response(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    """Make a plain-text response, as the servers in front of the API send it."""
    return Response(status, text.encode(), content_type="text/plain; charset=utf-8", headers=headers or {})
