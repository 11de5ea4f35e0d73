"""Test a lake that Spark and the product share: each reads the days that the other wrote, as do readers without manifests."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re

import duckdb
import polars as pl
import pytest
from hypothesis import given
from polars.testing import assert_frame_equal

from smart_orchestrator.adapters.manifest import Depth, InspectOptions, inspect, read_frame
from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.model.dataset import Column, DailyDataset
from smart_orchestrator.store.opening import open_lake
from testing.spark_session import spark_session
from testing.titles import HOSTILE as HOSTILE_TITLES
from testing.titles import TITLES
from testing.window_data import TYPES, ranked
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]

DAY = dt.date(2025, 11, 5)
WINDOW = [dt.date(2025, 11, day) for day in range(5, 10)]
COLUMNS = (
    Column("page", nullable=False, unique=True),
    Column("views", "integer", nullable=False, low=0),
    Column("latitude", "float"),
)
SCHEMA = "page string, views long, latitude double"
# Every combination of the characters that CSV dialects treat differently. Spark's writer removes blanks at the ends.
HOSTILE = ["".join(("t", *signs, "t")) for signs in itertools.product('a"\\,\n\r', repeat=3)]
HOSTILE += ["".join(signs) for number in (1, 2) for signs in itertools.product('a"\\,', repeat=number)]
FRAME = pl.DataFrame(
    {
        "page": HOSTILE,
        "views": range(len(HOSTILE)),
        "latitude": [None if number % 3 else number / 8 for number in range(len(HOSTILE))],
    },
    schema={"page": pl.String, "views": pl.Int64, "latitude": pl.Float64},
)


@pytest.fixture
def spark(tmp_path):
    with spark_session(tmp_path / "spark") as session:
        yield session


@pytest.mark.slow
def test_spark_and_we_share_a_lake(spark, place, monkeypatch, tmp_path):
    """This is one test, because a Spark session takes longer to start than all checks, and each test process would need one."""
    for file_format in ("csv", "parquet"):
        dataset = DailyDataset(
            file_format, str(tmp_path / "lake"), f"pages_{{day:%Y_%m_%d}}.{file_format}", file_format, COLUMNS
        )
        a_day_of_spark_is_read_as_it_was_meant(spark, dataset, tmp_path)
        a_day_of_ours_is_read_alike_by_who_takes_every_part(spark, dataset)
        the_titles_of_wikipedia_go_there_and_back(spark, dataset, tmp_path)
    a_lake_that_spark_wrote_goes_through_run_unchanged(spark, place, monkeypatch, tmp_path)


def write(spark, frame, schema, path, file_format, scratch):
    """Write a day like a Spark job that sets only the option `header`."""
    scratch.write_text("".join(json.dumps(row) + "\n" for row in frame.iter_rows(named=True)))
    rows = spark.read.schema(schema).json(str(scratch)).repartition(2)
    rows.write.format(file_format).options(header=True).save(path)


def a_day_of_spark_is_read_as_it_was_meant(spark, dataset, tmp_path):
    folder = f"{dataset.lake}/{dataset.key(DAY)}"
    write(spark, FRAME, SCHEMA, folder, dataset.format, tmp_path / "rows.json")
    partition = inspect(dataset, DAY)
    assert (partition.code, partition.rows) == ("OK", len(HOSTILE))
    assert len(partition.parts) == 2
    assert_frame_equal(read_frame(dataset, partition).sort("views"), FRAME)
    assert inspect(dataset, DAY, options=InspectOptions(depth=Depth.ROWS)).available

    write_frame(dataset, DAY, FRAME.head(7))
    assert_frame_equal(read_frame(dataset, DAY), FRAME.head(7))
    assert_frame_equal(globbed_by_spark(spark, folder, dataset.format), FRAME.head(7))


def globbed_by_spark(spark, folder, file_format):
    reader = spark.read.format(file_format).schema(SCHEMA)
    if file_format == "csv":
        # With these options, Spark reads CSV as defined in RFC 4180.
        reader = reader.options(header=True, multiLine=True, escape='"')
    rows = [row.asDict() for row in reader.load(folder).collect()]
    return pl.DataFrame(rows, schema=FRAME.schema).sort("views")


def globbed_by_others(folder, file_format):
    glob = f"{folder}/part-*"
    by_duckdb = f"read_csv('{glob}')" if file_format == "csv" else f"read_parquet('{glob}')"
    yield duckdb.sql(f"SELECT page, views, latitude FROM {by_duckdb} ORDER BY views").pl()
    read = pl.scan_csv(glob, schema=FRAME.schema) if file_format == "csv" else pl.scan_parquet(glob)
    yield read.collect().sort("views")


def a_day_of_ours_is_read_alike_by_who_takes_every_part(spark, dataset):
    folder = f"{dataset.lake}/{dataset.key(DAY)}"
    write_frame(dataset, DAY, FRAME.head(5))
    # A part that a writer left behind when it was killed before its commit.
    [part] = inspect(dataset, DAY).parts
    lake = open_lake(dataset.lake)
    lake.put(
        f"{dataset.key(DAY)}/part-00000-killed{dataset.suffix}",
        lake.get(f"{dataset.key(DAY)}/{part.name}")[0],
    )
    write_frame(dataset, DAY, FRAME)

    assert_frame_equal(globbed_by_spark(spark, folder, dataset.format), FRAME)
    for frame in globbed_by_others(folder, dataset.format):
        assert_frame_equal(frame, FRAME)


def the_titles_of_wikipedia_go_there_and_back(spark, dataset, tmp_path):
    titles = set(HOSTILE_TITLES)

    @given(more=TITLES)
    def drawn(more):
        titles.update(more)

    drawn()
    frame = pl.DataFrame(
        {"page": sorted(titles), "views": range(len(titles)), "latitude": [None] * len(titles)},
        schema=FRAME.schema,
    )
    folder = f"{dataset.lake}/{dataset.key(DAY)}"
    write_frame(dataset, DAY, frame)
    assert_frame_equal(globbed_by_spark(spark, folder, dataset.format), frame)

    other = DAY + dt.timedelta(days=1)
    write(
        spark, frame, SCHEMA, f"{dataset.lake}/{dataset.key(other)}", dataset.format, tmp_path / "rows.json"
    )
    assert_frame_equal(read_frame(dataset, other).sort("views"), frame)


def everything(lake):
    return [(info.key, info.size, info.etag) for info in lake.list("")]


def a_lake_that_spark_wrote_goes_through_run_unchanged(spark, place, monkeypatch, tmp_path):
    pages = {f'Page_{number}_"x",_\\': 1000 * number for number in range(1, 30)}
    frame = pl.DataFrame(ranked(pages), schema=TYPES)
    schema = ", ".join(
        f"{name} {'long' if kind == pl.Int64 else 'double' if kind == pl.Float64 else 'string'}"
        for name, kind in TYPES.items()
    )
    diamond = layers(load()).diamond
    for day in WINDOW:
        folder = place.folder / diamond.lake / diamond.key(day)
        write(spark, frame, schema, str(folder), "csv", tmp_path / "rows.json")
    lake = open_lake(diamond.lake)
    before = everything(lake)
    parts = [key.rpartition("/")[2] for key, _, _ in before if "/part-" in key]
    assert all(re.fullmatch(r"part-0000\d-[0-9a-f-]{36}-c000.csv", name) for name in parts)

    # No server listens at this address, so a run that fetches a day would fail.
    monkeypatch.setenv("WIKI_TRENDS_WIKIMEDIA_URL", "http://127.0.0.1:1")
    ran = place.run("run", "--as-of", "2025-11-12", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["runs_started"] == []
    assert ran.json["ready"]
    assert [day["rows"] for day in ran.json["completeness"]["days"]] == [len(pages)] * 5
    assert everything(lake) == before

    monkeypatch.setenv("WIKI_TRENDS_LAKE", str(tmp_path / "ours/{layer}"))
    monkeypatch.setenv("WIKI_TRENDS_WAREHOUSE", f"duckdb:///{tmp_path}/ours.duckdb")
    for day in WINDOW:
        write_frame(layers(load()).diamond, day, frame)
    assert place.run("run", "--as-of", "2025-11-12", "--json").json["rows"] == ran.json["rows"]
