"""Ask for the evidence of a window, and read the evidence that the lake has.

An `ExpectedError` never ends the analysis. If a source fails, the table names the missing kinds of evidence and the reason.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from smart_orchestrator.expected_error import ExpectedError
from smart_orchestrator.model.window import today_utc
from smart_orchestrator.store.opening import lake_of
from wiki_trends.config.layers import layers
from wiki_trends.config.projects import project_of_dataset

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from wiki_trends.config.settings import Settings
    from wiki_trends.evidence.collect import Collected
    from wiki_trends.evidence.model import Finding, ListedRedirect
    from wiki_trends.warehouse.base import ArrowStream
    from wiki_trends.wikimedia import WikimediaClient

logger = logging.getLogger(__name__)

# The seconds that one request may take, including its retries: a slow source must not delay the publish for long. All requests together
# have the limit `MAX_SECONDS` of `wiki_trends.evidence.queries`.
REQUEST_SECONDS = 15.0


def evidence_of(
    settings: Settings, scores: ArrowStream, dataset: str, first: dt.date, last: dt.date, *, ask: bool
) -> ArrowStream | None:
    """Make `wiki_trends_evidence` for the scores of a window. A failure of Wikimedia is a row of the table, and never raised.

    Without `ask`, no request is sent, and only the stored answers in the lake are used. The result is None if the lake has no answers for
    the window.
    """
    from wiki_trends.evidence.table import evidence_table, find_rises

    findings, project = find_rises(scores), project_of_dataset(dataset)
    collected = _collect(settings, findings, project, (first, last), ask=ask)
    if not ask and not collected.reused:
        return None
    for kind, reason in collected.not_asked.items():
        logger.warning("evidence not asked: %s (%s)", kind, reason)
    logger.info("evidence: %d findings, %d requests", len(findings), sum(collected.requests.values()))
    return evidence_table(findings, collected, dataset, first, last)


def _collect(
    settings: Settings,
    findings: Sequence[Finding],
    project: str,
    window: tuple[dt.date, dt.date],
    *,
    ask: bool,
) -> Collected:
    """Collect the evidence with the answers of the lake, and add the new answers to them."""
    from wiki_trends.evidence.answers import read_answers, write_answers
    from wiki_trends.evidence.collect import collect
    from wiki_trends.wikimedia import WikimediaClient

    lake, today = lake_of(layers(settings).silver), today_utc()
    quick_settings = replace(settings, deadline=min(settings.deadline, REQUEST_SECONDS))
    with ExitStack() as stack:

        def connect() -> WikimediaClient:
            return stack.enter_context(WikimediaClient(quick_settings)).counted()

        try:
            earlier = read_answers(lake, project, today)
        except ExpectedError as error:
            logger.warning("the answers of earlier runs are not used: %s", error)
            earlier = {}
        facts = {key: value for key, (_day, value) in earlier.items()}
        collected = collect(
            findings, project, connect if ask else None, facts, _listed_redirects(settings, findings, window)
        )
    # `collect` has added the new answers to `facts`.
    if facts.keys() != earlier.keys():
        try:
            write_answers(lake, project, today, earlier, facts)
        except ExpectedError as error:
            logger.warning("the answers are not kept: %s", error)
    return collected


def _listed_redirects(
    settings: Settings, findings: Sequence[Finding], window: tuple[dt.date, dt.date]
) -> list[ListedRedirect]:
    """Return the redirects to the findings in the lists of the window's days; none when the lake has no lists."""
    first, last = window
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    try:
        return [row for day in days for row in _redirects_of(settings, {item.page for item in findings}, day)]
    except ExpectedError as error:
        logger.warning("the redirects of the lists are not read: %s", error)
        return []


def _redirects_of(settings: Settings, pages: set[str], day: dt.date) -> Iterator[ListedRedirect]:
    from wiki_trends.evidence.model import ListedRedirect
    from wiki_trends.pipeline.cache.pages import PageCache
    from wiki_trends.pipeline.lists.bronze import inspect_list, read_list
    from wiki_trends.pipeline.step_result import project_of

    partition = inspect_list(day, settings, settings.access)
    if not partition.available:
        return
    rows = read_list(day, settings, settings.access, partition)
    cache = PageCache(lake_of(layers(settings).silver), project_of(settings))
    target = cache.redirects(row.title for row in rows)
    # The views of a page include those of its listed redirects.
    views: dict[str, int] = {}
    for row in rows:
        page = target.get(row.title, row.title)
        views[page] = views.get(page, 0) + row.views
    for row in rows:
        page = target.get(row.title, row.title)
        if page in pages and page != row.title:
            yield ListedRedirect(page, row.title, day, row.views, views[page])
