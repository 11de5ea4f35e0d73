"""Datasets and partitions for the tests of the layer."""

from __future__ import annotations

import datetime as dt
import os
import uuid

from smart_orchestrator.committing.writer import Part
from smart_orchestrator.model.dataset import Column, DailyDataset
from smart_orchestrator.model.window import Window
from testing.gcs_server import BUCKET

DAY = dt.date(2025, 11, 5)
NEXT = dt.date(2025, 11, 6)
AS_OF = dt.date(2025, 11, 12)
WINDOW = Window.of_days(5, AS_OF)
PAGES = (
    Column("page", nullable=False, unique=True),
    Column("views", "integer", nullable=False, low=0),
    Column("rank", "integer", low=1, high=1000),
)


def pages(lake_url, **others):
    """A dataset of partitions `day_YYYY_MM_DD.csv` with pages, views and ranks."""
    options = {"columns": PAGES, "volume_column": "views", "retries": 1, "backoff": 0.01, "timeout": 5.0}
    return DailyDataset("pages", lake_url, "day_{day:%Y_%m_%d}.csv", **(options | others))


def frame(rows=3, start=0):
    """Rows with numbered pages."""
    import polars as pl

    numbers = range(start, start + rows)
    return pl.DataFrame(
        {
            "page": [f"Page_{number}" for number in numbers],
            "views": [1000 - number for number in numbers],
            "rank": [number + 1 for number in numbers],
        },
        schema={"page": pl.String, "views": pl.Int64, "rank": pl.Int64},
    )


def plain(lake_url, **others):
    """A dataset of unparsed lines, which can be written without data frames."""
    return DailyDataset("plain", lake_url, "orders/dt={day:%Y-%m-%d}", format="raw", retries=0, **others)


def version_parts(version):
    """A partition's parts; each line names its version and the number of lines."""
    rows = 3 + version % 5
    lines = [f"{version} {rows}\n".encode() for _ in range(rows)]
    cut = 1 + version % 2
    return [Part(b"".join(lines[:cut]), cut), Part(b"".join(lines[cut:]), rows - cut)]


def version_of(parts):
    """The version of these parts, which hold all its rows and no others."""
    lines = b"".join(parts).decode().splitlines()
    assert len(set(lines)) == 1, lines
    version, rows = map(int, lines[0].split())
    assert len(lines) == rows, lines
    return version


def globbed(lake, dataset, day=DAY):
    """The bytes that a plain glob reader sees: every part in the partition's folder."""
    return [lake.get(info.key)[0] for info in lake.list(dataset.key(day)) if "/part-" in info.key]


def stores(*usual):
    """The stores of this run: the usual ones, or Azure alone under `make test-azure`."""
    return ["azure"] if os.environ.get("TEST_STORE") == "azure" else list(usual)


def url_of_lake(request):
    """The URL of an empty lake of the kind that is the parameter of a fixture's request."""
    if request.param == "folder":
        return str(request.getfixturevalue("tmp_path") / "lake")
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}"
    if request.param == "gcs":
        request.getfixturevalue("gcs")
        return f"gs://{BUCKET}/{uuid.uuid4().hex}"
    return request.getfixturevalue(request.param).url
