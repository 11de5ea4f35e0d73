"""The protocol of an adapter, and the adapter of a dataset.

An adapter judges partitions. It takes a batch of keys, so that its cost follows the window and not the number of keys, and
returns a verdict for every key. A fault of a partition is a verdict with a code; a lake or database that does not answer
raises `LakeError`, and a description that does not fit the data raises `DatasetError`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.adapters.manifest import InspectOptions
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.store.base import Lake


class PartitionAdapter(Protocol):
    """Judges the partitions of one dataset."""

    @property
    def requests(self) -> Mapping[str, int]:
        """The requests so far by kind: `list` and `get` of an object store, `query` of a database."""
        ...

    def inspect(self, keys: Sequence[dt.date], options: InspectOptions) -> Mapping[dt.date, Partition]:
        """A verdict for every key.

        Raises:
            LakeError: the lake or the database does not answer or refuses.
            DatasetError: the dataset's description does not fit what is there.
        """
        ...


def adapter_of(dataset: Dataset, lake: Lake | None = None) -> PartitionAdapter:
    """The adapter that the dataset names.

    Args:
        dataset: the dataset.
        lake: an open lake; default the dataset's own. Adapters that do not read objects ignore it.
    """
    if dataset.adapter not in ("manifest", "marker", "files"):
        return _table_adapter(dataset)
    if lake is None:
        from smart_orchestrator.store.opening import lake_of

        lake = lake_of(dataset)
    if dataset.adapter == "manifest":
        from smart_orchestrator.adapters.objects import ManifestAdapter

        return ManifestAdapter(dataset, lake)
    if dataset.adapter == "marker":
        from smart_orchestrator.adapters.marker import MarkerAdapter

        return MarkerAdapter(dataset, lake)
    from smart_orchestrator.adapters.files import FilesAdapter

    return FilesAdapter(dataset, lake)


def _table_adapter(dataset: Dataset) -> PartitionAdapter:
    if dataset.adapter == "sql":
        from smart_orchestrator.adapters.sql import SqlAdapter

        return SqlAdapter(dataset)
    if dataset.adapter == "iceberg":
        from smart_orchestrator.adapters.iceberg import IcebergAdapter

        return IcebergAdapter(dataset)
    from smart_orchestrator.adapters.delta import DeltaAdapter

    return DeltaAdapter(dataset)


def inspect_key(
    dataset: Dataset, key: dt.date, *, lake: Lake | None = None, writer_ended: bool = False
) -> Partition:
    """The verdict on one partition.

    Args:
        dataset: the dataset.
        key: the partition's key.
        lake: an open lake; default the dataset's own.
        writer_ended: the only writer of the partition has ended with success, so its files need no time to settle.

    Raises:
        LakeError: the lake or the database does not answer or refuses.
        DatasetError: the dataset's description does not fit what is there.
    """
    from smart_orchestrator.adapters.manifest import InspectOptions

    if writer_ended:
        dataset = replace(dataset, settle=0.0)
    return adapter_of(dataset, lake).inspect([key], InspectOptions())[key]
