"""The comments on the published tables and their columns, for both kinds of warehouse."""

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
    "page_display": "Title with spaces, for people.",
}
_PLACE = {
    "category": "One of the project's categories.",
    "location_type": "Kind of place that the page describes.",
    "location": "Place that the page describes.",
    "latitude": "Latitude of the place in degrees, positive in the north; null when unknown.",
    "longitude": "Longitude of the place in degrees, positive in the east; null when unknown.",
}
_LISTED_DAY = {
    "date": "UTC day.",
    "views": "Views on that day.",
    "rank": "Rank in the list of the day; 1 is the most viewed page, and pages can share a rank.",
}
_LAST_LISTED = {
    "category": "Category of the page on its last listed day of the window.",
    "location": "Place that the page describes, from its last listed day of the window.",
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
        "location": "Place that the page describes, from the last day used.",
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
        "max_views": "Views on the day with the most views.",
        "min_views": "Views on the day with the fewest views.",
        "volatility": "max_views - min_views.",
        "days_tracked": "Number of days used.",
    },
    "wiki_trends_categories": {
        "category": "One of the project's categories.",
        "pages": "Number of pages that were listed in the category on at least one day used.",
        "views": "Sum of the views of the category's listed pages over the days used.",
        "share_pct": "Share of the views of all categories, in percent; 0 when there are no views.",
        "first_views": "Views of the category's listed pages on the first day used.",
        "last_views": "Views of the category's listed pages on the last day used.",
        "views_change_pct": "(last_views - first_views) * 100 / first_views; null when first_views is zero.",
        "entries": "Number of pages that were listed on the last day used and not on the first.",
        "exits": "Number of pages that were listed on the first day used and not on the last.",
    },
    "wiki_trends_scores": {
        **_WINDOW,
        **_PAGE,
        **_LAST_LISTED,
        "days_used": "Number of days of the window that were read.",
        "days_listed": "Number of the days used on which the page was listed.",
        "baseline_days": "Number of days of the baseline that were read.",
        "baseline_days_listed": "Number of the days of the baseline on which the page was listed.",
        "peak_date": "Day of the window with the page's most views; the earliest of several such days.",
        "peak_views": "Views on peak_date.",
        "peak_rank": "Rank on peak_date.",
        "best_rank": "Best rank in the window.",
        "views": "Sum of the views on the listed days of the window.",
        "streak": "Number of consecutive available days, up to the last day used, on which the page was listed.",
        "presence": "new, returning (days_away is at least 7), regular, or unknown without a baseline.",
        "surprise_date": "Day of the window with the greatest surprise; the earliest of several such days.",
        "surprise_views": "Views on surprise_date.",
        "reference_days": "Number of available days in the reference of surprise_date, at most 28.",
        "reference_listed": "Number of the reference_days on which the page was listed.",
        "median_level": "Median of ln(1 + views) over the reference_listed days.",
        "mad": "Median absolute deviation of ln(1 + views) over the reference_listed days.",
        "robust_z": "(level - median_level) / (1.4826 * mad) of surprise_date; null when mad is zero.",
        "usual_views": "Usual views: the higher of the medians of the reference and of 7 days, or the bound of a page rarely listed.",
        "weekday_days": "Number of days with the same weekday, from which weekday_effect is computed.",
        "weekday_effect": "Usual deviation of this weekday in ln(1 + views); null from fewer than three days.",
        "expected_views": "Usual views with a positive weekday effect added.",
        "surprise": "ln(1 + surprise_views) - ln(1 + expected_views).",
        "spread": "Usual day-to-day noise of the page in ln(1 + views).",
        "confidence": "reference_days / 28.",
        "score": "surprise / spread * confidence.",
        "burst": "Whether the evidence is at least 5; null with fewer than 14 reference_days.",
        "shape": "plateau or spike for a burst; null when it cannot be known yet.",
        "half_days": "Number of days in each half of the days used.",
        "first_half_views": "Views in the first half of the days used; the bound counts for days that did not list the page. Null for one day.",
        "last_half_views": "Views in the last half of the days used; the bound counts for days that did not list the page. Null for one day.",
        "wikitrends_score": "|h2 - h1| * ln((h2 + 1) / (h1 + 1)) of the halves, negative for a fall.",
        "ewma_3": "Exponentially weighted mean of the views with a span of 3 days, at the last day used.",
        "ewma_14": "Exponentially weighted mean of the views with a span of 14 days, at the last day used.",
        "momentum": "ewma_3 / ewma_14 - 1.",
        "momentum_label": "surging from 1, rising from 0.2, falling up to -0.2, otherwise steady.",
        "trend_days": "Number of listed days among the 14 days up to the last day used; null with fewer than seven.",
        "trend_pct_per_day": "Growth of the views per day over the trend_days, in percent.",
        "trend_t": "trend_slope / trend_se.",
        "reference": "before: surprise_date is compared with the 28 days before it; window: with the 28 days after it.",
        "se": "Standard error of predicting ln(1 + views) of surprise_date.",
        "evidence": "surprise / se.",
        "at_least": "The page had at least this many times the expected views, with a certainty of 95 %. Rises rank by it.",
        "project": "Project of the dataset, for example fr.wikipedia.",
        "window_days": "Number of days from window_start to window_end.",
        "days_away": "Number of available days between the first listed day in the window and the listed day before it; null without such a day.",
        "streak_start": "First day of the streak; null when streak is 0.",
        "at_most": "On surprise_date the page had at most this many times the expected views, with a certainty of 95 %; null when the expected views are only a bound. Falls rank by it.",
        "magnitude": "Size of the rise: v * ln(v / m) - (v - m), where v is surprise_views and m the most views that noise explains; 0 when v is not above m.",
        "z": "Quantile of the normal distribution that is exceeded with probability 0.05 / days_listed.",
        "usual_source": "Source of usual_views: median (of the reference), week (recent_level) or bound (bound_views).",
        "recent_level": "Median of ln(1 + views) over the listed days of the 7 days before surprise_date.",
        "bound_views": "Most views that a page outside the list can have: the larger of the bound of surprise_date and the median bound of the reference.",
        "after_level": "Median of ln(1 + views) over up to three available days of the window after surprise_date; null without such a day.",
        "trend_slope": "Slope of the trend in ln(1 + views) per day.",
        "trend_rho": "Correlation of the residuals of consecutive days, corrected for bias, from 0 to 0.9.",
        "trend_se": "Standard error of trend_slope, widened for the correlation of consecutive days.",
        "has_trend": "Whether the trend is told from noise: trend_t is at least 3 or at most -3.",
        "run": "Number of the run in wiki_trends_runs that published this row; null for an earlier version.",
        "stale": "Whether a later run read a day of this window with other data; null for an earlier version.",
    },
    "wiki_pipeline_runs": {
        "date": "Day that the pipeline wrote, UTC.",
        "step": "Name of the step.",
        "place": "Position of the step in the day's run, 1 is the first.",
        "run_id": "Name of the run that committed the day.",
        "written_at": "Time of the commit, UTC.",
        "rows_in": "Number of rows that the step read.",
        "rows_out": "Number of rows that the step wrote. For the step that fetches page details: the number of pages with details.",
        "requests": "Number of requests to Wikimedia, including retries.",
        "retries": "Number of requests that were retries.",
        "cache_hits": "Number of pages that were in the cache.",
        "seconds": "Duration of the step in seconds.",
    },
    "wiki_trends_runs": {
        "run": "Number of the publish, counted from 1.",
        **_WINDOW,
        "as_of": "Day that counted as today, UTC.",
        "lag_days": "Publication lag in days.",
        "days_used": "Days that were read, as a JSON list.",
        "expected": "Number of expected days.",
        "coverage_pct": "Share of the expected days that are available, in percent.",
        "policy": "Readiness policy of the window, as JSON.",
        "fingerprints": "Fingerprint of each partition that was read, by day, as JSON.",
        "published_at": "Time of the publish, UTC.",
        "version": "Version of wiki-trends.",
        "table_rows": "Number of rows of each table in this publish, as JSON.",
        "schema_version": "Version of the tables' schema.",
        "baseline": "Fingerprint of each partition of the baseline (the days before the window), by day, as JSON.",
        "seconds": "Duration in seconds from the first read to the beginning of the publish.",
        "states": "State, code and reason of each day when the window was checked, by day, as JSON.",
    },
}


def comment_statement(target: str, text: str) -> str:
    """Return the SQL statement that sets a comment; `target` is `TABLE …` or `COLUMN …` with quoted names."""
    escaped = text.replace("'", "''")
    return f"COMMENT ON {target} IS '{escaped}'"
