"""Find the pages that were created or moved before their rise, and those that were edited more than usual.

The wiki returns the edits of one page in a response. So this source asks only about some findings: first the pages that were created
just before the rises, then the first findings without other evidence. Only days and numbers are kept, no names and no texts.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from wiki_trends.evidence.model import page_url, piece, rules
from wiki_trends.evidence.search import pages_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wiki_trends.evidence.model import Evidence, Finding
    from wiki_trends.evidence.search import Search

_CREATED, _MOVED, _EDITED = "created-before-the-rise", "moved-before-the-rise", "edited-more-than-usual"
KINDS = ("created", "moved", "edits")
# The day before the rise, the day of the rise, and the day after it.
_RECENT_DAYS = 3
_MAX_PAGES = 10
_MAX_REVISIONS = 500


def edits(search: Search) -> Iterator[Evidence]:
    """Yield what the histories of some pages say about their rises."""
    first_new_id = _first_new_page(search)
    new_pages = [
        finding
        for finding in search.findings
        if first_new_id and search.page_ids.get(finding.page, 0) >= first_new_id
    ]
    chosen = list(dict.fromkeys([*new_pages, *search.unexplained()]))[:_MAX_PAGES]
    histories = search.queries.together(partial(_read_history, search, finding) for finding in chosen)
    for finding, history in zip(chosen, histories, strict=True):
        yield from _pieces(search, finding, history)
        for kind in KINDS:
            search.asked[kind].add(finding.page)
    # Page ids grow with time. So a page with a smaller id is known to be older, without a request for its history.
    search.asked["created"] |= {page for page, number in search.page_ids.items() if 0 < number < first_new_id}


def _first_new_page(search: Search) -> int:
    """Return the id of the first page that was created in the days before the first rise; 0 if the log contains no such page."""
    first = min(finding.day for finding in search.findings) - dt.timedelta(
        days=int(rules()[_CREATED]["days_before"])
    )
    params = {
        "action": "query",
        "list": "logevents",
        "letype": "create",
        "lenamespace": "0",
        "leprop": "ids",
        "ledir": "newer",
        "lestart": f"{first}T00:00:00Z",
        "lelimit": "1",
    }
    page_id: int = search.queries.action(search.project, params, _created_page)
    return page_id


def _created_page(answers: Sequence[Any]) -> int:
    """Return the id of the first page in the log of creations; 0 for an empty log. The id of a deleted page is in `logpage`."""
    for event in answers[0].get("query", {}).get("logevents", []):
        return int(event.get("logpage") or event.get("pageid") or 0)
    return 0


def _read_history(search: Search, finding: Finding) -> Mapping[str, Any]:
    first = finding.day - dt.timedelta(days=1 + int(rules()[_EDITED]["usual_days"]))
    params = {
        "action": "query",
        "titles": finding.title,
        "prop": "revisions",
        "rvprop": "ids|timestamp|comment",
        "rvlimit": str(_MAX_REVISIONS),
        "rvstart": f"{finding.day + dt.timedelta(days=1)}T23:59:59Z",
        "rvend": f"{first}T00:00:00Z",
    }
    history: Mapping[str, Any] = search.queries.action(search.project, params, _history)
    return history


def _history(answers: Sequence[Any]) -> dict[str, Any]:
    """Return the number of edits by day, the days of the creation and of the last move, and whether the response omits edits."""
    moved = re.compile(str(rules()[_MOVED]["comment"]))
    history: dict[str, Any] = {"edits": {}, "created": None, "moved": None, "more": "continue" in answers[0]}
    for page in pages_of(answers):
        for revision in page.get("revisions", []):
            day = dt.date.fromisoformat(revision["timestamp"][:10]).isoformat()
            history["edits"][day] = history["edits"].get(day, 0) + 1
            if revision["parentid"] == 0:
                history["created"] = day
            # The newest revision comes first, so the first move in the loop is the last move of the page.
            if history["moved"] is None and moved.search(revision.get("comment", "")):
                history["moved"] = day
    return history


def _pieces(search: Search, finding: Finding, history: Mapping[str, Any]) -> Iterator[Evidence]:
    source = page_url(search.project, finding.title, action="history")
    for rule, name in ((_CREATED, "created"), (_MOVED, "moved")):
        if history[name] is not None:
            day = dt.date.fromisoformat(history[name])
            if 0 <= (finding.day - day).days <= rules()[rule]["days_before"]:
                yield piece(rule, finding.page, source, day)
    limits = rules()[_EDITED]
    counts = {dt.date.fromisoformat(day): number for day, number in history["edits"].items()}
    recent = sum(number for day, number in counts.items() if abs((day - finding.day).days) <= 1)
    earlier = sum(counts.values()) - recent
    usual = _RECENT_DAYS * earlier / int(limits["usual_days"])
    # If the page has more edits than one response contains, the earlier edits are unknown. A page that was created in these days has no
    # usual number of edits.
    is_known = not history["more"] and history["created"] is None
    if is_known and recent >= limits["least"] and recent >= limits["times"] * usual:
        yield piece(_EDITED, finding.page, source, finding.day, edits=recent, usual=f"{usual:.1f}")
