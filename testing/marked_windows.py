"""Published windows of three tables, in which every value contains the marker of the publish that wrote it."""

import polars as pl

from testing.window_data import day_number, run_record

TABLES = ("wiki_trends_timeseries", "wiki_trends_common", "wiki_trends_growth")
PAGES = 200


def publish(warehouse, marker, pages=PAGES):
    """Publish a window in which all views are `marker`. The title of every tenth page contains the marker."""
    names = [f"P{number}" if number % 10 else f"P{number}_{marker}" for number in range(pages)]
    frame = pl.DataFrame(
        {"page": names, "date": day_number(0), "views": marker}, schema_overrides={"views": pl.Int64}
    )
    tables = {TABLES[0]: frame, TABLES[1]: frame, TABLES[2]: frame.select("page", "views")}
    return warehouse.publish(tables, run_record(fingerprints={"2025-11-05": str(marker)}))


def marker_of(reader, pages=PAGES):
    """Assert that all tables and the record of the publish have the same marker, and return the marker."""
    ranges = [
        reader.rows(f"SELECT min(views) AS first, max(views) AS last, count(*) AS pages FROM {table}")[0]
        for table in TABLES
    ]
    marker = int(reader.last_run().fingerprints["2025-11-05"])
    assert ranges == [{"first": marker, "last": marker, "pages": pages}] * len(TABLES), (marker, ranges)
    return marker


def runs(reader):
    """Return the number of published windows."""
    return reader.rows("SELECT count(*) AS runs FROM wiki_trends_runs")[0]["runs"]
