"""The JSON documents of the dashboard's API, from which FastAPI generates the OpenAPI document.

Some JSON keys, such as `run` and `asked`, do not describe their value well, but programs depend on them. Such a field has a clearer name in
Python, and the JSON key is its alias. Days are `YYYY-MM-DD` in UTC. Times are in ISO 8601.
"""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - pydantic reads annotations when it runs

from pydantic import BaseModel, Field


class WindowDocument(BaseModel):
    """A contiguous range of days; `start` and `end` are inclusive."""

    start: dt.date
    end: dt.date


class RunDocument(BaseModel):
    """One run of the pipeline for one day."""

    name: str = Field(alias="run", description="name of the run: the day and the attempt")
    day: dt.date
    attempt: int = Field(description="number of the attempt, counted from 1 over all runs of the day")
    state: str = Field(description="queued, running, succeeded, failed or lost")
    is_own_run: bool = Field(
        alias="started_here", description="whether the process of this dashboard started the run"
    )
    failure: str | None = Field(description="code of the failure; null if the run has not failed")
    message: str = Field(description="reason for the failure, as a sentence")
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    url: str | None = Field(description="address of the log of the run")


class BackfillDocument(BaseModel):
    """A backfill that was requested on the dashboard."""

    day: dt.date
    state: str = Field(description="waiting, running, filled or failed")
    message: str = Field(description="why the day is complete, or why the backfill failed")
    requested_at: dt.datetime = Field(alias="asked_at", description="time of the request")


class BackfillsDocument(BaseModel):
    """The backfills that one request started, oldest day first."""

    requested_backfills: list[BackfillDocument] = Field(alias="asked", description="one for each due day")


class WaiverDocument(BaseModel):
    """A statement that the data of a day will never come."""

    day: dt.date
    reason: str
    by: str = Field(description="name of the visitor who recorded the waiver")
    until: dt.date | None = Field(description="last day on which the waiver applies; null for no end")
    waived_at: dt.datetime


class CalendarDayDocument(BaseModel):
    """The state of a day's partition, and what a backfill would do for the day."""

    day: dt.date
    state: str = Field(description="absent, uncommitted, invalid or complete")
    code: str = Field(description="code of the reason for the state")
    reason: str = Field(description="reason for the state, as a sentence")
    rows: int | None = Field(description="number of rows in the partition")
    fingerprint: str | None
    action: str = Field(description="keep, start, follow, wait or give_up")
    action_reason: str = Field(alias="why", description="reason for the action")
    latest_run: RunDocument | None = Field(alias="run", description="latest run of the day")


class PartDocument(BaseModel):
    """One data object of a day's partition."""

    name: str
    size: int = Field(description="bytes")
    checksum: str | None


class DayDocument(CalendarDayDocument):
    """One day with the parts of its partition, and with its runs, newest first."""

    volume: int | None = Field(description="sum of the day's views")
    written_at: dt.datetime | None = Field(description="time at which the partition was written")
    parts: list[PartDocument]
    runs: list[RunDocument]
    requested_backfill: BackfillDocument | None = Field(
        alias="asked", description="backfill of the day that was requested on the dashboard"
    )
    can_start_backfill: bool = Field(
        alias="may_start", description="whether a request can start the backfill of the day now"
    )


class CheckedWindowDocument(WindowDocument):
    """The window that was checked."""

    day_count: int = Field(alias="days", description="number of days in the window")
    lag_days: int = Field(description="publication lag of the upstream, in days")


class PolicyDocument(BaseModel):
    """The conditions under which the window counts as ready."""

    min_coverage: float = Field(description="percentage of the expected days that must be available")
    min_days: int = Field(description="number of days that must be available")
    may_miss_days_within_lag: bool = Field(
        alias="allow_lag",
        description="whether the window may be ready although days within the publication lag are missing",
    )


