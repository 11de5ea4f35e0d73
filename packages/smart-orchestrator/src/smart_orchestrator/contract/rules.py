"""The rules of a dataset's contract as Polars expressions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from smart_orchestrator.extras import extra

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from smart_orchestrator.model.dataset import Column, Dataset

# At the end of a column's name: the same column in the contract's type.
TYPED = "\0typed"


@dataclass(frozen=True, slots=True)
class Questions:
    """What is asked of rows at once.

    Attributes:
        typed: the columns in the contract's types, to be added first.
        volume: the sum of the volume column; null without one.
        broken: one boolean for each rule, true when a row violates it.
        repeated: one boolean for each unique column, true when a value stands twice.
    """

    typed: Sequence[pl.Expr]
    volume: pl.Expr
    broken: Sequence[pl.Expr]
    repeated: Sequence[pl.Expr]


@lru_cache(maxsize=64)
def questions(dataset: Dataset, kinds: tuple[pl.DataType, ...]) -> Questions:
    """The questions for rows whose columns of the contract have these types."""
    with extra("frames"):
        import polars as pl

    columns = list(zip(dataset.columns, kinds, strict=True))
    masks = [mask.any() for column, kind in columns for _, mask in rules(column, kind)]
    unique = [pl.col(column.name + TYPED) for column in dataset.columns if column.unique]
    volume = pl.col(dataset.volume_column + TYPED).sum() if dataset.volume_column else pl.lit(None)
    return Questions(
        typed=[typed(column, kind).alias(column.name + TYPED) for column, kind in columns],
        volume=volume.alias("volume"),
        broken=[mask.alias(f"rule {number}") for number, mask in enumerate(masks)],
        repeated=[
            (value.n_unique() < pl.len()).alias(f"unique {number}") for number, value in enumerate(unique)
        ],
    )


def dtype_of(column: Column) -> pl.DataType:
    """The type of a column of the contract."""
    with extra("frames"):
        import polars as pl

    return {
        "string": pl.String(),
        "integer": pl.Int64(),
        "float": pl.Float64(),
        "date": pl.Date(),
        "boolean": pl.Boolean(),
    }[column.type]


def typed(column: Column, kind: pl.DataType) -> pl.Expr:
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
    return source.cast(dtype_of(column), strict=False)


def rules(column: Column, kind: pl.DataType) -> Iterator[tuple[str, pl.Expr]]:
    """The rules for the values of a column: the text of a violation, and the mask of the rows that violate it.

    The masks need the column in the contract's type beside it, under its name with `TYPED` at the end.
    """
    with extra("frames"):
        import polars as pl

    stored, value = pl.col(column.name), pl.col(column.name + TYPED)
    if kind != dtype_of(column):
        yield f"is not of type {column.type}", stored.is_not_null() & value.is_null()
    if not column.nullable:
        yield "is empty", stored.is_null()
    if column.type == "float":
        yield "is not a number", ~value.is_finite().fill_null(value=True)
    if column.low is not None:
        yield f"is below {column.low:g}", (value < column.low).fill_null(value=False)
    if column.high is not None:
        yield f"is above {column.high:g}", (value > column.high).fill_null(value=False)
