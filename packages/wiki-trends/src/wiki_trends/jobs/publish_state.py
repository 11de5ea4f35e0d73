"""Compare the published tables with the lake: which of their partitions have changed since?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest import Depth, InspectOptions
from smart_orchestrator.checking import check
from smart_orchestrator.errors import LakeError
from smart_orchestrator.model.window import Window
from wiki_trends.config.layers import layers
from wiki_trends.errors import SettingError

if TYPE_CHECKING:
    from smart_orchestrator.model.completeness import Completeness
    from wiki_trends.config.settings import Settings
    from wiki_trends.warehouse.base import RunRecord


def last_published(settings: Settings) -> RunRecord | None:
    """The last published run; None when nothing is published yet.

    Raises:
        WarehouseError: the warehouse cannot be read.
    """
    from wiki_trends.errors import NothingPublished
    from wiki_trends.warehouse import open_warehouse

    try:
        with open_warehouse(settings.warehouse).reading() as reader:
            return reader.last_run()
    except NothingPublished:
        return None


def unchanged_publish(settings: Settings, completeness: Completeness) -> RunRecord | None:
    """The last published run, if it used the same partitions, window and version; otherwise None."""
    from wiki_trends.analytics.analyze import run_record
    from wiki_trends.analytics.window_rows import baseline_of

    last = last_published(settings)
    if last is None:
        return None
    dataset = layers(settings).diamond
    current = run_record(dataset, completeness, baseline_of(dataset, completeness.window))
    return last if last.inputs() == current.inputs() else None


def changed_since_publish(settings: Settings) -> tuple[RunRecord, dict[str, str]] | None:
    """The days that have changed since the tables were published.

    Returns:
        The published run, and a reason for each ISO day that has changed; None when nothing is published.

    Raises:
        WarehouseError, LakeError: the warehouse or the lake cannot be read.
    """
    last = last_published(settings)
    dataset = layers(settings).diamond
    if last is None:
        return None
    if last.dataset != dataset.name:
        raise SettingError(
            name="project",
            value=settings.project,
            origin="--project",
            problem=f"is not the published project: the tables are of {last.dataset}",
            fix="Name that project, or publish this one first.",
        )
    window = Window.between(last.window_start, last.window_end, last.as_of, last.lag_days)
    partitions = {
        partition.day.isoformat(): partition
        for partition in check(
            dataset, window, options=InspectOptions(Depth.METADATA), strays=False
        ).partitions
    }
    changed = {
        day: "its data have changed"
        if partitions[day].available
        else f"{partitions[day].code}: {partitions[day].reason}"
        for day, fingerprint in last.fingerprints.items()
        if partitions[day].fingerprint != fingerprint
    }
    return last, changed


def changes_for_report(settings: Settings) -> tuple[dict[str, str], str]:
    """The days that changed since the publish, and the reason if they could not be compared.

    A report needs the warehouse only, so it is also shown when the lake cannot be reached.
    """
    try:
        compared = changed_since_publish(settings)
    except (LakeError, SettingError) as error:
        return {}, str(error)
    return (compared[1] if compared is not None else {}), ""
