"""Adapters that judge a partition by its objects: list the partitions of a batch, and inspect them in threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from smart_orchestrator.adapters.bulk import inspect_deeply
from smart_orchestrator.adapters.layout import list_partition
from smart_orchestrator.adapters.manifest import Depth, inspect_listed
from smart_orchestrator.errors import LakeError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Executor

    from smart_orchestrator.adapters.judging import Memory
    from smart_orchestrator.adapters.manifest import InspectOptions
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.store.base import Lake, ObjectInfo

# Up to this number of keys, one listing for each is cheaper than one listing from the first key to the last.
KEYS_LISTED_ONE_BY_ONE = 30


@runtime_checkable
class BatchMemory(Protocol):
    """A memory that stores many values at the cost of one."""

    def remember_many(self, values: Mapping[str, str]) -> None:
        """Store every value under its key."""
        ...


class _BufferedMemory:
    """Collects the verdicts of a batch, and stores them together at its end."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._values: dict[str, str] = {}

    def recall(self, key: str) -> str | None:
        return self._memory.recall(key)

    def remember(self, key: str, value: str) -> None:
        self._values[key] = value

    def flush(self) -> None:
        if isinstance(self._memory, BatchMemory):
            self._memory.remember_many(self._values)
            return
        for key, value in self._values.items():
            self._memory.remember(key, value)


class ObjectAdapter:
    """Lists the partitions of a batch and judges each; subclasses implement `judge`.

    Args:
        dataset: the dataset.
        lake: where its partitions are.
    """

    def __init__(self, dataset: Dataset, lake: Lake) -> None:
        self.dataset = dataset
        self.lake = lake.counted()

    @property
    def requests(self) -> Mapping[str, int]:
        """The requests to the lake so far, by kind."""
        return self.lake.requests.to_json()

    def inspect(self, keys: Sequence[dt.date], options: InspectOptions) -> Mapping[dt.date, Partition]:
        """A verdict for every key.

        Raises:
            LakeError: the lake does not answer or refuses.
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
                # A lake that does not answer ends the check after one time-out, not after one for each partition.
                raise failures[0]
            try:
                objects = (
                    listings[key] if listings is not None else list_partition(self.dataset, key, self.lake)
                )
                return self.judge(key, objects, options)
            except LakeError as error:
                failures.append(error)
                raise

        with ThreadPoolExecutor(min(self.lake.concurrency, len(keys)), thread_name_prefix="inspect") as pool:
            return dict(zip(keys, self._inspect_all(keys, options, inspect_key, pool), strict=True))

    def judge(self, key: dt.date, objects: Sequence[ObjectInfo], options: InspectOptions) -> Partition:
        """The verdict on a partition whose objects are listed.

        Raises:
            LakeError: the lake does not answer or refuses.
        """
        raise NotImplementedError

    def _inspect_all(
        self,
        keys: Sequence[dt.date],
        options: InspectOptions,
        inspect_key: Callable[[dt.date, InspectOptions], Partition],
        pool: Executor,
    ) -> list[Partition]:
        return list(pool.map(lambda key: inspect_key(key, options), keys))

    def _listings(self, keys: Sequence[dt.date]) -> dict[dt.date, list[ObjectInfo]] | None:
        """Every partition's objects from one listing, or None where one listing for each key is cheaper."""
        if self.lake.listing_is_local or len(keys) <= KEYS_LISTED_ONE_BY_ONE:
            return None
        folders = {self.dataset.key(key): key for key in keys}
        objects: dict[dt.date, list[ObjectInfo]] = {key: [] for key in keys}
        depth = self.dataset.key_format.count("/") + 1
        for info in self.lake.list_between(self.dataset.folder, *_first_and_last(folders)):
            key = folders.get("/".join(info.key.split("/")[:depth]))
            if key is not None:
                objects[key].append(info)
        return objects


def _first_and_last(folders: Iterable[str]) -> tuple[str, str]:
    """The first and the last folder in the order of a listing, which compares level by level."""
    ordered = sorted(folders, key=lambda folder: folder.split("/"))
    return ordered[0], ordered[-1]


class ManifestAdapter(ObjectAdapter):
    """Judges a partition by our manifest, or by the marker of another writer."""

    def judge(self, key: dt.date, objects: Sequence[ObjectInfo], options: InspectOptions) -> Partition:
        """The verdict on a partition whose objects are listed.

        Raises:
            LakeError: the lake does not answer or refuses.
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
