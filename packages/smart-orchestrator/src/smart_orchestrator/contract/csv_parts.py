"""Read CSV parts in pieces of bounded size. Each piece ends at the end of a row, never at a line break inside quotes.

Every row must have as many fields as the header. A blank line is not a row, with one exception: in a part with only one column
that the writer of this package wrote, a blank line is a row with a null. The functions raise `Unreadable` for a part that is not CSV.
"""

from __future__ import annotations

import csv
import io
import re
from itertools import chain
from typing import TYPE_CHECKING

from smart_orchestrator.contract import spark_csv
from smart_orchestrator.contract.compression import decompress_chunks
from smart_orchestrator.contract.reading import NotSparkCsv, PartFault, Unreadable, translate_errors
from smart_orchestrator.extras import extra

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from smart_orchestrator.contract.sources import PartSource
    from smart_orchestrator.model.dataset import Dataset

BOM = b"\xef\xbb\xbf"
# The size of the pieces that are parsed.
PIECE_BYTES = 4 << 20
# Without this limit, an unclosed quote would collect the rest of the part in memory.
MAX_ROW_BYTES = 32 << 20
# The first bytes of the files of other formats, and the name of the format.
SIGNATURES = {
    b"PAR1": "Parquet",
    b"ORC": "ORC",
    b"Obj\x01": "Avro",
    b"PK\x03\x04": "ZIP",
    b"\xfd7zXZ\x00": "XZ",
    b"\x04\x22\x4d\x18": "LZ4",
}
_NUMBER_OR_TIME = re.compile(r"[+-]?\d+(?:[.,:/TZ +-]\d+)*Z?")
_ESCAPED = re.compile(rb'\\[\\"]')
# A quoted value, which is group 1, or blank lines. Quoted values are matched as a whole, so the blank lines inside them stay.
_QUOTED_OR_BLANK = re.compile(rb'("[^"]*")|(?<![^\n])(?:\r?\n)++')
_QUOTED_OR_BLANK_SPARK = re.compile(rb'("(?:[^"\\]|\\.)*+")|(?<![^\n])(?:\r?\n)++', re.DOTALL)


def read_csv(
    dataset: Dataset, chunks: Iterator[bytes], *, spark: bool, foreign: bool
) -> tuple[list[str], Iterator[pl.DataFrame]]:
    """Read a part, and return its header and an iterator over its rows as frames of text columns.

    Args:
        dataset: the dataset. It declares the compression, and whether the parts have a header.
        chunks: the bytes of the part.
        spark: whether to parse Spark's dialect instead of RFC 4180.
        foreign: whether another program wrote the part. In such a part, an empty field is null even in quotes, and a blank line is
            not a row.

    Raises:
        Unreadable: the part is not CSV. The iterator can raise this error, too.
        NotSparkCsv: the part is not in Spark's dialect. The iterator can raise this error, too.
    """
    with translate_errors():
        pieces = split_into_row_pieces(decompress_chunks(chunks, dataset.compression), spark=spark)
        first_piece = next(pieces, b"").removeprefix(BOM)
        other_format = next(
            (name for prefix, name in SIGNATURES.items() if first_piece.startswith(prefix)), None
        )
        if other_format is not None:
            msg = f"the file is {other_format}, but the dataset's format is CSV"
            raise Unreadable(msg)
        if dataset.header:
            header, first_piece = _split_header(first_piece.lstrip(b"\r\n"), spark=spark)
        else:
            header = [column.name for column in dataset.columns] if first_piece else []
    return header, _parse_pieces(header, chain([first_piece], pieces), spark=spark, foreign=foreign)


def header_problem(part: PartSource) -> str:
    """Return a sentence that says why the first record of a part is probably not a header; empty for a header or an unreadable part."""
    try:
        with translate_errors():
            text = next(decompress_chunks(part.chunks(), "infer"), b"").removeprefix(BOM).lstrip(b"\r\n")
            names, _ = _split_header(text, spark=False)
    except (Unreadable, PartFault):
        return ""
    value = next((name for name in names if _NUMBER_OR_TIME.fullmatch(name)), None)
    if value is None:
        return ""
    return f"{value[:40]} in the first line of {part.name} is not the name of a column: perhaps header = false, with columns"


def split_into_row_pieces(chunks: Iterator[bytes], *, spark: bool) -> Iterator[bytes]:
    """Split the bytes of a CSV text into pieces of complete rows.

    Raises:
        Unreadable: a row has more than `MAX_ROW_BYTES` bytes.
    """
    rest = b""
    # The size doubles after a search without a result, so that a long row is not searched again with each chunk.
    search_size = PIECE_BYTES
    for chunk in chunks:
        for start in range(0, len(chunk), PIECE_BYTES):
            rest += chunk[start : start + PIECE_BYTES]
            if len(rest) < search_size:
                continue
            end = find_rows_end(rest, spark=spark)
            search_size = PIECE_BYTES if end else 2 * len(rest)
            if end:
                yield rest[:end]
                rest = rest[end:]
            elif len(rest) > MAX_ROW_BYTES:
                msg = f"a row has more than {MAX_ROW_BYTES:,} bytes, or a quote is not closed"
                raise Unreadable(msg)
    if rest:
        yield rest