class CompletenessDocument(BaseModel):
    """The completeness of a window: the document of `wiki-trends check --json`, with actions and runs."""

    dataset: str
    as_of: dt.date = Field(description="UTC day that counts as today")
    window: CheckedWindowDocument
    expected_days: list[dt.date] = Field(
        alias="expected",
        description="days that must be in the lake: published by the upstream, and not waived",
    )
    available_days: list[dt.date] = Field(alias="available", description="expected days that are complete")
    missing_days: list[dt.date] = Field(alias="missing", description="expected days that are not complete")
    restated_days: list[dt.date] = Field(alias="restated", description="days that the upstream has changed")
    waived_days: list[dt.date] = Field(
        alias="waived", description="days that are not expected, because a waiver in the lake says so"
    )
    unpublished_days: list[dt.date] = Field(
        alias="not_yet", description="days that the upstream has not published yet"
    )
    due_days: list[dt.date] = Field(alias="due", description="days for which a backfill would start a run")
    running_days: list[dt.date] = Field(
        alias="in_flight", description="days with a run that is queued or running"
    )
    coverage_pct: float = Field(description="available days divided by expected days, in percent")
    is_ready: bool = Field(alias="ready", description="whether the window meets the policy")
    policy: PolicyDocument
    days: list[CalendarDayDocument]
    unknown_names: list[str] = Field(
        alias="strays", description="names in the lake, beside the partitions, that are not the key of a day"
    )
    request_counts: dict[str, int] = Field(
        alias="requests", description="number of requests that the check sent to the lake, by kind"
    )
    watermark_day: dt.date | None = Field(
        alias="watermark", description="last expected day before the first missing day"
    )


class RunsDocument(BaseModel):
    """The latest runs and the requested backfills, newest first."""

    runs: list[RunDocument]
    requested_backfills: list[BackfillDocument] = Field(
        alias="asked", description="backfills that were requested on the dashboard"
    )


class LeftOutRowDocument(BaseModel):
    """A row that was left out of a day's list, merged into another row, or kept but flagged."""

    rank: int
    page: str
    views: int
    reason: str
    desktop_share_bounds: list[float] | None = Field(
        default=None, alias="desktop", description="lower and upper bound of the share of views from desktops"
    )
    target_page: str | None = Field(
        default=None, alias="into", description="page to which the views of a merged row were added"
    )
    kept: bool | None = Field(default=None, description="true for a suspect row, which is in the partition")


class LeftOutDocument(BaseModel):
    """The rows of a day's list that are not in the diamond partition of the day, and the suspect rows."""

    day: dt.date
    row_counts: dict[str, int] = Field(alias="by_reason", description="number of rows by reason")
    rows: list[LeftOutRowDocument]


class PublishedRunDocument(BaseModel, extra="allow"):
    """The record of a published window and its inputs."""

    dataset: str
    window_start: dt.date
    window_end: dt.date
    as_of: dt.date = Field(description="UTC day that counted as today")
    lag_days: int = Field(description="publication lag of the upstream, in days")
    days_used: list[dt.date] = Field(description="days whose partitions were read, oldest first")
    expected_day_count: int = Field(alias="expected", description="number of expected days")
    coverage_pct: float
    policy: str = Field(description="the readiness policy of the window, as JSON")
    fingerprints: dict[str, str] = Field(
        description="the fingerprint of each partition that was read, by day"
    )
    published_at: dt.datetime
    version: str = Field(description="version of wiki-trends that published the window")
    rows: dict[str, int] = Field(description="the number of rows of each table")
    baseline_fingerprints: dict[str, str] = Field(
        alias="baseline", description="fingerprint of each partition that was read before the window, by day"
    )
    seconds_before_publish: float = Field(
        alias="seconds", description="time from the first read to the beginning of the publish"
    )


class PeakDocument(BaseModel, extra="allow"):
    """A page whose best day had at least twice the usual views."""

    page: str
    page_display: str
    date: dt.date = Field(description="best day of the page")
    views: int
    rank: int
    usual_views: float = Field(
        description="median of the views on the other days; an upper bound if `days_unlisted` is not 0"
    )
    views_above: float = Field(description="views minus usual views")
    ratio_to_usual: float | None = Field(
        alias="times", description="views divided by usual views; null if the usual views are 0"
    )
    days_unlisted: int = Field(description="number of the other days on which the page was not in the list")
    certain_factor: float | None = Field(
        alias="at_least", description="factor by which the views certainly exceeded the expected views"
    )


