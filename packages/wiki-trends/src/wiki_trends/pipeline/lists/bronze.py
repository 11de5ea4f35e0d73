"""Reads and commits lists in bronze: one partition for each day and access method, the API's responses byte for byte.

An `all-access` list is accompanied by the desktop and the mobile-web list of the day. They are stored where
`--access desktop` and `--access mobile-web` store theirs, so each list is fetched only once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest import inspect, read_parts
from smart_orchestrator.committing.writer import Part, commit
from smart_orchestrator.errors import ContractError
from smart_orchestrator.store.opening import lake_of
from wiki_trends.config.layers import layers
from wiki_trends.pipeline.lists.device_share import LISTED_DEVICES
from wiki_trends.pipeline.lists.top_list import Listed, parse_top_list
from wiki_trends.pipeline.step_result import project_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.partition import Partition
    from wiki_trends.config.settings import Settings


def bronze_dataset(settings: Settings, access: str) -> DailyDataset:
    """The dataset of the lists of an access method."""
    return layers(replace(settings, access=access)).bronze


def accesses_of(settings: Settings) -> tuple[str, ...]:
    """The access method of the settings, then the devices whose lists show automated traffic."""
    return (settings.access, *LISTED_DEVICES) if settings.access == "all-access" else (settings.access,)


def inspect_list(day: dt.date, settings: Settings, access: str) -> Partition:
    """The partition of a day's list in bronze."""
    bronze = bronze_dataset(settings, access)
    return inspect(bronze, day, lake=lake_of(bronze))


def read_list(
    day: dt.date, settings: Settings, access: str, partition: Partition | None = None
) -> list[Listed]:
    """The rows of a day's list; `partition` spares inspecting it again.

    Raises:
        ContractError: bronze does not have the list.
        ContractBroken: the bytes in bronze are not that list.
    """
    bronze = bronze_dataset(settings, access)
    partition = partition or inspect_list(day, settings, access)
    if not partition.available:
        raise ContractError(bronze.name, day, partition.code, [partition.reason])
    body = b"".join(read_parts(bronze, partition, lake=lake_of(bronze)))
    return parse_top_list(body, project=project_of(settings), access=access, day=day)


def commit_list(
    day: dt.date,
    settings: Settings,
    access: str,
    body: bytes,
    rows: Sequence[Listed],
    measured: Mapping[str, object],
) -> None:
    """Commit the bytes of a list; the partition's volume is the sum of views, and `measured` goes into the manifest."""
    bronze = bronze_dataset(settings, access)
    volume = sum(row.views for row in rows)
    parts = [Part(body, len(rows))]
    commit(bronze, day, parts, volume=volume, measured=dict(measured), lake=lake_of(bronze))
