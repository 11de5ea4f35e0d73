"""Request the history of the pages that may be rising, and read the history that the lake has.

The history of a page is its exact views on the days for which the lists show only a bound or nothing. `request_page_history` runs
between the check of a window and its analysis. Of the window, it reads only the partitions that the check inspected, so it requests the pages
that the analysis will read. An `ExpectedError` never ends the job: the scores are computed without the missing history, and
`PageHistory.problem` contains the error.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from smart_orchestrator.expected_error import ExpectedError
from smart_orchestrator.model.window import Window
from wiki_trends.config.layers import layers
from wiki_trends.jobs.runners import LazyClient
from wiki_trends.pipeline.step_result import project_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    import polars as pl

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.text.reports import Line
    from wiki_trends.analytics.page_history import PageHistory
    from wiki_trends.config.settings import Settings
    from wiki_trends.pipeline.history.store import StoredAnswers
    from wiki_trends.warehouse.base import RunRecord

logger = logging.getLogger(__name__)

# The maximum number of requests. The first number applies if the lake has no history of the days before the window, otherwise the second.
FIRST_REQUESTS = 150
LATER_REQUESTS = 30
# Seconds that one request may take with all its retries, because the window waits for the history.
DEADLINE_SECONDS = 60.0
# Pages further down in the list of a day are not requested, and their rows need not be read.
_MAX_ROWS_PER_DAY = 1000


def read_page_history(settings: Settings, window: Window) -> PageHistory:
    """Return the history that the lake has for a window; empty when the setting `history` is `off`."""
    from wiki_trends.analytics.page_history import PageHistory

    if settings.history == "off":
        return PageHistory()
    try:
        return _as_input(_read_stored(settings, window))
    except ExpectedError as error:
        return PageHistory(problem=str(error))


def read_renamed_pages(settings: Settings) -> dict[str, str]:
    """Return the newest title for each older title of a page that the cached facts of the lake know; empty on an error."""
    from smart_orchestrator.store.opening import lake_of
    from wiki_trends.pipeline.cache.pages import PageCache

    try:
        return PageCache(lake_of(layers(settings).silver), project_of(settings)).renamed()
    except ExpectedError as error:
        logger.warning("The titles of renamed pages are not known: %s", error)
        return {}


def history_of_run(settings: Settings, run: RunRecord) -> PageHistory:
    """Return the history that the lake has for the window of a publish; empty if the publish used none."""
    from wiki_trends.analytics.page_history import PageHistory

    if not any(run.history.values()):
        return PageHistory()
    window = Window.between(run.window_start, run.window_end, as_of=run.as_of, lag=run.lag_days)
    return read_page_history(replace(settings, history="on"), window)


def request_page_history(
    settings: Settings, completeness: Completeness, on_request: Callable[[], None] | None = None
) -> PageHistory:
    """Request the history that a checked window needs, add it to the lake, and return the history that the lake then has.

    `on_request` is called for each request, from the thread that sends it.
    """
    if settings.history == "off":
        return read_page_history(settings, completeness.window)
    problem = ""
    try:
        problem = _request_missing(settings, completeness, on_request)
    except ExpectedError as error:
        problem = str(error)
    history = read_page_history(settings, completeness.window)
    fingerprints = dict(history.fingerprints)
    # Without a partition of this day, an empty fingerprint records that the history was requested (`RunRecord.history_requested`).
    fingerprints.setdefault(completeness.window.last.isoformat(), "")
    return replace(history, fingerprints=fingerprints, problem=problem or history.problem)


def history_lines(history: PageHistory) -> list[Line]:
    """Return the summary of the history for the results of a job; no line without history."""
    lines: list[Line] = []
    if history.pages:
        lines.append((f"page history: exact views of {history.pages:,} pages", ""))
    if history.problem:
        lines.append(
            (f"page history is incomplete, so the scores were computed without it: {history.problem}", "warn")
        )
    return lines


def _request_missing(
    settings: Settings, completeness: Completeness, on_request: Callable[[], None] | None
) -> str:
    """Request the pages whose reference is not known; return the error that ended the requests, or an empty text."""
    from wiki_trends.analytics.tables.history import REFERENCE_DAYS
    from wiki_trends.pipeline.history.candidates import choose_pages
    from wiki_trends.pipeline.history.requests import HistoryQuery, request_history
    from wiki_trends.pipeline.history.store import add_answers

    window = completeness.window
    stored = _read_stored(settings, window)
    first_needed, day_before = window.start - timedelta(days=REFERENCE_DAYS), window.start - timedelta(days=1)
    pages = choose_pages(
        _listed_rows(settings, completeness), stored.rows, stored.without_data, (first_needed, day_before)
    )
    if not pages:
        return ""
    query = HistoryQuery(
        project=project_of(settings),
        access=settings.access,
        titles=pages,
        first=_first_day(window),
        needed_from=first_needed,
        last=window.last,
        max_requests=LATER_REQUESTS if stored.fingerprints else FIRST_REQUESTS,
    )
    quick_settings = replace(settings, deadline=min(settings.deadline, DEADLINE_SECONDS))
    with LazyClient(quick_settings, on_request) as client, client.in_use() as wikimedia:
        answers = request_history(wikimedia, query)
    add_answers(layers(settings).page_history, window.last, answers)
    logger.info("page history: %d pages, %d requests", len(answers.answered), answers.requests)
    return answers.problem


def _first_day(window: Window) -> dt.date:
    from wiki_trends.analytics.tables.history import BASELINE_DAYS

    return window.start - timedelta(days=BASELINE_DAYS)


def _read_stored(settings: Settings, window: Window) -> StoredAnswers:
    from wiki_trends.pipeline.history.store import read_answers

    return read_answers(layers(settings).page_history, _first_day(window), window.last)


def _as_input(stored: StoredAnswers) -> PageHistory:
    from wiki_trends.analytics.page_history import PageHistory

    # A day without views is no input. If several partitions have a day of a page, the last one counts.
    rows = stored.rows.drop_nulls("views").unique(["page", "date"], keep="last", maintain_order=True)
    return PageHistory(rows, stored.fingerprints, rows["page"].n_unique())


def _listed_rows(settings: Settings, completeness: Completeness) -> pl.DataFrame:
    """Return page, date and views of the checked window and of the days before it that the lake has."""
    import polars as pl

    from wiki_trends.analytics.page_rules import PageRules, pages_of_programs
    from wiki_trends.analytics.window_rows import baseline_of, read_baseline, read_window

    dataset = layers(settings).diamond
    baseline = baseline_of(dataset, completeness.window)
    # Apply the rules of the analysis. Then no request is sent for a page that the analysis leaves out, or that was only renamed.
    left_out = pages_of_programs([*baseline, *completeness.usable])
    rules = PageRules(left_out, read_renamed_pages(settings))
    frames = [
        *read_window(dataset, completeness.usable, rules),
        *read_baseline(dataset, baseline, [], rules),
    ]
    rows = pl.concat([frame.select("page", "date", "views") for frame in frames])
    return rows.filter(pl.col("views").rank("ordinal", descending=True).over("date") <= _MAX_ROWS_PER_DAY)
