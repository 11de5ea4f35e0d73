"""Partitions of any writer that writes a marker."""

from __future__ import annotations

import json

import pytest

from smart_orchestrator.adapters.base import adapter_of
from smart_orchestrator.adapters.manifest import InspectOptions
from smart_orchestrator.model.partition import Code
from testing.partition_writers import ROWS, parquet_of

from .one_day import DAY, FOLDER, inspect_day, put


def test_a_marker_of_any_writer_commits_the_files_beside_it(marked):
    for marker in (b"", b"\n", b"done", b'{"committed": true}'):
        put(marked, "data_0.parquet", parquet_of())
        put(marked, "_SUCCESS", marker)
        partition = inspect_day(marked)
        assert (partition.code, partition.rows) == (Code.OK, ROWS)


def test_files_without_a_marker_are_not_committed(marked):
    put(marked, "data_0.parquet", parquet_of())
    assert inspect_day(marked).code is Code.STILL_WRITING
    assert inspect_day(marked, settle=0).code is Code.NO_MARKER
    assert inspect_day(marked, settle=0).newest_write is not None


def test_a_marker_without_a_data_file_is_empty(marked):
    put(marked, "_SUCCESS", b"")
    assert inspect_day(marked).code is Code.EMPTY


def test_the_marker_of_hadoops_s3a_committers_names_its_files(marked):
    document = {
        "name": "org.apache.hadoop.fs.s3a.commit.files.SuccessData/1",
        "committer": "magic",
        "filenames": [
            "/lake/orders/dt=2025-11-05/part-0.parquet",
            "/lake/orders/dt=2025-11-05/part-1.parquet",
        ],
    }
    put(marked, "_SUCCESS", json.dumps(document).encode())
    put(marked, "part-0.parquet", parquet_of())
    partition = inspect_day(marked)
    assert (partition.code, partition.reason) == (
        Code.PART_GONE,
        "_SUCCESS names part-1.parquet, but the partition does not contain it",
    )
    put(marked, "part-1.parquet", parquet_of(1, 10))
    assert inspect_day(marked).rows == ROWS + 1


def test_a_marker_that_is_gone_when_it_is_read_is_a_writer_at_work(marked):
    put(marked, "data_0.parquet", parquet_of())
    put(marked, "_SUCCESS", b"\n")
    objects = marked.lake.list(FOLDER)
    marked.lake.delete([f"{FOLDER}/_SUCCESS"])
    assert (
        adapter_of(marked.dataset()).inspect_objects(DAY, objects, InspectOptions()).code
        is Code.STILL_WRITING
    )


@pytest.mark.parametrize(
    "document",
    [
        {"name": "org.apache.hadoop.fs.s3a.commit.files.SuccessData/1", "success": False, "filenames": []},
        {"success": False},
    ],
)
def test_the_marker_of_a_job_that_failed_commits_nothing(marked, document):
    put(marked, "data_0.parquet", parquet_of())
    put(marked, "_SUCCESS", json.dumps({**document, "success": True}).encode())
    assert inspect_day(marked).code is Code.OK
    put(marked, "_SUCCESS", json.dumps(document).encode())
    partition = inspect_day(marked)
    assert (partition.code, partition.available) == (Code.BAD_MANIFEST, False)
    assert partition.reason == "_SUCCESS says that the job that wrote it failed"
