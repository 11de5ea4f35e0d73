"""Compare the published tables with the lake, to find the partitions that changed after the publish."""

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
    """Return the last published run; None when nothing has been published yet.

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
    """Return the last published run if it used the same partitions, window and version; otherwise None."""
    from wiki_trends.analytics.analyze import run_record
    from wiki_trends.analytics.window_rows import baseline_of

    last_run = last_published(settings)
    if last_run is None:
        return None
    dataset = layers(settings).diamond
    current = run_record(dataset, completeness, baseline_of(dataset, completeness.window))
    return last_run if last_run.inputs() == current.inputs() else None


def changed_since_publish(settings: Settings) -> tuple[RunRecord, dict[str, str]] | None:
    """Find the days that have changed since the tables were published.

    Returns:
        The published run, and the reason for each changed day (`YYYY-MM-DD`); None when nothing has been published.

    Raises:
        WarehouseError, LakeError: the warehouse or the lake cannot be read.
    """
    last_run = last_published(settings)
    dataset = layers(settings).diamond
    if last_run is None:
        return None
    if last_run.dataset != dataset.name:
        raise SettingError(
            name="project",
            value=settings.project,
            origin="--project",
            problem=f"is not the published project: the tables are of {last_run.dataset}",
            fix="Name the published project, or publish this project first.",
        )
    window = Window.between(last_run.window_start, last_run.window_end, last_run.as_of, last_run.lag_days)
    partitions = {
        partition.day.isoformat(): partition
        for partition in check(
            dataset, window, options=InspectOptions(Depth.METADATA), strays=False
        ).partitions
    }
    reasons = {
        day: "its data have changed"
        if partitions[day].available
        else f"{partitions[day].code}: {partitions[day].reason}"
        for day, fingerprint in last_run.fingerprints.items()
        if partitions[day].fingerprint != fingerprint
    }
    return last_run, reasons


def changes_for_report(settings: Settings) -> tuple[dict[str, str], str]:
    """Find the days that have changed since the publish, for a report.

    A report needs only the warehouse, so an unreachable lake must not make it fail.

    Returns:
        The reason for each changed day, and an error text; the text is empty if the lake could be compared.
    """
    try:
        comparison = changed_since_publish(settings)
    except (LakeError, SettingError) as error:
        return {}, str(error)
    return (comparison[1] if comparison is not None else {}), ""
