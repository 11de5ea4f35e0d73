"""A dataset: the location, grain and key format of its partitions, and the contract of their rows.

The module contains pure values without I/O. The constructors raise `DatasetError` for an invalid description, for example for
a duplicate column, or for a key format that gives two days the same path.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from smart_orchestrator.errors import DatasetError
from smart_orchestrator.foreign import MAX_INTEGER
from smart_orchestrator.model.bounds import (
    MAX_RECHECK_DAYS,
    MAX_RETRIES,
    integer_problem,
    seconds_problem,
)
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.key_format import fixed_folder, format_key, parse_path

if TYPE_CHECKING:
    from smart_orchestrator.model.grain import Key

ColumnType = Literal["string", "integer", "float", "date", "boolean"]
Format = Literal["csv", "parquet", "raw"]
Compression = Literal["infer", "none", "gzip", "bz2", "zstd"]
Adapter = Literal["manifest", "marker", "files", "sql", "iceberg", "delta"]

# These adapters find partitions by a path below a lake. All other adapters query a table.
PATH_ADAPTERS: tuple[Adapter, ...] = ("manifest", "marker", "files")
_EXAMPLES = {
    Grain.HOUR: "{start:%Y-%m-%d}/{start:%H}",
    Grain.DAY: "{day:%Y-%m-%d}",
    Grain.WEEK: "{start:%G-W%V}",
    Grain.MONTH: "{start:%Y-%m}",
}
# Sample times. A key format with too few directives gives two of them the same path.
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
        name: the name of the column in the header.
        type: the type of the values.
        nullable: whether a value may be empty.
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
        if not all(map(math.isfinite, bounds)) or bounds != sorted(bounds):
            raise DatasetError(self.name, f"no value is between {self.low} and {self.high}")


@dataclass(frozen=True, slots=True)
class Dataset:
    """A set of partitions, one for each key of a grain: their location, and the conditions for a complete partition.

    Attributes:
        name: the name of the dataset in messages and in the history of runs.
        lake: the URL of the lake's root: a folder, `file://`, `s3://bucket/prefix` or `memory://name`. For the adapter `sql`,
            the URL of a database. For `iceberg` and `delta`, the URL of a table.
        key_format: the template of the path of a partition below the root, such as `sales_{start:%Y_%m_%d}.csv` or
            `orders/dt={start:%Y-%m-%d}`. `{start:…}`, or `{day:…}`, formats the start of the key's span.
        format: the format of the parts: `csv`, `parquet`, or `raw` for bytes that are not parsed.
        columns: the contract's columns. If empty, any columns are accepted.
        min_rows: the minimum number of rows. A partition with fewer rows is `SHORT`.
        volume_column: the column whose sum the manifest records.
        header: whether CSV parts begin with a row of column names. Without this row, the contract's columns name the fields in
            order. Spark writes a header only with the option `header`.
        compression: the compression of CSV parts. With `infer`, a reader recognises gzip, bzip2 and Zstandard by the first bytes of
            a part, and a writer does not compress parts.
        timeout: the number of seconds without any data after which a request to the lake fails; see `open_lake`.
        retries: the maximum number of retries of a failed request to the lake.
        backoff: the number of seconds before the first retry.
        history_start: the first key of the upstream. Earlier keys are not expected, and no run is started for them. None if the
            first key is unknown.
        outside_links: whether to follow symbolic links that leave the folder of a local lake.
        adapter: the adapter that inspects the partitions; see `smart_orchestrator.adapters`.
        grain: the length of the span of a key.
        timezone: the IANA name of the time zone of days, weeks and months. Hours are always UTC.
        lag: the publication lag: the number of grains after which the upstream has published a key.
        settle: the number of seconds without a change after which a partition without a marker counts as written. With None,
            the options of the check determine the settle time.
        min_files: for `files` and `marker`, the minimum number of data files. A partition with fewer files is `SHORT`.
        glob: the pattern for the names of data files. By default, the usual endings of the format.
        table: for `sql`, the table as `schema.table`; for `iceberg`, the name of the table in the catalog at `lake`.
        query: for `sql`, a SELECT that replaces the table.
        key_column: for `sql`, `iceberg` and `delta`, the column with the date or time of a row.
        change_column: for `sql`, a column whose largest value changes whenever rows change.
        needs: the names of upstream datasets. A run of a key starts only when these datasets are complete for the key.
        runner: the name of the runner in the configuration file; None if the file names no runner for the dataset.
        recheck: the numbers of days after a key landed at which the upstream is asked whether the key's data have changed. Empty for never.
        recheck_lake: the URL of the lake that stores the results of these rechecks; None for the lake of the dataset.
    """

    name: str
    # The URL of a database may contain a password.
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
    recheck: tuple[int, ...] = ()
    recheck_lake: str | None = None

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
        self._check_texts()
        self._check_columns()
        self._check_time()
        if self.adapter in PATH_ADAPTERS:
            self._check_key_format()

    def _check_numbers(self) -> None:
        seconds = {name: seconds_problem(getattr(self, name)) for name in ("timeout", "backoff")}
        counts = {
            "min_rows": integer_problem(self.min_rows, high=MAX_INTEGER),
            "min_files": integer_problem(self.min_files, 1),
            "retries": integer_problem(self.retries, high=MAX_RETRIES),
            "lag": integer_problem(self.lag),
        }
        settle = {} if self.settle is None else {"settle": seconds_problem(self.settle, zero=True)}
        for name, problem in {**seconds, **counts, **settle}.items():
            if problem:
                raise DatasetError(self.name, f"{name}: {getattr(self, name)!r} {problem}")
        # A user can write the days in any order and twice, and JSON has a list. Other modules expect an ascending tuple.
        object.__setattr__(self, "recheck", tuple(sorted(set(self.recheck))))
        for days in self.recheck:
            if problem := integer_problem(days, 1, high=MAX_RECHECK_DAYS):
                raise DatasetError(self.name, f"recheck: {days!r} {problem}")

    def _check_texts(self) -> None:
        """Reject optional texts that are empty: an empty glob, for example, matches no file."""
        for name in ("glob", "table", "query", "key_column", "change_column", "volume_column", "runner"):
            text = getattr(self, name)
            if text is not None and not text.strip():
                raise DatasetError(self.name, f"{name} is empty; leave it out")

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
            raise DatasetError(self.name, "without a header the fields have no names; describe the columns")
        if self.compression not in get_args(Compression):
            raise DatasetError(self.name, f"compression {self.compression!r} is not supported")
        if self.format != "csv" and (not self.header or self.compression != "infer"):
            raise DatasetError(
                self.name, f"header and compression apply only to csv, but the format is {self.format}"
            )

    def _check_key_format(self) -> None:
        if self.key_format.startswith("/") or self.key_format.endswith("/"):
            raise DatasetError(self.name, f"key format {self.key_format!r} begins or ends with a slash")
        sample_keys = [self.grain.floor(moment) for moment in _SAMPLES]
        try:
            paths = [self.key(key) for key in sample_keys]
        except ValueError as error:
            raise DatasetError(
                self.name, f"key format {self.key_format!r} is not a format of {self.grain} ({error})"
            ) from None
        if not paths[0].isprintable() or any(name in ("", ".", "..") for name in paths[0].split("/")):
            problem = (
                f"key format {self.key_format!r} has an empty, '.' or '..' folder or a control character"
            )
            raise DatasetError(self.name, problem)
        if [self.day(path) for path in paths] != sample_keys:
            raise DatasetError(
                self.name,
                f"key format {self.key_format!r} gives different {self.grain}s the same path; "
                f"write {_EXAMPLES[self.grain]} in it",
            )

    @property
    def zone(self) -> dt.tzinfo:
        """The time zone of the keys: UTC unless the dataset names one."""
        if not self.timezone:
            return dt.UTC
        from zoneinfo import ZoneInfo

        return ZoneInfo(self.timezone)

    def span(self, key: Key) -> tuple[dt.datetime, dt.datetime]:
        """Return the start and the end of a key's span, in UTC."""
        return self.grain.start(key, self.zone), self.grain.end(key, self.zone)

    def beyond_history(self, day: Key) -> bool:
        """Return whether a key is before the first key of the upstream."""
        return self.history_start is not None and day < self.history_start

    def key(self, day: Key) -> str:
        """Return the path of the key's partition, relative to the lake's root and without a final slash."""
        return format_key(self.key_format, day)

    def day(self, key: str) -> Key | None:
        """Parse the path of a partition, and return its key. Return None for any other path."""
        return parse_path(self.key_format, self.grain, key)

    @property
    def folder(self) -> str:
        """The folders that the paths of all keys share: `orders` for `orders/dt=…`, or empty."""
        return fixed_folder(self.key_format)

    @property
    def suffix(self) -> str:
        """The ending of the names of parts."""
        ending = {"csv": ".csv", "parquet": ".parquet", "raw": ".json"}[self.format]
        return ending + {"gzip": ".gz", "bz2": ".bz2", "zstd": ".zst"}.get(self.compression, "")


class DailyDataset(Dataset):
    """A dataset with one partition for each UTC day."""

    __slots__ = ()


def is_time_zone(name: str) -> bool:
    """Return whether a text is the IANA name of a time zone."""
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True
