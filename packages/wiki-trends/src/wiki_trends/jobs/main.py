"""The main job and its parts: check a window, backfill due days, check again, request page history, analyse, publish.

The command line, the documented scripts, the dashboard and the demo call the functions of this module. The functions do not
print: they report progress to a `Reporter`, and return results. They raise the exceptions of `wiki_trends.errors` and
`smart_orchestrator.errors`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from smart_orchestrator.adapters.manifest import Depth, InspectOptions
from smart_orchestrator.checking import check
from smart_orchestrator.errors import PartitionChanged
from smart_orchestrator.model.completeness import Policy
from smart_orchestrator.model.partition import Code
from smart_orchestrator.runners.ledger import Ledger
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import env_name
from wiki_trends.jobs.upstream import create_rechecks, upstream_watch

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from smart_orchestrator.backfilling.loop import Backfill
    from smart_orchestrator.backfilling.state import Limits, Outcome
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.model.window import Window
    from smart_orchestrator.runners.base import Runner
    from wiki_trends.analytics.analyze import Analysis
    from wiki_trends.analytics.page_history import PageHistory
    from wiki_trends.config.settings import Settings
    from wiki_trends.jobs.progress import PipelineReporter
    from wiki_trends.pipeline.run import Fetch
    from wiki_trends.queries.restatements import DayRestatement
    from wiki_trends.warehouse.base import RunRecord

# The maximum number of times to check a window again because a partition changed while it was read.
_MAX_REPEATED_CHECKS = 2


class CheckOptions(NamedTuple):
    """The options of a check.

    Attributes:
        policy: the conditions under which the window is ready.
        depth: how much of each partition to read.
        strays: whether to list names that are not partition keys; None lists them only if that costs no request.
        volume: whether to compare the rows and views of each day with earlier weeks.
    """

    policy: Policy = Policy()
    depth: Depth = Depth.AS_NEEDED
    strays: bool | None = None
    volume: bool = False


def checker_of_window(
    settings: Settings, window: Window, options: CheckOptions | None = None, *, ask_upstream: bool = True
) -> Callable[[], Completeness]:
    """Return a function that checks the window in the diamond layer. Each call of the function repeats the check.

    With `ask_upstream`, the check may ask Wikimedia about days whose next request is due: with an automatic lag, whether Wikimedia has the
    missing days; with the setting `recheck`, whether Wikimedia has changed the available days.
    """
    options = options or CheckOptions()
    dataset = layers(settings).diamond
    ledger = Ledger(Path(settings.state), env_name("state"))
    settle = timedelta(seconds=settings.writing_seconds)
    watch = upstream_watch(settings, ask=ask_upstream)
    rechecks = create_rechecks(settings, ask=ask_upstream)

    @cache  # Repeated checks poll with the same runner.
    def polled_runner() -> Runner:
        from wiki_trends.jobs.runners import runner_for_polling

        return runner_for_polling(settings)

    def check_window() -> Completeness:
        inspect_options = InspectOptions(options.depth, settle=settle, memory=ledger)
        completeness = check(
            dataset, window, options=inspect_options, policy=options.policy, strays=options.strays
        )
        if completeness.missing:
            latest = polled_runner().latest(list(completeness.missing))
            completeness = completeness.with_runs_in_flight(
                [day for day, run in latest.items() if run.in_flight]
            )
        if watch is not None:
            completeness = watch.apply(completeness)
        if rechecks is not None:
            completeness = rechecks.apply(completeness)
        if options.volume or options.policy.strict:
            from smart_orchestrator.volume_check import with_volume

            completeness = with_volume(dataset, completeness, options=inspect_options)
        return completeness

    return check_window


def plan_of(settings: Settings, check_window: Callable[[], Completeness]) -> Plan:
    """Check the window with `check_window`, and plan the backfill of the missing and restated days."""
    from smart_orchestrator.model.plan import make_plan
    from wiki_trends.jobs.runners import runner_for_polling

    completeness = check_window()
    return make_plan(completeness, runner_for_polling(settings).latest(list(completeness.to_fill)))


def checker_of_any_window(
    settings: Settings, *, ask_upstream: bool = True
) -> Callable[[Window], Completeness]:
    """Return a function that checks the window in its argument. The check does not look for names that are not partition keys."""

    def check_window(window: Window) -> Completeness:
        return checker_of_window(settings, window, CheckOptions(strays=False), ask_upstream=ask_upstream)()

    return check_window


def fill(
    settings: Settings, check_window: Callable[[], Completeness], limits: Limits, reporter: PipelineReporter
) -> Backfill:
    """Check the window with `check_window`, and backfill the due days.

    Raises:
        WikimediaUnreachable: a day is due, and Wikimedia does not answer.
        ContactMissing: a day is due, requests go to Wikimedia, and no contact is set.
    """
    from smart_orchestrator.backfilling.loop import backfill
    from wiki_trends.jobs.runners import LazyClient, runner_for_starting

    with LazyClient(settings, reporter.requested) as client:
        runner = runner_for_starting(settings, client=client, on_step=reporter.step)
        return backfill(layers(settings).diamond, check_window, runner, limits=limits, reporter=reporter)


def fetch_days(
    settings: Settings,
    days: Sequence[dt.date],
    limits: Limits,
    reporter: PipelineReporter,
    first_step: Fetch | None = None,
) -> Outcome:
    """Run the pipeline for `days`, even if the lake already has them.

    `first_step` replaces the first step of the pipeline, which requests the list of the day from the API.
    """
    from smart_orchestrator.backfilling.loop import fetch
    from wiki_trends.jobs.runners import LazyClient, runner_for_starting

    with LazyClient(settings, reporter.requested) as client:
        runner = runner_for_starting(
            settings, force=True, client=client, fetch=first_step, on_step=reporter.step
        )
        return fetch(layers(settings).diamond, days, runner, limits=limits, reporter=reporter)


class MainJob(NamedTuple):
    """The result of one `run`.

    Attributes:
        backfill: the runs of the backfill, and the completeness of the window after the runs.
        analysis: the new analysis that was published; None when the window is not ready, or when nothing has changed.
        unchanged_run: the record of the last publish if that publish read the same partitions; otherwise None.
        history: the page history that the analysis used; None when the window is not ready.
        seconds: the seconds that each phase took.
        recomputed: the records of the earlier windows whose scores were computed again because a day was restated.
        restatements: for each restated day whose published values were replaced, how views and ranks changed.
    """

    backfill: Backfill
    analysis: Analysis | None
    unchanged_run: RunRecord | None
    history: PageHistory | None
    seconds: dict[str, float]
    recomputed: tuple[RunRecord, ...] = ()
    restatements: tuple[DayRestatement, ...] = ()

    @property
    def published(self) -> RunRecord | None:
        """The record of the publish of this window, new or unchanged; None when the window is not ready."""
        return self.analysis.run if self.analysis is not None else self.unchanged_run

    def to_json(self) -> dict[str, object]:
        """Return the document that `run --json` prints."""
        after = self.backfill.completeness
        return {
            "window": after.to_json()["window"],
            "as_of": after.window.as_of.isoformat(),
            "coverage_pct": after.coverage_pct,
            "ready": after.ready,
            **self.backfill.outcome.to_json(),
            "completeness": after.to_json(),
            "unchanged": self.unchanged_run is not None,
            "recomputed": [
                {"start": run.window_start.isoformat(), "end": run.window_end.isoformat()}
                for run in self.recomputed
            ],
            "restatements": [restatement.to_json() for restatement in self.restatements],
            "history": self.history.to_json() if self.history else None,
            "rows": dict(self.published.rows) if self.published else {},
            "fingerprints": dict(self.published.fingerprints) if self.published else {},
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


def run_main_job(
    settings: Settings, window: Window, options: CheckOptions, limits: Limits, reporter: PipelineReporter
) -> MainJob:
    """Run the main job: check, backfill due days, check again; when the window is ready, request history, analyse, publish.

    With the setting `recheck`, the pipeline runs again for the restated days of the window and of its baseline, which are the 56 days before
    the window. After the publish, the scores of the earlier windows that use a restated day are computed again.
    """
    from wiki_trends.jobs.progress import PhaseTimer
    from wiki_trends.jobs.publish_state import recompute_restated
    from wiki_trends.jobs.signals import announce_restated_days

    timer = PhaseTimer()
    check_window = checker_of_window(settings, window, options._replace(volume=True))
    backfill_result = fill(settings, timer.timed("check", check_window), limits, reporter)
    announce_restated_days(settings, backfill_result.plan.completeness)
    backfill_result = _fill_restated_baseline(settings, window, backfill_result, limits, reporter)
    timer.end_phase("backfill")
    completeness = backfill_result.completeness
    if not completeness.ready:
        return MainJob(
            backfill_result, analysis=None, unchanged_run=None, history=None, seconds=timer.seconds
        )
    history, unchanged_run = history_for_publish(settings, completeness, reporter.requested)
    timer.end_phase("history")
    analysis = None
    if unchanged_run is None:
        analysis = analyze_window(
            settings, completeness, check_window=check_window, history=history, ask_evidence=True
        )
    recomputed, restatements = recompute_restated(settings, analysis.run if analysis else None)
    timer.end_phase("analyze")
    return MainJob(backfill_result, analysis, unchanged_run, history, timer.seconds, recomputed, restatements)


def _fill_restated_baseline(
    settings: Settings, window: Window, result: Backfill, limits: Limits, reporter: PipelineReporter
) -> Backfill:
    """Run the pipeline for the restated days of the baseline, and add the outcome to that of the window."""
    from wiki_trends.jobs.signals import announce_restated_days
    from wiki_trends.jobs.upstream import baseline_window

    baseline, rechecks = baseline_window(window), create_rechecks(settings)
    if rechecks is None or baseline is None:
        return result
    completeness = rechecks.apply(check(layers(settings).diamond, baseline, strays=False))
    if not completeness.restated:
        return result
    announce_restated_days(settings, completeness)
    outcome = fetch_days(settings, completeness.restated, limits, reporter)
    return replace(result, outcome=result.outcome.joined_with(outcome))


def analyze_window(
    settings: Settings,
    completeness: Completeness,
    *,
    check_window: Callable[[], Completeness],
    history: PageHistory | None = None,
    ask_evidence: bool = False,
    keep_newer: bool = False,
) -> Analysis:
    """Compute and publish the tables of a checked window.

    If a partition changes between the check and the analysis, check the window again, and analyse again.

    Args:
        settings: the settings of the lake, the engine and the warehouse.
        completeness: the result of a check of the window.
        check_window: a function that checks the window again with the same options.
        history: the page history; by default, the history that the lake has, without a request.
        ask_evidence: whether to request the evidence that the lake does not have.
        keep_newer: whether to keep a published window that ends later, and raise `NewerPublished`.

    Raises:
        WindowNotReady: the window is not ready under its policy.
        PartitionChanged: a partition changed after each of the checks.
        NewerPublished: `keep_newer` is set, and a window that ends later is published.
        EngineError: the tables cannot be computed.
        WarehouseError: the tables cannot be published.
    """
    from wiki_trends.analytics.analyze import analyze
    from wiki_trends.analytics.engines.opening import open_engine
    from wiki_trends.jobs.evidence import evidence_of
    from wiki_trends.jobs.history import read_page_history, read_renamed_pages
    from wiki_trends.jobs.signals import announce_publish, lineage_of
    from wiki_trends.warehouse import open_warehouse

    dataset, warehouse = layers(settings).diamond, open_warehouse(settings.warehouse)
    history = history or read_page_history(settings, completeness.window)
    renamed = read_renamed_pages(settings)
    evidence = partial(evidence_of, settings, ask=ask_evidence) if settings.evidence == "on" else None

    def analyze_once(completeness: Completeness) -> Analysis:
        engine = open_engine(settings.engine)
        with lineage_of(settings, completeness) as announce_completed:
            analysis = analyze(
                dataset,
                completeness,
                warehouse,
                engine=engine,
                history=history,
                renamed=renamed,
                evidence=evidence,
                keep_newer=keep_newer,
            )
            announce_completed(analysis)
        announce_publish(settings, analysis)
        return analysis

    for _ in range(_MAX_REPEATED_CHECKS):
        try:
            return analyze_once(completeness)
        except PartitionChanged:
            completeness = check_window()
    return analyze_once(completeness)


def history_for_publish(
    settings: Settings, completeness: Completeness, on_request: Callable[[], None] | None = None
) -> tuple[PageHistory, RunRecord | None]:
    """Request the page history of a checked window, unless its published tables are current and their history was requested.

    `on_request` is called for each request, from the thread that sends it.
    If the settings ask for evidence, tables that were published without evidence are not current.

    Returns:
        The history for the analysis; and the published run if the tables need no new analysis, otherwise None.
    """
    from wiki_trends.jobs.history import read_page_history, request_page_history
    from wiki_trends.jobs.publish_state import unchanged_publish
    from wiki_trends.warehouse.base import EVIDENCE

    history = read_page_history(settings, completeness.window)
    unchanged_run = unchanged_publish(settings, completeness, history)
    if unchanged_run is not None and settings.evidence == "on" and EVIDENCE not in unchanged_run.rows:
        unchanged_run = None
    if unchanged_run is not None and unchanged_run.history_requested:
        return history, unchanged_run
    history_after_request = request_page_history(settings, completeness, on_request)
    if unchanged_run is not None and history_after_request.partitions != history.partitions:
        unchanged_run = None  # The published tables do not use the views that the request has added.
    return history_after_request, unchanged_run


def publish_trends(
    settings: Settings, completeness: Completeness, *, keep_newer: bool = False
) -> dict[str, object]:
    """Publish the trends of a window that an orchestrator has checked. Return the values that the orchestrator logs.

    Args:
        settings: the settings of the lake, the project and the warehouse.
        completeness: the result of a check of the window.
        keep_newer: whether to keep a published window that ends later, and raise `NewerPublished`.
    """
    from smart_orchestrator.volume_check import with_volume
    from wiki_trends.jobs.publish_state import recompute_restated

    window, options = completeness.window, CheckOptions(completeness.policy, strays=False, volume=True)
    completeness = with_volume(layers(settings).diamond, completeness)
    history, run = history_for_publish(settings, completeness)
    new_run = None
    if run is None:
        analysis = analyze_window(
            settings,
            completeness,
            check_window=checker_of_window(settings, window, options, ask_upstream=False),
            history=history,
            ask_evidence=True,
            keep_newer=keep_newer,
        )
        run = new_run = analysis.run
    recomputed, restatements = recompute_restated(settings, new_run)
    rows = dict(run.rows)
    return {
        "published": "now" if new_run is not None else "before, and nothing has changed since",
        "changed": new_run is not None or bool(recomputed),
        "history": history.to_json(),
        "combined records": rows.get("wiki_trends_timeseries", 0),
        "common articles": rows.get("wiki_trends_growth", 0),
        "days": [day.isoformat() for day in completeness.available],
        "unusual": [str(p.day) for p in completeness.partitions if p.code is Code.UNUSUAL_VOLUME],
        "rows": rows,
        **({"restatements": [day.text for day in restatements]} if restatements else {}),
        **({"recomputed windows": len(recomputed)} if recomputed else {}),
    }
