"""Check whether days arrive in time, send messages and lineage events about the jobs, and write metrics."""

from __future__ import annotations

import datetime as dt
import logging
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smart_orchestrator.expected_error import ExpectedError
from smart_orchestrator.model.event import Event
from smart_orchestrator.model.freshness import judge, parse_objective, window_to_judge
from smart_orchestrator.model.signal import Channel
from smart_orchestrator.runners.ledger import Ledger
from smart_orchestrator.telemetry.incidents import IncidentStore
from smart_orchestrator.telemetry.lineage import LineageRun, Output
from smart_orchestrator.telemetry.messages import (
    announce_incidents,
    announce_ready,
    announce_restated,
    publish,
    published_message,
)
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import env_name
from wiki_trends.errors import SettingError
from wiki_trends.jobs.upstream import lag_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.freshness import FreshnessReport
    from smart_orchestrator.model.window import Window
    from smart_orchestrator.telemetry.metrics import DatasetMetrics
    from wiki_trends.analytics.analyze import Analysis
    from wiki_trends.config.settings import Settings

    CheckWindow = Callable[[Window], Completeness]

logger = logging.getLogger(__name__)

_JOB = "wiki-trends"


def judge_days(settings: Settings, check_window: CheckWindow, now: dt.datetime) -> FreshnessReport:
    """Check whether the newest days arrived before their deadlines. The result is not stored.

    Args:
        settings: the settings, with a deadline.
        check_window: a function that checks a window of the diamond layer.
        now: the current time.

    Raises:
        SettingError: the settings have no deadline.
        LakeError: the lake does not respond, or rejects a request.
        RunsError: the state folder cannot be used.
    """
    if not settings.fresh:
        raise SettingError(
            name="fresh",
            value="",
            origin=env_name("fresh"),
            problem="is empty, so no day has a deadline",
            fix="Give for example 06:00 UTC, 4 days.",
        )
    objective = parse_objective(settings.fresh, settings.complete)
    dataset = replace(layers(settings).diamond, lag=lag_at(settings, now.date(), ask=False))
    records = IncidentStore(_ledger(settings)).records(dataset.name)
    completeness = check_window(window_to_judge(dataset, objective, now, records))
    return judge(dataset, objective, completeness, records, now)


def announce_lateness(settings: Settings, report: FreshnessReport) -> None:
    """Store a report, and send one message for each incident that began or ended.

    Raises:
        RunsError: the state folder cannot be used.
    """
    announce_incidents(report, IncidentStore(_ledger(settings)), channels_of(settings))


def announce_restated_days(settings: Settings, completeness: Completeness) -> None:
    """Send one message about the restated days of a checked window, once for each change of a day.

    If the state folder cannot be used, only a warning is logged.
    """
    restated = [completeness[day] for day in completeness.restated]
    if not restated or not settings.messages:
        return
    try:
        store = IncidentStore(_ledger(settings))
        announce_restated(completeness.dataset, restated, store, channels_of(settings))
    except ExpectedError as error:
        logger.warning("No message about the restated days was sent: %s", error)


def channels_of(settings: Settings) -> list[Channel]:
    """Return the channel of the settings; an empty list without addresses."""
    urls = tuple(settings.messages.split())
    events = tuple(Event(name) for name in settings.messages_on.split())
    return [Channel(env_name("messages"), urls, events)] if urls else []


def send_messages_and_write_metrics(
    settings: Settings, completeness: Completeness, check_window: CheckWindow
) -> None:
    """After a run, send the messages and write the metrics that are due. `completeness` is the last check of its window.

    The run itself has ended. So if the lake or the state folder does not respond here, only a warning is logged.
    """
    now = dt.datetime.now(tz=dt.UTC)
    try:
        if settings.messages:
            announce_ready(completeness, _ledger(settings), channels_of(settings))
        report = judge_days(settings, check_window, now) if settings.fresh else None
        if report is not None:
            announce_lateness(settings, report)
        write_metrics(settings, completeness, report, now)
    except ExpectedError as error:
        logger.warning("The signals after the run are incomplete: %s", error)


def write_metrics(
    settings: Settings, completeness: Completeness, report: FreshnessReport | None, now: dt.datetime
) -> None:
    """Write the metrics to the file that the settings name; do nothing if they name no file.

    Raises:
        MissingExtra: the package `prometheus_client` is not installed.
        RunsError: the state folder cannot be used.
    """
    if not settings.metrics_file:
        return
    from smart_orchestrator.telemetry.metrics import count_runs, metric_families, write_textfile

    families = metric_families(
        [dataset_metrics(settings, completeness, report, now)], count_runs(_ledger(settings))
    )
    write_textfile(Path(settings.metrics_file), families)


def dataset_metrics(
    settings: Settings, completeness: Completeness, report: FreshnessReport | None, now: dt.datetime
) -> DatasetMetrics:
    """Return the values from which the metrics of the diamond layer are computed."""
    from smart_orchestrator.telemetry.metrics import DatasetMetrics

    return DatasetMetrics(completeness, layers(settings).diamond.zone, report, now)


def announce_publish(settings: Settings, analysis: Analysis) -> None:
    """Send the message about new published tables."""
    message = published_message(analysis.run.dataset, analysis.window, _JOB)
    publish(message, channels_of(settings))


@contextmanager
def lineage_of(settings: Settings, completeness: Completeness) -> Iterator[Callable[[Analysis], None]]:
    """Send the lineage events of an analysis. The block calls the yielded function with the analysis when it is published."""
    run = LineageRun.start(_JOB, [(layers(settings).diamond, completeness)])

    def complete(analysis: Analysis) -> None:
        namespace, prefix = _table_names(settings.warehouse)
        run.complete([Output(namespace, prefix + table, rows) for table, rows in analysis.rows.items()])

    try:
        yield complete
    except ExpectedError as error:
        run.fail(str(error))
        raise
    except BaseException as error:
        # The text of an unexpected error can contain secrets.
        run.fail(type(error).__name__)
        raise


def _table_names(warehouse: str) -> tuple[str, str]:
    """Return the OpenLineage namespace of a warehouse, and the prefix of the names of its tables."""
    if warehouse.startswith("duckdb:///"):
        return "file", f"{Path(warehouse.removeprefix('duckdb:///')).absolute()}/"
    parts = urlsplit(warehouse)
    return (
        f"postgres://{parts.hostname or 'localhost'}:{parts.port or 5432}",
        f"{parts.path.strip('/')}.public.",
    )


def _ledger(settings: Settings) -> Ledger:
    return Ledger(Path(settings.state), env_name("state"))