def find_rows_end(text: bytes, *, spark: bool) -> int:
    """Return the offset after the last complete row, that is, after the last line break outside of quotes."""
    if spark and b"\\" in text:
        # An escaped quote does not end a value. Two spaces in its place keep the offsets.
        text = _ESCAPED.sub(b"  ", text)
    # A line break is inside quotes if an odd number of quotes comes before it. Search backwards from the end.
    is_inside_quotes = text.count(b'"') % 2
    end = len(text)
    while (line_break := text.rfind(b"\n", 0, end)) >= 0:
        is_inside_quotes ^= text.count(b'"', line_break, end) % 2
        if not is_inside_quotes:
            return line_break + 1
        end = line_break
    return 0


def _split_header(text: bytes, *, spark: bool) -> tuple[list[str], bytes]:
    """Split the text into the fields of the first record and the text after the record.

    The record may contain line breaks inside quotes.
    """
    masked = _ESCAPED.sub(b"  ", text) if spark and b"\\" in text[:PIECE_BYTES] else text
    end = is_inside_quotes = 0
    while True:
        line_break = masked.find(b"\n", end)
        is_inside_quotes ^= masked.count(b'"', end, line_break if line_break >= 0 else len(masked)) % 2
        if line_break < 0:
            end = len(text)
            break
        end = line_break + 1
        if not is_inside_quotes:
            break
    line = text[:end].decode("utf-8")
    if not line:
        return [], b""
    if spark and spark_csv.dialects_differ(text[:end]):
        records = spark_csv.parse_spark_records(line)
        if records is None:
            raise NotSparkCsv
        cells = [cell or "" for cell in records[0]]
    else:
        cells = next(csv.reader(io.StringIO(line, newline=""), strict=True), [])
    return cells, text[end:]


def _parse_pieces(
    header: Sequence[str], pieces: Iterator[bytes], *, spark: bool, foreign: bool
) -> Iterator[pl.DataFrame]:
    """Parse the pieces into frames. A repeated column name gets a number, so that it is unique."""
    rows_before = 0
    names = _unique_names(header)
    with translate_errors():
        for piece in pieces:
            if foreign or len(header) > 1:
                piece = remove_blank_lines(piece, spark=spark)
            frame = _parse(names, piece, rows_before, spark=spark, foreign=foreign)
            rows_before += frame.height
            yield frame


def _unique_names(header: Sequence[str]) -> list[str]:
    """Return the header, with a number added to each repeated name."""
    names: list[str] = []
    for position, name in enumerate(header):
        names.append(f"{name}\0{position}" if name in names else name)
    return names


def remove_blank_lines(text: bytes, *, spark: bool) -> bytes:
    """Remove the blank lines outside of quotes."""
    if b"\n\n" not in text and b"\n\r\n" not in text and text[:1] not in (b"\n", b"\r"):
        return text
    pattern = _QUOTED_OR_BLANK_SPARK if spark else _QUOTED_OR_BLANK
    return pattern.sub(rb"\1", text)


def _parse(
    names: Sequence[str], text: bytes, rows_before: int, *, spark: bool, foreign: bool
) -> pl.DataFrame:
    """Parse one piece. The part has `rows_before` rows before this piece."""
    with extra("frames"):
        import polars as pl

    schema = dict.fromkeys(names, pl.String)
    if not text or not names:
        return pl.DataFrame(schema=schema)
    if spark and spark_csv.dialects_differ(text):
        return _parse_spark(names, text, rows_before)
    try:
        frame = pl.read_csv(text, has_header=False, infer_schema=False, schema=schema)
    except pl.exceptions.PolarsError:
        _check_field_counts(names, text, rows_before)
        raise
    # Polars fills a row with too few fields with nulls. To find such a row, count the separators: all commas except those inside
    # values. If every row is complete, there are rows x (columns - 1) separators.
    separators = text.count(b",")
    if b'"' in text and separators:
        separators -= sum(frame.select(pl.all().str.count_matches(",", literal=True).sum()).row(0))
    if separators != frame.height * (len(names) - 1):
        _check_field_counts(names, text, rows_before)
        msg = "a row and the header differ in their number of fields"
        raise Unreadable(msg)
    if foreign and b'""' in text:
        # `when` without `otherwise` turns an empty text into null.
        frame = frame.with_columns(pl.when(pl.col(pl.String) != "").then(pl.col(pl.String)))
    return frame


def _check_field_counts(names: Sequence[str], text: bytes, rows_before: int) -> None:
    """Raise `Unreadable` for the first row that has more or fewer fields than the header."""
    records = csv.reader(io.StringIO(text.decode("utf-8"), newline=""))
    for row_number, record in enumerate(records, rows_before + 1):
        if len(record) != len(names):
            _raise_field_count(row_number)


def _raise_field_count(row_number: int) -> None:
    msg = f"row {row_number} has more or fewer fields than the header"
    raise Unreadable(msg)


def _parse_spark(names: Sequence[str], text: bytes, rows_before: int) -> pl.DataFrame:
    with extra("frames"):
        import polars as pl

    records = spark_csv.parse_spark_records(text.decode("utf-8"))
    if records is None:
        raise NotSparkCsv
    for row_number, record in enumerate(records, rows_before + 1):
        if len(record) != len(names):
            _raise_field_count(row_number)
    columns = zip(*records, strict=True) if records else ([] for _ in names)
    return pl.DataFrame(
        {name: pl.Series(column, dtype=pl.String) for name, column in zip(names, columns, strict=True)}
    )
