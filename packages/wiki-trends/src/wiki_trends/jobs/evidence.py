"""Collect the evidence of a window with a client of Wikimedia."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wiki_trends.errors import WikiTrendsError

if TYPE_CHECKING:
    import datetime as dt

    from wiki_trends.config.settings import Settings
    from wiki_trends.warehouse.base import ArrowStream

logger = logging.getLogger(__name__)

# The seconds that one request may take, including its retries: a slow source must not delay the publish for long.
_DEADLINE_SECONDS = 30.0


def evidence_of(
    settings: Settings, scores: ArrowStream, dataset: str, first: dt.date, last: dt.date
) -> ArrowStream:
    """Make `wiki_trends_evidence` for the scores of a window. A failure of Wikimedia is a row of the table, and never raised."""
    from dataclasses import replace

    from wiki_trends.config.projects import project_of_dataset
    from wiki_trends.evidence.collect import Collected, collect, evidence_table, find_rises
    from wiki_trends.wikimedia import WikimediaClient

    findings = find_rises(scores)
    quick_settings = replace(settings, deadline=min(settings.deadline, _DEADLINE_SECONDS))
    try:
        with WikimediaClient(quick_settings) as client:
            collected = collect(findings, project_of_dataset(dataset), client)
    except WikiTrendsError as error:  # No contact is set.
        collected = Collected(problems=[str(error)])
    for problem in collected.problems:
        logger.warning("evidence not available: %s", problem)
    return evidence_table(findings, collected, dataset, first, last)
