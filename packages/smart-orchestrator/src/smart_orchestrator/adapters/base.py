"""The protocol of an adapter, and the function that selects the adapter of a dataset.

An adapter inspects partitions. It receives a batch of keys, so that one listing or one query can be used for many keys. It returns a
`Partition` for every key. If the data have a fault, the code of the `Partition` names the fault. The adapter raises `LakeError` if the lake or the
database does not respond, and `DatasetError` if the description of the dataset does not match the data.
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
    """An adapter that inspects the partitions of one dataset."""

    @property
    def requests(self) -> Mapping[str, int]:
        """The number of requests so far, by kind: `list` and `get` to an object store, `query` to a database."""
        ...

    def inspect(self, keys: Sequence[dt.date], options: InspectOptions) -> Mapping[dt.date, Partition]:
        """Inspect the partition of every key.

        Raises:
            LakeError: the lake or the database does not respond, or refuses the request.
            DatasetError: the description of the dataset does not match the data.
        """
        ...


def adapter_of(dataset: Dataset, lake: Lake | None = None) -> PartitionAdapter:
    """Return the adapter that the dataset names.

    Args:
        dataset: the dataset.
        lake: an open lake; by default, the lake that the dataset names. Adapters that do not read objects ignore this argument.
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
    """Inspect one partition.

    Args:
        dataset: the dataset.
        key: the partition's key.
        lake: an open lake; by default, the lake that the dataset names.
        writer_ended: whether the only writer of the partition has succeeded. If so, the settle time does not apply.

    Raises:
        LakeError: the lake or the database does not respond, or refuses the request.
        DatasetError: the description of the dataset does not match the data.
    """
    from smart_orchestrator.adapters.manifest import InspectOptions

    if writer_ended:
        dataset = replace(dataset, settle=0.0)
    return adapter_of(dataset, lake).inspect([key], InspectOptions())[key]
