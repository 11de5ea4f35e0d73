"""Parse what another program may have written: JSON documents such as markers and waivers, TOML files, an HTTP header.

A document is accepted if its size, its nesting and its integers are within bounds, its numbers are finite, and its strings can be
encoded. For any other document, `BadDocument` is raised, with a reason in one line; `TomlError` for TOML. The functions `…_field` read
one value of a document; they raise `BadDocument`, too.
"""

from __future__ import annotations

import datetime as dt
import errno
import json
import math
import re
import stat
from typing import TYPE_CHECKING, Any

from smart_orchestrator.errors import SmartOrchestratorError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_BYTES = 16 << 20
MAX_TOML_BYTES = 4 << 20
MAX_DEPTH = 32
MAX_INTEGER = 2**63 - 1
MAX_REASON_LENGTH = 200

# A bracket, or a string. Strings are matched as a whole, so that the brackets inside them are not counted. A string without a closing
# quote is matched to the end of the document. Otherwise, the search would start again at each quote, and could take very long.
_TOKEN = rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]'
# One part of a dotted TOML key: a plain or a quoted name. Then the start of a key with more than `MAX_DEPTH` parts.
_TOML_KEY_PART = r"""(?:(?<![\w-])[\w-]++|"[^"\n]*+"|'[^'\n]*+')"""
_TOO_LONG_TOML_KEY = rf"(?:{_TOML_KEY_PART}[ \t]*+\.[ \t]*+){{{MAX_DEPTH}}}"
# The escape of half of a surrogate pair.
_SURROGATE = rb"\\u[dD][89a-fA-F]"


class BadDocument(SmartOrchestratorError):
    """A document of another writer that cannot be used.

    Attributes:
        what: the name of the document in the message.
        problem: what is wrong with the document, in one line.
    """

    def __init__(self, what: str, problem: str) -> None:
        self.what = what
        self.problem = one_line(problem)
        super().__init__(f"{what}: {self.problem}. Remove it, or write it again.")


class TomlError(ValueError):
    """A TOML file that cannot be used. The message is the reason, in one line."""


