from __future__ import annotations

import datetime as dt

import pytest

from smart_orchestrator.adapters.manifest import inspect, read_frame
from smart_orchestrator.committing.cleanup import vacuum
from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.errors import VacuumRefused
from testing.lakes import DAY, NEXT, frame, pages

DAY_LONG = dt.timedelta(days=1)
THIRD = NEXT + dt.timedelta(days=1)
NONE = dt.timedelta(0)
# A part of ours that no manifest names, as a killed writer leaves it.
OURS = f"part-00000-{'a1' * 16}.csv"


def keys(lake):
    return {info.key for info in lake.list("")}


def test_what_nothing_names_is_removed_and_the_day_stays(lake_url, lake):
    dataset = pages(lake_url)
    write_frame(dataset, DAY, frame(), lake=lake)
    before = keys(lake)
    lake.put(f"{dataset.key(DAY)}/{OURS}", b"page,views,rank\nx,1,1\n")
    lake.put(f"{dataset.key(DAY)}/_temporary/0/part-1", b"x")
    lake.put(f"{dataset.key(NEXT)}/{OURS}", b"x")
    done = vacuum(dataset, lake=lake, older_than=NONE)
    assert len(done.keys) == 3
    assert keys(lake) == before
    assert read_frame(dataset, DAY, lake=lake).equals(frame())


def test_a_dry_run_removes_nothing_and_says_what_it_would(lake_url, lake):
    dataset = pages(lake_url)
    lake.put(f"{dataset.key(DAY)}/{OURS}", b"12345")
    done = vacuum(dataset, lake=lake, older_than=NONE, dry_run=True)
    assert done.to_json() == {
        "removed": [f"{dataset.key(DAY)}/{OURS}"],
        "bytes": 5,
        "dry_run": True,
        "foreign": [],
    }
    assert len(keys(lake)) == 1


def test_young_objects_stay(lake_url, lake):
    dataset = pages(lake_url)
    write_frame(dataset, NEXT, frame(), lake=lake)
    lake.put(f"{dataset.key(DAY)}/{OURS}", b"x")
    assert vacuum(dataset, lake=lake).keys == ()
    later = dt.datetime.now(tz=dt.UTC) + dt.timedelta(days=2)
    assert len(vacuum(dataset, lake=lake, now=later).keys) == 1


def test_days_of_spark_keep_all_their_parts(lake_url, lake):
    dataset = pages(lake_url)
    lake.put(f"{dataset.key(DAY)}/part-00000-a-c000.csv", b"page,views,rank\nx,1,1\n")
    lake.put(f"{dataset.key(DAY)}/part-00001-a-c000.csv", b"page,views,rank\ny,1,2\n")
    lake.put(f"{dataset.key(DAY)}/_SUCCESS", b"")
    assert vacuum(dataset, lake=lake, older_than=NONE, dry_run=True).keys == ()
    assert inspect(dataset, DAY, lake=lake).rows == 2


def test_a_day_whose_marker_cannot_be_understood_is_left_alone(lake_url, lake):
    dataset = pages(lake_url)
    for day, marker in ((DAY, b"not json"), (NEXT, b'{"version": 99}')):
        lake.put(f"{dataset.key(day)}/{OURS}", b"x")
        lake.put(f"{dataset.key(day)}/_SUCCESS", marker)
    for dry_run in (True, False):
        if not dry_run:
            write_frame(dataset, THIRD, frame(), lake=lake)
        done = vacuum(dataset, lake=lake, older_than=NONE, dry_run=dry_run)
        assert (done.keys, len(done.foreign)) == ((), 4)


def test_strays_and_waivers_are_nobodys_rubbish(lake_url, lake):
    dataset = pages(lake_url)
    for key in ("_waived/2025-11-05.json", "day_2025_13_01.csv/part-1", "backup/part-1", "notes.txt"):
        lake.put(key, b"x")
    assert vacuum(dataset, lake=lake, older_than=NONE).keys == ()


FOREIGN = (
    "part-00000-killed.csv",
    "part-0.parquet",
    "000000_0",
    f"part-00000-{'A1' * 16}.csv",
    f"part-00000-{'a1' * 16}.csv.gz",
    f"part-00000-{'a1' * 16}-c000.csv",
    f"country=US/{OURS}",
    ".hive-staging/part-0",
    "_temporary/0/part-1",
    "_SUCCESS.crc",
)


@pytest.mark.parametrize("name", FOREIGN)
def test_what_another_writer_may_have_written_is_listed_and_stays(lake_url, lake, name):
    dataset = pages(lake_url)
    write_frame(dataset, DAY, frame(), lake=lake)
    lake.put(f"{dataset.key(NEXT)}/{name}", b"x")
    before = keys(lake)
    done = vacuum(dataset, lake=lake, older_than=NONE)
    assert (done.keys, done.foreign) == ((), (f"{dataset.key(NEXT)}/{name}",))
    assert keys(lake) == before


@pytest.mark.parametrize("name", ["part-0.parquet", OURS])
def test_a_lake_without_a_manifest_of_ours_is_refused(lake_url, lake, name):
    dataset = pages(lake_url)
    for day in (DAY, NEXT):
        lake.put(f"{dataset.key(day)}/{name}", b"x")
    lake.put(f"{dataset.key(NEXT)}/part-1", b"x")
    lake.put(f"{dataset.key(NEXT)}/_SUCCESS", b"")
    before = keys(lake)
    with pytest.raises(VacuumRefused, match="no manifest of this program"):
        vacuum(dataset, lake=lake, older_than=NONE)
    assert keys(lake) == before
    assert vacuum(dataset, lake=lake, older_than=NONE, dry_run=True).manifests == 0


def test_an_empty_lake_is_clean(lake_url, lake):
    assert vacuum(pages(lake_url), lake=lake, older_than=NONE).keys == ()


def test_a_negative_age_is_refused(lake_url, lake):
    with pytest.raises(ValueError, match="negative"):
        vacuum(pages(lake_url), lake=lake, older_than=-DAY_LONG)
