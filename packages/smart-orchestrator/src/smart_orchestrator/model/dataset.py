"""The description of a dataset: where its partitions are, their grain, the format of their paths, and the contract of their rows.

The classes are pure values without I/O. Their constructors raise `DatasetError` for an invalid description, for example a key
format that gives two days the same path, or a duplicate column.
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

# The adapters that find a partition by its path in a lake. All other adapters query a table.
PATH_ADAPTERS: tuple[Adapter, ...] = ("manifest", "marker", "files")
# An example of a key format for each grain, for error messages.
_EXAMPLES = {
    Grain.HOUR: "{start:%Y-%m-%d}/{start:%H}",
    Grain.DAY: "{day:%Y-%m-%d}",
    Grain.WEEK: "{start:%G-W%V}",
    Grain.MONTH: "{start:%Y-%m}",
}
# Any two of these moments differ in year, month, day, week or hour, so a key format that drops one of them is detected.
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
        name: the name of the column, as in the header.
        type: the type of the values.
        nullable: whether values may be empty.
        unique: whether a value may occur only once in a partition.
        low: the smallest allowed value.
        high: the largest allowed value.
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
    """A set of partitions, one for each key of a grain: where the partitions are, and when a partition is complete.

    Attributes:
        name: the name of the dataset, for messages and for the history of runs.
        lake: the URL of the lake's root: a folder, `file://`, `s3://bucket/prefix` or `memory://name`. For the adapter `sql`,
            the URL of a database; for `iceberg` and `delta`, the URL of a table or catalog.
        key_format: the template of a partition's path relative to the root: `sales_{start:%Y_%m_%d}.csv`,
            `orders/dt={start:%Y-%m-%d}`. `start` is the start of the key's span; `{day:…}` is the same as `{start:…}`.
        format: the format of the parts: `csv`, `parquet`, or `raw` for bytes that are not parsed.
        columns: the contract of the rows; an empty tuple accepts any columns.
        min_rows: the number of rows below which a partition is `SHORT`.
        volume_column: the column whose sum the manifest records.
        header: whether CSV parts begin with a row of column names. If not, the columns of the contract name the fields in
            order. Spark writes a header only with the option `header`.
        compression: the compression of CSV parts. With `infer`, reads detect gzip, bzip2 and Zstandard by the first bytes, and
            writes use no compression.
        timeout: the number of seconds without data after which a request to the lake fails; see `open_lake`.
        retries: the number of retries of a failed request to the lake.
        backoff: the number of seconds before the first retry.
        history_start: the first key that the upstream has. Earlier keys are not expected, and no run is started for them. None
            if the start of the upstream's history is unknown.
        outside_links: whether to follow symbolic links that leave the folder of a local lake.
        adapter: the adapter that inspects the partitions; see `smart_orchestrator.adapters`.
        grain: the length of the span of a key.
        timezone: the IANA name of the time zone of days, weeks and months; hours are always UTC.
        lag: the publication lag, in grains: the distance from a key to the first key on which the upstream has it.
        settle: the number of seconds for which a partition without a marker must stay unchanged before it counts as complete;
            by default, the value in the options of the check.
        min_files: for `files` and `marker`, the number of data files below which a partition is `SHORT`.
        glob: the pattern for the names of data files; by default, the usual endings of the format.
        table: for `sql`, the table as `schema.table`; for `iceberg`, the name of the table in the catalog at `lake`.
        query: for `sql`, a SELECT that replaces the table.
        key_column: for `sql`, `iceberg` and `delta`, the column with the date or time of a row.
        change_column: for `sql`, a column whose largest value changes when rows change.
        needs: the names of the datasets that must be complete for a key before this dataset can run the key.
        runner: the name of the runner of the pipeline.
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
                self.name, f"header and compression apply only to csv, and its format is {self.format}"
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
        """The time zone of the keys; UTC if the dataset has no time zone."""
        return ZoneInfo(self.timezone) if self.timezone else dt.UTC

    def beyond_history(self, day: Key) -> bool:
        """Return whether a key is before the first key that the upstream has."""
        return self.history_start is not None and day < self.history_start

    def key(self, day: Key) -> str:
        """Return the path of the partition of a day, relative to the lake's root and without a slash at the end."""
        return format_key(self.key_format, day)

    def day(self, key: str) -> Key | None:
        """Parse the partition key from a path; the inverse of `key`. Return None if the text is not the path of a partition."""
        return parse_path(self.key_format, self.grain, key)

    @property
    def folder(self) -> str:
        """The leading folders that all partitions share: `orders` for `orders/dt=…`, else empty."""
        return fixed_folder(self.key_format)

    @property
    def suffix(self) -> str:
        """The file name extension of the parts."""
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
