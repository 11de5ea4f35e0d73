"""Check the rows of a partition against the dataset's contract, in bounded memory, and read the rows as frames.

Frames are Polars frames. They have the contract's columns in the contract's order; if the contract names no columns, they have all
columns. `examine` does not raise an exception for faults of the data. It returns findings, each with a stable code and a sentence
that names the part, the row and the column. Row 1 is the first row after the header. Errors of the lake (`LakeError`) are raised.
"""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.contract.compression import compress_part
from smart_orchestrator.contract.examination import Examination, column_findings, value_findings
from smart_orchestrator.contract.finding import FIRST_FEW, Finding, difference_text, duplicate_finding
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

# The name of the column that contains the number of each row's partition. A column of a contract has no NUL in its name.
PARTITION_COLUMN = "\0partition"


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of a partition's parts.

    Attributes:
        rows: the number of rows in all parts; a header is not a row.
        volume: the sum of the volume column; None if the dataset has no volume column.
        findings: the violations of the contract; empty when there are none.
    """

    rows: int
    volume: int | None
    findings: tuple[Finding, ...]


def to_bytes(dataset: Dataset, frame: pl.DataFrame) -> bytes:
    """Encode a frame as one part in the dataset's format.

    CSV follows RFC 4180, in UTF-8 with LF. A field is quoted only where RFC 4180 requires quotes, a quote inside a field is
    doubled, and null is an empty field. The header is written if the dataset declares one.
    """
    buffer = io.BytesIO()
    if dataset.format == "parquet":
        frame.write_parquet(buffer, compression="zstd")
    else:
        frame.write_csv(buffer, include_header=dataset.header)
    return compress_part(buffer.getvalue(), dataset.compression)


def to_frame(dataset: Dataset, parts: Sequence[PartSource], *, foreign: bool = False) -> pl.DataFrame:
    """Read the rows of `parts` as one frame with the contract's columns and types.

    Args:
        dataset: the dataset with the contract.
        parts: the parts to read.
        foreign: whether another program wrote the parts. Spark, for example, puts a backslash before a quote.

    Raises:
        ValueError: a part cannot be read, or its columns are not those of the contract. `examine` lists all violations.
        PartFault: a part is gone, or its bytes are not the bytes that were committed.
        LakeError: the lake does not respond, or refuses a request.
    """
    with extra("frames"):
        import polars as pl

    frames = [frame for part in parts for frame in _read_frames(dataset, part, foreign=foreign)]
    if not frames:
        return pl.DataFrame(schema={column.name: contract_dtype(column) for column in dataset.columns})
    with translate_errors():
        if dataset.columns:
            frames = [
                frame.select(convert(column, frame.schema[column.name]) for column in dataset.columns)
                for frame in frames
            ]
        return pl.concat(frames)


def _read_frames(dataset: Dataset, part: PartSource, *, foreign: bool) -> list[pl.DataFrame]:
    for dialect in dialects(dataset, foreign=foreign):
        # A dialect suppresses `NotSparkCsv`, so that the loop tries the next dialect.
        with dialect, open_table(dataset, part, dialect, every_column=not dataset.columns) as table:
            if not table.header:
                return []
            if any(column_findings(dataset, part.name, table.header)):
                msg = f"{part.name} does not have the contract's columns"
                raise Unreadable(msg)
            return list(table.frames(table.header))
    message = "the last dialect never raises NotSparkCsv"
    raise AssertionError(message)


def examine(dataset: Dataset, parts: Sequence[PartSource], *, foreign: bool = False) -> Contents:
    """Read all rows of `parts` and check them against the contract.

    The memory is bounded, with two exceptions: a unique column needs eight bytes for each row, and one column of a Parquet row
    group is in memory completely.

    Raises:
        PartFault: a part is gone, or its bytes are not the bytes that were committed.
        LakeError: the lake does not respond, or refuses a request.
    """
    examined = [Examination.of_part(dataset, part, foreign=foreign) for part in parts]
    table_findings = [finding for examination in examined for finding in examination.table_findings]
    value_findings_of_parts = [finding for examination in examined for finding in examination.value_findings]
    if not table_findings:
        table_findings += _differing_columns(dataset, examined)
    if not table_findings:
        value_findings_of_parts += duplicate_findings(dataset, examined)
    volumes = [examination.volume for examination in examined if examination.volume is not None]
    rows = sum(examination.rows for examination in examined)
    return Contents(rows, sum(volumes) if volumes else None, (*table_findings, *value_findings_of_parts))


def _differing_columns(dataset: Dataset, examined: Sequence[Examination]) -> Iterator[Finding]:
    """Yield a finding for each part whose columns differ from the first part's, if the contract names no columns."""
    if dataset.columns:
        return
    headers = [
        (examination.part.name, examination.columns) for examination in examined if examination.columns
    ]
    # Readers find columns by their names in Parquet, but by their positions in CSV.
    is_ordered = dataset.format == "csv"
    for name, columns in headers[1:]:
        first_name, first_columns = headers[0]
        if columns != first_columns and (is_ordered or sorted(columns) != sorted(first_columns)):
            yield Finding(Code.COLUMNS, difference_text(name, columns, first_name, first_columns))


