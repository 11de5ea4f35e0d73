"""Compare the partitions in the lake with the partitions that the last publish read."""

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
    from wiki_trends.analytics.page_history import PageHistory
    from wiki_trends.config.settings import Settings
    from wiki_trends.warehouse.base import RunRecord


def last_published(settings: Settings) -> RunRecord | None:
    """Return the record of the last publish; None when nothing has been published yet.

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


def unchanged_publish(
    settings: Settings, completeness: Completeness, history: PageHistory
) -> RunRecord | None:
    """Return the record of the last publish if a new publish would have the same inputs; otherwise None.

    `RunRecord.inputs` returns the inputs, such as the window and the fingerprints of the partitions that are read.
    """
    from wiki_trends.analytics.analyze import run_record
    from wiki_trends.analytics.window_rows import baseline_of

    last_run = last_published(settings)
    if last_run is None:
        return None
    dataset = layers(settings).diamond
    baseline = baseline_of(dataset, completeness.window)
    current = run_record(dataset, completeness, baseline, history=history)
    return last_run if last_run.inputs() == current.inputs() else None


def changed_since_publish(settings: Settings) -> tuple[RunRecord, dict[str, str]] | None:
    """Find the days that have changed since the tables were published.

    Returns:
        The record of the last publish, and the reason for each changed day (`YYYY-MM-DD`); None when nothing has been
        published.

    Raises:
        SettingError: the published tables are of another project than the settings.
        WarehouseError: the warehouse cannot be read.
        LakeError: the lake cannot be read.
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
    # With `strays=False`, the check does not list names in the lake that are not keys of partitions: nothing needs them here.
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

    A report needs only the warehouse, so this function returns the error of an unreachable lake instead of raising it.

    Returns:
        The reason for each changed day, and the text of the error. The text is empty if the comparison succeeded.
    """
    try:
        comparison = changed_since_publish(settings)
    except (LakeError, SettingError) as error:
        return {}, str(error)
    return (comparison[1] if comparison is not None else {}), ""
