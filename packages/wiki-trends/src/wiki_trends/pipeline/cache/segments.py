"""Reads and writes the segments of the page cache: Parquet, and the JSON of earlier versions.

A segment of an earlier version is JSON in gzip: `{"version": 2, "pages": {title: [answered_at, facts]}}`. Bytes in any other form
raise `NotASegment`. The size of a file, the size of its JSON document, and the number of its rows are limited, because a damaged
file must not exhaust memory.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from typing import TYPE_CHECKING

from smart_orchestrator.contract.reading import Unreadable, translate_parquet_errors
from smart_orchestrator.foreign import one_line
from wiki_trends.pipeline.cache.facts import (
    add_missing_columns,
    check_columns,
    facts_from_json,
    frame_schema,
    to_frame,
)

if TYPE_CHECKING:
    import polars as pl

# Several times the size of the largest segment that a merge writes.
MAX_SEGMENT_BYTES = 64 * 1024 * 1024
# Limits against a damaged file: the size of its JSON document, and the number of its rows.
MAX_JSON_BYTES = 512 * 1024 * 1024
MAX_ROWS = 1_000_000
SUFFIX = ".parquet"
JSON_SUFFIX = ".json.gz"
JSON_VERSION = 2
_JSON_START = b'{"version": '
# The errors with which Polars, `json` and `gzip` reject damaged bytes. `RecursionError` has a message of its own.
_SEGMENT_ERRORS = (
    OSError,
    EOFError,
    zlib.error,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ArithmeticError,
)


class NotASegment(ValueError):
    """Bytes are not a segment. The message gives the reason in one line."""


def write_segment(frame: pl.DataFrame) -> bytes:
    """Convert a frame of facts to the bytes of a segment."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def read_segment(data: bytes) -> tuple[pl.DataFrame, int]:
    """Parse a segment. Return the frame of its facts, and the number of entries that cannot be used and were left out.

    Raises:
        NotASegment: the bytes are not a segment.
    """
    try:
        if data.startswith(b"PAR1"):
            return _read_parquet(data), 0
        return _read_json(data)
    except Unreadable as error:
        raise NotASegment(str(error)) from None
    except RecursionError:
        raise NotASegment("it is nested too deep") from None
    except _SEGMENT_ERRORS as error:
        raise NotASegment(one_line(f"{type(error).__name__}: {error}")) from None


def _read_parquet(data: bytes) -> pl.DataFrame:
    import polars as pl

    with translate_parquet_errors():
        scan = pl.scan_parquet(io.BytesIO(data))
        rows = int(scan.select(pl.len()).collect().item())
        if rows > MAX_ROWS:
            message = f"it has {rows:,} rows, at most {MAX_ROWS:,} are read"
            raise ValueError(message)
        schema = scan.collect_schema()
        # The columns are checked before the rows are decoded, because decoding is expensive.
        check_columns(schema)
        names = [name for name in schema if name in frame_schema()]
        return add_missing_columns(scan.select(names).collect())


def _read_json(data: bytes) -> tuple[pl.DataFrame, int]:
    document = json.loads(_decompress(data))
    if document["version"] != JSON_VERSION:
        message = f"it is of version {document['version']!r}, this program reads {JSON_VERSION}"
        raise ValueError(message)
    entries = [
        (title, float(answered_at), facts_from_json(facts))
        for title, (answered_at, facts) in document["pages"].items()
    ]
    usable = [(title, answered_at, facts) for title, answered_at, facts in entries if facts is not None]
    return to_frame(usable), len(entries) - len(usable)


def _decompress(data: bytes) -> bytes:
    """Decompress the JSON document of a gzip file.

    Raises:
        ValueError: the document is too large, or does not begin like a segment.
        EOFError: the file is cut short.
        OSError, zlib.error: the file is not gzip, or is damaged.
    """
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        start = stream.read(len(_JSON_START))
        if start != _JSON_START:
            message = "it does not begin like a segment"
            raise ValueError(message)
        document = start + stream.read(MAX_JSON_BYTES)
        if len(document) > MAX_JSON_BYTES:
            message = f"it expands to more than {MAX_JSON_BYTES:,} bytes"
            raise ValueError(message)
        return document
