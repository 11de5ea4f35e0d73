"""Check the rows of a partition against the dataset's contract, in bounded memory, and read them as frames.

Frames are Polars frames with the contract's columns in its order (all columns when the contract names none). `examine`
does not raise for faults of the data: it returns findings, each with a stable code and a sentence that names the
part, the row (1 is the first after the header) and the column. Errors of the lake (`LakeError`) are raised to the caller.
"""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.contract.compression import compressed
from smart_orchestrator.contract.examination import Examination, column_findings, value_findings
from smart_orchestrator.contract.finding import FIRST_FEW, Finding, duplicate_finding
from smart_orchestrator.contract.reading import Unreadable, translate_errors
from smart_orchestrator.contract.rules import contract_dtype, convert, rule_expressions
from smart_orchestrator.contract.sources import BytesPart
from smart_orchestrator.contract.tables import dialects, open_table
from smart_orchestrator.contract.uniqueness import duplicate_findings
from smart_orchestrator.extras import extra
from smart_orchestrator.model.partition import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from smart_orchestrator.contract.sources import PartSource
    from smart_orchestrator.model.dataset import Dataset

# The column with the number of each row's partition. No column of a contract has a NUL in its name.
PARTITION = "\0partition"


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of a partition's parts.

    Attributes:
        rows: the number of rows of all parts, without headers.
        volume: the sum of the dataset's volume column, if it has one.
        findings: violations of the contract; empty when there are none.
    """

    rows: int
    volume: int | None
    findings: tuple[Finding, ...]


def to_bytes(dataset: Dataset, frame: pl.DataFrame) -> bytes:
    """A frame as one part of the dataset's format.

    CSV is RFC 4180 in UTF-8 with LF. A field is quoted only where it must be, a quote inside it is doubled, and null is an
    empty field. The header is written if the dataset has one.
    """
    buffer = io.BytesIO()
    if dataset.format == "parquet":
        frame.write_parquet(buffer, compression="zstd")
    else:
        frame.write_csv(buffer, include_header=dataset.header)
    return compressed(buffer.getvalue(), dataset.compression)


def to_frame(dataset: Dataset, parts: Sequence[PartSource], *, foreign: bool = False) -> pl.DataFrame:
    """The rows of `parts` as one frame with the contract's columns and types.

    Args:
        dataset: the dataset with the contract.
        parts: the parts to read.
        foreign: whether another program wrote the parts, for example Spark, which puts a backslash before a quote.

    Raises:
        ValueError: the parts violate the contract; `examine` lists the violations.
        PartFault, LakeError: as for `PartSource`.
    """
    with extra("frames"):
        import polars as pl

    frames = [frame for part in parts for frame in _frames_of(dataset, part, foreign=foreign)]
    if not frames:
        return pl.DataFrame(schema={column.name: contract_dtype(column) for column in dataset.columns})
    with translate_errors():
        if dataset.columns:
            frames = [
                frame.select(convert(column, frame.schema[column.name]) for column in dataset.columns)
                for frame in frames
            ]
        return pl.concat(frames)


def _frames_of(dataset: Dataset, part: PartSource, *, foreign: bool) -> list[pl.DataFrame]:
    for dialect in dialects(dataset, foreign=foreign):
        with dialect, open_table(dataset, part, dialect, every_column=not dataset.columns) as table:
            if not table.header:
                return []
            if any(column_findings(dataset, part.name, table.header)):
                msg = f"{part.name} has other columns than the contract"
                raise Unreadable(msg)
            return list(table.frames(table.header))
    return []


def examine(dataset: Dataset, parts: Sequence[PartSource], *, foreign: bool = False) -> Contents:
    """Read all rows of `parts` and check them against the contract.

    Memory is bounded, with two exceptions: a column whose values must be unique needs eight bytes per row, and one column of
    one row group of a Parquet part is decoded at a time.

    Raises:
        PartFault, LakeError: as for `PartSource`.
    """
    examined = [Examination.of_part(dataset, part, foreign=foreign) for part in parts]
    table_findings = [finding for examination in examined for finding in examination.table_findings]
    findings_about_values = [finding for examination in examined for finding in examination.value_findings]
    if not table_findings:
        table_findings += _differing_columns(dataset, examined)
    if not table_findings:
        findings_about_values += duplicate_findings(dataset, examined)
    volumes = [examination.volume for examination in examined if examination.volume is not None]
    rows = sum(examination.rows for examination in examined)
    return Contents(rows, sum(volumes) if volumes else None, (*table_findings, *findings_about_values))


def _differing_columns(dataset: Dataset, examined: Sequence[Examination]) -> Iterator[Finding]:
    """Parts whose columns differ from those of the first part, for a dataset whose contract names no columns."""
    if dataset.columns:
        return
    headers = [
        (examination.part.name, examination.columns) for examination in examined if examination.columns
    ]
    for name, columns in headers[1:]:
        if columns != headers[0][1]:
            text = (
                f"{name} has the columns {', '.join(columns)}, and {headers[0][0]} {', '.join(headers[0][1])}"
            )
            yield Finding(Code.COLUMNS, text)


def judge_together(
    dataset: Dataset, partitions: Sequence[Sequence[bytes]]
) -> Sequence[tuple[int, int | None] | None]:
    """The number of rows and the sum of the volume column of each partition; None for a partition that may have a fault.

    Every part is parsed by itself. The rules are then evaluated in one query over the rows of all partitions, in which the
    column `PARTITION` tells them apart. For a partition with None, call `examine`: it names the faults.
    """
    with extra("frames"):
        import polars as pl

    frames: dict[int, pl.DataFrame] = {}
    for number, parts in enumerate(partitions):
        with suppress(ValueError):
            frames[number] = _contract_columns(dataset, parts)
    results: list[tuple[int, int | None] | None] = [None] * len(partitions)
    # The rules depend on the stored types: partitions with the same types are judged in one query.
    for dtypes in {tuple(frame.dtypes) for frame in frames.values()}:
        same_types = {number: frame for number, frame in frames.items() if tuple(frame.dtypes) == dtypes}
        rows = pl.concat(
            frame.with_columns(pl.lit(number).alias(PARTITION)) for number, frame in same_types.items()
        )
        expressions = rule_expressions(dataset, dtypes)
        by_partition = rows.with_columns(expressions.typed).group_by(PARTITION)
        any_violated = pl.any_horizontal(*expressions.violated, *expressions.duplicated, pl.lit(value=False))
        for number, row_count, volume, is_violated in by_partition.agg(
            pl.len(), expressions.volume, any_violated.alias("violated")
        ).rows():
            if not is_violated:
                results[number] = (row_count, None if volume is None else int(volume))
    return results


def _contract_columns(dataset: Dataset, parts: Sequence[bytes]) -> pl.DataFrame:
    """The contract's columns of all parts, in the types in which they are stored.

    Raises:
        ValueError: a part cannot be read, or its columns differ from the contract or from those of another part.
    """
    with extra("frames"):
        import polars as pl

    names = [column.name for column in dataset.columns]
    sources = [BytesPart(f"part {number}", data) for number, data in enumerate(parts)]
    frames = [frame for source in sources for frame in _frames_of(dataset, source, foreign=False)]
    with translate_errors():
        return pl.concat(frame.select(names) for frame in frames)


def volume_of(dataset: Dataset, frame: pl.DataFrame) -> int | None:
    """The sum of the volume column of a frame; None without such a column or without rows."""
    with extra("frames"):
        import polars as pl

    if not dataset.volume_column or not frame.height:
        return None
    values = frame[dataset.volume_column]
    # Polars adds integers of 64 bits, and overflows silently.
    return int((values.cast(pl.Int128) if values.dtype.is_integer() else values).sum())


def violations(dataset: Dataset, frame: pl.DataFrame) -> tuple[Finding, ...]:
    """The violations of the contract in a frame; the texts call it `frame`."""
    table_findings = [*column_findings(dataset, "frame", frame.columns)]
    if table_findings or not dataset.columns:
        return tuple(table_findings)
    return (*value_findings(dataset, "frame", frame), *_duplicates(dataset, frame))


def _duplicates(dataset: Dataset, frame: pl.DataFrame) -> Iterator[Finding]:
    for column in dataset.columns:
        if column.unique:
            values = frame[column.name]
            for value in values.filter(values.is_duplicated()).unique(maintain_order=True).head(FIRST_FEW):
                yield duplicate_finding(column.name, value)
