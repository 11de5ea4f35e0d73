"""Cache in the lake, for a week, the facts that the sources returned, so that they are not requested again.

One object for each project contains all facts. An object that cannot be used is ignored, because the facts can be requested again. If two
processes write the object at the same time, the facts of one of them can be lost.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from smart_orchestrator.errors import ObjectMissing
from smart_orchestrator.foreign import BadDocument, one_line, parse_document

if TYPE_CHECKING:
    from smart_orchestrator.store.base import Lake

logger = logging.getLogger(__name__)

KEEP_DAYS = 7
MAX_ANSWERS = 2000


class StoredAnswer(NamedTuple):
    """The answer to a query.

    Attributes:
        day: the UTC day on which the source answered, in ISO form.
        facts: the facts from the answer, as values of JSON.
    """

    day: str
    facts: Any


def read_answers(lake: Lake, project: str, today: dt.date) -> dict[str, StoredAnswer]:
    """Return the answer to each query that was answered in the last week, by the key of the query."""
    try:
        data = lake.get(_path(project))[0]
    except ObjectMissing:
        return {}
    try:
        answers = parse_document(data, what=_path(project))["answers"]
        oldest = today - dt.timedelta(days=KEEP_DAYS)
        return {
            key: StoredAnswer(day, facts)
            for key, (day, facts) in answers.items()
            if oldest < dt.date.fromisoformat(day) <= today
        }
    except (BadDocument, ValueError, KeyError, TypeError, AttributeError) as error:
        problem = error.problem if isinstance(error, BadDocument) else one_line(repr(error))
        logger.warning("%s cannot be used (%s). The evidence is requested again.", _path(project), problem)
        return {}


def write_answers(
    lake: Lake, project: str, today: dt.date, earlier: dict[str, StoredAnswer], all_facts: dict[str, Any]
) -> None:
    """Write the answers to all queries, earlier and new; if there are more than `MAX_ANSWERS`, only the newest answers.

    Args:
        lake: the silver layer.
        project: the project, for example `en.wikipedia`.
        today: the UTC day, which is stored with new facts.
        earlier: the result of `read_answers`. These answers keep their day.
        all_facts: the facts by the key of the query. Keys that `earlier` does not have are new.
    """
    answers = {
        key: earlier.get(key, StoredAnswer(today.isoformat(), facts))
        for key, facts in sorted(all_facts.items())
    }
    newest_first = sorted(answers, key=lambda key: answers[key].day, reverse=True)
    document = {"answers": {key: answers[key] for key in newest_first[:MAX_ANSWERS]}}
    lake.put(_path(project), json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode())


def _path(project: str) -> str:
    return f"_cache/{project}/evidence.json"
