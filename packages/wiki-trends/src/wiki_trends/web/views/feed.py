"""The Atom feeds (RFC 4287) of the pages that rose on the last day of each published window, and of those that fell.

The id of an entry consists of the dataset, the last day of the window and the page; before the day, the id of a fall has `falls/`. The id
does not depend on the address of the dashboard.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations when it runs
from starlette.responses import Response

from wiki_trends.config.projects import project_of_dataset
from wiki_trends.queries.evidence import FLAG
from wiki_trends.queries.links import page_link
from wiki_trends.queries.risers import fallers, risers
from wiki_trends.report.formats import decimals, iso_time, table_day, whole
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
RISES, FALLS = "rises", "falls"


class _FeedTexts(NamedTuple):
    """The texts of a feed: the last part of its id, its title, its subtitle and its path."""

    id_part: str
    title: str
    subtitle: str
    path: str


_TEXTS = {
    RISES: _FeedTexts(
        "risers",
        "Top risers",
        "Pages whose views on the day exceeded the expected views by the largest certain factor.",
        "feed.atom",
    ),
    FALLS: _FeedTexts(
        "falls",
        "Falls",
        "Pages whose views stayed below the expected views by the largest certain factor, even on their best day.",
        "falls.atom",
    ),
}
# A tag URI (RFC 4151) needs a domain name and a date.
_TAG_PREFIX = "tag:wiki-trends.invalid,2025"


def router(state: DashboardState) -> APIRouter:
    """Return the routes of the two feeds."""
    router = APIRouter()

    responses: dict[int | str, dict[str, Any]] = {
        200: {"content": {"application/atom+xml": {"schema": {"type": "string"}}}},
        **PROBLEMS,
    }

    async def respond(request: Request, kind: str) -> Response:
        base_url = str(request.base_url).rstrip("/")

        def render() -> RenderedBody:
            run, rows = (fallers if kind == FALLS else risers)(state.sources.warehouse)
            return RenderedBody.of(render_feed(run, rows, base_url, kind), MEDIA_TYPE)

        version = await state.published_version()
        body = await state.cache.get(
            ("feed", kind, base_url),
            lambda: state.warehouse_pool.read(render),
            charged_to=caller.get(),
            version=version,
        )
        return body.response(request)

    @router.get(
        "/feed.atom",
        summary="The pages that rose on the last day of each published window, as an Atom feed",
        response_class=Response,
        responses=responses,
    )
    async def feed(request: Request) -> Response:
        return await respond(request, RISES)

    @router.get(
        "/falls.atom",
        summary="The pages that fell in each published window, as an Atom feed",
        response_class=Response,
        responses=responses,
    )
    async def falls(request: Request) -> Response:
        return await respond(request, FALLS)

    return router


def render_feed(run: RunRecord, rows: Sequence[Mapping[str, Any]], base_url: str, kind: str = RISES) -> str:
    """Return the feed as XML text.

    Args:
        run: the record of the latest published window.
        rows: the pages that rose or fell, as `queries.risers.risers` or `fallers` returns them.
        base_url: the URL of the dashboard, without a trailing slash.
        kind: `RISES` or `FALLS`.
    """
    texts = _TEXTS[kind]
    feed = ET.Element("feed", {"xmlns": _ATOM_NAMESPACE, "xml:lang": "en"})
    _add_text(feed, "id", f"{_TAG_PREFIX}:{quote(run.dataset)}/{texts.id_part}")
    _add_text(feed, "title", f"{texts.title} of {project_of_dataset(run.dataset)}")
    _add_text(feed, "subtitle", texts.subtitle)
    _add_text(feed, "updated", iso_time(run.published_at))
    _add_text(ET.SubElement(feed, "author"), "name", "wiki-trends")
    ET.SubElement(feed, "generator", {"version": run.version}).text = "wiki-trends"
    ET.SubElement(
        feed, "link", {"rel": "self", "type": "application/atom+xml", "href": f"{base_url}/{texts.path}"}
    )
    ET.SubElement(feed, "link", {"rel": "alternate", "type": "text/html", "href": f"{base_url}/"})
    # The rows of a day are in the order of the ranking, so the position of a page is the number of rows of its day so far.
    row_counts: dict[dt.date, int] = {}
    for row in rows:
        day = row["window_end"]
        row_counts[day] = row_counts.get(day, 0) + 1
        _add_entry(feed, run, row, row_counts[day], base_url, kind)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(feed, encoding="unicode")


def _add_entry(
    feed: ET.Element, run: RunRecord, row: Mapping[str, Any], position: int, base_url: str, kind: str
) -> None:
    day: dt.date = row["window_end"]
    day_end = dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(days=1)
    entry = ET.SubElement(feed, "entry")
    dataset_and_day = f"{quote(run.dataset)}/{'falls/' if kind == FALLS else ''}{day}"
    _add_text(entry, "id", f"{_TAG_PREFIX}:{dataset_and_day}/{quote(row['page'], safe='')}")
    _add_text(
        entry,
        "title",
        f"{row['page_display']}: {whole(row['surprise_views'])} views on {table_day(row['surprise_date'])}",
    )
    _add_text(entry, "updated", day_end.isoformat())
    page_url = f"{base_url}/page?{urlencode({'title': row['page']})}"
    ET.SubElement(entry, "link", {"rel": "alternate", "type": "text/html", "href": page_url})
    article_url = page_link(row["link"] or "", project_of_dataset(run.dataset))
    if article_url:
        ET.SubElement(entry, "link", {"rel": "related", "href": _xml_safe(article_url)})
    ET.SubElement(entry, "category", {"term": _xml_safe(row["category"])})
    summary = f"Number {position} of the day: {whole(row['surprise_views'])} views, {whole(row['expected_views'])} expected"
    why = ""
    if kind == RISES and row["why"]:
        # If the page is flagged, `why` already ends with the flag.
        why = f" Why: {row['why']}."
    elif row["page"] in run.flagged and (row["window_start"], day) == (run.window_start, run.window_end):
        why = f" Flagged: {FLAG}."
    _add_text(entry, "summary", f"{summary}, rank {row['peak_rank']}{_certainty(row, kind)}.{why}")


def _certainty(row: Mapping[str, Any], kind: str) -> str:
    if kind == FALLS:
        return f", certainly at most {decimals(row['at_most'])} times as many"
    return (
        ""
        if row["at_least"] is None
        else f", certainly at least {decimals(row['at_least'], 1)} times as many"
    )


def _add_text(parent: ET.Element, name: str, text: str) -> None:
    element = ET.SubElement(parent, name)
    if name in ("title", "subtitle", "summary"):
        element.set("type", "text")
    element.text = _xml_safe(text)


def _xml_safe(text: str) -> str:
    """Return the text without direction controls, and without the code points U+FFFE and U+FFFF, which XML forbids."""
    return safe(text).replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd")
