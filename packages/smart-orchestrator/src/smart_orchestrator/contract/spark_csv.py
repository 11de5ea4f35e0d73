"""Parse CSV in the dialect that Spark writes by default, which dialects_differ from RFC 4180. Pure.

Inside quotes a backslash escapes a quote or a backslash; outside quotes it is an ordinary character; an empty field is null,
quoted or not. Other writers that leave an empty marker write RFC 4180, so for text that is not in Spark's dialect the result
is None.
"""

from __future__ import annotations

import re

_FIELD = re.compile(r'(?:"((?:[^"\\]|\\.)*+)"|([^",\r\n]*+))(,|\r?\n|\Z)', re.DOTALL)
_ESCAPED = re.compile(r'\\([\\"])')

Record = list[str | None]


def dialects_differ(data: bytes) -> bool:
    """Whether the two dialects may read these bytes differently; if not, the faster reader of RFC 4180 can be used."""
    return b'"' in data and (b"\\" in data or b'""' in data)


def spark_records(text: str) -> list[Record] | None:
    """The fields of each line in Spark's dialect; None when the text is not in this dialect."""
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
