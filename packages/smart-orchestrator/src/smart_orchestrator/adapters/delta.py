"""Inspect partitions of a Delta table by the table's transaction log, without opening data files.

The `lake` of the dataset is the URL of the table: a folder, `file://` or `s3://`. The table must be partitioned by the key column.
This column must contain dates, times, or texts of dates or times.

The log contains the number of rows of a file only if the writer recorded statistics. Without statistics, the number of rows is
unknown, and the partition counts as `SHORT` if `min_rows` is above 1.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
from typing import TYPE_CHECKING, Any

from smart_orchestrator.contract.reading import Unreadable, translate_errors
from smart_orchestrator.errors import DatasetError, LakeDenied, LakeUnreachable
from smart_orchestrator.extras import extra
from smart_orchestrator.foreign import one_line
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.partition import Code, Partition, PartitionData, rows_text
from smart_orchestrator.store.aws import read_aws_settings
from smart_orchestrator.store.azure import read_azure_settings
from smart_orchestrator.store.google import read_google_settings
from smart_orchestrator.store.opening import translate_variable_errors
from smart_orchestrator.store.urls import parse_lake_url, redacted_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from deltalake import DeltaTable

    from smart_orchestrator.adapters.manifest import InspectOptions
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.grain import Key

# Texts in the errors of object stores that refuse access.
_REFUSALS = (
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "NoSuchBucket",
    "403 Forbidden",
    "Permission denied",
)
# Terminal colours, tree lines and URL queries in the messages of deltalake.
_DECORATION = re.compile(r"\x1b\[[0-9;]*m|[↳│╰├─]|\?\S+")
# The types of columns that can contain the key.
_KEY_TYPES = ("date", "timestamp", "timestamp_ntz", "string")


class DeltaAdapter:
    """An adapter that counts the rows of every key in the log of a table."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.url = redacted_url(dataset.lake)
        self._loads = 0

    @property
    def requests(self) -> Mapping[str, int]:
        """The number of times that the log was read. The library `deltalake` does not count its requests."""
        return {"log": self._loads}

    def inspect(self, keys: Sequence[Key], options: InspectOptions) -> Mapping[Key, Partition]:
        """Inspect the partition of every key.

        Raises:
            LakeError: the store does not respond, or refuses the request.
            DatasetError: the table does not exist, or is not partitioned by the key.
        """
        del options
        if not keys:
            return {}
        try:
            table = self._load()
            column = self._key_column(table)
            with translate_errors():
                files = self._files(table, column)
        except Unreadable as error:
            return {
                key: Partition(key, Code.UNREADABLE, f"the table's log cannot be read: {error}")
                for key in keys
            }
        return {key: self._partition(key, files.get(key, [])) for key in keys}

    def _load(self) -> DeltaTable:
        """Load the table with its log.

        Raises:
            LakeError: the store does not respond, or refuses the request.
            DatasetError: the table does not exist.
            Unreadable: the log cannot be read.
        """
        with extra("delta"):
            import deltalake
            from deltalake.exceptions import DeltaError, TableNotFoundError

        parts = parse_lake_url(self.dataset.lake)
        scheme = "s3" if parts.scheme == "s3a" else parts.scheme
        location = parts.path if scheme == "file" else f"{scheme}://{parts.host}{parts.path}"
        self._loads += 1
        try:
            return deltalake.DeltaTable(location, storage_options=self._storage_options(scheme))
        except TableNotFoundError:
            raise DatasetError(self.dataset.name, f"there is no Delta table at {self.url}") from None
        except (DeltaError, OSError) as error:
            raise self._translated(error) from None

    def _translated(self, error: Exception) -> Exception:
        """Convert an error of the store to an error of this package, and an error of the log to `Unreadable`."""
        message = " ".join(_DECORATION.sub(" ", str(error)).split())
        text = one_line(message)
        if any(refusal in message for refusal in _REFUSALS):
            return LakeDenied(
                self.url, "access was refused", "Check the bucket, the credentials and their rights."
            )
        if isinstance(error, OSError) or "error sending request" in message or "retries" in message:
            return LakeUnreachable(
                self.url, f"no usable answer ({text})", "Check the endpoint and the network."
            )
        if "not a Delta table" in message or "No files in log segment" in message:
            return DatasetError(self.dataset.name, f"there is no Delta table at {self.url}")
        # The backtrace of the library begins with its frame 0.
        return Unreadable(text.partition(" 0: <unknown>")[0])

    def _storage_options(self, scheme: str) -> dict[str, str] | None:
        if scheme == "file":
            return None
        with translate_variable_errors(self.url):
            options = _STORE_OPTIONS[scheme](os.environ)
        # The same time-outs as in `open_remote_lake`.
        seconds = self.dataset.timeout
        options |= {
            "connect_timeout": f"{seconds}s",
            "timeout": f"{seconds * 6}s",
            "max_retries": str(self.dataset.retries),
            "retry_timeout": f"{seconds * 1.5}s",
        }
        return {name: value for name, value in options.items() if value}

    def _key_column(self, table: DeltaTable) -> str:
        """Return the name of the partition column that contains the key.

        Raises:
            DatasetError: no partition column can be the key, or several columns can be the key.
        """
        partition_columns = table.metadata().partition_columns
        # A primitive type has its name in the attribute `type`.
        types = {field.name: str(getattr(field.type, "type", field.type)) for field in table.schema().fields}
        key_column = self.dataset.key_column
        candidates = [
            name for name in partition_columns if types.get(name) in _KEY_TYPES and key_column in (None, name)
        ]
        description = ", ".join(partition_columns) or "nothing"
        if not candidates:
            problem = f"the table is partitioned by {description}; it must be partitioned by {key_column or 'a date or time'}"
            raise DatasetError(self.dataset.name, problem)
        if len(candidates) > 1:
            raise DatasetError(
                self.dataset.name,
                f"several partition columns may be the key ({description}); name the key_column of the dataset",
            )
        if types[candidates[0]] == "date" and self.dataset.grain is Grain.HOUR:
            raise DatasetError(
                self.dataset.name,
                "the table is partitioned by a date, but the grain of the dataset is the hour",
            )
        return candidates[0]

    def _files(self, table: DeltaTable, column: str) -> dict[Key, list[tuple[str, int | None]]]:
        """Return the path and the number of rows of each file, by key. The number is None without statistics.

        Files whose key is null are left out.
        """
        actions: Any = table.get_add_actions(flatten=True)
        names = actions.schema.names
        paths = actions.column("path").to_pylist()
        values = actions.column(f"partition.{column}").to_pylist()
        rows = actions.column("num_records").to_pylist() if "num_records" in names else [None] * len(paths)
        files: dict[Key, list[tuple[str, int | None]]] = {}
        for path, value, count in zip(paths, values, rows, strict=True):
            if value is not None:
                files.setdefault(self._key(value), []).append((path, count))
        return files

    def _key(self, value: object) -> Key:
        grain = self.dataset.grain
        if isinstance(value, dt.datetime):
            return grain.floor(value if value.tzinfo else value.replace(tzinfo=dt.UTC), self.dataset.zone)
        if isinstance(value, dt.date):
            # The key whose span contains the date, such as the first day of the month.
            return grain.key_at(grain.index(value))
        from smart_orchestrator.adapters.iceberg import key_of_text

        return key_of_text(self.dataset, str(value))

    def _partition(self, key: Key, files: Sequence[tuple[str, int | None]]) -> Partition:
        if not files:
            return Partition(key, Code.MISSING, "the table has no data files for this key")
        counts = [count for _, count in files if count is not None]
        rows = sum(counts) if len(counts) == len(files) else None
        digest = hashlib.sha256("\n".join(sorted(path for path, _ in files)).encode()).hexdigest()[:32]
        base = Partition(key, Code.OK, "", PartitionData(rows=rows), digest)
        if rows == 0:
            return base.with_code(Code.EMPTY, "its data files have no rows")
        if rows is None and self.dataset.min_rows > 1:
            reason = f"the log has no row counts of its files, at least {self.dataset.min_rows:,} rows are required"
            return base.with_code(Code.SHORT, reason)
        if rows is not None and rows < self.dataset.min_rows:
            reason = f"{rows_text(rows)}, at least {self.dataset.min_rows:,} are required"
            return base.with_code(Code.SHORT, reason)
        return base.with_code(Code.OK, rows_text(rows))


def _aws_options(environ: Mapping[str, str]) -> dict[str, str]:
    aws = read_aws_settings(environ)
    return {
        "AWS_REGION": aws.region,
        "AWS_ACCESS_KEY_ID": aws.key_id,
        "AWS_SECRET_ACCESS_KEY": aws.secret,
        "AWS_SESSION_TOKEN": aws.token,
        "AWS_ENDPOINT_URL": aws.endpoint,
        "allow_http": _allow_http(aws.endpoint),
    }


def _azure_options(environ: Mapping[str, str]) -> dict[str, str]:
    azure = read_azure_settings(environ)
    return dict(azure.config) | {"allow_http": _allow_http(azure.endpoint)}


def _google_options(environ: Mapping[str, str]) -> dict[str, str]:
    google = read_google_settings(environ)
    return dict(google.config) | {"allow_http": _allow_http(google.endpoint)}


def _allow_http(endpoint: str) -> str:
    return "true" if endpoint.startswith("http://") else ""


_STORE_OPTIONS: Mapping[str, Callable[[Mapping[str, str]], dict[str, str]]] = {
    "s3": _aws_options,
    "az": _azure_options,
    "gs": _google_options,
}
