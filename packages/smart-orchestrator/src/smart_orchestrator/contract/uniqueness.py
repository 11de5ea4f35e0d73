"""Find values that stand more than once, by hashes of eight bytes a row.

Equal hashes are only a suspicion: the values behind them are read again and compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.contract.finding import FIRST_FEW, Finding, repeated
from smart_orchestrator.contract.reading import reading
from smart_orchestrator.contract.rules import typed
from smart_orchestrator.contract.tables import open_table
from smart_orchestrator.extras import extra

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from smart_orchestrator.contract.examination import Examination
    from smart_orchestrator.model.dataset import Column, Dataset

# Hashes are compared in groups, so that the comparison needs little memory besides.
GROUPS = 16
SMALL = 1 << 18
# Values to be compared at most: that many equal hashes are never all of different values.
SUSPECTS = 1000


def repeated_findings(dataset: Dataset, examined: Sequence[Examination]) -> Iterator[Finding]:
    """The first few values of unique columns that stand more than once in the parts.

    Raises:
        PartFault, LakeError: as for `PartSource`.
    """
    for column in dataset.columns:
        if column.unique:
            suspects = _equal(
                [h for examination in examined for h in examination.hashes.of_column.get(column.name, [])]
            )
            if suspects is not None:
                values = _values(dataset, column, examined, suspects)
                for value in (
                    values.filter(values.is_duplicated()).unique(maintain_order=True).head(FIRST_FEW)
                ):
                    yield repeated(column.name, value)


def _equal(hashes: list[pl.Series]) -> pl.Series | None:
    """Hashes that stand more than once, not more than `SUSPECTS`; None when there are none."""
    with extra("frames"):
        import polars as pl

    if not hashes:
        return None
    rows = sum(len(series) for series in hashes)
    groups = GROUPS if rows > SMALL else 1
    for group in range(groups):
        some = pl.concat(h.filter(h % groups == group) for h in hashes) if groups > 1 else pl.concat(hashes)
        if some.n_unique() < len(some):
            return some.filter(some.is_duplicated()).unique(maintain_order=True).head(SUSPECTS)
    return None


def _values(
    dataset: Dataset, column: Column, examined: Sequence[Examination], suspects: pl.Series
) -> pl.Series:
    """The values of a column with these hashes, from all parts."""
    with extra("frames"):
        import polars as pl

    values: list[pl.Series] = []
    for examination in examined:
        with open_table(dataset, examination.part, examination.dialect) as table:
            for frame in table.frames([column.name]) if table.header else ():
                with reading():
                    value = frame.select(typed(column, frame.schema[column.name])).to_series()
                    values.append(value.filter(value.hash().is_in(suspects.implode())))
    return pl.concat(values)
