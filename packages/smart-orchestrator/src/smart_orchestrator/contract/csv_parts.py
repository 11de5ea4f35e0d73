"""Read CSV parts in pieces of bounded size. Each piece ends at the end of a row, never at a line break inside quotes.

Every row must have as many fields as the header. A blank line is not a row, with one exception: in a part with a single
column that our own writer wrote, it is a null. A part that is not CSV raises `Unreadable`.
"""

from __future__ import annotations

import csv
import io
import re
from itertools import chain
from typing import TYPE_CHECKING

from smart_orchestrator.contract import spark_csv
from smart_orchestrator.contract.compression import decompressed
from smart_orchestrator.contract.reading import OtherDialect, Unreadable, translate_errors
from smart_orchestrator.extras import extra

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from smart_orchestrator.model.dataset import Dataset

BOM = b"\xef\xbb\xbf"
# Bytes of text that are parsed at a time.
PIECE = 4 << 20
# A longer row is an error. Otherwise an unclosed quote would collect the rest of the part in memory.
LONGEST_ROW = 32 << 20
SIGNATURES = {
    b"PAR1": "Parquet",
    b"ORC": "ORC",
    b"Obj\x01": "Avro",
    b"PK\x03\x04": "ZIP",
    b"\xfd7zXZ\x00": "XZ",
    b"\x04\x22\x4d\x18": "LZ4",
}
_ESCAPED = re.compile(rb'\\[\\"]')
_BLANK = re.compile(rb'"[^"]*"|(?<![^\n])\r?\n')
_BLANK_SPARK = re.compile(rb'"(?:[^"\\]|\\.)*+"|(?<![^\n])\r?\n', re.DOTALL)


def read_csv(
    dataset: Dataset, chunks: Iterator[bytes], *, spark: bool, foreign: bool
) -> tuple[list[str], Iterator[pl.DataFrame]]:
    """The header of a part, and its rows as frames of text columns.

    Args:
        dataset: whether its parts have a header, and how they are compressed.
        chunks: the bytes of the part.
        spark: whether to read Spark's dialect instead of RFC 4180.
        foreign: whether another program wrote the part. A quoted empty field is then null like an unquoted one, and a blank
            line is not a row.

    Raises:
        Unreadable: the part is not CSV. The iterator raises it as well.
        OtherDialect: the part is not in Spark's dialect. The iterator raises it as well.
    """
    with translate_errors():
        pieces = row_pieces(decompressed(chunks, dataset.compression), spark=spark)
        first = next(pieces, b"").removeprefix(BOM)
        kind = next((kind for sign, kind in SIGNATURES.items() if first.startswith(sign)), None)
        if kind is not None:
            msg = f"it is a file of {kind}, and the dataset is one of CSV"
            raise Unreadable(msg)
        if dataset.header:
            header, first = _split_header(first.lstrip(b"\r\n"), spark=spark)
        else:
            header = [column.name for column in dataset.columns] if first else []
    return header, _frames(header, chain([first], pieces), spark=spark, foreign=foreign)


def row_pieces(chunks: Iterator[bytes], *, spark: bool) -> Iterator[bytes]:
    """The text in pieces, each of complete rows.

    Raises:
        Unreadable: a row is too long.
    """
    rest = b""
    for chunk in chunks:
        for start in range(0, len(chunk), PIECE):
            rest += chunk[start : start + PIECE]
            if len(rest) < PIECE:
                continue
            end = rows_end(rest, spark=spark)
            if end:
                yield rest[:end]
                rest = rest[end:]
            elif len(rest) > LONGEST_ROW:
                msg = f"a row has more than {LONGEST_ROW:,} bytes, or a quote is not closed"
                raise Unreadable(msg)
    if rest:
        yield rest


def rows_end(text: bytes, *, spark: bool) -> int:
    """Where the last complete row ends: after a line break with an even number of quotes before it."""
    if spark and b"\\" in text:
        text = _ESCAPED.sub(b"  ", text)
    # After an odd number of quotes, a line break is inside quotes.
    inside_quotes = text.count(b'"') % 2
    end = len(text)
    while (at := text.rfind(b"\n", 0, end)) >= 0:
        inside_quotes ^= text.count(b'"', at, end) % 2
        if not inside_quotes:
            return at + 1
        end = at
    return 0