def one_line(text: object, length: int = MAX_REASON_LENGTH) -> str:
    """Return the text as one line without control characters, cut to `length` characters."""
    line = "".join(c if c.isprintable() else " " for c in str(text)[: 4 * length])
    line = " ".join(line.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def retry_after_seconds(headers: Mapping[str, str], now: dt.datetime | None = None) -> float | None:
    """Parse the header `Retry-After`, which contains seconds or a date (RFC 9110, section 10.2.3); None without a valid header.

    The number is not bounded. The names of `headers` are case-insensitive or in lower case.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    from email.utils import parsedate_to_datetime

    try:
        until = parsedate_to_datetime(text)
        if until.tzinfo is None:
            until = until.replace(tzinfo=dt.UTC)
        return max(0.0, (until - (now or dt.datetime.now(tz=dt.UTC))).total_seconds())
    except (ValueError, OverflowError):
        return None


def read_regular_file(path: Path, max_bytes: int) -> bytes:
    """Return the bytes of a regular file, but at most `max_bytes + 1` bytes. The parsers reject a document of `max_bytes + 1` bytes.

    Raises:
        OSError: the file cannot be read, or is not a regular file. Reading a pipe or a device may never end.
    """
    kind = path.stat().st_mode
    # For a folder, `open` raises the error.
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    with path.open("rb") as file:
        return file.read(max_bytes + 1)


def parse_document(
    data: bytes, *, what: str, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH
) -> dict[str, Any]:
    """Parse `data` as a JSON object within bounds.

    Args:
        data: the bytes of the document in UTF-8, with or without a byte order mark.
        what: the name of the document in the message of the error.
        max_bytes: the maximum size.
        max_depth: the maximum nesting depth of objects and arrays.

    Raises:
        BadDocument: the document is too large, nested too deep or not a JSON object, a number is out of range, or a string
            cannot be encoded.
    """
    if len(data) > max_bytes:
        raise BadDocument(what, f"{len(data):,} bytes, at most {max_bytes:,} are read")
    if data.count(b"[") + data.count(b"{") > max_depth and _depth(data, max_depth) > max_depth:
        raise BadDocument(what, f"nested more than {max_depth} levels deep")
    try:
        text = data.decode("utf-8-sig")
        document = json.loads(text, parse_int=_integer, parse_float=_finite, parse_constant=_finite)
        if b"\\u" in data and re.search(_SURROGATE, data):
            # For half of a surrogate pair, `encode` raises `UnicodeEncodeError`, which is a `ValueError`.
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError, OverflowError) as error:
        raise BadDocument(what, f"not JSON ({one_line(error)})") from None
    if not isinstance(document, dict):
        raise BadDocument(what, "not a JSON object")
    return document


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file of a user, and return its top-level table.

    Raises:
        TomlError: the file cannot be read, is not a regular file, or is not a TOML document within bounds.
    """
    try:
        data = read_regular_file(path, MAX_TOML_BYTES)
    except OSError as error:
        raise TomlError(one_line(error.strerror or error)) from None
    except ValueError as error:
        # The path contains a NUL character.
        raise TomlError(one_line(error)) from None
    return parse_toml(data)


def parse_toml(data: bytes) -> dict[str, Any]:
    """Parse TOML in UTF-8, with or without a byte order mark.

    The nesting is limited, because Python's parser is recursive. The number of parts of a dotted key is limited, because the
    parser's time grows with the square of this number.

    Raises:
        TomlError: the data are too large, not UTF-8, not TOML, have a key of more than `MAX_DEPTH` parts, or are nested too deeply.
    """
    import tomllib

    if len(data) > MAX_TOML_BYTES:
        raise TomlError(f"it has more than {MAX_TOML_BYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"it is not TOML in UTF-8 (byte {error.start + 1} is 0x{data[error.start]:02x})"
        raise TomlError(problem) from None
    if text.count(".") >= MAX_DEPTH and re.search(_TOO_LONG_TOML_KEY, text) is not None:
        raise TomlError(f"it has a key of more than {MAX_DEPTH} parts")
    too_deep = TomlError(f"it is nested more than {MAX_DEPTH} levels deep")
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise too_deep from None
    except (ValueError, OverflowError) as error:
        # A number of thousands of digits raises a plain `ValueError` instead of `TOMLDecodeError`.
        raise TomlError(f"it is not TOML ({one_line(error)})") from None
    if not _is_shallow(table):
        raise too_deep
    return table


def _is_shallow(table: dict[str, Any]) -> bool:
    """Return whether tables and arrays are nested at most `MAX_DEPTH` levels deep."""
    level: list[Any] = [table]
    for _ in range(MAX_DEPTH):
        tables = [value for value in level if isinstance(value, dict)]
        arrays = [value for value in level if isinstance(value, list)]
        level = [value for items in tables for value in items.values()]
        level += [value for items in arrays for value in items]
        if not level:
            return True
    return False


def _integer(text: str) -> int:
    # Compare the length first, because `int` raises another error for more than 4,300 digits.
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
    """Return the nesting depth of the brackets outside of strings. Stop counting above `limit`."""
    depth = deepest = 0
    for match in re.finditer(_TOKEN, data, re.DOTALL):
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
    """Return the integer in the field `name`.

    Raises:
        BadDocument: the field is missing, not an integer, or less than `low`.
    """
    value = _field(document, name, what)
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        raise BadDocument(what, f"{name} is not an integer of at least {low} ({value!r})")
    return value


def text_field(document: Mapping[str, Any], name: str, *, what: str) -> str:
    """Return the string in the field `name`.

    Raises:
        BadDocument: the field is missing or not a string.
    """
    value = _field(document, name, what)
    if not isinstance(value, str):
        raise BadDocument(what, f"{name} is not a text ({value!r})")
    return value


def date_field(document: Mapping[str, Any], name: str, *, what: str) -> dt.date:
    """Return the date in the field `name`, written as `YYYY-MM-DD`.

    Raises:
        BadDocument: the field is missing or not a date.
    """
    value = text_field(document, name, what=what)
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        raise BadDocument(what, f"{name} is not a date ({value!r})") from None


def timestamp_field(document: Mapping[str, Any], name: str, *, what: str) -> dt.datetime:
    """Return the time in the field `name`, in UTC. A time without an offset counts as UTC.

    Raises:
        BadDocument: the field is missing or not a time, or the time in UTC is not between the years 1 and 9999.
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
