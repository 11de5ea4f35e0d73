"""Open a part as a table with named columns, whose rows are read in frames of bounded size."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote

from smart_orchestrator.contract.csv_parts import read_csv
from smart_orchestrator.contract.parquet_parts import open_parquet, read_batches
from smart_orchestrator.contract.reading import OtherDialect
from smart_orchestrator.extras import extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    import polars as pl

    from smart_orchestrator.contract.sources import PartSource
    from smart_orchestrator.model.dataset import Dataset

# The value of null in a folder name of Hive and Spark.
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class Table:
    """A part as a table.

    Attributes:
        header: the names of its columns, a duplicate name twice; empty for an empty part.
        columns: the names with their types, as text.
        rows: the number of rows in the footer; None when they must be counted.
        column_groups: the columns of the contract, in groups to be read one after the other. Parquet is read column by column,
            which needs less memory.
        frames: reads the rows; a frame has the given columns and may have others.
    """

    header: Sequence[str]
    columns: Sequence[str]
    rows: int | None
    column_groups: Sequence[Sequence[str]]
    frames: Callable[[Sequence[str]], Iterator[pl.DataFrame]]


class Dialect:
    """A dialect of CSV. As a context manager it swallows `OtherDialect`, so that the caller can try the next dialect.

    Attributes:
        spark: whether it is Spark's instead of RFC 4180.
        foreign: whether another writer than ours wrote the part.
    """

    def __init__(self, *, spark: bool, foreign: bool) -> None:
        self.spark = spark
        self.foreign = foreign

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return isinstance(error, OtherDialect)


def dialects(dataset: Dataset, *, foreign: bool) -> list[Dialect]:
    """The dialects to try, in this order. An empty marker does not prove that Spark wrote the parts."""
    own = Dialect(spark=False, foreign=foreign)
    return [Dialect(spark=True, foreign=True), own] if foreign and dataset.format == "csv" else [own]


@contextmanager
def open_table(
    dataset: Dataset, source: PartSource, dialect: Dialect, *, every_column: bool = False
) -> Iterator[Table]:
    """Open the part as a table; its columns include those in the names of its folders.

    Args:
        dataset: the dataset of the part.
        source: the part.
        dialect: the dialect of a CSV part.
        every_column: whether the values of columns outside of the contract are needed as well.

    Raises:
        Unreadable: the part does not have the dataset's format. The frames raise it as well.
        OtherDialect: the CSV is not in the dialect. The frames raise it as well.
        PartFault, LakeError: as for `PartSource`.
    """
    folders = folder_columns(source.name)
    if dataset.format == "parquet":
        footer_only = not dataset.columns and not every_column
        with open_parquet(source, footer_only=footer_only) as (schema, rows, path):
            added = {name: value for name, value in folders.items() if name not in schema}
            types = [f"{name} {kind}" for name, kind in schema.items()]

            def read(names: Sequence[str]) -> Iterator[pl.DataFrame]:
                stored = [name for name in names if name in schema] or list(schema)[:1]
                return _with_columns(read_batches(path, stored, rows, source.size), added)

            single = [[column.name] for column in dataset.columns]
            yield Table([*schema, *added], [*types, *added], rows, single, read)
        return
    header, frames = read_csv(dataset, source.chunks(), spark=dialect.spark, foreign=dialect.foreign)
    added = {name: value for name, value in folders.items() if header and name not in header}
    columns = [*header, *added]
    wanted = [column.name for column in dataset.columns]
    yield Table(columns, columns, None, [wanted], lambda _: _with_columns(frames, added))


def folder_columns(name: str) -> dict[str, str | None]:
    """The columns and values in the folder names of Hive and Spark, such as `country=US/part-0.csv`."""
    pairs = [folder.split("=", 1) for folder in name.split("/")[:-1] if "=" in folder]
    return {unquote(key): None if value == HIVE_NULL else unquote(value) for key, value in pairs}


def _with_columns(frames: Iterator[pl.DataFrame], added: dict[str, str | None]) -> Iterator[pl.DataFrame]:
    with extra("frames"):
        import polars as pl

    if not added:
        return frames
    literals = [pl.lit(value, dtype=pl.String).alias(name) for name, value in added.items()]
    return (frame.with_columns(literals) for frame in frames)
