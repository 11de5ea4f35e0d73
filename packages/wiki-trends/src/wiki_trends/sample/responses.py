"""HTTP responses of the synthetic API, and the error bodies of Wikimedia's pageviews API."""

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
class Answer:
    """An HTTP response: status, body and headers, without the length and encoding that the server adds."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


def json_answer(document: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """A document as compact JSON in UTF-8, as Wikimedia sends it."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Answer(status, text.encode("utf-8", errors="surrogatepass"), headers=headers or {})


def error_answer(status: int, uri: str, detail: str = _NO_DATA) -> Answer:
    """An error of the pageviews API. `uri` is the path from `/metrics` on; 404 without a detail means "no data"."""
    body = {
        "detail": detail,
        "method": "get",
        "status": status,
        "title": _TITLES[status],
        "type": "about:blank",
        "uri": uri,
    }
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Answer(status, text.encode(), content_type="application/problem+json")


def text_answer(status: int, text: str, headers: dict[str, str] | None = None) -> Answer:
    """A plain-text response, as the servers in front of the API send it."""
    return Answer(status, text.encode(), content_type="text/plain; charset=utf-8", headers=headers or {})
