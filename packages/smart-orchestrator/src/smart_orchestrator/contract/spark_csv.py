"""Parse CSV in the dialect that Spark writes by default, which differs from RFC 4180. Pure.

Inside quotes a backslash escapes a quote or a backslash; outside quotes it is an ordinary character; an empty field is null,
quoted or not. Other writers leave Spark's empty marker as well, and write RFC 4180: text that cannot be of Spark's dialect
gives None.
"""

from __future__ import annotations

import re

_FIELD = re.compile(r'(?:"((?:[^"\\]|\\.)*+)"|([^",\r\n]*+))(,|\r?\n|\Z)', re.DOTALL)
_ESCAPED = re.compile(r'\\([\\"])')

Record = list[str | None]


def differs(data: bytes) -> bool:
    """Whether the two dialects can differ on these bytes; otherwise a faster reader gives the same rows."""
    return b'"' in data and (b"\\" in data or b'""' in data)


def spark_records(text: str) -> list[Record] | None:
    """The fields of each line in Spark's dialect, or None when the text is not of it."""
    lines: list[Record] = []
    line: Record = []
    at, end = 0, "\n"
    while at < len(text) or end == ",":
        field = _FIELD.match(text, at)
        if field is None:
            return None
        quoted, plain, end = field.groups()
        line.append((_ESCAPED.sub(r"\1", quoted) if quoted else plain) or None)
        at = field.end()
        if end != ",":
            lines.append(line)
            line = []
    return lines
