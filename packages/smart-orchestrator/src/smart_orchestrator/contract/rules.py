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

# The suffix of the columns after their conversion to the contract's types. A column of a contract has no NUL in its name.
TYPED_SUFFIX = "\0typed"


@dataclass(frozen=True, slots=True)
class RuleExpressions:
    """The rules of a contract as Polars expressions, to evaluate on a frame with the contract's columns.

    Attributes:
        typed: the columns converted to the contract's types. The other expressions read these columns.
        volume: the sum of the volume column; null if the dataset has no volume column.
        violated: one boolean for each rule: whether any row violates the rule.
        duplicated: one boolean for each unique column: whether a value occurs more than once.
    """

    typed: Sequence[pl.Expr]
    volume: pl.Expr
    violated: Sequence[pl.Expr]
    duplicated: Sequence[pl.Expr]


@lru_cache(maxsize=64)
def rule_expressions(dataset: Dataset, dtypes: tuple[pl.DataType, ...]) -> RuleExpressions:
    """Return the expressions for rows that store the contract's columns in the types `dtypes`."""
    with extra("frames"):
        import polars as pl

    columns = list(zip(dataset.columns, dtypes, strict=True))
    masks = [mask.any() for column, dtype in columns for _, mask in rules(column, dtype)]
    unique = [pl.col(column.name + TYPED_SUFFIX) for column in dataset.columns if column.unique]
    sums = [_sum_expression(column) for column in dataset.columns if column.name == dataset.volume_column]
    volume = sums[0] if sums else pl.lit(None)
    return RuleExpressions(
        typed=[convert(column, dtype).alias(column.name + TYPED_SUFFIX) for column, dtype in columns],
        volume=volume.alias("volume"),
        violated=[mask.alias(f"rule {number}") for number, mask in enumerate(masks)],
        duplicated=[
            (value.n_unique() < pl.len()).alias(f"unique {number}") for number, value in enumerate(unique)
        ],
    )


def _sum_expression(column: Column) -> pl.Expr:
    """Return an expression for the sum of a column, after its conversion to the contract's type.

    Integers are added with 128 bits, because sums of 64-bit integers overflow silently.
    """
    with extra("frames"):
        import polars as pl

    values = pl.col(column.name + TYPED_SUFFIX)
    return (values.cast(pl.Int128) if column.type == "integer" else values).sum()


def contract_dtype(column: Column) -> pl.DataType:
    """Return the Polars type of a column of the contract."""
    with extra("frames"):
        import polars as pl

    return {
        "string": pl.String(),
        "integer": pl.Int64(),
        "float": pl.Float64(),
        "date": pl.Date(),
        "boolean": pl.Boolean(),
    }[column.type]


def convert(column: Column, stored: pl.DataType) -> pl.Expr:
    """Return an expression that converts a column from its stored type to the contract's type.

    A value that cannot be converted becomes null.
    """
    with extra("frames"):
        import polars as pl

    source = pl.col(column.name)
    if stored == pl.String() and column.type == "boolean":
        return source.str.to_lowercase().replace_strict({"true": True, "false": False}, default=None)
    if stored == pl.String() and column.type == "date":
        return source.str.to_date("%Y-%m-%d", strict=False)
    # Polars would cast between numbers and times, as numbers of days or microseconds.
    not_convertible = {
        "date": stored.is_numeric(),
        "integer": stored.is_temporal(),
        "float": stored.is_temporal(),
        "boolean": stored.is_temporal(),
    }
    if not_convertible.get(column.type, False):
        return pl.repeat(None, pl.len(), dtype=contract_dtype(column))
    if (stored.is_float() or stored.is_decimal()) and column.type == "integer":
        # A number with a fraction becomes null, because the cast would cut off the fraction.
        source = pl.when(source == source.floor()).then(source)
    return source.cast(contract_dtype(column), strict=False)


def rules(column: Column, dtype: pl.DataType) -> Iterator[tuple[str, pl.Expr]]:
    """Yield each rule for the values of a column: the text of the problem, and the mask of the rows with this problem.

    The masks also read the column after its conversion, whose name ends with `TYPED_SUFFIX`.
    """
    with extra("frames"):
        import polars as pl

    stored, value = pl.col(column.name), pl.col(column.name + TYPED_SUFFIX)
    if dtype != contract_dtype(column):
        yield f"is not of type {column.type}", stored.is_not_null() & value.is_null()
    if not column.nullable:
        yield "is empty", stored.is_null()
    if column.type == "float":
        yield "is not a number", ~value.is_finite().fill_null(value=True)
    if column.low is not None:
        yield f"is below {column.low:g}", (value < column.low).fill_null(value=False)
    if column.high is not None:
        yield f"is above {column.high:g}", (value > column.high).fill_null(value=False)
