"""Hashes of the values of unique columns. A hash has eight bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.contract.rules import TYPED_SUFFIX

if TYPE_CHECKING:
    import polars as pl

    from smart_orchestrator.model.dataset import Dataset


class Hashes:
    """The hashes of the values of each unique column, in the order of the rows."""

    def __init__(self) -> None:
        self.by_column: dict[str, list[pl.Series]] = {}

    def add(self, dataset: Dataset, rows: pl.DataFrame) -> None:
        """Add the hashes of `rows`: a frame with each unique column in the contract's type, whose name ends with `TYPED_SUFFIX`."""
        for column in dataset.columns:
            if column.unique and rows.height:
                hashes = rows[column.name + TYPED_SUFFIX].hash()
                self.by_column.setdefault(column.name, []).append(hashes)
