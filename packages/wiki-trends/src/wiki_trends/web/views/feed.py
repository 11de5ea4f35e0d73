"""The Atom feed (RFC 4287) of the pages that rose on the last day of each published window.

The id of an entry consists of the dataset, the day and the page, and does not depend on the address of the dashboard.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations when it runs
from starlette.responses import Response

from wiki_trends.queries.links import page_link, project_of_dataset
from wiki_trends.queries.risers import risers
from wiki_trends.report.text import safe
from wiki_trends.web.auth.caller import caller
from wiki_trends.web.cache.responses import RenderedBody
from wiki_trends.web.views.rendering import PROBLEMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wiki_trends.warehouse.base import RunRecord
    from wiki_trends.web.cache.dashboard_state import DashboardState

MEDIA_TYPE = "application/atom+xml; charset=utf-8"
_ATOM_NAMESPACE = "http://www.w3.org/2005/Atom"
# A tag URI (RFC 4151) needs a domain name and a date.
_TAG_PREFIX = "tag:wiki-trends.invalid,2025"


def router(state: DashboardState) -> APIRouter:
    """Return the route of the feed."""
    router = APIRouter()

    @router.get(
        "/feed.atom",
        summary="The pages that rose on the last day of each published window, as an Atom feed",
        response_class=Response,
        responses={
            200: {"content": {"application/atom+xml": {"schema": {"type": "string"}}}},
            **PROBLEMS,
        },
    )
    async def feed(request: Request) -> Response:
        base_url = str(request.base_url).rstrip("/")

        def render() -> RenderedBody:
            return RenderedBody.of(render_feed(*risers(state.sources.warehouse), base_url), MEDIA_TYPE)

        version = await state.published_version()
        body = await state.cache.get(
            ("feed", base_url), lambda: state.warehouse_pool.read(render), owner=caller.get(), version=version
        )
        return body.response(request)

    return router


def render_feed(run: RunRecord, rows: Sequence[Mapping[str, Any]], base_url: str) -> str:
    """Return the feed as XML text.

    Args:
        run: the record of the latest published window.
        rows: the pages that rose, as `queries.risers` returns them.
        base_url: the URL of the dashboard, without a trailing slash.
    """
    feed = ET.Element("feed", {"xmlns": _ATOM_NAMESPACE, "xml:lang": "en"})
    _add_text(feed, "id", f"{_TAG_PREFIX}:{quote(run.dataset)}/risers")
    _add_text(feed, "title", f"Top risers of {project_of_dataset(run.dataset)}")
    _add_text(
        feed, "subtitle", "Pages whose views on the day certainly exceeded the expected views the most."
    )
    _add_text(feed, "updated", run.published_at.astimezone(dt.UTC).isoformat(timespec="seconds"))
    _add_text(ET.SubElement(feed, "author"), "name", "wiki-trends")
    ET.SubElement(feed, "generator", {"version": run.version}).text = "wiki-trends"
    ET.SubElement(
        feed, "link", {"rel": "self", "type": "application/atom+xml", "href": f"{base_url}/feed.atom"}
    )
    ET.SubElement(feed, "link", {"rel": "alternate", "type": "text/html", "href": f"{base_url}/"})
    positions: dict[dt.date, int] = {}
    for row in rows:
        day = row["window_end"]
        positions[day] = positions.get(day, 0) + 1
        _add_entry(feed, run, row, positions[day], base_url)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(feed, encoding="unicode")


def _add_entry(
    feed: ET.Element, run: RunRecord, row: Mapping[str, Any], position: int, base_url: str
) -> None:
    day: dt.date = row["window_end"]
    day_end = dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(days=1)
    certain_factor = row["at_least"]
    entry = ET.SubElement(feed, "entry")
    _add_text(entry, "id", f"{_TAG_PREFIX}:{quote(run.dataset)}/{day}/{quote(row['page'], safe='')}")
    _add_text(entry, "title", f"{row['page_display']}: {row['surprise_views']:,} views on {day}")
    _add_text(entry, "updated", day_end.isoformat())
    page_url = f"{base_url}/page?{urlencode({'title': row['page']})}"
    ET.SubElement(entry, "link", {"rel": "alternate", "type": "text/html", "href": page_url})
    article_url = page_link(row["link"] or "", project_of_dataset(run.dataset))
    if article_url:
        ET.SubElement(entry, "link", {"rel": "related", "href": _xml_safe(article_url)})
    ET.SubElement(entry, "category", {"term": _xml_safe(row["category"])})
    summary = f"Number {position} of the day: {row['surprise_views']:,} views, {row['expected_views']:,.0f} expected"
    summary += f", rank {row['peak_rank']}" + (
        "." if certain_factor is None else f", certainly at least {certain_factor:,.1f} times as many."
    )
    _add_text(entry, "summary", summary)


def _add_text(parent: ET.Element, name: str, text: str) -> None:
    element = ET.SubElement(parent, name)
    if name in ("title", "subtitle", "summary"):
        element.set("type", "text")
    element.text = _xml_safe(text)


def _xml_safe(text: str) -> str:
    """Return the text without direction controls, and without the code points U+FFFE and U+FFFF, which XML forbids."""
    return safe(text).replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
