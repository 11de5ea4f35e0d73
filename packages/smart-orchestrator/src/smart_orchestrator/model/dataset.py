"""A daily dataset: the location of its partitions, the format of their keys, and the contract of their rows.

Pure values without I/O. A description that cannot work (a key format that gives two days the same key, a duplicate column) raises
`DatasetError` in the constructor.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass
from typing import Literal, get_args

from smart_orchestrator.errors import DatasetError

ColumnType = Literal["string", "integer", "float", "date", "boolean"]
Format = Literal["csv", "parquet", "raw"]
Adapter = Literal["manifest", "marker", "files", "sql", "iceberg", "delta"]
Compression = Literal["infer", "none", "gzip", "bz2", "zstd"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset's contract.

    Attributes:
        name: as in the header.
        type: the type of every value.
        nullable: whether it may be empty.
        unique: whether each value may occur only once per partition.
        low: smallest allowed value.
        high: largest allowed value.
    """

    name: str
    type: ColumnType = "string"
    nullable: bool = True
    unique: bool = False
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if not self.name or not self.name.isprintable():
            raise DatasetError(repr(self.name), "a column needs a printable name")
        if self.type not in get_args(ColumnType):
            raise DatasetError(
                self.name, f"column type {self.type!r} is not one of {', '.join(get_args(ColumnType))}"
            )
        bounds = [bound for bound in (self.low, self.high) if bound is not None]
        if any(math.isnan(bound) for bound in bounds) or bounds != sorted(bounds):
            raise DatasetError(self.name, f"no value is between {self.low} and {self.high}")


@dataclass(frozen=True, slots=True)
class DailyDataset:
    """A lake prefix with one partition per day.

    Attributes:
        name: for messages and for the history of runs.
        lake: URL of the lake's root: a folder, `file://`, `s3://bucket/prefix` or `memory://name`.
        key_format: a partition's key below the root, a format of one `day`:
            `sales_{day:%Y_%m_%d}.csv`, `orders/dt={day:%Y-%m-%d}`.
        format: of the parts: `csv`, `parquet`, or `raw` for bytes that are not parsed.
        columns: the contract of the rows; empty accepts any columns.
        min_rows: a committed partition with fewer rows is `SHORT`.
        volume_column: the column whose sum is kept in the manifest.
        header: CSV parts begin with a row of column names; without one, the contract's columns name the fields in order.
            Spark writes a header only with the option `header`.
        compression: of CSV parts; `infer` reads gzip, bzip2 and Zstandard by their first bytes and writes plain text.
        timeout: seconds without any data before a request to the lake fails; see `open_lake`.
        retries: how many times a failed request to the lake is repeated.
        backoff: seconds before the first of these retries.
        history_start: the first day that the upstream has, UTC; earlier days are not expected and never run. None where
            the upstream's history has no known beginning.
        outside_links: follow symbolic links that leave the folder of a local lake.
        adapter: how a partition is judged; see `adapters.base`.
        glob: data files whose names match it count; by default those with the usual endings of the format.
        min_files: a partition of `files` or `marker` with fewer data files is `SHORT`.
        settle: seconds without a change before a partition without a marker counts; default: those of the check.
        table: of `sql`, `schema.table`; of `iceberg`, the name of the table in the catalog at `lake`.
        query: of `sql`, a SELECT in place of a table.
        key_column: of `sql`, `iceberg` and `delta`: the column with the date or time of a row.
        change_column: of `sql`: a column whose largest value changes whenever rows change.
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
    history_start: dt.date | None = None
    outside_links: bool = False
    adapter: Adapter = "manifest"
    glob: str | None = None
    min_files: int = 1
    settle: float | None = None
    table: str | None = None
    query: str | None = None
    key_column: str | None = None
    change_column: str | None = None

    def __post_init__(self) -> None:
        if not self.name or not self.name.isprintable():
            raise DatasetError(repr(self.name), "a dataset needs a printable name")
        if self.format not in get_args(Format):
            raise DatasetError(
                self.name, f"format {self.format!r} is not one of {', '.join(get_args(Format))}"
            )
        for field, number, low in (("timeout", self.timeout, 0), ("backoff", self.backoff, 0)):
            if not math.isfinite(number) or number <= low:
                raise DatasetError(self.name, f"{field} must be a number of seconds above 0, not {number}")
        for field, count in (("min_rows", self.min_rows), ("retries", self.retries)):
            if count < 0:
                raise DatasetError(self.name, f"{field} must not be negative, not {count}")
        self._check_columns()
        self._check_key_format()

    def _check_columns(self) -> None:
        names = [column.name for column in self.columns]
        duplicates = sorted({name for name in names if names.count(name) > 1})
        if duplicates:
            raise DatasetError(self.name, f"column {duplicates[0]} is named twice")
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

    def _check_key_format(self) -> None:
        if self.key_format.startswith("/") or self.key_format.endswith("/"):
            raise DatasetError(self.name, f"key format {self.key_format!r} begins or ends with a slash")
        samples = [dt.date(2024, 2, 29), dt.date(2024, 3, 1), dt.date(2025, 11, 1), dt.date(2025, 1, 11)]
        try:
            keys = [self.key(day) for day in samples]
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise DatasetError(
                self.name, f"key format {self.key_format!r} is not a format of day ({error})"
            ) from None
        if not keys[0].isprintable() or any(name in ("", ".", "..") for name in keys[0].split("/")):
            problem = (
                f"key format {self.key_format!r} has an empty, '.' or '..' folder or a control character"
            )
            raise DatasetError(self.name, problem)
        if [self.day(key) for key in keys] != samples:
            raise DatasetError(
                self.name,
                f"key format {self.key_format!r} gives different days the same key; write {{day:%Y-%m-%d}} in it",
            )

    def beyond_history(self, day: dt.date) -> bool:
        """Whether `day` lies before the first day that the upstream has."""
        return self.history_start is not None and day < self.history_start

    def key(self, day: dt.date) -> str:
        """The key of the day's partition below the lake's root, without a slash at the end."""
        # strftime does not pad the years before 1000 on every system.
        return re.sub(r"\{[^}]*\}", lambda m: m[0].replace("%Y", f"{day.year:04}"), self.key_format).format(
            day=day
        )

    def day(self, key: str) -> dt.date | None:
        """The day of a partition's key, or None for any other text."""
        pattern, codes = _pattern(self.key_format)
        match = re.fullmatch(pattern, key)
        if match is None:
            return None
        numbers: dict[str, int] = {}
        for code, text in zip(codes, match.groups(), strict=True):
            if numbers.setdefault(code, int(text)) != int(text):
                return None
        try:
            return dt.date(numbers["Y"], numbers["m"], numbers["d"])
        except (KeyError, ValueError):
            return None

    @property
    def folder(self) -> str:
        """The fixed folders at the start of a key: `orders` of `orders/dt=…`, or empty."""
        fixed = self.key_format.split("{", 1)[0]
        return fixed.rpartition("/")[0]

    @property
    def suffix(self) -> str:
        """The ending of a part's name."""
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
