"""The lists in bronze: one partition for each access method, the API's responses byte for byte.

The lists by access method beside an `all-access` list are stored where `--access desktop` and `--access mobile-web`
store theirs, so each is fetched once for all uses.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest import inspect, read_parts
from smart_orchestrator.committing.writer import Part, commit
from smart_orchestrator.errors import ContractError
from smart_orchestrator.store.opening import lake_of
from wiki_trends.config.layers import layers
from wiki_trends.pipeline.lists.device_share import SIDE_ACCESS
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
    """The access method of the settings, then those whose lists show automated traffic."""
    return (settings.access, *SIDE_ACCESS) if settings.access == "all-access" else (settings.access,)


def inspect_list(day: dt.date, settings: Settings, access: str) -> Partition:
    """The partition of a day's list in bronze."""
    bronze = bronze_dataset(settings, access)
    return inspect(bronze, day, lake=lake_of(bronze))


def read_list(
    day: dt.date, settings: Settings, access: str, partition: Partition | None = None
) -> list[Listed]:
    """The rows of a day's list.

    Raises:
        ContractError: bronze does not have it.
        ContractBroken: bronze does not hold that list.
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
    """Commit a list with its origin; its volume is the sum of views."""
    bronze = bronze_dataset(settings, access)
    volume = sum(row.views for row in rows)
    parts = [Part(body, len(rows))]
    commit(bronze, day, parts, volume=volume, measured=dict(measured), lake=lake_of(bronze))
