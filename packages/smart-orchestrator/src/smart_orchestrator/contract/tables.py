"""Open a part as a table with named columns, and read its rows in frames of bounded size."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from smart_orchestrator.contract.csv_parts import read_csv
from smart_orchestrator.contract.folders import folder_columns
from smart_orchestrator.contract.parquet_parts import open_parquet, read_batches
from smart_orchestrator.contract.reading import NotSparkCsv
from smart_orchestrator.extras import extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    import polars as pl

    from smart_orchestrator.contract.sources import PartSource
    from smart_orchestrator.model.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Table:
    """A part as a table.

    Attributes:
        header: the names of the columns, including duplicates; empty for an empty part.
        columns: the names of the columns. In a format that stores types, each name has its type.
        rows: the number of rows according to the footer; None for a format without a footer.
        column_groups: the columns of the contract, in groups that are read one after the other. In a Parquet part, each column is a
            group of its own, so that only one column is in memory.
        frames: a function that takes the names of columns, and yields their values in frames. A frame may have more columns. For a
            CSV part, the function can be called only once.
    """

    header: Sequence[str]
    columns: Sequence[str]
    rows: int | None
    column_groups: Sequence[Sequence[str]]
    frames: Callable[[Sequence[str]], Iterator[pl.DataFrame]]


class Dialect:
    """A dialect of CSV. As a context manager, it suppresses `NotSparkCsv`, so that the caller can try the next dialect.

    Attributes:
        spark: whether the dialect is Spark's instead of RFC 4180.
        foreign: whether another program wrote the part.
    """

    def __init__(self, *, spark: bool, foreign: bool) -> None:
        self.spark = spark
        self.foreign = foreign

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return isinstance(error, NotSparkCsv)


def dialects(dataset: Dataset, *, foreign: bool) -> list[Dialect]:
    """Return the dialects to try, in this order.

    A foreign part can be in either dialect, because other programs than Spark write an empty marker, too.
    """
    rfc_4180 = Dialect(spark=False, foreign=foreign)
    return (
        [Dialect(spark=True, foreign=True), rfc_4180] if foreign and dataset.format == "csv" else [rfc_4180]
    )


@contextmanager
def open_table(
    dataset: Dataset, source: PartSource, dialect: Dialect, *, every_column: bool = False
) -> Iterator[Table]:
    """Open the part as a table. Its columns include the columns in the folder names.

    Args:
        dataset: the dataset of the part.
        source: the part.
        dialect: the dialect of a CSV part.
        every_column: whether the caller needs the values of columns outside of the contract, too.

    Raises:
        Unreadable: the part does not have the dataset's format. A read of the frames can raise this error, too.
        NotSparkCsv: the CSV is not in Spark's dialect. A read of the frames can raise this error, too.
        PartFault: the part is gone, or its bytes are not the bytes that were committed.
        LakeError: the lake does not respond, or refuses a request.
    """
    values_in_folders = folder_columns(source.name)
    if dataset.format == "parquet":
        footer_only = not dataset.columns and not every_column
        with open_parquet(source, footer_only=footer_only) as (schema, rows, path):
            added = {name: value for name, value in values_in_folders.items() if name not in schema}
            types = [f"{name} {kind}" for name, kind in schema.items()]

            def read(names: Sequence[str]) -> Iterator[pl.DataFrame]:
                # If all columns are those of folder names, a stored column is read for the number of rows.
                stored = [name for name in names if name in schema] or list(schema)[:1]
                return _with_columns(read_batches(path, stored, rows, source.size), added)

            single_columns = [[column.name] for column in dataset.columns]
            yield Table([*schema, *added], [*types, *added], rows, single_columns, read)
        return
    header, frames = read_csv(dataset, source.chunks(), spark=dialect.spark, foreign=dialect.foreign)
    added = {name: value for name, value in values_in_folders.items() if header and name not in header}
    columns = [*header, *added]
    contract_columns = [column.name for column in dataset.columns]
    yield Table(columns, columns, None, [contract_columns], lambda _: _with_columns(frames, added))


def _with_columns(frames: Iterator[pl.DataFrame], added: dict[str, str | None]) -> Iterator[pl.DataFrame]:
    with extra("frames"):
        import polars as pl

    if not added:
        return frames
    literals = [pl.lit(value, dtype=pl.String).alias(name) for name, value in added.items()]
    return (frame.with_columns(literals) for frame in frames)
