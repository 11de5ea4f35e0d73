"""The JSON documents of the API, as declared in its OpenAPI document. Days are `YYYY-MM-DD` in UTC, times ISO 8601."""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - pydantic reads annotations when it runs

from pydantic import BaseModel, Field


class WindowDocument(BaseModel):
    """A contiguous range of days; `start` and `end` are inclusive."""

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


class BackfillDocument(BaseModel):
    """A backfill that was requested on the dashboard."""

    day: dt.date
    state: str = Field(description="waiting, running, filled or failed")
    message: str
    asked_at: dt.datetime


class CalendarDayDocument(BaseModel):
    """The partition of a day, and the action of a backfill for the day."""

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
    """One day with its parts, and its runs, newest first."""

    volume: int | None = Field(description="sum of the day's views")
    written_at: dt.datetime | None
    parts: list[PartDocument]
    runs: list[RunDocument]
    asked: BackfillDocument | None
    may_start: bool


class CheckedWindowDocument(WindowDocument):
    """The window that was checked."""

    days: int
    lag_days: int


class PolicyDocument(BaseModel):
    """The conditions under which the window counts as ready."""

    min_coverage: float
    min_days: int
    allow_lag: bool


class CompletenessDocument(BaseModel):
    """The completeness of a window: the document of `wiki-trends check --json`, with actions and runs."""

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
    """The latest runs and the requested backfills, newest first."""

    runs: list[RunDocument]
    asked: list[BackfillDocument]


class LeftOutRowDocument(BaseModel):
    """A row that was left out of a day's list, or merged into another row."""

    rank: int
    page: str
    views: int
    reason: str
    desktop: list[float] | None = Field(
        default=None, description="lower and upper bound of the share of views from desktops"
    )
    into: str | None = Field(default=None, description="the page to which the views were added")


class LeftOutDocument(BaseModel):
    """The rows of a day's list that are not in the diamond partition of the day."""

    day: dt.date
    by_reason: dict[str, int]
    rows: list[LeftOutRowDocument]


class PublishedRunDocument(BaseModel, extra="allow"):
    """One published window and its inputs."""

    dataset: str
    window_start: dt.date
    window_end: dt.date
    as_of: dt.date
    lag_days: int
    days_used: list[dt.date]
    expected: int
    coverage_pct: float
    policy: str = Field(description="the readiness policy of the window, as JSON")
    fingerprints: dict[str, str] = Field(
        description="the fingerprint of each partition that was read, by day"
    )
    published_at: dt.datetime
    version: str
    rows: dict[str, int] = Field(description="the number of rows of each table")
    baseline: dict[str, str]
    seconds: float


class PeakDocument(BaseModel, extra="allow"):
    """A page whose peak day had at least twice the usual views."""

    page: str
    page_display: str
    date: dt.date
    views: int
    rank: int
    usual_views: float
    views_above: float
    times: float | None
    days_unlisted: int
    at_least: float | None


class ChangeDocument(BaseModel, extra="allow"):
    """A page that was in the list of every day used."""

    page: str
    page_display: str
    category: str
    first_date: dt.date
    last_date: dt.date
    first_views: int
    last_views: int
    views_change: int
    views_change_pct: float | None
    first_rank: int
    last_rank: int
    rank_change: int
    avg_views: float
    max_views: int
    min_views: int
    volatility: int


class CategoryRowDocument(BaseModel, extra="allow"):
    """One category, summed over all listed pages of the window."""

    category: str
    pages: int
    views: int
    share_pct: float
    first_views: int
    last_views: int
    views_change_pct: float | None


class ReportDocument(BaseModel, extra="allow"):
    """The document of `wiki-trends report --json`."""

    run: PublishedRunDocument
    common_pages: int
    headline: list[str]
    peaks: list[PeakDocument]
    growing: list[ChangeDocument]
    declining: list[ChangeDocument]
    volatile: list[ChangeDocument]
    climbers: list[ChangeDocument]
    categories: list[CategoryRowDocument]
    sustained: list[ChangeDocument]


class PageRowDocument(BaseModel, extra="allow"):
    """A page of the published window."""

    page: str
    page_display: str
    category: str
    location: str
    views: int
    days_listed: int
    days_used: int
    best_rank: int
    peak_date: dt.date
    peak_views: int
    presence: str
    score: float | None
    confidence: float | None
    shape: str | None
    momentum_label: str | None
    views_change: int | None
    views_change_pct: float | None
    at_least: float | None
    evidence: float | None


class PagesDocument(BaseModel):
    """Pages of the published window."""

    window: WindowDocument
    by: str
    found: int
    skipped: int
    pages: list[PageRowDocument]


class PageDayDocument(BaseModel):
    """One day of a page; views and rank are null on a day on which the page was outside the list."""

    date: dt.date
    views: int | None
    rank: int | None


class PageDocument(BaseModel, extra="allow"):
    """The document of `wiki-trends page --json`."""

    page: str
    page_display: str
    link: str
    category: str
    location: str
    window: WindowDocument
    series: list[PageDayDocument]
    scores: dict[str, object] | None = Field(description="the row of the page in wiki_trends_scores")
    windows: list[dict[str, object]] = Field(description="the rows of the page for earlier windows")


class CategoriesDocument(BaseModel):
    """The categories of the published window."""

    window: WindowDocument
    categories: list[CategoryRowDocument]


class CategoryDayDocument(BaseModel):
    """One day of a category."""

    date: dt.date
    views: int
    pages: int


class CategoryDocument(CategoryRowDocument):
    """One category with its days and its leading pages."""

    window: WindowDocument
    entries: int
    exits: int
    days: list[CategoryDayDocument]
    leading: list[PageRowDocument]
