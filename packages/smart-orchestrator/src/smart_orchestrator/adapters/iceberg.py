"""Inspect partitions of an Iceberg table by the metadata of its current snapshot, without opening data files.

If the dataset has a `table`, its `lake` is the URL of a catalog: `sqlite:///…`, `postgresql+psycopg://…`, or `https://…` for REST.
The URL may end with `#` and the name of the catalog; the default name is `default`. Further settings of the catalog are read from
PyIceberg's variables, such as `PYICEBERG_CATALOG__DEFAULT__…`. Without a `table`, `lake` is the URL of a metadata file, or of
the folder of a table with a `version-hint.text`. The adapter reads files with the same credentials as any other lake, and not
with those that a REST catalog issues.

The table must be partitioned by the key column with `hour`, `day`, `month` or `identity`. If a key of the dataset consists of several
partitions of the table, the rows of these partitions are added up. The number of rows in delete files is subtracted. The result is a
lower bound, because several delete files can remove the same row.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smart_orchestrator.contract.reading import Unreadable, translate_errors
from smart_orchestrator.errors import DatasetError, LakeDenied, LakeUnreachable, SmartOrchestratorError
from smart_orchestrator.extras import extra
from smart_orchestrator.foreign import one_line
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.partition import Code, Partition, PartitionData, rows_text
from smart_orchestrator.store.base import Requests
from smart_orchestrator.store.urls import redacted_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pyiceberg.expressions import BooleanExpression
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.table import FileScanTask, Table

    from smart_orchestrator.adapters.manifest import InspectOptions
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.grain import Key

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# For each partition transform: the grains whose keys consist of whole partitions. A week is seven days, but not a number of months.
_GRAINS = {
    "hour": tuple(Grain),
    "day": (Grain.DAY, Grain.WEEK, Grain.MONTH),
    "month": (Grain.MONTH,),
    "identity": tuple(Grain),
}
# The types of columns that can contain the key.
_KEY_TYPES = ("date", "timestamp", "timestamptz", "string")


@dataclass(slots=True)
class KeyFiles:
    """The files of one key.

    Attributes:
        rows: the number of rows in the data files.
        paths: the paths of the data files and the delete files.
        deleted: the number of deleted rows in each delete file, by path.
    """

    rows: int = 0
    paths: set[str] = field(default_factory=set)
    deleted: dict[str, int] = field(default_factory=dict)


class IcebergAdapter:
    """An adapter that counts the rows of every key in the metadata of a table."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        # The options of a database URL may contain a password.
        self.url = redacted_url(dataset.lake).partition("?")[0]
        self._requests = Requests()

    @property
    def requests(self) -> Mapping[str, int]:
        """The number of reads of metadata files so far, by kind."""
        return self._requests.to_json()

    def inspect(self, keys: Sequence[Key], options: InspectOptions) -> Mapping[Key, Partition]:
        """Inspect the partition of every key.

        Raises:
            LakeError: the catalog or the lake does not respond, or refuses the request.
            DatasetError: the table does not exist, or is not partitioned by the key.
        """
        del options
        if not keys:
            return {}
        from smart_orchestrator.adapters.iceberg_io import count_requests

        try:
            # The catalog stays open until the scan is planned, because some catalogs plan it themselves.
            with ExitStack() as stack:
                with count_requests(self._requests):
                    table = self._load(stack)
                key_field = self._key_field(table, table.spec())
                with translate_errors():
                    tasks = list(table.scan(row_filter=self._filter(table, key_field, keys)).plan_files())
                    files = self._files(table, key_field, tasks)
        except Unreadable as error:
            return {
                key: Partition(key, Code.UNREADABLE, f"the table's metadata cannot be read: {error}")
                for key in keys
            }
        return {key: partition_of(self.dataset, key, files.get(key)) for key in keys}

    def _load(self, stack: ExitStack) -> Table:
        """Load the table, whose catalog is open until `stack` is closed.

        Raises:
            LakeError: the catalog or the lake does not respond, or refuses the request.
            DatasetError: the table does not exist.
            Unreadable: the metadata of the table cannot be read.
        """
        with extra("iceberg"):
            from pyiceberg import exceptions
        try:
            return self._load_from_catalog(stack) if self.dataset.table else self._load_from_folder()
        except (SmartOrchestratorError, Unreadable):
            raise
        except (
            exceptions.NoSuchTableError,
            exceptions.NoSuchNamespaceError,
            exceptions.NoSuchIcebergTableError,
        ):
            raise DatasetError(
                self.dataset.name,
                f"there is no table {self.dataset.table} in the catalog {self.dataset.lake.partition('#')[2] or 'default'} of"
                f" {self.url}. The name of another catalog follows a # at the end of the URL",
            ) from None
        except (
            exceptions.UnauthorizedError,
            exceptions.ForbiddenError,
            exceptions.AuthorizationExpiredError,
        ):
            raise LakeDenied(
                self.url, "the catalog refused", "Check the credentials and their rights."
            ) from None
        except FileNotFoundError as error:
            raise Unreadable(one_line(error)) from None
        except Exception as error:  # noqa: BLE001 - a catalog raises any error of its database driver
            problem = f"no usable answer of the catalog ({type(error).__name__})"
            raise LakeUnreachable(self.url, problem, "Check the catalog and the network.") from None

    def _load_from_catalog(self, stack: ExitStack) -> Table:
        with extra("iceberg"):
            from pyiceberg.catalog import load_catalog

        uri, _, name = self.dataset.lake.partition("#")
        if (
            uri.startswith("sqlite:///")
            and not Path(uri.removeprefix("sqlite:///").partition("?")[0]).exists()
        ):
            # Without this check, SQLite would create an empty catalog.
            raise LakeDenied(self.url, "the catalog does not exist", "Create it, or correct the URL.")
        properties = self._properties() | {"uri": uri, "init_catalog_tables": "false"}
        catalog = stack.enter_context(load_catalog(name or "default", **properties))
        return catalog.load_table(str(self.dataset.table))

    def _load_from_folder(self) -> Table:
        with extra("iceberg"):
            from pyiceberg.table import StaticTable

        from smart_orchestrator.adapters.iceberg_io import LakeFileIO

        location = self.dataset.lake.rstrip("/")
        if not location.endswith(".metadata.json"):
            hint = LakeFileIO(self._properties()).new_input(f"{location}/metadata/version-hint.text")
            try:
                with hint.open() as stream:
                    version = stream.read().decode("ascii", "replace").strip()
            except FileNotFoundError:
                raise DatasetError(
                    self.dataset.name,
                    f"{self.url} has no metadata/version-hint.text; give the URL of the catalog, and the table",
                ) from None
            location = f"{location}/metadata/v{version}.metadata.json"
        return StaticTable.from_metadata(location, self._properties())

    def _properties(self) -> dict[str, str]:
        from smart_orchestrator.adapters import iceberg_io

        return {
            "py-io-impl": f"{iceberg_io.__name__}.LakeFileIO",
            iceberg_io.TIMEOUT: str(self.dataset.timeout),
            iceberg_io.RETRIES: str(self.dataset.retries),
            iceberg_io.BACKOFF: str(self.dataset.backoff),
        }

    def _key_field(self, table: Table, spec: PartitionSpec) -> PartitionField:
        """Return the partition field that contains the key.

        Raises:
            DatasetError: no partition field can be the key, several fields can be the key, or the partitions are longer than the
                grain.
        """
        schema = table.schema()
        columns = {column.field_id: column for column in schema.fields}
        candidates = [
            field
            for field in spec.fields
            if str(field.transform) in _GRAINS
            and field.source_id in columns
            and str(columns[field.source_id].field_type) in _KEY_TYPES
            and self.dataset.key_column in (None, columns[field.source_id].name)
        ]
        usable = [field for field in candidates if self.dataset.grain in _GRAINS[str(field.transform)]]
        key_column = self.dataset.key_column or "a date or time"
        if not candidates:
            description = ", ".join(f"{field.transform}({field.name})" for field in spec.fields) or "nothing"
            problem = f"the table is partitioned by {description}; its partitions must be hour, day, month or identity of {key_column}"
            raise DatasetError(self.dataset.name, problem)
        if not usable:
            problem = f"the table's partitions are {candidates[0].transform}s, which are longer than the grain {self.dataset.grain}"
            raise DatasetError(self.dataset.name, problem)
        if len(usable) > 1 and self.dataset.key_column is None:
            names = ", ".join(field.name for field in usable)
            problem = f"several partition fields may be the key ({names}); name the key_column of the dataset"
            raise DatasetError(self.dataset.name, problem)
        # Several fields of the same key column give the same keys.
        key_field = usable[0]
        if str(columns[key_field.source_id].field_type) == "date" and self.dataset.grain is Grain.HOUR:
            problem = "the table is partitioned by a date, but the grain of the dataset is the hour"
            raise DatasetError(self.dataset.name, problem)
        if self.dataset.timezone and str(key_field.transform) in ("day", "month"):
            problem = (
                f"the table is partitioned by {key_field.transform}s in UTC, "
                f"but the time zone of the dataset is {self.dataset.timezone}"
            )
            raise DatasetError(self.dataset.name, problem)
        return key_field

    def _filter(self, table: Table, key_field: PartitionField, keys: Sequence[Key]) -> BooleanExpression:
        """Build a filter for the rows from the first key to the last.

        PyIceberg then reads only the manifests that can contain these rows.
        """
        with extra("iceberg"):
            from pyiceberg import expressions

        # The type is `Any`, because PyIceberg's classes declare no types for their arguments.
        at_least: Any = expressions.GreaterThanOrEqual
        less: Any = expressions.LessThan
        column = table.schema().find_field(key_field.source_id)
        kind, grain, zone = str(column.field_type), self.dataset.grain, self.dataset.zone
        start, stop = grain.start(min(keys), zone), grain.end(max(keys), zone)
        if kind == "string":
            # The order of the texts need not be the order of time.
            return expressions.AlwaysTrue()
        if kind == "date":
            days = [moment.astimezone(zone).date().isoformat() for moment in (start, stop)]
            return expressions.And(at_least(column.name, days[0]), less(column.name, days[1]))
        offset = "+00:00" if kind == "timestamptz" else ""
        bounds = [
            moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S") + offset for moment in (start, stop)
        ]
        return expressions.And(at_least(column.name, bounds[0]), less(column.name, bounds[1]))

    def _files(
        self, table: Table, key_field: PartitionField, tasks: Iterable[FileScanTask]
    ) -> dict[Key, KeyFiles]:
        """Group the files of the scan by key. Files whose key is null are left out."""
        specs = table.specs()
        kind = str(table.schema().find_field(key_field.source_id).field_type)
        files: dict[Key, KeyFiles] = {}
        for task in tasks:
            # A file has the partition fields of the time when it was written. `position` is the index of the key's field among them.
            fields = specs[task.file.spec_id].fields
            position = next(
                (
                    index
                    for index, field in enumerate(fields)
                    if field.source_id == key_field.source_id
                    and self.dataset.grain in _GRAINS.get(str(field.transform), ())
                ),
                None,
            )
            if position is None:
                problem = f"{task.file.file_path} was written before the table was partitioned by its key; rewrite it"
                raise DatasetError(self.dataset.name, problem)
            value = task.file.partition[position]
            if value is None:
                continue
            key = self._key(str(fields[position].transform), kind, value)
            key_files = files.setdefault(key, KeyFiles())
            key_files.rows += task.file.record_count
            key_files.paths.add(task.file.file_path)
            for delete_file in task.delete_files:
                key_files.paths.add(delete_file.file_path)
                key_files.deleted[delete_file.file_path] = delete_file.record_count
        return files

    def _key(self, transform: str, kind: str, value: Any) -> Key:
        """Convert the value of a partition field to a key.

        Iceberg stores the value as a text, or as a number of hours, days, months or microseconds since 1970.
        """
        grain = self.dataset.grain
        if transform == "hour":
            return grain.floor(EPOCH + dt.timedelta(hours=value), self.dataset.zone)
        if transform == "month":
            return dt.date(1970 + value // 12, value % 12 + 1, 1)
        if transform == "day" or kind == "date":
            date = EPOCH.date() + dt.timedelta(days=value)
            # The key whose span contains the date, such as the first day of the month.
            return grain.key_at(grain.index(date))
        if kind == "string":
            return key_of_text(self.dataset, str(value))
        return grain.floor(EPOCH + dt.timedelta(microseconds=value), self.dataset.zone)


def key_of_text(dataset: Dataset, text: str) -> Key:
    """Parse the text of a date or time in a partition value, and return its key.

    Raises:
        DatasetError: the text is not a date or time of the dataset's grain.
    """
    try:
        return dataset.grain.parse(text)
    except (ValueError, OverflowError):
        pass
    try:
        moment = dt.datetime.fromisoformat(text)
        if dataset.grain is Grain.HOUR and ":" not in text:
            raise ValueError(text)
    except ValueError:
        problem = f"the partition value {one_line(text, 40)!r} does not determine the {dataset.grain}"
        raise DatasetError(dataset.name, problem) from None
    return dataset.grain.floor(moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC), dataset.zone)


def partition_of(dataset: Dataset, key: Key, files: KeyFiles | None) -> Partition:
    """Return the partition of a key, from the files that the table's metadata list for the key."""
    if files is None:
        return Partition(key, Code.MISSING, "the table has no data files for this key")
    rows = max(0, files.rows - sum(files.deleted.values()))
    digest = hashlib.sha256("\n".join(sorted(files.paths)).encode()).hexdigest()[:32]
    base = Partition(key, Code.OK, "", PartitionData(rows=rows), digest)
    text = f"at least {rows_text(rows)}, after deletes" if files.deleted else rows_text(rows)
    if not rows:
        return base.with_code(Code.EMPTY, "its data files have no rows")
    if rows < dataset.min_rows:
        return base.with_code(Code.SHORT, f"{text}, at least {dataset.min_rows:,} are required")
    return base.with_code(Code.OK, text)
