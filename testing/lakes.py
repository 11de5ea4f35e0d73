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
# The columns of the dataset `pages`.
PAGES = (
    Column("page", nullable=False, unique=True),
    Column("views", "integer", nullable=False, low=0),
    Column("rank", "integer", low=1, high=1000),
)


def pages(lake_url, **others):
    """Return a dataset with partitions `day_YYYY_MM_DD.csv` and the columns `PAGES`; `others` override its options."""
    options = {"columns": PAGES, "volume_column": "views", "retries": 1, "backoff": 0.01, "timeout": 5.0}
    return DailyDataset("pages", lake_url, "day_{day:%Y_%m_%d}.csv", **(options | others))


def frame(rows=3, start=0):
    """Return a data frame with the columns `PAGES` and numbered pages."""
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
    """Return a dataset of raw bytes, which can be written without a data frame library."""
    return DailyDataset("plain", lake_url, "orders/dt={day:%Y-%m-%d}", format="raw", retries=0, **others)


def version_parts(version):
    """Return two parts of a partition. Each line contains the version and the number of lines in the partition."""
    rows = 3 + version % 5
    lines = [f"{version} {rows}\n".encode() for _ in range(rows)]
    first_part_rows = 1 + version % 2
    return [
        Part(b"".join(lines[:first_part_rows]), first_part_rows),
        Part(b"".join(lines[first_part_rows:]), rows - first_part_rows),
    ]


def version_of(parts):
    """Assert that parts contain all lines of one version, and return the version."""
    lines = b"".join(parts).decode().splitlines()
    assert len(set(lines)) == 1, lines
    version, rows = map(int, lines[0].split())
    assert len(lines) == rows, lines
    return version


def read_part_files(lake, dataset, day=DAY):
    """Return the content of every part in the folder of a partition, as a reader without the manifest sees them."""
    return [lake.get(info.key)[0] for info in lake.list(dataset.key(day)) if "/part-" in info.key]


def stores(*usual):
    """Return the stores of this run: the usual ones, or Azure alone under `make test-azure`."""
    return ["azure"] if os.environ.get("TEST_STORE") == "azure" else list(usual)


def empty_lake_url(request):
    """Return the URL of an empty lake. The parameter of the fixture's `request` selects the kind of lake."""
    if request.param == "folder":
        return str(request.getfixturevalue("tmp_path") / "lake")
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}"
    if request.param == "gcs":
        request.getfixturevalue("gcs")
        return f"gs://{BUCKET}/{uuid.uuid4().hex}"
    return request.getfixturevalue(request.param).url