def _split_header(text: bytes, *, spark: bool) -> tuple[list[str], bytes]:
    """The names in the first record, which may have line breaks inside quotes, and the text after it."""
    masked = _ESCAPED.sub(b"  ", text) if spark and b"\\" in text[:PIECE] else text
    end = inside_quotes = 0
    while True:
        at = masked.find(b"\n", end)
        inside_quotes ^= masked.count(b'"', end, at if at >= 0 else len(masked)) % 2
        if at < 0:
            end = len(text)
            break
        end = at + 1
        if not inside_quotes:
            break
    line = text[:end].decode("utf-8")
    if not line:
        return [], b""
    if spark and spark_csv.dialects_differ(text[:end]):
        records = spark_csv.spark_records(line)
        if records is None:
            raise OtherDialect
        cells = [cell or "" for cell in records[0]]
    else:
        cells = next(csv.reader(io.StringIO(line, newline=""), strict=True), [])
    return cells, text[end:]


def _frames(
    header: Sequence[str], pieces: Iterator[bytes], *, spark: bool, foreign: bool
) -> Iterator[pl.DataFrame]:
    row = 0
    names = _unique(header)
    with translate_errors():
        for piece in pieces:
            if foreign or len(header) > 1:
                piece = without_blank_lines(piece, spark=spark)
            frame = _parse(names, piece, row, spark=spark, foreign=foreign)
            row += frame.height
            yield frame


def _unique(header: Sequence[str]) -> list[str]:
    names: list[str] = []
    for number, name in enumerate(header):
        names.append(f"{name}\0{number}" if name in names else name)
    return names


def without_blank_lines(text: bytes, *, spark: bool) -> bytes:
    """The text without its blank lines; those inside quotes stay."""
    if b"\n\n" not in text and b"\n\r\n" not in text and text[:1] not in (b"\n", b"\r"):
        return text
    blank = _BLANK_SPARK if spark else _BLANK
    return blank.sub(lambda match: match[0] if match[0].startswith(b'"') else b"", text)


def _parse(names: Sequence[str], text: bytes, row: int, *, spark: bool, foreign: bool) -> pl.DataFrame:
    with extra("frames"):
        import polars as pl

    schema = dict.fromkeys(names, pl.String)
    if not text or not names:
        return pl.DataFrame(schema=schema)
    if spark and spark_csv.dialects_differ(text):
        return _parse_spark(names, text, row)
    try:
        frame = pl.read_csv(text, has_header=False, infer_schema=False, schema=schema)
    except pl.exceptions.PolarsError:
        _check_fields(names, text, row)
        raise
    # Polars fills short rows with nulls. In complete rows every comma outside of a field separates two columns.
    separators = text.count(b",")
    if b'"' in text and separators:
        separators -= sum(frame.select(pl.all().str.count_matches(",", literal=True).sum()).row(0))
    if separators != frame.height * (len(names) - 1):
        _check_fields(names, text, row)
        msg = "a row has another number of fields than the header"
        raise Unreadable(msg)
    if foreign and b'""' in text:
        # Without `otherwise`, an empty text becomes null.
        frame = frame.with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)))
    return frame


def _check_fields(names: Sequence[str], text: bytes, row: int) -> None:
    """Raise `Unreadable` for the first row with another number of fields than the header, if there is one."""
    records = csv.reader(io.StringIO(text.decode("utf-8"), newline=""))
    for number, record in enumerate(records, row + 1):
        if len(record) != len(names):
            _raise_ragged(number)


def _raise_ragged(row: int) -> None:
    msg = f"row {row} has another number of fields than the header"
    raise Unreadable(msg)


def _parse_spark(names: Sequence[str], text: bytes, row: int) -> pl.DataFrame:
    with extra("frames"):
        import polars as pl

    records = spark_csv.spark_records(text.decode("utf-8"))
    if records is None:
        raise OtherDialect
    for number, record in enumerate(records, row + 1):
        if len(record) != len(names):
            _raise_ragged(number)
    columns = zip(*records, strict=True) if records else ([] for _ in names)
    return pl.DataFrame(
        {name: pl.Series(column, dtype=pl.String) for name, column in zip(names, columns, strict=True)}
    )
