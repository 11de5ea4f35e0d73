"""Hashes of the values of unique columns: eight bytes for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.contract.rules import TYPED

if TYPE_CHECKING:
    import polars as pl

    from smart_orchestrator.model.dataset import Dataset


class Hashes:
    """The hashes of the values of each unique column, in the order of the rows."""

    def __init__(self) -> None:
        self.of_column: dict[str, list[pl.Series]] = {}

    def add(self, dataset: Dataset, rows: pl.DataFrame) -> None:
        """Add rows that have the columns in the contract's types beside them."""
        for column in dataset.columns:
            if column.unique and rows.height:
                hashes = rows[column.name + TYPED].hash()
                self.of_column.setdefault(column.name, []).append(hashes)
