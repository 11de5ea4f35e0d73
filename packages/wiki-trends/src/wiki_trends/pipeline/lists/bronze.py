"""Reads and commits lists in bronze: one partition for each day and access method, with the exact bytes of the API's response.

With an `all-access` list, the pipeline also fetches the day's desktop and mobile-web lists. They are stored in the partitions that
`--access desktop` and `--access mobile-web` use, so each list is fetched only once.
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
from wiki_trends.pipeline.lists.top_list import ListRow, parse_top_list
from wiki_trends.pipeline.step_result import project_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.partition import Partition
    from wiki_trends.config.settings import Settings


def bronze_dataset(settings: Settings, access: str) -> DailyDataset:
    """Return the bronze dataset for the lists of an access method."""
    return layers(replace(settings, access=access)).bronze


def accesses_of(settings: Settings) -> tuple[str, ...]:
    """Return the access method of the settings; if it is `all-access`, also the devices of `LISTED_DEVICES` after it."""
    return (settings.access, *LISTED_DEVICES) if settings.access == "all-access" else (settings.access,)


def inspect_list(day: dt.date, settings: Settings, access: str) -> Partition:
    """Inspect the partition of a day's list in bronze."""
    bronze = bronze_dataset(settings, access)
    return inspect(bronze, day, lake=lake_of(bronze))


def read_list(
    day: dt.date, settings: Settings, access: str, partition: Partition | None = None
) -> list[ListRow]:
    """Read the rows of a day's list. Without `partition`, the partition is inspected first.

    Raises:
        ContractError: bronze does not have the list.
        ContractBroken: the bytes in bronze are not the requested list.
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
    rows: Sequence[ListRow],
    measured: Mapping[str, object],
) -> None:
    """Commit the bytes of a list, with the sum of views as the volume and `measured` in the manifest."""
    bronze = bronze_dataset(settings, access)
    volume = sum(row.views for row in rows)
    parts = [Part(body, len(rows))]
    commit(bronze, day, parts, volume=volume, measured=dict(measured), lake=lake_of(bronze))
