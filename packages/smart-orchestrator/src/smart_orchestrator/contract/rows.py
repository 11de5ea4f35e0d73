"""What stands inside the parts of a day: rows as frames, and whether they keep the dataset's contract.

Frames are Polars frames with the contract's columns in its order (all columns when the contract names none). `examine`
never raises for what it finds in the data: it returns findings, each with a stable code and a sentence that names the
part, the row (1 is the first after the header) and the column.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from smart_orchestrator.contract import spark_csv
from smart_orchestrator.extras import extra
from smart_orchestrator.model.partition import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from smart_orchestrator.model.dataset import Column, DailyDataset

# Violations named in a reason; a broken day would otherwise fill the screen.
FIRST_FEW = 3
BOM = b"\xef\xbb\xbf"
LONGEST_HEADER = 1 << 16
# At the end of a column's name: the same in the contract's type.
DAY_NUMBER = " day"
TYPED = "\0typed"
# A row that no day holds.
END = "\x1c\x1d"
NUMBERS = ("integer", "float")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that breaks the contract."""

    code: Code
    text: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What the parts of a day hold.

    Attributes:
        rows: of all parts, without headers.
        volume: sum of the dataset's volume column, if it has one.
        findings: what breaks the contract; empty when nothing does.
    """

    rows: int
    volume: int | None
    findings: tuple[Finding, ...]


def to_bytes(dataset: DailyDataset, frame: pl.DataFrame) -> bytes:
    """A frame as one part of the dataset's format.

    CSV is RFC 4180 in UTF-8 with LF: header, quotes only where needed and doubled inside, nothing for null.
    """
    buffer = io.BytesIO()
    if dataset.format == "parquet":
        frame.write_parquet(buffer, compression="zstd")
    else:
        frame.write_csv(buffer)
    return buffer.getvalue()


def to_frame(dataset: DailyDataset, parts: Sequence[bytes], *, spark: bool = False) -> pl.DataFrame:
    """The rows of `parts` as one frame with the contract's columns and types.

    Args:
        dataset: its contract names columns and types.
        parts: the bytes of each part.
        spark: whether the parts were written by Spark, which puts a backslash before a quote.

    Raises:
        ValueError: the parts do not keep the contract; `examine` says how.
    """
    with extra("frames"):
        import polars as pl

    frames = [_parsed(dataset, data, spark=spark) for data in parts if data]
    if not frames:
        return pl.DataFrame(schema={column.name: _dtype(column) for column in dataset.columns})
    if dataset.columns:
        frames = [
            frame.select(_typed(column, frame.schema[column.name]) for column in dataset.columns)
            for frame in frames
        ]
    try:
        return pl.concat(frames)
    except pl.exceptions.PolarsError as error:
        raise ValueError(_first_line(error)) from None


def examine(dataset: DailyDataset, parts: Sequence[tuple[str, bytes]], *, spark: bool = False) -> Contents:
    """Read all rows of `parts` (name, bytes) and hold them against the contract."""
    frames: list[tuple[str, pl.DataFrame]] = []
    findings: list[Finding] = []
    rows = 0
    for name, data in parts:
        if not data and dataset.format == "csv":
            continue  # Spark writes a part without a byte for a partition without rows.
        try:
            frame = _parsed(dataset, data, spark=spark)
        except ValueError as error:
            findings.append(Finding(Code.UNREADABLE, f"{name} cannot be read: {error}"))
            continue
        rows += frame.height
        found = [*_column_findings(dataset, name, frame, data)]
        findings += found
        if not found and dataset.columns:
            frames.append((name, frame.select(column.name for column in dataset.columns)))
    if not frames:
        return Contents(rows, None, tuple(findings))
    wrong, volume = _judged(dataset, frames)
    return Contents(rows, volume, (*findings, *wrong))


def judge_together(
    dataset: DailyDataset, days: Sequence[Sequence[bytes]]
) -> Sequence[tuple[int, int | None] | None]:
    """For each day's parts: how many rows, and the sum of the volume column; None where all is not right at a glance.

    One pass over all rows instead of one a day; what is wrong, and where, is for `examine` to say.
    """
    with extra("frames"):
        import polars as pl

    found: list[tuple[int, int | None] | None] = [None] * len(days)
    try:
        whole, rows = _joined(dataset, days)
    except (ValueError, pl.exceptions.PolarsError):
        return found
    numbers = pl.select(pl.lit(pl.Series(range(len(days)))).repeat_by(pl.Series(rows)).explode()).to_series()
    typed, (volume, *broken) = _questions(dataset, tuple(whole.dtypes))
    asked = whole.with_columns(typed).group_by(numbers.alias(DAY_NUMBER))
    for number, height, total, wrong in asked.agg(pl.len(), volume, pl.any_horizontal(broken)).rows():
        if not wrong:
            found[number] = (height, None if total is None else int(total))
    return found


def _joined(dataset: DailyDataset, days: Sequence[Sequence[bytes]]) -> tuple[pl.DataFrame, list[int]]:
    """The contract's columns of all days, as they stand, and how many rows each day has.

    CSV parts are parsed as one text, each closed by a row of its own, so that no part's rows count as another's: an open
    quote would swallow that row.
    """
    with extra("frames"):
        import polars as pl

    names = [column.name for column in dataset.columns]
    if dataset.format == "parquet":
        frames = [pl.concat(pl.read_parquet(io.BytesIO(part)).select(names) for part in day) for day in days]
        return pl.concat(frames), [frame.height for frame in frames]
    parts = [part for day in days for part in day]
    header = parts[0][: parts[0].index(b"\n") + 1]
    columns = _header(header)
    text_column = next((column.name for column in dataset.columns if column.type == "string"), None)
    if (
        text_column is None
        or b'"' in header
        or len(set(columns)) < len(columns)
        or not all(_alike(part, header) for part in parts)
    ):
        msg = "the parts are not alike"
        raise ValueError(msg)
    close = ",".join(END if name == text_column else "" for name in columns).encode() + b"\n"
    text = b"".join(
        [header, *(piece for part in parts for piece in (memoryview(part)[len(header) :], close))]
    )
    # Numbers are parsed on the way in; text that is none raises, and is named by `examine`.
    numbers = {column.name: _dtype(column) for column in dataset.columns if column.type in NUMBERS}
    whole = pl.read_csv(text, infer_schema=False, schema_overrides=numbers).select(names)
    closed = whole[text_column] == END
    ends = closed.arg_true().to_list()
    if len(ends) != len(parts):
        msg = "rows run over the end of a part"
        raise ValueError(msg)
    heights = iter(end - start - 1 for start, end in pairwise([-1, *ends]))
    return whole.filter(~closed.fill_null(value=False)), [sum(islice(heights, len(day))) for day in days]


def _alike(part: bytes, header: bytes) -> bool:
    return part.startswith(header) and part.endswith(b"\n")


def _judged(
    dataset: DailyDataset, frames: Sequence[tuple[str, pl.DataFrame]]
) -> tuple[list[Finding], int | None]:
    """What in the values breaks the contract, and the sum of the volume column.

    All rules are asked at once; which row breaks which is looked for only when one does.
    """
    with extra("frames"):
        import polars as pl

    kinds = {tuple(frame.dtypes) for _, frame in frames}
    if len(kinds) == 1:
        whole = pl.concat(frame for _, frame in frames)
        typed, questions = _questions(dataset, *kinds)
        volume, *broken = whole.with_columns_seq(typed).select_seq(questions).row(0)
        if not any(broken):
            return [], None if volume is None else int(volume)
    findings: list[Finding] = []
    right: list[pl.DataFrame] = []
    for name, frame in frames:
        found = [*_value_findings(dataset, name, frame)]
        findings += found
        if not found:
            right.append(
                frame.select(_typed(column, frame.schema[column.name]) for column in dataset.columns)
            )
    if not right:
        return findings, None
    whole = pl.concat(right)
    volume = int(whole[dataset.volume_column].sum()) if dataset.volume_column else None
    return [*findings, *_duplicates(dataset, whole)], volume


@lru_cache(maxsize=64)
def _questions(
    dataset: DailyDataset, kinds: tuple[pl.DataType, ...]
) -> tuple[Sequence[pl.Expr], Sequence[pl.Expr]]:
    """The columns of these kinds in the contract's types; of both, the volume, and what is true when a rule is broken."""
    with extra("frames"):
        import polars as pl

    typed = [
        _typed(column, kind).alias(column.name + TYPED)
        for column, kind in zip(dataset.columns, kinds, strict=True)
    ]
    broken: list[pl.Expr] = []
    for column, kind in zip(dataset.columns, kinds, strict=True):
        broken += [mask.any() for _, mask in _rules(column, kind)]
        if column.unique:
            broken.append(pl.col(column.name + TYPED).n_unique() < pl.len())
    volume = pl.col(dataset.volume_column + TYPED).sum() if dataset.volume_column else pl.lit(None)
    return typed, [volume.alias("volume"), *(mask.alias(str(number)) for number, mask in enumerate(broken))]


