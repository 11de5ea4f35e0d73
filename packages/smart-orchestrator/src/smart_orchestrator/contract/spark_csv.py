"""Parse CSV in the dialect that Spark writes by default, which differs from RFC 4180.

Inside quotes, a backslash escapes a quote or a backslash. Outside quotes, a backslash is an ordinary character. An empty field
is null, quoted or not. Spark writes an empty marker. But a part beside an empty marker is not always in this dialect, because other
programs write empty markers beside CSV of RFC 4180.
"""

from __future__ import annotations

import re

_FIELD = re.compile(r'(?:"((?:[^"\\]|\\.)*+)"|([^",\r\n]*+))(,|\r?\n|\Z)', re.DOTALL)
_ESCAPED = re.compile(r'\\([\\"])')

Record = list[str | None]


def dialects_differ(data: bytes) -> bool:
    """Return whether Spark's dialect and RFC 4180 may give different fields. If not, the faster parser of RFC 4180 can be used."""
    return b'"' in data and (b"\\" in data or b'""' in data)


def parse_spark_records(text: str) -> list[Record] | None:
    """Return the records of a text in Spark's dialect, or None if the text is not in this dialect."""
    records: list[Record] = []
    record: Record = []
    position, end = 0, "\n"
    # After a comma at the end of the text, there is one more field, which is empty.
    while position < len(text) or end == ",":
        field = _FIELD.match(text, position)
        if field is None:
            return None
        quoted, plain, end = field.groups()
        record.append((_ESCAPED.sub(r"\1", quoted) if quoted else plain) or None)
        position = field.end()
        if end != ",":
            records.append(record)
            record = []
    return records
