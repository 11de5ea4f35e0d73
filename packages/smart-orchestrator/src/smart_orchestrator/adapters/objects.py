"""Base class of the adapters that inspect a partition by its objects.

The base class lists the partitions of a batch and inspects them in threads.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from smart_orchestrator.adapters.layout import list_partition
from smart_orchestrator.adapters.manifest import Depth, inspect_listed
from smart_orchestrator.errors import LakeError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Executor
    from contextlib import AbstractContextManager

    from smart_orchestrator.adapters.data_inspection import Memory
    from smart_orchestrator.adapters.manifest import InspectOptions
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.store.base import Lake, ObjectInfo

# Up to this number of keys, one listing for each key is cheaper than one listing from the first key to the last.
MAX_SEPARATE_LISTINGS = 30
# A single thread inspects listed partitions if all their objects together have at most this number of bytes.
_LITTLE_BYTES = 4 << 20


@runtime_checkable
class BatchMemory(Protocol):
    """A cache (`Memory`) that can read and store many values in one operation."""

    def recalling(self) -> AbstractContextManager[Callable[[str], str | None]]:
        """Return a context manager for a function like `recall`, which only one thread at a time may call."""
        ...

    def remember_many(self, values: Mapping[str, str]) -> None:
        """Store every value under its key."""
        ...


class _BufferedMemory:
    """The cache of one batch. It opens the cache `memory` at the first `recall`, and stores the new values together in `flush`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._values: dict[str, str] = {}
        self._recall: Callable[[str], str | None] | None = None
        self._opened = ExitStack()
        self._lock = threading.Lock()

    def recall(self, key: str) -> str | None:
        with self._lock:
            if self._recall is None:
                self._recall = self._open()
            return self._recall(key)

    def _open(self) -> Callable[[str], str | None]:
        if isinstance(self._memory, BatchMemory):
            return self._opened.enter_context(self._memory.recalling())
        return self._memory.recall

    def remember(self, key: str, value: str) -> None:
        self._values[key] = value

    def flush(self) -> None:
        self._opened.close()
        if not self._values:
            return
        if isinstance(self._memory, BatchMemory):
            self._memory.remember_many(self._values)
            return
        for key, value in self._values.items():
            self._memory.remember(key, value)


class ObjectAdapter:
    """An adapter that lists the objects of each partition. Subclasses implement `inspect_objects`.

    Args:
        dataset: the dataset.
        lake: the lake of the partitions.
    """

    def __init__(self, dataset: Dataset, lake: Lake) -> None:
        self.dataset = dataset
        self.lake = lake.counted()

    @property
    def requests(self) -> Mapping[str, int]:
        """The number of requests to the lake so far, by kind."""
        return self.lake.requests.to_json()

    def inspect(self, keys: Sequence[dt.date], options: InspectOptions) -> Mapping[dt.date, Partition]:
        """Inspect the partition of every key.

        Raises:
            LakeError: the lake does not respond, or refuses the request.
        """
        if not keys:
            return {}
        if options.memory is None:
            return self._inspect_batch(keys, options)
        buffer = _BufferedMemory(options.memory)
        try:
            return self._inspect_batch(keys, replace(options, memory=buffer))
        finally:
            buffer.flush()

    def _inspect_batch(self, keys: Sequence[dt.date], options: InspectOptions) -> Mapping[dt.date, Partition]:
        listings = self._listings(keys)
        failures: list[LakeError] = []

        def inspect_key(key: dt.date, options: InspectOptions) -> Partition:
            if failures:
                # The check has failed. Without this line, each further request would wait for its own time-out.
                raise failures[0]
            try:
                objects = (
                    listings[key] if listings is not None else list_partition(self.dataset, key, self.lake)
                )
                return self.inspect_objects(key, objects, options)
            except LakeError as error:
                failures.append(error)
                raise

        if listings is not None and self.lake.listing_is_local and self.reads_little(listings, options):
            # Threads would compete for the interpreter: ten years of small files take three times as long with four threads.
            return {key: inspect_key(key, options) for key in keys}
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(self.lake.concurrency, len(keys)), thread_name_prefix="inspect") as pool:
            return dict(zip(keys, self._inspect_all(keys, options, inspect_key, pool), strict=True))

    def inspect_objects(
        self, key: dt.date, objects: Sequence[ObjectInfo], options: InspectOptions
    ) -> Partition:
        """Inspect a partition whose objects are already listed.

        Raises:
            LakeError: the lake does not respond, or refuses the request.
        """
        raise NotImplementedError

    def reads_little(self, listings: Mapping[dt.date, Sequence[ObjectInfo]], options: InspectOptions) -> bool:
        """Return whether the listed partitions of a local lake are so small that a single thread is faster than several."""
        size = sum(info.size for objects in listings.values() for info in objects)
        return options.depth is not Depth.ROWS and size <= _LITTLE_BYTES

    def _inspect_all(
        self,
        keys: Sequence[dt.date],
        options: InspectOptions,
        inspect_key: Callable[[dt.date, InspectOptions], Partition],
        pool: Executor,
    ) -> list[Partition]:
        return list(pool.map(lambda key: inspect_key(key, options), keys))

    def _listings(self, keys: Sequence[dt.date]) -> dict[dt.date, list[ObjectInfo]] | None:
        """List the objects of all partitions; return None if the threads that inspect the partitions list them faster."""
        if self.lake.listing_is_local:
            return {key: list_partition(self.dataset, key, self.lake) for key in keys}
        if len(keys) <= MAX_SEPARATE_LISTINGS:
            return None
        folders = {self.dataset.key(key): key for key in keys}
        objects: dict[dt.date, list[ObjectInfo]] = {key: [] for key in keys}
        levels = self.dataset.key_format.count("/") + 1
        for info in self.lake.list_between(self.dataset.folder, *_first_and_last(folders)):
            partition_folder = "/".join(info.key.split("/")[:levels])
            key = folders.get(partition_folder)
            if key is not None:
                objects[key].append(info)
        return objects


def _first_and_last(folders: Iterable[str]) -> tuple[str, str]:
    """Return the first and the last folder in the order of a listing. A listing compares paths folder by folder."""
    ordered = sorted(folders, key=lambda folder: folder.split("/"))
    return ordered[0], ordered[-1]


class ManifestAdapter(ObjectAdapter):
    """An adapter that inspects a partition by its manifest, or by the marker of another writer."""

    def inspect_objects(
        self, key: dt.date, objects: Sequence[ObjectInfo], options: InspectOptions
    ) -> Partition:
        """Inspect a partition whose objects are already listed.

        Raises:
            LakeError: the lake does not respond, or refuses the request.
        """
        return inspect_listed(self.dataset, key, objects, lake=self.lake, options=options)

    def _inspect_all(
        self,
        keys: Sequence[dt.date],
        options: InspectOptions,
        inspect_key: Callable[[dt.date, InspectOptions], Partition],
        pool: Executor,
    ) -> list[Partition]:
        if options.depth is not Depth.ROWS:
            return super()._inspect_all(keys, options, inspect_key, pool)
        from smart_orchestrator.adapters.bulk import inspect_deeply

        metadata_only = replace(options, depth=Depth.METADATA)
        return list(
            inspect_deeply(
                self.dataset,
                keys,
                self.lake,
                pool,
                lambda key: inspect_key(key, metadata_only),
                lambda key: inspect_key(key, options),
            )
        )
