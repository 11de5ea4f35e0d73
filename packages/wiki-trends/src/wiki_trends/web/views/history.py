"""The view `/history`: the windows that were checked and published, and the days that were waived, newest first."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations when it runs
from starlette.responses import Response  # noqa: TC002

from wiki_trends.errors import NothingPublished
from wiki_trends.jobs import maintenance
from wiki_trends.report.formats import counted, day_text, percent
from wiki_trends.web.views.rendering import PAGE_ROUTE, Content, csv_route, json_route

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smart_orchestrator.waiver_store import Waiver
    from wiki_trends.web.cache.dashboard_state import DashboardState
    from wiki_trends.web.data import Sources
    from wiki_trends.web.views.rendering import Renderer

_SUMMARY = "The published windows and the waivers, newest first"
# The number of published windows that the history contains.
_MAX_PUBLISHED = 100
# The number of seconds for which a list of the waivers is served without reading the lake again.
_FRESH_SECONDS = 2.0
_SELECT_PUBLISHED = """
SELECT window_start, window_end, expected, coverage_pct, published_at, version FROM wiki_trends_runs
WHERE dataset = ? ORDER BY run DESC LIMIT ?
"""


class HistoryEntryDocument(BaseModel):
    """One published window, or one waived day."""

    kind: str = Field(description="published or waived")
    at: dt.datetime = Field(description="time of the publish or of the waiver")
    start: dt.date
    end: dt.date = Field(description="last day, inclusive")
    text: str = Field(description="the coverage and the version, or the reason, the author and the end")


class HistoryDocument(BaseModel):
    """The published windows and the waivers, newest first."""

    entries: list[HistoryEntryDocument]


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One published window, or one waived day.

    Attributes:
        kind: `published` or `waived`, which is also the name of the mark beside the word.
        at: the time of the publish or of the waiver, in UTC.
        start: the first day.
        end: the last day, inclusive; the same as `start` for a waiver.
        text: the coverage and the version of the publish, or the reason, the author and the end of the waiver.
    """

    kind: str
    at: dt.datetime
    start: dt.date
    end: dt.date
    text: str


def router(state: DashboardState, renderer: Renderer) -> APIRouter:
    """Return the routes of the history."""
    router = APIRouter()

    @router.get("/history", **PAGE_ROUTE)
    @router.get("/history.json", **json_route(_SUMMARY, HistoryDocument))
    @router.get("/history.csv", **csv_route(_SUMMARY))
    async def history(request: Request) -> Response:
        async def read() -> tuple[HistoryEntry, ...]:
            published = await state.warehouse_pool.read(_published, state.sources)
            waived = await state.lake_pool.read(_waived, state.sources)
            return tuple(sorted((*published, *waived), key=lambda entry: entry.at, reverse=True))

        entries = await state.cache.get(
            "history", read, fresh_seconds=_FRESH_SECONDS, version=await state.published_version()
        )
        return await renderer.response(request, "history", None, partial(_content, entries), version=entries)

    return router


def _published(sources: Sources) -> list[HistoryEntry]:
    try:
        with sources.warehouse.reading() as reader:
            rows = reader.rows(_SELECT_PUBLISHED, reader.last_run().dataset, _MAX_PUBLISHED)
    except NothingPublished:
        return []
    return [
        HistoryEntry(
            "published",
            _utc(row["published_at"]),
            row["window_start"],
            row["window_end"],
            f"Coverage {percent(row['coverage_pct'])} of {counted(row['expected'], 'expected day')}, by version {row['version']}.",
        )
        for row in rows
    ]


def _waived(sources: Sources) -> list[HistoryEntry]:
    return [
        HistoryEntry(
            "waived",
            waiver.waived_at,
            waiver.day,
            waiver.day,
            _waiver_text(waiver),
        )
        for waiver in maintenance.list_waivers(sources.settings)
        if not waiver.problem
    ]


def _waiver_text(waiver: Waiver) -> str:
    by = f", by {waiver.by}" if waiver.by else ""
    until = f", until {day_text(waiver.until)}" if waiver.until else ""
    return f"{waiver.reason}{by}{until}"


def _utc(moment: dt.datetime) -> dt.datetime:
    """Return the time with its zone: DuckDB returns UTC without a zone."""
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def _content(entries: Sequence[HistoryEntry]) -> Content:
    def document() -> dict[str, Any]:
        return {
            "entries": [
                {
                    "kind": entry.kind,
                    "at": entry.at.isoformat(),
                    "start": entry.start.isoformat(),
                    "end": entry.end.isoformat(),
                    "text": entry.text,
                }
                for entry in entries
            ]
        }

    rows = ((entry.kind, entry.at, entry.start, entry.end, entry.text) for entry in entries)
    return Content(entries, document, lambda: (("kind", "at", "start", "end", "text"), rows))
