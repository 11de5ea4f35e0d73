"""What the published tables were made of, and whether that is still what the lake holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest import InspectOptions
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
    """The run whose tables the warehouse holds; None when nothing is published yet.

    Raises:
        WarehouseError: it cannot be read.
    """
    from wiki_trends.errors import NothingPublished
    from wiki_trends.warehouse import open_warehouse

    try:
        with open_warehouse(settings.warehouse).reading() as reader:
            return reader.last_run()
    except NothingPublished:
        return None


def same_as_published(settings: Settings, completeness: Completeness) -> RunRecord | None:
    """The published run, if it was made of the same partitions, for the same window, by the same version."""
    from wiki_trends.analytics.analyze import run_record
    from wiki_trends.analytics.window_rows import baseline_of

    last = last_published(settings)
    if last is None:
        return None
    dataset = layers(settings).diamond
    now = run_record(dataset, completeness, baseline_of(dataset, completeness.window))
    return last if last.inputs() == now.inputs() else None


def changed_since_publish(settings: Settings) -> tuple[RunRecord, dict[str, str]] | None:
    """What has become of the days that the published tables were made of.

    Returns:
        The published run, and for each ISO day that is no longer the same the reason; None when nothing is published.

    Raises:
        WarehouseError, LakeError: they cannot be read.
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
            problem=f"is not what was published: the tables are of {last.dataset}",
            fix="Name that project, or publish this one first.",
        )
    window = Window.between(last.window_start, last.window_end, last.as_of, last.lag_days)
    found = {
        p.day.isoformat(): p
        for p in check(dataset, window, options=InspectOptions(shallow=True), strays=False).days
    }
    changed = {
        day: "other data than were used"
        if found[day].available
        else f"{found[day].code}: {found[day].reason}"
        for day, fingerprint in last.fingerprints.items()
        if found[day].fingerprint != fingerprint
    }
    return last, changed


def what_changed(settings: Settings) -> tuple[dict[str, str], str]:
    """For a report: the days that changed since the publish, with the reason, and why they could not be compared.

    A report is of the warehouse, and is worth reading when the lake cannot be reached.
    """
    try:
        compared = changed_since_publish(settings)
    except (LakeError, SettingError) as error:
        return {}, str(error)
    return (compared[1] if compared is not None else {}), ""
