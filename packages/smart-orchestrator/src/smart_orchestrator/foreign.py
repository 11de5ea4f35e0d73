"""Parse JSON documents that another program may have written: markers, waivers, remembered values.

The result is a document within bounds, or a `BadDocument` with a reason in one line. Size, nesting and integers are bounded,
numbers are finite, and every string can be encoded. The field functions read one value of a document and raise the same
error.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from typing import TYPE_CHECKING, Any

from smart_orchestrator.errors import SmartOrchestratorError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES = 16 << 20
MAX_TOML_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_INTEGER = 2**63 - 1
REASON_LENGTH = 200

# A string, which may contain brackets, or a single bracket.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class BadDocument(SmartOrchestratorError):
    """A document of another writer that cannot be used.

    Attributes:
        what: the name of the document in the message.
        problem: what is wrong with it, in one line.
    """

    def __init__(self, what: str, problem: str) -> None:
        self.what = what
        self.problem = one_line(problem)
        super().__init__(f"{what}: {self.problem}. Remove it, or write it again.")


def one_line(text: object, length: int = REASON_LENGTH) -> str:
    """Return the text as one line without control characters, cut to `length` characters."""
    line = "".join(c if c.isprintable() else " " for c in str(text)[: 4 * length])
    line = " ".join(line.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def parse_document(
    data: bytes, *, what: str, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH
) -> dict[str, Any]:
    """Return the JSON object in `data`.

    Args:
        data: UTF-8, with or without a byte order mark.
        what: the name of the document in the message of the error.
        max_bytes: the largest size.
        max_depth: the deepest nesting of objects and arrays.

    Raises:
        BadDocument: it is too large or nested too deep, it is not a JSON object, a number is out of range, or a string cannot
            be encoded.
    """
    if len(data) > max_bytes:
        raise BadDocument(what, f"{len(data):,} bytes, at most {max_bytes:,} are read")
    if data.count(b"[") + data.count(b"{") > max_depth and _depth(data, max_depth) > max_depth:
        raise BadDocument(what, f"nested more than {max_depth} levels deep")
    try:
        text = data.decode("utf-8-sig")
        document = json.loads(text, parse_int=_integer, parse_float=_finite, parse_constant=_finite)
        if _SURROGATE.search(data):
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError, OverflowError) as error:
        raise BadDocument(what, f"not JSON ({one_line(error)})") from None
    if not isinstance(document, dict):
        raise BadDocument(what, "not a JSON object")
    return document


def parse_toml(data: bytes, *, what: str, max_bytes: int = MAX_TOML_BYTES) -> dict[str, Any]:
    """Return the tables of a TOML document.

    Raises:
        BadDocument: too large, or not TOML.
    """
    import tomllib

    if len(data) > max_bytes:
        raise BadDocument(what, f"{len(data):,} bytes, at most {max_bytes:,} are read")
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError, OverflowError) as error:
        raise BadDocument(what, f"not TOML ({one_line(error)})") from None


def _integer(text: str) -> int:
    # Python has a limit of its own for long digits, with another error.
    if len(text) > 20 or abs(int(text)) > MAX_INTEGER:
        message = f"the number {text[:24]} is out of range"
        raise ValueError(message)
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        message = f"the number {text[:24]} is out of range"
        raise ValueError(message)
    return number


def _depth(data: bytes, limit: int) -> int:
    """Return the nesting depth of brackets outside of strings; counting stops above `limit`."""
    depth = deepest = 0
    for match in _TOKEN.finditer(data):
        token = match[0]
        if token in (b"[", b"{"):
            depth += 1
            deepest = max(deepest, depth)
            if deepest > limit:
                break
        elif token in (b"]", b"}"):
            depth -= 1
    return deepest


def integer_field(document: Mapping[str, Any], name: str, *, what: str, low: int = 0) -> int:
    """Return an integer of the document that is at least `low`.

    Raises:
        BadDocument: it is not there, or not such a number.
    """
    value = _field(document, name, what)
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        raise BadDocument(what, f"{name} is not a number from {low} on ({value!r})")
    return value


def text_field(document: Mapping[str, Any], name: str, *, what: str) -> str:
    """Return a string of the document.

    Raises:
        BadDocument: it is not there, or not a string.
    """
    value = _field(document, name, what)
    if not isinstance(value, str):
        raise BadDocument(what, f"{name} is not a text ({value!r})")
    return value


def date_field(document: Mapping[str, Any], name: str, *, what: str) -> dt.date:
    """Return a date of the document, written `YYYY-MM-DD`.

    Raises:
        BadDocument: it is not there, or not a date.
    """
    value = text_field(document, name, what=what)
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        raise BadDocument(what, f"{name} is not a date ({value!r})") from None


def timestamp_field(document: Mapping[str, Any], name: str, *, what: str) -> dt.datetime:
    """Return a time of the document in UTC. A time without an offset counts as UTC.

    Raises:
        BadDocument: it is not there, not a time, or outside the calendar in UTC.
    """
    value = text_field(document, name, what=what)
    try:
        moment = dt.datetime.fromisoformat(value)
        return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        raise BadDocument(what, f"{name} is not a time ({value!r})") from None


def _field(document: Mapping[str, Any], name: str, what: str) -> Any:
    try:
        return document[name]
    except (KeyError, TypeError, IndexError):
        raise BadDocument(what, f"{name} is missing") from None
