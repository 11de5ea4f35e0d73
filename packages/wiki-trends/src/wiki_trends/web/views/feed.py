"""The Atom feed of the pages that rose on the last day of each published window (RFC 4287).

Its identifiers are made of dataset, day and page, so that a reader knows an entry again wherever the dashboard is served.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations when it runs
from starlette.responses import Response

from wiki_trends.queries import browse
from wiki_trends.report.html.render import wiki_link
from wiki_trends.report.text import safe
from wiki_trends.web.cache.responses import Rendered
from wiki_trends.web.views.view import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wiki_trends.warehouse.base import RunRecord
    from wiki_trends.web.cache.dashboard_state import DashboardState
    from wiki_trends.web.views.view import Answers

MEDIA_TYPE = "application/atom+xml; charset=utf-8"
_ATOM = "http://www.w3.org/2005/Atom"
# A tag URI (RFC 4151) needs a name that was ours on a day: that of the project.
_TAG = "tag:wiki-trends.invalid,2025"


def router(held: DashboardState, answers: Answers) -> APIRouter:
    """The route of the feed."""
    router = APIRouter()

    @router.get(
        "/feed.atom",
        summary="The pages that rose on the last day of each published window, as an Atom feed",
        response_class=Response,
        responses={200: {"content": {"application/atom+xml": {"schema": {"type": "string"}}}}, **PROBLEMS},
    )
    async def feed(request: Request) -> Response:
        base = str(request.base_url).rstrip("/")

        def make(_: str) -> Rendered:
            return Rendered.of(atom(*browse.risers(held.sources.warehouse), base), MEDIA_TYPE)

        return (await answers.kept(("feed", base), held.published, make)).answer(request)

    return router


def atom(run: RunRecord, risers: Sequence[Mapping[str, Any]], base: str) -> str:
    """The feed as text.

    Args:
        run: the window published last.
        risers: rows of `browse.risers`.
        base: address of the dashboard, without a slash at its end.
    """
    feed = ET.Element("feed", {"xmlns": _ATOM, "xml:lang": "en"})
    _text(feed, "id", f"{_TAG}:{quote(run.dataset)}/risers")
    _text(feed, "title", f"Top risers of {run.dataset.partition(' of ')[2] or 'en.wikipedia'}")
    _text(feed, "subtitle", "Pages whose views of the day were furthest above what was expected of them.")
    _text(feed, "updated", run.published_at.astimezone(dt.UTC).isoformat(timespec="seconds"))
    _text(ET.SubElement(feed, "author"), "name", "wiki-trends")
    ET.SubElement(feed, "generator", {"version": run.version}).text = "wiki-trends"
    ET.SubElement(feed, "link", {"rel": "self", "type": "application/atom+xml", "href": f"{base}/feed.atom"})
    ET.SubElement(feed, "link", {"rel": "alternate", "type": "text/html", "href": f"{base}/"})
    place: dict[dt.date, int] = {}
    for row in risers:
        day = row["window_end"]
        place[day] = place.get(day, 0) + 1
        _entry(feed, run, row, place[day], base)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(feed, encoding="unicode")


def _entry(feed: ET.Element, run: RunRecord, row: Mapping[str, Any], place: int, base: str) -> None:
    day: dt.date = row["window_end"]
    over = dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(days=1)
    times = row["surprise_views"] / row["expected_views"] if row["expected_views"] else None
    entry = ET.SubElement(feed, "entry")
    _text(entry, "id", f"{_TAG}:{quote(run.dataset)}/{day}/{quote(row['page'], safe='')}")
    _text(entry, "title", f"{row['page_display']}: {row['surprise_views']:,} views on {day}")
    _text(entry, "updated", over.isoformat())
    page = f"{base}/page?{urlencode({'title': row['page']})}"
    ET.SubElement(entry, "link", {"rel": "alternate", "type": "text/html", "href": page})
    article = wiki_link(row["link"])
    if article:
        ET.SubElement(entry, "link", {"rel": "related", "href": _sound(article)})
    ET.SubElement(entry, "category", {"term": _sound(row["category"])})
    said = f"Number {place} of the day: {row['surprise_views']:,} views where {row['expected_views']:,.0f} were expected"
    said += f" ({times:,.1f} times), rank {row['peak_rank']}, score {row['score']:.1f}." if times else "."
    _text(entry, "summary", said)


def _text(parent: ET.Element, name: str, text: str) -> None:
    element = ET.SubElement(parent, name)
    if name in ("title", "subtitle", "summary"):
        element.set("type", "text")
    element.text = _sound(text)


def _sound(text: str) -> str:
    """The text without what steers its surroundings, and without the two codes that XML does not know."""
    return safe(text).replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
