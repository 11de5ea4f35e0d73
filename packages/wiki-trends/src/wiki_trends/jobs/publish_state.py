"""Compare the partitions in the lake with the partitions from which the published tables were computed, and recompute what has changed.

A `RunRecord` is the record of one publish.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, NamedTuple

from smart_orchestrator.adapters.manifest import Depth, InspectOptions
from smart_orchestrator.checking import check
from smart_orchestrator.errors import LakeError
from smart_orchestrator.model.completeness import Policy
from smart_orchestrator.model.partition import Code
from smart_orchestrator.model.window import Window
from smart_orchestrator.volume_check import with_volume
from wiki_trends.config.layers import layers
from wiki_trends.errors import SettingError

if TYPE_CHECKING:
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.partition import Partition
    from wiki_trends.analytics.page_history import PageHistory
    from wiki_trends.config.settings import Settings
    from wiki_trends.queries.restatements import DayRestatement
    from wiki_trends.warehouse.base import RunRecord

logger = logging.getLogger(__name__)

_SELECT_STALE_WINDOWS = """
SELECT DISTINCT window_start, window_end FROM wiki_trends_scores WHERE dataset = ? AND stale ORDER BY window_end, window_start
"""


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

    `RunRecord.inputs` returns the inputs, such as the window and the digests of the partitions that are read.
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


def recompute_restated(
    settings: Settings, run: RunRecord | None
) -> tuple[tuple[RunRecord, ...], tuple[DayRestatement, ...]]:
    """Compute and publish the scores of stale windows again.

    Returns:
        The records of these publishes, and the restatements that these publishes and the publish `run` have found.
    """
    from wiki_trends.queries.restatements import restatements_of_publishes
    from wiki_trends.warehouse import open_warehouse

    recomputed = recompute_stale_windows(settings)
    published_at = [publish.published_at for publish in (run, *recomputed) if publish is not None]
    with open_warehouse(settings.warehouse).reading() as reader:
        return recomputed, restatements_of_publishes(reader, layers(settings).diamond.name, published_at)


def recompute_stale_windows(settings: Settings) -> tuple[RunRecord, ...]:
    """Compute and publish the scores of stale windows again. A window is stale if it used a day that was restated since.

    A publish marks windows as stale. If a stale window is no longer ready, it stays stale, and a warning is logged. Only the
    scores of stale windows are replaced; all other tables still show the window of the last ordinary publish.

    Returns:
        The records of the new publishes, oldest window first.

    Raises:
        LakeError: the lake does not respond, or rejects a request.
        EngineError: the scores cannot be computed.
        WarehouseError: the warehouse cannot be read, or the scores cannot be published.
    """
    from wiki_trends.jobs.receipt import find_run
    from wiki_trends.warehouse import open_warehouse

    dataset = layers(settings).diamond
    with open_warehouse(settings.warehouse).reading() as reader:
        windows = [
            f"{row['window_start']}..{row['window_end']}"
            for row in reader.rows(_SELECT_STALE_WINDOWS, dataset.name)
        ]
        runs = [find_run(reader, settings, window) for window in windows]
    recomputed = (_recompute(settings, run) for run in runs)
    return tuple(run for run in recomputed if run is not None)


def _recompute(settings: Settings, run: RunRecord) -> RunRecord | None:
    """Publish the scores of the window of a run again; None if the window is not ready under the policy of the run."""
    from wiki_trends.analytics.analyze import analyze
    from wiki_trends.analytics.engines.opening import open_engine
    from wiki_trends.jobs.history import history_of_run, read_renamed_pages
    from wiki_trends.warehouse import open_warehouse

    dataset = layers(settings).diamond
    window = Window.between(run.window_start, run.window_end, as_of=run.as_of, lag=run.lag_days)
    policy = Policy(**json.loads(run.policy))
    completeness = with_volume(dataset, check(dataset, window, policy=policy, strays=False))
    if not completeness.ready or not completeness.available:
        logger.warning(
            "The scores of %s .. %s are not computed again: the window is not ready any more",
            window.start,
            window.last,
        )
        return None
    return analyze(
        dataset,
        completeness,
        open_warehouse(settings.warehouse),
        engine=open_engine(settings.engine),
        history=history_of_run(settings, run),
        renamed=read_renamed_pages(settings),
        recompute=True,
    ).run


class PublishComparison(NamedTuple):
    """The result of comparing the lake with the last publish.

    Attributes:
        publish: the record of the last publish.
        reason_by_changed_day: the reason why each changed day (`YYYY-MM-DD`) differs from the data that the publish read.
    """

    publish: RunRecord
    reason_by_changed_day: dict[str, str]


def compare_with_publish(settings: Settings) -> PublishComparison | None:
    """Find the days that have changed since the tables were published; None when nothing has been published.

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
    window = Window.between(
        last_run.window_start, last_run.window_end, as_of=last_run.as_of, lag=last_run.lag_days
    )
    # With `strays=False`, the check does not list names in the lake that are not keys of partitions: nothing needs them here.
    partitions = {
        partition.day.isoformat(): partition
        for partition in check(
            dataset, window, options=InspectOptions(Depth.METADATA), strays=False
        ).partitions
    }
    changes = {day: _change_of(partitions[day], last_run) for day in last_run.fingerprints}
    return PublishComparison(last_run, {day: reason for day, reason in changes.items() if reason})


def _change_of(partition: Partition, last_run: RunRecord) -> str:
    """Return how a partition has changed since a publish; empty if its data are equal, even if it was written again."""
    day = partition.day.isoformat()
    if not partition.available or partition.code is Code.RESTATED:
        return f"{partition.code}: {partition.reason}"
    if partition.fingerprint == last_run.fingerprints[day]:
        return ""
    equal = partition.content is not None and partition.content == last_run.contents.get(day)
    return "" if equal else "its data have changed"


def changes_for_report(settings: Settings) -> tuple[dict[str, str], str]:
    """Find the days that have changed since the publish, for a report.

    A report needs only the warehouse, so this function returns the error of an unreachable lake instead of raising it.

    Returns:
        The reason for each changed day, and the text of the error. The text is empty if the comparison succeeded.
    """
    try:
        comparison = compare_with_publish(settings)
    except (LakeError, SettingError) as error:
        return {}, str(error)
    return (comparison.reason_by_changed_day if comparison is not None else {}), ""
