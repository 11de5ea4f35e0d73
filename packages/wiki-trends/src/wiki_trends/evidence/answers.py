"""Store the facts from the responses of the sources in the lake for a week, so that they are not requested again.

One object for each project contains all facts. An object that cannot be used is ignored, because the facts can be requested again. If two
processes write the object at the same time, the facts of one of them can be lost.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from typing import TYPE_CHECKING, Any

from smart_orchestrator.errors import ObjectMissing
from smart_orchestrator.foreign import BadDocument, one_line, parse_document

if TYPE_CHECKING:
    from smart_orchestrator.store.base import Lake

logger = logging.getLogger(__name__)

KEEP_DAYS = 7
MAX_ANSWERS = 2000


def read_answers(lake: Lake, project: str, today: dt.date) -> dict[str, tuple[str, Any]]:
    """Return the UTC day (ISO) and the facts of each query that was answered in the last week, by the key of the query."""
    try:
        data = lake.get(_key(project))[0]
    except ObjectMissing:
        return {}
    try:
        answers = parse_document(data, what=_key(project))["answers"]
        oldest = today - dt.timedelta(days=KEEP_DAYS)
        return {
            key: (day, facts)
            for key, (day, facts) in answers.items()
            if oldest < dt.date.fromisoformat(day) <= today
        }
    except (BadDocument, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = error.problem if isinstance(error, BadDocument) else one_line(repr(error))
        logger.warning("%s cannot be used (%s). The evidence is requested again.", _key(project), problem)
        return {}


def write_answers(
    lake: Lake, project: str, today: dt.date, earlier: dict[str, tuple[str, Any]], facts: dict[str, Any]
) -> None:
    """Write the facts. Facts in `earlier` keep their day, and new facts get the day `today`. The newest `MAX_ANSWERS` queries are kept."""
    answers = [(key, earlier.get(key, (today.isoformat(), value))) for key, value in sorted(facts.items())]
    answers.sort(key=lambda answer: answer[1][0], reverse=True)
    document = {"answers": dict(answers[:MAX_ANSWERS])}
    lake.put(_key(project), json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode())


def _key(project: str) -> str:
    return f"_cache/{project}/evidence.json"