class FallDocument(BaseModel, extra="allow"):
    """A page that certainly had fewer views than expected."""

    page: str
    page_display: str
    category: str
    date: dt.date
    views: int
    expected_views: float
    at_most: float


class ChangeDocument(BaseModel, extra="allow"):
    """A page that was in the list of every day whose partition was read."""

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
    rank_change: int = Field(description="rank on the first day minus rank on the last day")
    avg_views: float
    max_views: int
    min_views: int
    volatility: int = Field(description="views of the best day minus views of the weakest day")


class CategoryRowDocument(BaseModel, extra="allow"):
    """One category, summed over all listed pages of the window."""

    category: str
    page_count: int = Field(alias="pages", description="number of pages")
    views: int
    share_pct: float
    first_views: int
    last_views: int
    views_change_pct: float | None


class ReportDocument(BaseModel, extra="allow"):
    """The document of `wiki-trends report --json`."""

    run: PublishedRunDocument
    common_page_count: int = Field(
        alias="common_pages", description="number of pages that were in the list of every day"
    )
    headline_sentences: list[str] = Field(alias="headline", description="main findings, as sentences")
    peaks: list[PeakDocument]
    growing: list[ChangeDocument]
    declining: list[ChangeDocument]
    volatile: list[ChangeDocument]
    climbers: list[ChangeDocument] = Field(
        description="pages that rose most ranks from the first day to the last"
    )
    categories: list[CategoryRowDocument]
    sustained: list[ChangeDocument] = Field(
        description="pages in the list of every day, ordered by the views of their weakest day"
    )
    falls: list[FallDocument] = Field(description="pages that certainly fell, surest first")
    restatements: list[dict[str, object]] = Field(description="what moved on restated days")


class PageRowDocument(BaseModel, extra="allow"):
    """A page of the published window."""

    page: str
    page_display: str
    category: str
    location: str
    views: int
    days_listed: int
    days_used: int = Field(description="number of days whose partitions were read")
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
    certain_factor: float | None = Field(
        alias="at_least", description="factor by which the views certainly exceeded the expected views"
    )
    evidence: float | None = Field(
        description="surprise of the most surprising day divided by its standard error"
    )
    at_most: float | None = Field(
        description="fraction of the expected views that the views certainly did not exceed on any day"
    )


class PagesDocument(BaseModel):
    """The pages of the published window that a search matches, or a part of them."""

    window: WindowDocument
    order: str = Field(alias="by", description="measure that orders the pages")
    match_count: int = Field(alias="found", description="number of pages that match")
    skipped_count: int = Field(
        alias="skipped", description="number of matching pages before the first page of this document"
    )
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
    days: list[PageDayDocument] = Field(
        alias="series", description="days of the baseline and the window, oldest first"
    )
    scores: dict[str, object] | None = Field(description="the row of the page in wiki_trends_scores")
    earlier_scores: list[dict[str, object]] = Field(
        alias="windows", description="rows of the page in wiki_trends_scores for other windows"
    )


class CategoriesDocument(BaseModel):
    """The categories of the published window."""

    window: WindowDocument
    categories: list[CategoryRowDocument]


class CategoryDayDocument(BaseModel):
    """One day of a category."""

    date: dt.date
    views: int
    page_count: int = Field(alias="pages", description="number of pages in the list of the day")


class CategoryDocument(CategoryRowDocument):
    """One category with its days and its leading pages."""

    window: WindowDocument
    entry_count: int = Field(
        alias="entries", description="number of pages that were listed on the last day, but not on the first"
    )
    exit_count: int = Field(
        alias="exits", description="number of pages that were listed on the first day, but not on the last"
    )
    days: list[CategoryDayDocument]
    leading: list[PageRowDocument]