def violations(dataset: DailyDataset, frame: pl.DataFrame) -> tuple[Finding, ...]:
    """What in a frame breaks the contract; the frame is called `frame` in the texts."""
    columns = [*_column_findings(dataset, "frame", frame, None)]
    if columns or not dataset.columns:
        return tuple(columns)
    return (*_value_findings(dataset, "frame", frame), *_duplicates(dataset, frame))


def _parsed(dataset: DailyDataset, data: bytes, *, spark: bool) -> pl.DataFrame:
    """A part as it stands: CSV as text columns, Parquet with its own types."""
    with extra("frames"):
        import polars as pl

    try:
        if dataset.format == "parquet":
            return pl.read_parquet(io.BytesIO(data))
        if spark and spark_csv.differs(data):
            return _spark_csv(data)
        return pl.read_csv(data, infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise ValueError(_first_line(error)) from None


def _spark_csv(data: bytes) -> pl.DataFrame:
    with extra("frames"):
        import polars as pl

    header, *rows = spark_csv.records(data.removeprefix(BOM).decode("utf-8"))
    columns = zip(*rows, strict=True) if rows else [[] for _ in header]
    return pl.DataFrame(
        {name or "": pl.Series(column, dtype=pl.String) for name, column in zip(header, columns, strict=True)}
    )


def _dtype(column: Column) -> pl.DataType:
    with extra("frames"):
        import polars as pl

    return {
        "string": pl.String(),
        "integer": pl.Int64(),
        "float": pl.Float64(),
        "date": pl.Date(),
        "boolean": pl.Boolean(),
    }[column.type]


def _typed(column: Column, kind: pl.DataType) -> pl.Expr:
    """A column of this kind in the contract's type; null where a value is not of it."""
    with extra("frames"):
        import polars as pl

    source = pl.col(column.name)
    if kind == pl.String() and column.type == "boolean":
        return source.str.to_lowercase().replace_strict({"true": True, "false": False}, default=None)
    if kind == pl.String() and column.type == "date":
        return source.str.to_date("%Y-%m-%d", strict=False)
    if kind.is_float() and column.type == "integer":
        source = pl.when(source == source.floor()).then(source)
    return source.cast(_dtype(column), strict=False)


def _rules(column: Column, kind: pl.DataType) -> Iterator[tuple[str, pl.Expr]]:
    """What may be wrong with a value of a column of this kind, and the mask of the rows where it is.

    The masks want the column in the contract's type beside it, its name with `TYPED` at the end.
    """
    with extra("frames"):
        import polars as pl

    raw, typed = pl.col(column.name), pl.col(column.name + TYPED)
    if kind != _dtype(column):
        yield f"is not of type {column.type}", raw.is_not_null() & typed.is_null()
    if not column.nullable:
        yield "is empty", raw.is_null()
    if column.type == "float":
        yield "is not a number", ~typed.is_finite().fill_null(value=True)
    if column.low is not None:
        yield f"is below {column.low:g}", (typed < column.low).fill_null(value=False)
    if column.high is not None:
        yield f"is above {column.high:g}", (typed > column.high).fill_null(value=False)


def _column_findings(
    dataset: DailyDataset, part: str, frame: pl.DataFrame, data: bytes | None
) -> Iterator[Finding]:
    header = _header(data) if data is not None and dataset.format == "csv" else frame.columns
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        yield Finding(Code.COLUMNS, f"{part} has the column {doubled[0]} twice")
    missing = [column.name for column in dataset.columns if column.name not in header]
    if missing:
        yield Finding(Code.COLUMNS, f"{part} lacks the column {', '.join(missing)}")


def _header(data: bytes) -> list[str]:
    start = data[:LONGEST_HEADER].removeprefix(BOM)
    return next(csv.reader(io.StringIO(start.decode("utf-8", errors="replace"), newline="")), [])


def _value_findings(dataset: DailyDataset, part: str, frame: pl.DataFrame) -> Iterator[Finding]:
    for column in dataset.columns:
        raw = frame[column.name]
        both = frame.select(raw, _typed(column, raw.dtype).alias(column.name + TYPED))
        for problem, mask in _rules(column, raw.dtype):
            for row in both.select(mask).to_series().arg_true().head(FIRST_FEW).to_list():
                shown = "" if raw[row] is None else f" ({str(raw[row])[:40]!r})"
                yield Finding(Code.BAD_VALUES, f"{part} row {row + 1} column {column.name}{shown} {problem}")


def _duplicates(dataset: DailyDataset, frame: pl.DataFrame) -> Iterator[Finding]:
    for column in dataset.columns:
        if column.unique:
            values = frame[column.name]
            for value in values.filter(values.is_duplicated()).unique(maintain_order=True).head(FIRST_FEW):
                yield Finding(
                    Code.DUPLICATE_ROWS, f"column {column.name} holds {str(value)[:80]!r} more than once"
                )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
