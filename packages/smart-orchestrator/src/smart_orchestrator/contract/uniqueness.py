"""Find duplicate values of unique columns by hashes, which need eight bytes per row.

Different values may have equal hashes. Values with equal hashes are therefore read again and compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.contract.finding import FIRST_FEW, Finding, duplicate_finding
from smart_orchestrator.contract.reading import translate_errors
from smart_orchestrator.contract.rules import convert
from smart_orchestrator.contract.tables import open_table
from smart_orchestrator.extras import extra

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from smart_orchestrator.contract.examination import Examination
    from smart_orchestrator.model.dataset import Column, Dataset

# To limit the memory of the comparison, the hashes of more than MAX_UNGROUPED_ROWS rows are divided into GROUPS groups, which are
# compared one after another.
GROUPS = 16
MAX_UNGROUPED_ROWS = 1 << 18
# The largest number of repeated hashes whose values are compared. If more hashes are repeated, some of them certainly belong to equal values.
MAX_SUSPECTS = 1000


def duplicate_findings(dataset: Dataset, examined: Sequence[Examination]) -> Iterator[Finding]:
    """Yield a finding for each of the first few values that occur more than once in a unique column.

    Raises:
        PartFault: a part is gone, or its bytes are not the bytes that were committed.
        LakeError: the lake does not respond, or refuses a request.
    """
    for column in dataset.columns:
        if column.unique:
            hashes = [
                series
                for examination in examined
                for series in examination.hashes.by_column.get(column.name, [])
            ]
            # Different values can have the same hash. If the repeated hashes of a group have no repeated value, the next group is read.
            for suspects in _repeated_hashes(hashes):
                values = _values_with_hashes(dataset, column, examined, suspects)
                repeated = values.filter(values.is_duplicated()).unique(maintain_order=True).head(FIRST_FEW)
                yield from (duplicate_finding(column.name, value) for value in repeated)
                if len(repeated):
                    break


def _repeated_hashes(hashes: list[pl.Series]) -> Iterator[pl.Series]:
    """Yield at most `MAX_SUSPECTS` hashes that occur more than once, for each group of hashes that has any."""
    with extra("frames"):
        import polars as pl

    if not hashes:
        return
    rows = sum(len(series) for series in hashes)
    groups = GROUPS if rows > MAX_UNGROUPED_ROWS else 1
    for group in range(groups):
        compared = (
            pl.concat(series.filter(series % groups == group) for series in hashes)
            if groups > 1
            else pl.concat(hashes)
        )
        if compared.n_unique() < len(compared):
            yield compared.filter(compared.is_duplicated()).unique(maintain_order=True).head(MAX_SUSPECTS)


def _values_with_hashes(
    dataset: Dataset, column: Column, examined: Sequence[Examination], suspects: pl.Series
) -> pl.Series:
    """Read the values of a column from all parts, and return the values with one of these hashes."""
    with extra("frames"):
        import polars as pl

    values: list[pl.Series] = []
    for examination in examined:
        with open_table(dataset, examination.part, examination.dialect) as table:
            for frame in table.frames([column.name]) if table.header else ():
                with translate_errors():
                    converted = frame.select(convert(column, frame.schema[column.name])).to_series()
                    values.append(converted.filter(converted.hash().is_in(suspects.implode())))
    return pl.concat(values)