def check_together(
    dataset: Dataset, partitions: Sequence[Sequence[bytes]]
) -> Sequence[tuple[int, int | None] | None]:
    """Return the number of rows and the sum of the volume column of each partition, or None for a partition with a fault.

    Each part is parsed separately. Then one query evaluates the rules over the rows of all partitions, grouped by
    `PARTITION_COLUMN`. The query does not name the fault of a partition; `examine` does.
    """
    with extra("frames"):
        import polars as pl

    frames: dict[int, pl.DataFrame] = {}
    for number, parts in enumerate(partitions):
        with suppress(ValueError):
            frames[number] = _contract_columns(dataset, parts)
    results: list[tuple[int, int | None] | None] = [None] * len(partitions)
    # The rules depend on the stored types. So a query covers only partitions with the same stored types.
    for dtypes in {tuple(frame.dtypes) for frame in frames.values()}:
        same_types = {number: frame for number, frame in frames.items() if tuple(frame.dtypes) == dtypes}
        rows = pl.concat(same_types.values())
        # One column for all frames: a query for each frame takes longer than the rules.
        heights = pl.Series([frame.height for frame in same_types.values()])
        numbers = pl.select(pl.lit(pl.Series(list(same_types))).repeat_by(heights).explode()).to_series()
        rows.insert_column(0, numbers.alias(PARTITION_COLUMN))
        expressions = rule_expressions(dataset, dtypes)
        by_partition = rows.with_columns(expressions.typed).group_by(PARTITION_COLUMN)
        # `any_horizontal` needs an expression, even for a contract without rules.
        any_violated = pl.any_horizontal(*expressions.violated, *expressions.duplicated, pl.lit(value=False))
        for number, row_count, volume, is_violated in by_partition.agg(
            pl.len(), expressions.volume, any_violated.alias("violated")
        ).rows():
            if not is_violated:
                results[number] = (row_count, None if volume is None else int(volume))
    return results


def _contract_columns(dataset: Dataset, parts: Sequence[bytes]) -> pl.DataFrame:
    """Read the contract's columns of all parts, in their stored types.

    Raises:
        ValueError: a part cannot be read, lacks columns of the contract, or differs in its columns from another part.
    """
    with extra("frames"):
        import polars as pl

    names = [column.name for column in dataset.columns]
    sources = [BytesPart(f"part {number}", data) for number, data in enumerate(parts)]
    frames = [frame for source in sources for frame in _read_frames(dataset, source, foreign=False)]
    with translate_errors():
        return pl.concat(frame if frame.columns == names else frame.select(names) for frame in frames)


def volume_of(dataset: Dataset, frame: pl.DataFrame) -> int | None:
    """Sum the volume column of a frame. Return None if the dataset has no volume column or the frame has no rows."""
    with extra("frames"):
        import polars as pl

    if not dataset.volume_column or not frame.height:
        return None
    values = frame[dataset.volume_column]
    # Sums of 64-bit integers overflow silently in Polars.
    return int((values.cast(pl.Int128) if values.dtype.is_integer() else values).sum())


def violations(dataset: Dataset, frame: pl.DataFrame) -> tuple[Finding, ...]:
    """Return the violations of the contract in a frame. Where a text would name the part, it says `frame`."""
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
