"""A daily dataset: where its partitions lie, how a day is written as a key, and what its rows must be.

Pure: nothing here touches the lake. A description that cannot work (a key format that does not tell two days apart, a
column named twice) raises `DatasetError` when the dataset is made, not when the first day is read.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Literal, get_args

from smart_orchestrator.errors import DatasetError

ColumnType = Literal["string", "integer", "float", "date", "boolean"]
Format = Literal["csv", "parquet", "raw"]
Compression = Literal["infer", "none", "gzip", "bz2", "zstd"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset's contract.

    Attributes:
        name: as it stands in the header.
        type: what each value must parse as.
        nullable: whether it may be empty.
        unique: whether each value may stand once a day only.
        low: smallest value allowed, included.
        high: largest value allowed, included.
    """

    name: str
    type: ColumnType = "string"
    nullable: bool = True
    unique: bool = False
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class DailyDataset:
    """A lake prefix with one partition a day.

    Attributes:
        name: for messages and for the ledger of runs.
        lake: URL of the lake's root: a folder, `file://`, `s3://bucket/prefix` or `memory://name`.
        key_format: a partition's key below the root, a format of one `day`:
            `diamond_final_{day:%Y_%m_%d}.csv`, `orders/dt={day:%Y-%m-%d}`.
        format: of the parts: `csv`, `parquet`, or `raw` for bytes that are kept as they came and not parsed.
        columns: the contract of the rows; empty means that any columns will do.
        min_rows: fewer rows make a committed day `SHORT`.
        volume_column: the column whose daily sum is kept in the manifest.
        header: CSV parts begin with a row of column names; without one, the contract's columns name the fields in order.
            Spark writes a header only with the option `header`.
        compression: of CSV parts; `infer` reads gzip, bzip2 and Zstandard by their first bytes and writes plain text.
        timeout: seconds without a sign of life before a request to the lake has failed; see `open_lake`.
        retries: how often a failed request to the lake is tried again.
        backoff: seconds before the first of these retries.
    """

    name: str
    lake: str
    key_format: str
    format: Format = "csv"
    columns: tuple[Column, ...] = ()
    min_rows: int = 1
    volume_column: str | None = None
    header: bool = True
    compression: Compression = "infer"
    timeout: float = 5.0
    retries: int = 4
    backoff: float = 0.1

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise DatasetError(self.name, f"column {doubled[0]} is named twice")
        if self.volume_column and names and self.volume_column not in names:
            raise DatasetError(
                self.name, f"volume column {self.volume_column} is not one of {', '.join(names)}"
            )
        if not self.header and not self.columns:
            raise DatasetError(self.name, "without a header the fields have no names; describe its columns")
        if self.compression not in get_args(Compression):
            raise DatasetError(self.name, f"compression {self.compression!r} is not one that can be read")
        if self.format != "csv" and (not self.header or self.compression != "infer"):
            raise DatasetError(
                self.name, f"header and compression are of csv, and its format is {self.format}"
            )
        if self.key_format.startswith("/") or self.key_format.endswith("/"):
            raise DatasetError(self.name, f"key format {self.key_format!r} begins or ends with a slash")
        self._check_key_format()

    def _check_key_format(self) -> None:
        samples = [dt.date(2024, 2, 29), dt.date(2024, 3, 1), dt.date(2025, 11, 1), dt.date(2025, 1, 11)]
        try:
            keys = [self.key(day) for day in samples]
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise DatasetError(
                self.name, f"key format {self.key_format!r} is not a format of day ({error})"
            ) from None
        if [self.day(key) for key in keys] != samples:
            raise DatasetError(
                self.name,
                f"key format {self.key_format!r} does not tell days apart; write {{day:%Y-%m-%d}} in it",
            )

    def key(self, day: dt.date) -> str:
        """The key of the day's partition below the lake's root, without a slash at the end."""
        # strftime does not pad the years before 1000 on every system.
        return re.sub(r"\{[^}]*\}", lambda m: m[0].replace("%Y", f"{day.year:04}"), self.key_format).format(
            day=day
        )

    def day(self, key: str) -> dt.date | None:
        """The day whose key this is, or None when it is no day's key."""
        pattern, codes = _pattern(self.key_format)
        match = re.fullmatch(pattern, key)
        if match is None:
            return None
        found: dict[str, int] = {}
        for code, text in zip(codes, match.groups(), strict=True):
            if found.setdefault(code, int(text)) != int(text):
                return None
        try:
            return dt.date(found["Y"], found["m"], found["d"])
        except (KeyError, ValueError):
            return None

    @property
    def folder(self) -> str:
        """The fixed folders before the first day in a key: `orders` of `orders/dt=…`, empty for none."""
        fixed = self.key_format.split("{", 1)[0]
        return fixed.rpartition("/")[0]

    @property
    def suffix(self) -> str:
        """Ending of a part's name."""
        ending = {"csv": ".csv", "parquet": ".parquet", "raw": ".json"}[self.format]
        return ending + {"gzip": ".gz", "bz2": ".bz2", "zstd": ".zst"}.get(self.compression, "")


def _pattern(key_format: str) -> tuple[str, list[str]]:
    """Regular expression of a key, and the strftime code of each of its groups."""
    pattern = ""
    codes: list[str] = []
    for piece in re.split(r"(\{[^}]*\})", key_format):
        if piece.startswith("{"):
            spec = piece[1:-1].partition(":")[2] or "%Y-%m-%d"
            for part in re.split(r"(%.)", spec):
                if part in ("%Y", "%m", "%d"):
                    codes.append(part[1])
                    pattern += "([0-9]{4})" if part == "%Y" else "([0-9]{2})"
                else:
                    pattern += re.escape(part)
        else:
            pattern += re.escape(piece)
    return pattern, codes
