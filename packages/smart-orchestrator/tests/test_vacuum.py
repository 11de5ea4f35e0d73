from __future__ import annotations

import datetime as dt

from smart_orchestrator.adapters.manifest import inspect, read_frame
from smart_orchestrator.committing.cleanup import vacuum
from smart_orchestrator.committing.writer import write_frame
from testing.lakes import DAY, NEXT, frame, pages

NONE = dt.timedelta(0)


def keys(lake):
    return {info.key for info in lake.list("")}


def test_what_nothing_names_is_removed_and_the_day_stays(lake_url, lake):
    dataset = pages(lake_url)
    write_frame(dataset, DAY, frame(), lake=lake)
    before = keys(lake)
    lake.put(f"{dataset.key(DAY)}/part-00000-killed.csv", b"page,views,rank\nx,1,1\n")
    lake.put(f"{dataset.key(DAY)}/_temporary/0/part-1", b"x")
    lake.put(f"{dataset.key(NEXT)}/part-00000-killed.csv", b"x")
    done = vacuum(dataset, lake=lake, older_than=NONE)
    assert len(done.keys) == 3
    assert keys(lake) == before
    assert read_frame(dataset, DAY, lake=lake).equals(frame())


def test_a_dry_run_removes_nothing_and_says_what_it_would(lake_url, lake):
    dataset = pages(lake_url)
    lake.put(f"{dataset.key(DAY)}/part-00000-killed.csv", b"12345")
    done = vacuum(dataset, lake=lake, older_than=NONE, dry_run=True)
    assert done.to_json() == {
        "removed": [f"{dataset.key(DAY)}/part-00000-killed.csv"],
        "bytes": 5,
        "dry_run": True,
    }
    assert len(keys(lake)) == 1


def test_young_objects_stay(lake_url, lake):
    dataset = pages(lake_url)
    lake.put(f"{dataset.key(DAY)}/part-00000-being-written.csv", b"x")
    assert vacuum(dataset, lake=lake).keys == ()
    later = dt.datetime.now(tz=dt.UTC) + dt.timedelta(days=2)
    assert len(vacuum(dataset, lake=lake, now=later).keys) == 1


def test_days_of_spark_keep_all_their_parts(lake_url, lake):
    dataset = pages(lake_url)
    lake.put(f"{dataset.key(DAY)}/part-00000-a-c000.csv", b"page,views,rank\nx,1,1\n")
    lake.put(f"{dataset.key(DAY)}/part-00001-a-c000.csv", b"page,views,rank\ny,1,2\n")
    lake.put(f"{dataset.key(DAY)}/_SUCCESS", b"")
    assert vacuum(dataset, lake=lake, older_than=NONE).keys == ()
    assert inspect(dataset, DAY, lake=lake).rows == 2


def test_a_day_whose_marker_cannot_be_understood_is_left_alone(lake_url, lake):
    dataset = pages(lake_url)
    for day, marker in ((DAY, b"not json"), (NEXT, b'{"version": 99}')):
        lake.put(f"{dataset.key(day)}/part-00000-a.csv", b"x")
        lake.put(f"{dataset.key(day)}/_SUCCESS", marker)
    assert vacuum(dataset, lake=lake, older_than=NONE).keys == ()


def test_strays_and_waivers_are_nobodys_rubbish(lake_url, lake):
    dataset = pages(lake_url)
    for key in ("_waived/2025-11-05.json", "day_2025_13_01.csv/part-1", "backup/part-1", "notes.txt"):
        lake.put(key, b"x")
    assert vacuum(dataset, lake=lake, older_than=NONE).keys == ()
