"""A dataset: the location of its partitions, their grain, the format of their keys, and the contract of their rows.

Pure values without I/O. A description that cannot work (a key format that gives two days the same key, a duplicate column) raises
`DatasetError` in the constructor.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args
from zoneinfo import ZoneInfo

from smart_orchestrator.errors import DatasetError
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.key_format import fixed_folder, format_key, parse_path

if TYPE_CHECKING:
    from smart_orchestrator.model.grain import Key

ColumnType = Literal["string", "integer", "float", "date", "boolean"]
Format = Literal["csv", "parquet", "raw"]
Compression = Literal["infer", "none", "gzip", "bz2", "zstd"]
Adapter = Literal["manifest", "marker", "files", "sql", "iceberg", "delta"]

# These find partitions by their path below a lake; the others ask a table.
PATH_ADAPTERS: tuple[Adapter, ...] = ("manifest", "marker", "files")
_EXAMPLES = {
    Grain.HOUR: "{start:%Y-%m-%d}/{start:%H}",
    Grain.DAY: "{day:%Y-%m-%d}",
    Grain.WEEK: "{start:%G-W%V}",
    Grain.MONTH: "{start:%Y-%m}",
}
# Keys that differ in every part that a key format may name.
_SAMPLES = [
    dt.datetime(2024, 2, 29, 23, tzinfo=dt.UTC),
    dt.datetime(2024, 3, 1, 0, tzinfo=dt.UTC),
    dt.datetime(2024, 12, 30, 7, tzinfo=dt.UTC),
    dt.datetime(2025, 11, 1, 11, tzinfo=dt.UTC),
    dt.datetime(2025, 1, 11, 1, tzinfo=dt.UTC),
]


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
class Dataset:
    """A set of partitions, one for each key of a grain: where they lie, and when one of them is complete.

    Attributes:
        name: for messages and for the history of runs.
        lake: URL of the lake's root: a folder, `file://`, `s3://bucket/prefix` or `memory://name`; for the adapter `sql` the URL of
            a database, for `iceberg` and `delta` that of a table.
        key_format: the path of a partition below the root, a template of the start of its span:
            `sales_{start:%Y_%m_%d}.csv`, `orders/dt={start:%Y-%m-%d}`. `{day:…}` is the same as `{start:…}`.
        format: of the parts: `csv`, `parquet`, or `raw` for bytes that are not parsed.
        columns: the contract of the rows; empty accepts any columns.
        min_rows: a partition with fewer rows is `SHORT`.
        volume_column: the column whose sum is kept in the manifest.
        header: CSV parts begin with a row of column names; without one, the contract's columns name the fields in order.
            Spark writes a header only with the option `header`.
        compression: of CSV parts; `infer` reads gzip, bzip2 and Zstandard by their first bytes and writes plain text.
        timeout: seconds without any data before a request to the lake fails; see `open_lake`.
        retries: how many times a failed request to the lake is repeated.
        backoff: seconds before the first of these retries.
        history_start: the first key that the upstream has; earlier keys are not expected and never run. None where
            the upstream's history has no known beginning.
        outside_links: follow symbolic links that leave the folder of a local lake.
        adapter: how a partition is judged; see `smart_orchestrator.adapters`.
        grain: the length of a partition's span.
        timezone: IANA name of the zone of days, weeks and months; hours are always UTC.
        lag: number of grains between a key and the first key on which the upstream has it.
        settle: seconds without a change before a partition without a marker counts; default: those of the check.
        min_files: a partition of `files` or `marker` with fewer data files is `SHORT`.
        glob: data files whose names match it count; by default those with the usual endings of the format.
        table: of `sql`, `schema.table`; of `iceberg`, the name of the table in the catalog at `lake`.
        query: of `sql`, a SELECT in place of a table.
        key_column: of `sql`, `iceberg` and `delta`: the column with the date or time of a row.
        change_column: of `sql`: a column whose largest value changes whenever rows change.
        needs: names of datasets that must be complete for a key before this dataset can run it.
        runner: name of the runner of its pipeline.
    """

    name: str
    # The URL of a database may hold a password.
    lake: str = field(repr=False)
    key_format: str = ""
    format: Format = "csv"
    columns: tuple[Column, ...] = ()
    min_rows: int = 1
    volume_column: str | None = None
    header: bool = True
    compression: Compression = "infer"
    timeout: float = 5.0
    retries: int = 4
    backoff: float = 0.1
    history_start: Key | None = None
    outside_links: bool = False
    adapter: Adapter = "manifest"
    grain: Grain = Grain.DAY
    timezone: str | None = None
    lag: int = 1
    settle: float | None = None
    min_files: int = 1
    glob: str | None = None
    table: str | None = None
    query: str | None = None
    key_column: str | None = None
    change_column: str | None = None
    needs: tuple[str, ...] = ()
    runner: str | None = None

    def __post_init__(self) -> None:
        if not self.name or not self.name.isprintable():
            raise DatasetError(repr(self.name), "a dataset needs a printable name")
        if self.format not in get_args(Format):
            raise DatasetError(
                self.name, f"format {self.format!r} is not one of {', '.join(get_args(Format))}"
            )
        if self.adapter not in get_args(Adapter):
            raise DatasetError(
                self.name, f"adapter {self.adapter!r} is not one of {', '.join(get_args(Adapter))}"
            )
        self._check_numbers()
        self._check_columns()
        self._check_time()
        if self.adapter in PATH_ADAPTERS:
            self._check_key_format()

    def _check_numbers(self) -> None:
        for name, seconds in (("timeout", self.timeout), ("backoff", self.backoff)):
            if not math.isfinite(seconds) or seconds <= 0:
                raise DatasetError(self.name, f"{name} must be a number of seconds above 0, not {seconds}")
        for name in ("min_rows", "min_files", "retries", "lag", "settle"):
            count = getattr(self, name)
            if count is not None and not 0 <= count < math.inf:
                raise DatasetError(self.name, f"{name} must not be negative, not {count}")

    def _check_time(self) -> None:
        """Check the time zone and the start of the history."""
        if self.timezone is not None:
            if self.grain is Grain.HOUR:
                raise DatasetError(self.name, "hours are UTC; a time zone is for days, weeks and months")
            if not is_time_zone(self.timezone):
                raise DatasetError(
                    self.name, f"time zone {self.timezone!r} is not an IANA name such as Europe/Berlin"
                )
        if self.history_start is not None and not self.grain.is_key(self.history_start):
            raise DatasetError(
                self.name, f"history_start {self.history_start} is not a key of grain {self.grain}"
            )

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
        samples = [self.grain.floor(moment) for moment in _SAMPLES]
        try:
            keys = [self.key(key) for key in samples]
        except ValueError as error:
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
                f"key format {self.key_format!r} gives different {self.grain}s the same key; "
                f"write {_EXAMPLES[self.grain]} in it",
            )

    @property
    def zone(self) -> dt.tzinfo:
        """The time zone of the keys: UTC unless the dataset names one."""
        return ZoneInfo(self.timezone) if self.timezone else dt.UTC

    def beyond_history(self, day: Key) -> bool:
        """Return whether a key lies before the first one that the upstream has."""
        return self.history_start is not None and day < self.history_start

    def key(self, day: Key) -> str:
        """Return the path of a key's partition below the lake's root, without a slash at the end."""
        return format_key(self.key_format, day)

    def day(self, key: str) -> Key | None:
        """Return the partition key of a path, or None for any other text: the inverse of `key`."""
        return parse_path(self.key_format, self.grain, key)

    @property
    def folder(self) -> str:
        """The fixed folders at the start of a path: `orders` of `orders/dt=…`, or empty."""
        return fixed_folder(self.key_format)

    @property
    def suffix(self) -> str:
        """The ending of a part's name."""
        ending = {"csv": ".csv", "parquet": ".parquet", "raw": ".json"}[self.format]
        return ending + {"gzip": ".gz", "bz2": ".bz2", "zstd": ".zst"}.get(self.compression, "")


@dataclass(frozen=True, slots=True)
class DailyDataset(Dataset):
    """A dataset with one partition for each UTC day."""


def is_time_zone(name: str) -> bool:
    """Return whether a text is the IANA name of a time zone."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True
