"""Examine one part: its columns, the number of its rows, and the values that break the contract."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from smart_orchestrator.contract.finding import FIRST_FEW, Finding
from smart_orchestrator.contract.hashes import Hashes
from smart_orchestrator.contract.reading import Unreadable, reading
from smart_orchestrator.contract.rules import TYPED, questions, rules, typed
from smart_orchestrator.contract.tables import dialects, open_table
from smart_orchestrator.model.partition import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from smart_orchestrator.contract.sources import PartSource
    from smart_orchestrator.contract.tables import Dialect, Table
    from smart_orchestrator.model.dataset import Dataset


@dataclass(slots=True)
class Examination:
    """What was read of one part.

    Attributes:
        part: the part.
        dialect: in which it was read.
        columns: its columns with their types; empty for a part without a byte.
        rows: their number.
        volume: the sum of the volume column; None when nothing was summed.
        layout: why it cannot be read as a table of the contract.
        values: violations by values, the first few for each rule.
        hashes: of the values of unique columns.
    """

    part: PartSource
    dialect: Dialect
    columns: Sequence[str] = ()
    rows: int = 0
    volume: int | None = None
    layout: list[Finding] = field(default_factory=list)
    values: list[Finding] = field(default_factory=list)
    hashes: Hashes = field(default_factory=Hashes)

    @classmethod
    def of(cls, dataset: Dataset, part: PartSource, *, foreign: bool) -> Examination:
        """Read the part.

        Raises:
            PartFault, LakeError: as for `PartSource`.
        """
        for dialect in dialects(dataset, foreign=foreign):
            examination = cls(part, dialect)
            with dialect:
                try:
                    with open_table(dataset, part, dialect) as table:
                        examination.read(dataset, table)
                except Unreadable as error:
                    # Bytes that are not those committed are the reason that counts.
                    for _ in part.chunks():
                        pass
                    text = f"{part.name} cannot be read: {error}"
                    examination.layout.append(Finding(Code.UNREADABLE, text))
                return examination
        message = "the last dialect is never refused"
        raise AssertionError(message)

    def read(self, dataset: Dataset, table: Table) -> None:
        """Read all rows of the table.

        Raises:
            Unreadable: they cannot be read.
        """
        if not table.header:
            return
        self.columns = table.columns
        self.layout += column_findings(dataset, self.part.name, table.header)
        if not self.layout and dataset.volume_column and dataset.columns:
            self.volume = 0
        if table.rows is None:
            self._read_rows(dataset, table.frames(table.header))
            return
        if not self.layout:
            for names in table.together:
                self.rows = 0
                self._read_rows(_only(dataset, names), table.frames(names))
        self.rows = table.rows

    def _read_rows(self, dataset: Dataset, frames: Iterator[pl.DataFrame]) -> None:
        counts: dict[str, int] = {}
        names = [column.name for column in dataset.columns]
        for frame in frames:
            if names and not self.layout:
                with reading():
                    self._check(dataset, frame.select(names), counts)
            self.rows += frame.height

    def _check(self, dataset: Dataset, frame: pl.DataFrame, counts: dict[str, int]) -> None:
        asked = questions(dataset, tuple(frame.dtypes))
        rows = frame.with_columns_seq(asked.typed)
        volume, *broken = rows.select_seq([asked.volume, *asked.broken]).row(0)
        if volume is not None:
            self.volume = (self.volume or 0) + int(volume)
        if any(broken):
            self.values += value_findings(dataset, self.part.name, frame, self.rows, counts)
        self.hashes.add(dataset, rows)


def _only(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """The dataset with these columns in its contract."""
    columns = tuple(column for column in dataset.columns if column.name in names)
    volume = dataset.volume_column if dataset.volume_column in names else None
    return replace(dataset, columns=columns, volume_column=volume)


def column_findings(dataset: Dataset, part: str, header: Sequence[str]) -> Iterator[Finding]:
    """Columns of the header that are doubled, and those of the contract that are missing."""
    doubled = sorted({name for name in header if list(header).count(name) > 1})
    if doubled:
        yield Finding(Code.COLUMNS, f"{part} has the column {doubled[0]} twice")
    missing = [column.name for column in dataset.columns if column.name not in header]
    if missing:
        hint = (
            "" if len(missing) < len(dataset.columns) else "; its first row is not a header of the contract"
        )
        yield Finding(Code.COLUMNS, f"{part} lacks the column {', '.join(missing)}{hint}")


def value_findings(
    dataset: Dataset,
    part: str,
    frame: pl.DataFrame,
    offset: int = 0,
    counts: dict[str, int] | None = None,
) -> Iterator[Finding]:
    """Values that break a rule, the first few for each.

    Args:
        dataset: its contract.
        part: named in the texts.
        frame: the contract's columns as they are stored.
        offset: rows of the part before those of the frame.
        counts: how often each rule was broken by earlier rows of the part; updated.
    """
    counts = {} if counts is None else counts
    for column in dataset.columns:
        stored = frame[column.name]
        both = frame.select(stored, typed(column, stored.dtype).alias(column.name + TYPED))
        for problem, mask in rules(column, stored.dtype):
            rule = f"{column.name} {problem}"
            left = FIRST_FEW + 1 - counts.get(rule, 0)
            for row in both.select(mask).to_series().arg_true().head(max(left, 0)).to_list():
                counts[rule] = counts.get(rule, 0) + 1
                shown = "" if stored[row] is None else f" ({str(stored[row])[:40]!r})"
                text = f"{part} row {offset + row + 1} column {column.name}{shown} {problem}"
                yield Finding(Code.BAD_VALUES, text)
