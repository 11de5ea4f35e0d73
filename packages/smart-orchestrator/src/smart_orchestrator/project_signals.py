"""Check whether the partitions of a configuration file arrive in time, and send the messages and metrics that the file asks for.

To *judge* a partition is to compare the time of its arrival with its deadline.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from smart_orchestrator.expected_error import ExpectedError
from smart_orchestrator.model.freshness import judge, window_to_judge
from smart_orchestrator.model.signal import Channel
from smart_orchestrator.runners.ledger import Ledger
from smart_orchestrator.telemetry.incidents import IncidentStore
from smart_orchestrator.telemetry.messages import (
    announce_incidents,
    announce_ready,
    announce_restated,
    publish,
    published_message,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smart_orchestrator.config.values import Config
    from smart_orchestrator.model.freshness import FreshnessReport
    from smart_orchestrator.project import Project
    from smart_orchestrator.project_results import ProjectRun

logger = logging.getLogger(__name__)


def channels_of(config: Config) -> list[Channel]:
    """Return the channels of a configuration. The addresses are in environment variables; a variable that is not set is logged."""
    channels = []
    for messages in config.messages.values():
        urls = tuple(os.environ.get(messages.urls_variable, "").split())
        if not urls:
            logger.warning(
                "messages.%s: the environment variable %s is not set, so no message is sent there.",
                messages.name,
                messages.urls_variable,
            )
        else:
            channels.append(Channel(f"messages.{messages.name}", urls, messages.events, messages.datasets))
    return channels


def judge_dataset(project: Project, name: str) -> FreshnessReport | None:
    """Judge the newest due partitions of a dataset, without storing the result; None if the dataset has no objective.

    Raises:
        LakeError: the lake does not respond, or refuses the request.
        RunsError: the state folder or the ledger cannot be used.
    """
    objective = project.config.objectives.get(name)
    if objective is None:
        return None
    dataset = project.config.dataset(name)
    dataset = replace(dataset, lag=project.lag(dataset))
    records = IncidentStore(Ledger(project.config.state)).records(name)
    window = window_to_judge(dataset, objective, project.now, records)
    completeness = project.check(name, window, strays=False)
    return judge(dataset, objective, completeness, records, project.now)


def announce_freshness(project: Project, reports: Sequence[FreshnessReport]) -> None:
    """Store reports, and send one message for each incident that began or ended.

    Raises:
        RunsError: the state folder or the ledger cannot be used.
    """
    store = IncidentStore(Ledger(project.config.state))
    channels = channels_of(project.config)
    for report in reports:
        announce_incidents(report, store, channels)


def announce_run(project: Project, result: ProjectRun) -> None:
    """Send the messages about a finished run: a window that became ready, and the consumers that published it."""
    channels = channels_of(project.config)
    if not channels:
        return
    ledger = Ledger(project.config.state)
    for backfill in (*result.needs.values(), result.backfill):
        before = backfill.plan.completeness
        restated = [before[key] for key in before.restated]
        announce_restated(before.dataset, restated, IncidentStore(ledger), channels)
        announce_ready(backfill.completeness, ledger, channels)
    completeness = result.backfill.completeness
    for consumer in result.consumers:
        if consumer.exit_code == 0:
            publish(published_message(completeness.dataset, completeness.window, consumer.name), channels)


def send_messages_and_write_metrics(project: Project, result: ProjectRun) -> None:
    """After a run, judge every dataset that has an objective, send the messages, and write the metrics.

    The run itself has ended. So if the lake or the state folder does not respond here, only a warning is logged.
    """
    config = project.config
    if not config.objectives and not config.messages and config.metrics_file is None:
        return
    project = project.at(dt.datetime.now(tz=dt.UTC))
    try:
        announce_run(project, result)
        reports = judge_datasets(project)
        announce_freshness(project, reports)
        write_metrics(project, reports)
    except ExpectedError as error:
        logger.warning("The signals after the run are incomplete: %s", error)


def judge_datasets(project: Project) -> list[FreshnessReport]:
    """Judge every dataset that has an objective, without storing the results.

    Raises:
        LakeError: a lake does not respond, or refuses the request.
        RunsError: the state folder or the ledger cannot be used.
    """
    reports = [judge_dataset(project, name) for name in project.config.objectives]
    return [report for report in reports if report is not None]


def write_metrics(project: Project, reports: Sequence[FreshnessReport]) -> None:
    """Check the default window of every dataset, and write the metrics to the file of the configuration, if it names one.

    Raises:
        LakeError: a lake does not respond, or refuses the request.
        MissingExtra: the `prometheus_client` is not installed.
        RunsError: the state folder or the ledger cannot be used.
    """
    if project.config.metrics_file is None:
        return
    from smart_orchestrator.telemetry.metrics import (
        DatasetMetrics,
        count_runs,
        metric_families,
        write_textfile,
    )

    freshness = {report.dataset: report for report in reports}
    datasets = [
        DatasetMetrics(
            project.check(name, project.last_window(name), strays=False),
            dataset.zone,
            freshness.get(name),
            project.now,
        )
        for name, dataset in project.config.datasets.items()
    ]
    families = metric_families(datasets, count_runs(Ledger(project.config.state)))
    write_textfile(project.config.metrics_file, families)
