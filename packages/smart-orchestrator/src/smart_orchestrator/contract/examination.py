"""Examine one part: its columns, the number of its rows, and the values that break the contract."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from smart_orchestrator.contract.finding import FIRST_FEW, Finding
from smart_orchestrator.contract.hashes import Hashes
from smart_orchestrator.contract.reading import Unreadable, translate_errors
from smart_orchestrator.contract.rules import TYPED_SUFFIX, convert, rule_expressions, rules
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
    """The result of reading one part.

    Attributes:
        part: the part that was read.
        dialect: the CSV dialect in which the part was read.
        columns: the names of the columns; in a format that stores types, each name with its type. Empty for an empty part.
        rows: the number of rows.
        volume: the sum of the volume column; None if the column was not summed.
        table_findings: the reasons why the part cannot be read as a table of the contract.
        value_findings: the first few values that violate the contract, for each rule.
        hashes: the hashes of the values of unique columns.
    """

    part: PartSource
    dialect: Dialect
    columns: Sequence[str] = ()
    rows: int = 0
    volume: int | None = None
    table_findings: list[Finding] = field(default_factory=list)
    value_findings: list[Finding] = field(default_factory=list)
    hashes: Hashes = field(default_factory=Hashes)

    @classmethod
    def of_part(cls, dataset: Dataset, part: PartSource, *, foreign: bool) -> Examination:
        """Read a part and return its examination.

        Args:
            dataset: the dataset with the contract.
            part: the part.
            foreign: whether another program may have written the part; then a CSV part can also be in Spark's dialect.

        Raises:
            PartFault: the part is gone, or its bytes are not the bytes that were committed.
            LakeError: the lake does not respond, or refuses a request.
        """
        for dialect in dialects(dataset, foreign=foreign):
            examination = cls(part, dialect)
            # The context suppresses `NotSparkCsv`; the loop then tries the next dialect.
            with dialect:
                try:
                    with open_table(dataset, part, dialect) as table:
                        examination.read(dataset, table)
                except Unreadable as error:
                    # Reading all bytes compares the checksum. If the part has changed, `PartFault` is the better explanation.
                    for _ in part.chunks():
                        pass
                    text = f"{part.name} cannot be read: {error}"
                    examination.table_findings.append(Finding(Code.UNREADABLE, text))
                return examination
        message = "the last dialect never raises NotSparkCsv"
        raise AssertionError(message)

    def read(self, dataset: Dataset, table: Table) -> None:
        """Read all rows of the table, and collect the findings.

        Raises:
            Unreadable: the rows cannot be read.
        """
        if not table.header:
            return
        self.columns = table.columns
        self.table_findings += column_findings(dataset, self.part.name, table.header)
        if not self.table_findings and dataset.volume_column and dataset.columns:
            self.volume = 0
        if table.rows is None:
            # A CSV part can be read only once, and its rows are counted even if its columns are wrong.
            self._read_rows(dataset, table.frames(table.header))
            return
        if not self.table_findings:
            # The rows are read once for each group of columns. During a pass, `rows` is the number of rows that were read.
            for names in table.column_groups:
                self.rows = 0
                self._read_rows(_restrict_to(dataset, names), table.frames(names))
        self.rows = table.rows

    def _read_rows(self, dataset: Dataset, frames: Iterator[pl.DataFrame]) -> None:
        counts: dict[str, int] = {}
        names = [column.name for column in dataset.columns]
        for frame in frames:
            if names and not self.table_findings:
                with translate_errors():
                    self._check(dataset, frame.select(names), counts)
            self.rows += frame.height

    def _check(self, dataset: Dataset, frame: pl.DataFrame, counts: dict[str, int]) -> None:
        expressions = rule_expressions(dataset, tuple(frame.dtypes))
        rows = frame.with_columns_seq(expressions.typed)
        volume, *violated = rows.select_seq([expressions.volume, *expressions.violated]).row(0)
        if volume is not None:
            self.volume = (self.volume or 0) + int(volume)
        if any(violated):
            self.value_findings += value_findings(dataset, self.part.name, frame, self.rows, counts)
        self.hashes.add(dataset, rows)


def _restrict_to(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """Return a copy of the dataset with only these columns in the contract."""
    columns = tuple(column for column in dataset.columns if column.name in names)
    volume = dataset.volume_column if dataset.volume_column in names else None
    return replace(dataset, columns=columns, volume_column=volume)


def column_findings(dataset: Dataset, part: str, header: Sequence[str]) -> Iterator[Finding]:
    """Yield a finding for duplicate columns of the header, and one for the contract's columns that the header lacks."""
    duplicates = sorted({name for name in header if list(header).count(name) > 1})
    if duplicates:
        yield Finding(Code.COLUMNS, f"{part} has the column {duplicates[0]} twice")
    missing = [column.name for column in dataset.columns if column.name not in header]
    if missing:
        hint = (
            ""
            if len(missing) < len(dataset.columns)
            else "; the first row is not a header with these columns"
        )
        yield Finding(Code.COLUMNS, f"{part} lacks the column {', '.join(missing)}{hint}")


def value_findings(
    dataset: Dataset,
    part: str,
    frame: pl.DataFrame,
    offset: int = 0,
    counts: dict[str, int] | None = None,
) -> Iterator[Finding]:
    """Yield a finding for each of the first few values that violate a rule.

    Args:
        dataset: the dataset with the contract.
        part: the name of the part, for the texts.
        frame: rows of the part: the contract's columns in their stored types.
        offset: the number of rows of the part before the frame.
        counts: the number of earlier violations in the part, by rule. This function adds the violations of the frame.
    """
    counts = {} if counts is None else counts
    for column in dataset.columns:
        stored = frame[column.name]
        columns = frame.select(stored, convert(column, stored.dtype).alias(column.name + TYPED_SUFFIX))
        for problem, mask in rules(column, stored.dtype):
            rule = f"{column.name} {problem}"
            # One value more than a text lists, so that the text can say that there are more.
            remaining = FIRST_FEW + 1 - counts.get(rule, 0)
            for index in columns.select(mask).to_series().arg_true().head(max(remaining, 0)).to_list():
                counts[rule] = counts.get(rule, 0) + 1
                value = "" if stored[index] is None else f" ({str(stored[index])[:40]!r})"
                text = f"{part} row {offset + index + 1} column {column.name}{value} {problem}"
                yield Finding(Code.BAD_VALUES, text)
