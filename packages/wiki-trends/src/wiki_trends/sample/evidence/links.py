"""Answers `prop=links`: the links of the current events, and those between the pages of stories."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from wiki_trends.sample.evidence.causes import (
    PROJECT,
    Cause,
    causes_by_day,
    causes_of,
    plain_titles,
    planted_causes,
    title_of,
    traffic_of,
)
from wiki_trends.sample.responses import Response, json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

PORTAL = "Portal:Current events/"
_DECOYS_A_DAY = 5


def respond_links(params: Mapping[str, str], seed: int, project: str) -> Response:
    """Answer a request for the links of pages, with `pltitles` only for links to these titles."""
    wanted = set(params["pltitles"].split("|")) if "pltitles" in params else None
    pages = []
    for number, title in enumerate(params.get("titles", "").split("|"), start=1):
        page: dict[str, Any] = {"ns": 0, "title": title, "pageid": number}
        if "info" in params.get("prop", ""):
            page["lastrevid"] = 1_300_000_000 + number
        links = _links(title, seed) if project == PROJECT else []
        names = [name for name in links if wanted is None or name in wanted]
        if names:
            page["links"] = [{"ns": 0, "title": name} for name in sorted(set(names))]
        pages.append(page)
    return json_response({"batchcomplete": True, "query": {"pages": pages}})


def _links(title: str, seed: int) -> list[str]:
    if title.startswith(PORTAL):
        day = dt.datetime.strptime(title.removeprefix(PORTAL), "%Y %B %d").replace(tzinfo=dt.UTC).date()
        return _portal_links(day, seed)
    page = traffic_of(seed).catalogue.by_title.get(title.replace(" ", "_"))
    return [] if page is None else _page_links(page.number, seed)


def _portal_links(day: dt.date, seed: int) -> list[str]:
    # If the cause is not typical, the current events do not link to the page.
    titles = [
        title_of(seed, cause.number) for cause in causes_of(seed, "current events", day) if cause.is_typical
    ]
    # Decoys: pages that rise without a cause four to six days later.
    later = [
        cause
        for days in (4, 5, 6)
        for cause in causes_by_day(seed).get(day + dt.timedelta(days=days), ())
        if cause.kind == "none"
    ]
    decoys = [title_of(seed, cause.number) for cause in later]
    return [*titles, *decoys, *plain_titles(seed, f"portal/{day}", _DECOYS_A_DAY)]


def _page_links(number: int, seed: int) -> list[str]:
    """Return the links of a page: to two plain pages, and to the other page of its story.

    A page that rises without a cause links to the pages with larger numbers that rise on the same day. These links are decoys.
    """
    titles = plain_titles(seed, f"links/{number}", 2)
    for cause in planted_causes(seed).values():
        if cause.number == number:
            titles += _links_of_cause(cause, seed)
    return titles


def _links_of_cause(cause: Cause, seed: int) -> list[str]:
    if cause.kind == "story":
        # Either both pages link to each other, or only the page with the larger number links to the other page.
        is_linked = cause.is_typical or cause.number > cause.partner
        return [title_of(seed, cause.partner)] if is_linked else []
    if cause.kind == "none":
        others = causes_by_day(seed).get(cause.start, ())
        return [title_of(seed, other.number) for other in others if other.number > cause.number]
    return []
