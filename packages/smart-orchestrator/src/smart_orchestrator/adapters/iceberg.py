"""Judge partitions of an Iceberg table by the metadata of its current snapshot. No data file is opened.

The table is named by `table` in the catalog at the dataset's URL: `sqlite:///…`, `postgresql+psycopg://…`, or `https://…` for REST. The name of
the catalog follows a `#` and is otherwise `default`; further settings are PyIceberg's variables, `PYICEBERG_CATALOG__DEFAULT__…`. Without `table` the URL is the folder of a table with a
`version-hint.text`, or one of its metadata files. Files are read as those of every lake: credentials that a REST catalog hands out are not
used.

The table must be partitioned by the key column with `hour`, `day`, `month` or `identity`; partitions that are finer than the dataset's grain
are added up. Rows that delete files remove are subtracted, so the number of rows is a lower bound.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smart_orchestrator.contract.reading import Unreadable, translate_errors
from smart_orchestrator.errors import DatasetError, LakeDenied, LakeUnreachable, SmartOrchestratorError
from smart_orchestrator.extras import extra
from smart_orchestrator.foreign import one_line
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.partition import Code, Partition, PartitionData, rows_text, verdict
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
# The grains that partitions of each transform can be added up to.
_GRAINS = {
    "hour": tuple(Grain),
    "day": (Grain.DAY, Grain.WEEK, Grain.MONTH),
    "month": (Grain.MONTH,),
    "identity": tuple(Grain),
}
_TIMES = ("date", "timestamp", "timestamptz", "string")


@dataclass(slots=True)
class KeyFiles:
    """The files of a key.

    Attributes:
        rows: of the data files.
        paths: of data and delete files.
        deleted: the rows of each delete file.
    """

    rows: int = 0
    paths: set[str] = field(default_factory=set)
    deleted: dict[str, int] = field(default_factory=dict)


class IcebergAdapter:
    """Counts the rows of every key in the metadata of a table."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        # The options of a database URL may hold a password as well.
        self.url = redacted_url(dataset.lake).partition("?")[0]
        self._requests = Requests()

    @property
    def requests(self) -> Mapping[str, int]:
        """The reads of metadata files so far."""
        return self._requests.to_json()

    def inspect(self, keys: Sequence[Key], options: InspectOptions) -> Mapping[Key, Partition]:
        """A verdict for every key.

        Raises:
            LakeError: the catalog or the lake does not answer or refuses.
            DatasetError: there is no such table, or it is not partitioned by the key.
        """
        del options
        if not keys:
            return {}
        from smart_orchestrator.adapters.iceberg_io import counting

        try:
            with counting(self._requests):
                table = self._load()
            field = self._key_field(table, table.spec())
            with translate_errors():
                tasks = list(table.scan(row_filter=self._filter(table, field, keys)).plan_files())
                files = self._files(table, field, tasks)
        except Unreadable as error:
            return {
                key: verdict(key, Code.UNREADABLE, f"the table's metadata cannot be read: {error}")
                for key in keys
            }
        return {key: judge_files(self.dataset, key, files.get(key)) for key in keys}

    def _load(self) -> Table:
        """The table.

        Raises:
            LakeError: the catalog or the lake does not answer or refuses.
            DatasetError: there is no such table.
            Unreadable: its metadata cannot be read.
        """
        with extra("iceberg"):
            from pyiceberg import exceptions
        try:
            return self._load_from_catalog() if self.dataset.table else self._load_from_folder()
        except (SmartOrchestratorError, Unreadable):
            raise
        except (
            exceptions.NoSuchTableError,
            exceptions.NoSuchNamespaceError,
            exceptions.NoSuchIcebergTableError,
        ):
            raise DatasetError(
                self.dataset.name, f"there is no table {self.dataset.table} in {self.url}"
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
        except Exception as error:  # noqa: BLE001 - catalogs raise the errors of their drivers
            problem = f"no usable answer of the catalog ({type(error).__name__})"
            raise LakeUnreachable(self.url, problem, "Check the catalog and the network.") from None

    def _load_from_catalog(self) -> Table:
        with extra("iceberg"):
            from pyiceberg.catalog import load_catalog

        uri, _, name = self.dataset.lake.partition("#")
        if (
            uri.startswith("sqlite:///")
            and not Path(uri.removeprefix("sqlite:///").partition("?")[0]).exists()
        ):
            # SQLite would create an empty one.
            raise LakeDenied(self.url, "the catalog does not exist", "Create it, or correct the URL.")
        properties = self._properties() | {"uri": uri, "init_catalog_tables": "false"}
        return load_catalog(name or "default", **properties).load_table(str(self.dataset.table))

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
                    f"{self.url} has no metadata/version-hint.text; name its catalog as the URL, and the table",
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
        """The partition field that holds the key.

        Raises:
            DatasetError: there is none, or none that is fine enough.
        """
        schema = table.schema()
        columns = {each.field_id: each for each in schema.fields}
        candidates = [
            each
            for each in spec.fields
            if str(each.transform) in _GRAINS
            and each.source_id in columns
            and str(columns[each.source_id].field_type) in _TIMES
            and self.dataset.key_column in (None, columns[each.source_id].name)
        ]
        usable = [each for each in candidates if self.dataset.grain in _GRAINS[str(each.transform)]]
        column = self.dataset.key_column or "a date or time"
        if not candidates:
            described = ", ".join(f"{each.transform}({each.name})" for each in spec.fields) or "nothing"
            problem = f"the table is partitioned by {described}; its partitions must be hour, day, month or identity of {column}"
            raise DatasetError(self.dataset.name, problem)
        if not usable:
            problem = f"the table's partitions are {candidates[0].transform}s, which are longer than its {self.dataset.grain}s"
            raise DatasetError(self.dataset.name, problem)
        if len(usable) > 1 and self.dataset.key_column is None:
            names = ", ".join(each.name for each in usable)
            raise DatasetError(
                self.dataset.name, f"several partition fields may be the key ({names}); name its key_column"
            )
        chosen = usable[0]
        if str(columns[chosen.source_id].field_type) == "date" and self.dataset.grain is Grain.HOUR:
            raise DatasetError(
                self.dataset.name, "the table is partitioned by a date, and its grain is the hour"
            )
        if self.dataset.timezone and str(chosen.transform) in ("day", "month"):
            problem = f"{chosen.transform}s of the table are those of UTC, and its time zone is {self.dataset.timezone}"
            raise DatasetError(self.dataset.name, problem)
        return chosen

    def _filter(self, table: Table, field: PartitionField, keys: Sequence[Key]) -> BooleanExpression:
        """The rows from the first key to the last: PyIceberg then reads only the manifests that can have them."""
        with extra("iceberg"):
            from pyiceberg import expressions

        # The signatures of its classes say nothing of the arguments that they take.
        at_least: Any = expressions.GreaterThanOrEqual
        less: Any = expressions.LessThan
        column = table.schema().find_field(field.source_id)
        kind, grain, zone = str(column.field_type), self.dataset.grain, self.dataset.zone
        start, stop = grain.start(min(keys), zone), grain.end(max(keys), zone)
        if kind == "string":
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
        """The files of every key."""
        specs = table.specs()
        kind = str(table.schema().find_field(key_field.source_id).field_type)
        files: dict[Key, KeyFiles] = {}
        for task in tasks:
            fields = specs[task.file.spec_id].fields
            position = next(
                (
                    index
                    for index, each in enumerate(fields)
                    if each.source_id == key_field.source_id
                    and self.dataset.grain in _GRAINS.get(str(each.transform), ())
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
            entry = files.setdefault(key, KeyFiles())
            entry.rows += task.file.record_count
            entry.paths.add(task.file.file_path)
            for deletes in task.delete_files:
                entry.paths.add(deletes.file_path)
                entry.deleted[deletes.file_path] = deletes.record_count
        return files

    def _key(self, transform: str, kind: str, value: Any) -> Key:
        """The key of a partition's value, as Iceberg stores it: a number of hours, days, months or microseconds since 1970."""
        grain = self.dataset.grain
        if transform == "hour":
            return grain.floor(EPOCH + dt.timedelta(hours=value), self.dataset.zone)
        if transform == "month":
            return dt.date(1970 + value // 12, value % 12 + 1, 1)
        if transform == "day" or kind == "date":
            date = EPOCH.date() + dt.timedelta(days=value)
            return grain.key_at(grain.index(date))
        if kind == "string":
            return key_of_text(self.dataset, str(value))
        return grain.floor(EPOCH + dt.timedelta(microseconds=value), self.dataset.zone)


def key_of_text(dataset: Dataset, text: str) -> Key:
    """The key of a date or time that a partition's value holds as text.

    Raises:
        DatasetError: it is not a date or time.
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
        problem = f"the partition value {one_line(text, 40)!r} does not name its {dataset.grain}"
        raise DatasetError(dataset.name, problem) from None
    return dataset.grain.floor(moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC), dataset.zone)


def judge_files(dataset: Dataset, key: Key, files: KeyFiles | None) -> Partition:
    """The verdict on a key by the facts that the table's metadata hold."""
    if files is None:
        return verdict(key, Code.MISSING, "the table has no data file of it")
    rows = max(0, files.rows - sum(files.deleted.values()))
    digest = hashlib.sha256("\n".join(sorted(files.paths)).encode()).hexdigest()[:32]
    base = Partition(key, Code.OK, "", PartitionData(rows=rows), digest)
    text = f"at least {rows_text(rows)}, after deletes" if files.deleted else rows_text(rows)
    if not rows:
        return verdict(key, Code.EMPTY, "its data files have no row", base)
    if rows < dataset.min_rows:
        return verdict(key, Code.SHORT, f"{text}, at least {dataset.min_rows:,} are asked for", base)
    return verdict(key, Code.OK, text, base)
