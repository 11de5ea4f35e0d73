"""Comments on the published tables and on each of their columns, for both warehouses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLES: Mapping[str, str] = {
    "wiki_diamond": "A row for each page and day, for every day that was ever published.",
    "wiki_trends_timeseries": "A row for each listed page and day of the window published last.",
    "wiki_trends_common": "The rows of wiki_trends_timeseries for pages that were listed on every day used.",
    "wiki_trends_growth": "The change from the first day used to the last, of each page listed on every day used.",
    "wiki_trends_categories": "A row for each category in the window published last.",
    "wiki_trends_scores": "A row for each page and published window: scores, and the inputs of the scores.",
    "wiki_pipeline_runs": "A row for each day and step of the pipeline, for every day that was ever published.",
    "wiki_trends_runs": "A row for each published window, the newest with the highest number.",
}

_PAGE = {
    "page": "Title as in the URL, with underscores.",
    "page_display": "Title as people read it.",
}
_PLACE = {
    "category": "One of the project's categories.",
    "location_type": "Kind of place that the page is about.",
    "location": "Place that the page is about.",
    "latitude": "Degrees, north is positive; null when not known.",
    "longitude": "Degrees, east is positive; null when not known.",
}
_LISTED_DAY = {
    "date": "UTC day.",
    "views": "Views on that day.",
    "rank": "Place in the day's list, 1 is the most viewed; ranks can tie.",
}
_LAST_LISTED = {
    "category": "Category of the page on its last listed day of the window.",
    "location": "Place that the page is about, on its last listed day of the window.",
}
_WINDOW = {
    "dataset": "Name of the dataset whose partitions were read.",
    "window_start": "First day of the window, UTC.",
    "window_end": "Last day of the window, UTC, inclusive.",
}

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "wiki_diamond": {**_PAGE, **_LISTED_DAY, "link": "URL of the page.", **_PLACE},
    "wiki_trends_timeseries": {**_PAGE, **_LISTED_DAY, **_PLACE},
    "wiki_trends_common": {
        **_PAGE,
        **_LISTED_DAY,
        "category": _PLACE["category"],
        "location": _PLACE["location"],
    },
    "wiki_trends_growth": {
        **_PAGE,
        "category": "Category of the page on the last day used.",
        "location": "Place that the page is about, on the last day used.",
        "first_date": "First day used.",
        "last_date": "Last day used.",
        "first_views": "Views on the first day used.",
        "last_views": "Views on the last day used.",
        "views_change": "last_views - first_views.",
        "views_change_pct": "views_change * 100 / first_views; null when first_views is zero.",
        "first_rank": "Rank on the first day used.",
        "last_rank": "Rank on the last day used.",
        "rank_change": "first_rank - last_rank; positive is a better rank.",
        "avg_views": "Mean of the views on the days used.",
        "max_views": "Views on the day with the most.",
        "min_views": "Views on the day with the fewest.",
        "volatility": "max_views - min_views.",
        "days_tracked": "Number of days used.",
    },
    "wiki_trends_categories": {
        "category": "One of the project's categories.",
        "pages": "Pages that were listed under the category on at least one day used.",
        "views": "Sum of the views of its listed pages over the days used.",
        "share_pct": "Share of the views of all categories, in percent; 0 when there are none.",
        "first_views": "Views of its listed pages on the first day used.",
        "last_views": "Views of its listed pages on the last day used.",
        "views_change_pct": "(last_views - first_views) * 100 / first_views; null when first_views is zero.",
        "entries": "Pages listed on the last day used and not on the first.",
        "exits": "Pages listed on the first day used and not on the last.",
    },
    "wiki_trends_scores": {
        **_WINDOW,
        **_PAGE,
        **_LAST_LISTED,
        "days_used": "Number of days of the window that were read.",
        "days_listed": "Number of the days used on which the page was listed.",
        "baseline_days": "Number of days of the baseline that were read.",
        "baseline_days_listed": "Number of the days of the baseline on which the page was listed.",
        "peak_date": "Day of the window with the page's most views, the earliest of equals.",
        "peak_views": "Views on peak_date.",
        "peak_rank": "Rank on peak_date.",
        "best_rank": "Best rank in the window.",
        "views": "Sum of the views on the listed days of the window.",
        "streak": "Consecutive available days up to the last day used on which the page was listed.",
        "presence": "new, returning, regular, or unknown without a baseline.",
        "surprise_date": "Day of the window with the greatest surprise, the earliest of equals.",
        "surprise_views": "Views on surprise_date.",
        "reference_days": "Available days of the reference of surprise_date, at most 28.",
        "reference_listed": "Days among reference_days on which the page was listed.",
        "median_level": "Median of ln(1 + views) over the reference_listed days.",
        "mad": "Median absolute deviation of ln(1 + views) over the reference_listed days.",
        "robust_z": "(level - median_level) / (1.4826 * mad) of surprise_date; null when mad is zero.",
        "usual_views": "Usual views: the higher of the medians of the reference and of 7 days, or the bound of a page rarely listed.",
        "weekday_days": "Days of the same weekday from which weekday_effect is computed.",
        "weekday_effect": "Usual deviation of this weekday in ln(1 + views); null from fewer than three days.",
        "expected_views": "Usual views with a positive weekday effect added.",
        "surprise": "ln(1 + surprise_views) - ln(1 + expected_views).",
        "spread": "Usual day-to-day noise of the page in ln(1 + views).",
        "confidence": "reference_days / 28.",
        "score": "surprise / spread * confidence.",
        "burst": "Whether the evidence is at least 5; null with fewer than 14 reference_days.",
        "shape": "plateau or spike for a burst; null when it cannot be known yet.",
        "half_days": "Number of days in each half of the days used.",
        "first_half_views": "Views in the first half of the days used, with the bound of days outside the list; null for one day.",
        "last_half_views": "Views in the last half of the days used, with the bound of days outside the list; null for one day.",
        "wikitrends_score": "|h2 - h1| * ln((h2 + 1) / (h1 + 1)) of the halves, negative for a fall.",
        "ewma_3": "Exponentially weighted mean of the views with a span of 3 days, at the last day used.",
        "ewma_14": "Exponentially weighted mean of the views with a span of 14 days, at the last day used.",
        "momentum": "ewma_3 / ewma_14 - 1.",
        "momentum_label": "surging from 1, rising from 0.2, falling from -0.2 downwards, else steady.",
        "trend_days": "Listed days among the 14 that end with the last day used; null when fewer than seven.",
        "trend_pct_per_day": "Growth of the views in percent a day over the trend_days.",
        "trend_t": "Slope of the trend divided by its standard error.",
        "reference": "before: surprise_date is compared with the 28 days before it; window: with the 28 days after it.",
        "se": "Standard error of predicting ln(1 + views) of surprise_date.",
        "evidence": "surprise / se.",
        "at_least": "The page had at least this many times the expected views, with a certainty of 95 %. Rises rank by it.",
    },
    "wiki_pipeline_runs": {
        "date": "UTC day that the pipeline wrote.",
        "step": "Name of the step.",
        "place": "Position of the step in the day's run, 1 is the first.",
        "run_id": "Name of the run that committed the day.",
        "written_at": "Time of the commit, UTC.",
        "rows_in": "Rows that the step read.",
        "rows_out": "Rows that the step wrote; of the step that fetches page details: pages whose details were then known.",
        "requests": "Requests to Wikimedia, including repeated ones.",
        "retries": "Number of the requests that were repeats.",
        "cache_hits": "Pages that were in the cache.",
        "seconds": "Duration of the step in seconds.",
    },
    "wiki_trends_runs": {
        "run": "Number of the publish, counted from 1.",
        **_WINDOW,
        "as_of": "The UTC day that counted as today.",
        "lag_days": "Days of publication lag.",
        "days_used": "The days that were read, as a JSON list.",
        "expected": "Number of expected days.",
        "coverage_pct": "Share of the expected days that are available, in percent.",
        "policy": "The readiness policy that the window had to fulfil, as JSON.",
        "fingerprints": "Fingerprint of each partition that was read, by day, as JSON.",
        "published_at": "Time of the publish, UTC.",
        "version": "Version of wiki-trends.",
        "table_rows": "Number of rows of each table in this publish, as JSON.",
        "schema_version": "Version of the tables' schema.",
        "baseline": "Fingerprint of each partition of the baseline, the days before the window, by day, as JSON.",
        "seconds": "Duration in seconds from the first read to the beginning of the publish.",
        "states": "State, code and reason of each day when the window was checked, by day, as JSON.",
    },
}


def comment_statement(target: str, text: str) -> str:
    """The SQL that sets a comment; `target` is `TABLE …` or `COLUMN …` with quoted names."""
    escaped = text.replace("'", "''")
    return f"COMMENT ON {target} IS '{escaped}'"
