"""The JSON documents of the API, as its OpenAPI document declares them. Days are `YYYY-MM-DD` in UTC, moments ISO 8601."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - pydantic reads annotations when it runs

from pydantic import BaseModel, Field


class WindowDocument(BaseModel):
    """A run of days, both ends included."""

    start: dt.date
    end: dt.date


class RunDocument(BaseModel):
    """One run of the pipeline for one day."""

    run: str
    day: dt.date
    attempt: int
    state: str = Field(description="queued, running, succeeded, failed or lost")
    started_here: bool
    failure: str | None
    message: str
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    url: str | None


class AskedDocument(BaseModel):
    """A day whose backfill was asked for on the dashboard."""

    day: dt.date
    state: str = Field(description="waiting, running, filled or failed")
    message: str
    asked_at: dt.datetime


class CalendarDayDocument(BaseModel):
    """What the lake holds for a day, and what a backfill would do about it."""

    day: dt.date
    state: str = Field(description="absent, uncommitted, invalid or complete")
    code: str
    reason: str
    rows: int | None
    fingerprint: str | None
    action: str = Field(description="keep, start, follow, wait or give_up")
    why: str
    run: RunDocument | None


class PartDocument(BaseModel):
    """One data object of a day."""

    name: str
    size: int = Field(description="bytes")
    checksum: str | None


class DayDocument(CalendarDayDocument):
    """One day with its parts and its runs, newest first."""

    volume: int | None = Field(description="sum of the day's views")
    written_at: dt.datetime | None
    parts: list[PartDocument]
    runs: list[RunDocument]
    asked: AskedDocument | None
    may_start: bool


class CheckedWindowDocument(WindowDocument):
    """The window that was checked."""

    days: int
    lag_days: int


class PolicyDocument(BaseModel):
    """When the window counts as ready."""

    min_coverage: float
    min_days: int
    allow_lag: bool


class CompletenessDocument(BaseModel):
    """Which days of a window are there, and why not: what `wiki-trends check --json` prints, with actions and runs."""

    dataset: str
    as_of: dt.date
    window: CheckedWindowDocument
    expected: list[dt.date]
    available: list[dt.date]
    missing: list[dt.date]
    waived: list[dt.date]
    not_yet: list[dt.date]
    due: list[dt.date]
    in_flight: list[dt.date]
    coverage_pct: float
    ready: bool
    policy: PolicyDocument
    days: list[CalendarDayDocument]
    strays: list[str]
    requests: dict[str, int]
    watermark: dt.date | None


class RunsDocument(BaseModel):
    """The runs that are known and the days that were asked for here, newest first."""

    runs: list[RunDocument]
    asked: list[AskedDocument]


class LeftOutRowDocument(BaseModel):
    """A row that was left out of a day's list, or added to another."""

    rank: int
    page: str
    views: int
    reason: str
    desktop: list[float] | None = Field(
        default=None, description="bounds of the part of its views from desktops"
    )
    into: str | None = Field(default=None, description="the page that its views were added to")


class LeftOutDocument(BaseModel):
    """What is in a day's list and not in its diamond partition."""

    day: dt.date
    by_reason: dict[str, int]
    rows: list[LeftOutRowDocument]
