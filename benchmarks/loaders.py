"""Two simple loaders to compare with a publish: `floor` does the least possible work, and `row_by_row` inserts single rows."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import polars as pl
import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.model.window import Window

COLUMNS = {
    "page": "text",
    "page_display": "text",
    "date": "date",
    "views": "bigint",
    "rank": "integer",
    "category": "text",
    "location_type": "text",
    "location": "text",
    "latitude": "double precision",
    "longitude": "double precision",
}
# The two placeholders stand for the columns and for the constraints.
_CREATE = "CREATE TABLE wiki_trends_timeseries ({}{})"
_COMMON = """
CREATE TABLE wiki_trends_common AS
SELECT page, page_display, date, views, rank, category, location FROM wiki_trends_timeseries
WHERE page IN (SELECT page FROM wiki_trends_timeseries GROUP BY page HAVING count(*) = %s)
"""
_GROWTH = """
CREATE TABLE wiki_trends_growth AS
SELECT f.page, f.page_display, f.category, f.location, f.date AS first_date, l.date AS last_date,
       f.views AS first_views, l.views AS last_views, l.views - f.views AS views_change,
       (l.views - f.views) * 100.0 / nullif(f.views, 0) AS views_change_pct,
       f.rank AS first_rank, l.rank AS last_rank, f.rank - l.rank AS rank_change,
       s.avg_views, s.max_views, s.min_views, s.max_views - s.min_views AS volatility, s.days_tracked
FROM wiki_trends_common f
JOIN wiki_trends_common l ON l.page = f.page AND l.date = %s
JOIN (SELECT page, avg(views) AS avg_views, max(views) AS max_views, min(views) AS min_views, count(*) AS days_tracked
      FROM wiki_trends_common GROUP BY page) s ON s.page = f.page
WHERE f.date = %s
"""


def floor(dataset: DailyDataset, window: Window, url: str) -> None:
    """Read all parts with Polars and COPY the rows into one table, without a check and without a primary key."""
    rows = pl.concat(_scan_days(dataset, window)).collect()
    csv_bytes = io.BytesIO()
    rows.write_csv(csv_bytes, include_header=False)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(_CREATE.format(_column_definitions(), "").encode())
        with cursor.copy("COPY wiki_trends_timeseries FROM STDIN (FORMAT csv)") as copy:
            copy.write(csv_bytes.getbuffer())


def row_by_row(dataset: DailyDataset, window: Window, url: str) -> None:
    """Insert the rows one at a time, day after day, and then create the other two tables with queries."""
    placeholders = ", ".join(["%s"] * len(COLUMNS))
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(_CREATE.format(_column_definitions(), ", UNIQUE (page, date)").encode())
        for day_rows in _scan_days(dataset, window):
            for row in day_rows.collect().iter_rows():
                cursor.execute(f"INSERT INTO wiki_trends_timeseries VALUES ({placeholders})".encode(), row)
        cursor.execute(_COMMON, (len(window),))
        cursor.execute(_GROWTH, (window.last, window.start))


def _scan_days(dataset: DailyDataset, window: Window) -> Iterator[pl.LazyFrame]:
    options = {
        "aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
        "aws_endpoint_url": os.environ["AWS_ENDPOINT_URL"],
        "aws_region": os.environ["AWS_REGION"],
        "aws_allow_http": "true",
    }
    for day in window:
        part = f"{dataset.lake}/{dataset.key(day)}/part-00000.csv"
        yield pl.scan_csv(part, storage_options=options).with_columns(date=pl.lit(day)).select(list(COLUMNS))


def _column_definitions() -> str:
    return ", ".join(f"{name} {sql_type}" for name, sql_type in COLUMNS.items())
