"""Parse CSV in the dialect that Spark writes by default, which differs from RFC 4180. Pure.

Inside quotes a backslash escapes a quote or a backslash; outside quotes it is an ordinary character; an empty field is null,
quoted or not. Other writers leave Spark's empty marker as well, so `records` reads text that cannot be of this dialect
as RFC 4180, strictly. Text of neither dialect raises `ValueError`.
"""

from __future__ import annotations

import csv
import io
import re

_FIELD = re.compile(r'(?:"((?:[^"\\]|\\.)*+)"|([^",\r\n]*+))(,|\r?\n|\Z)', re.DOTALL)
_ESCAPED = re.compile(r'\\([\\"])')

Record = list[str | None]


def differs(data: bytes) -> bool:
    """Whether the two dialects can differ on these bytes; otherwise a faster reader gives the same rows."""
    return b'"' in data and (b"\\" in data or b'""' in data)


def records(text: str) -> list[Record]:
    """The fields of each line, the header first.

    Raises:
        ValueError: not CSV, or a row has another number of fields than the header.
    """
    lines = spark_records(text)
    if lines is None:
        lines = _rfc_4180(text)
    ragged = [number for number, line in enumerate(lines) if len(line) != len(lines[0])]
    if ragged:
        msg = f"row {ragged[0]} has another number of fields than the header"
        raise ValueError(msg)
    return lines


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


def _rfc_4180(text: str) -> list[Record]:
    try:
        return [
            [field or None for field in line]
            for line in csv.reader(io.StringIO(text, newline=""), strict=True)
        ]
    except csv.Error as error:
        raise ValueError(str(error)) from None
