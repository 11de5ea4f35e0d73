"""What the tables and their columns hold, in a sentence each, for warehouses that keep comments beside them."""

from __future__ import annotations

TABLES = {
    "wiki_diamond": "A row a page and day, of every day that was ever published.",
    "wiki_trends_timeseries": "A row a page and day of the window published last, as listed.",
    "wiki_trends_common": "The rows of the pages that were listed on every day used.",
    "wiki_trends_growth": "The change from the first day used to the last, of each page listed on every day used.",
    "wiki_trends_categories": "A row a category of the window published last.",
    "wiki_trends_scores": "A row a page and window: scores with the figures that they are made of.",
    "wiki_trends_runs": "A row for each published window, the newest with the highest number.",
}

COLUMNS = {
    "page": "Title as in the URL, with underscores.",
    "page_display": "Title as people read it.",
    "date": "UTC day.",
    "views": "Views on that day.",
    "rank": "Place in the day's list, 1 is the most viewed; ranks can tie.",
    "category": "One of the project's categories.",
    "location_type": "Kind of place that the page is about.",
    "location": "Place that the page is about.",
    "latitude": "Degrees, north is positive; null when not known.",
    "longitude": "Degrees, east is positive; null when not known.",
    "first_date": "First day used.",
    "last_date": "Last day used.",
    "views_change": "last_views - first_views.",
    "views_change_pct": "views_change * 100 / first_views; null when first_views is zero.",
    "rank_change": "first_rank - last_rank; positive is a better rank.",
    "avg_views": "Mean of the views of the days used.",
    "volatility": "max_views - min_views.",
    "days_tracked": "Number of days used.",
    "run": "Number of the publish, counted on from 1.",
    "window_start": "First day of the window, UTC.",
    "window_end": "Last day of the window, UTC, included.",
    "as_of": "The UTC day that counted as today.",
    "days_used": "The days that were read, a JSON list.",
    "coverage_pct": "Available of the expected days, in percent.",
    "policy": "What the window had to fulfil, as JSON.",
    "fingerprints": "Fingerprint of each partition that was read, by day, as JSON.",
    "published_at": "Moment of the publish, UTC.",
    "version": "Version of wiki-trends.",
    "table_rows": "Rows of each table in this publish, as JSON.",
    "states": "State, code and reason of each day of the window when it was checked, by day, as JSON.",
    "baseline": "Fingerprint of each partition before the window that the scores use, by day, as JSON.",
    "seconds": "From the first read to the beginning of the publish.",
}
