"""The pauses between inspections of a partition that another writer is writing."""

from __future__ import annotations

import datetime as dt
import os
from itertools import islice

import pytest

from smart_orchestrator.backfilling import loop
from smart_orchestrator.backfilling.loop import INSPECT_SECONDS, MAX_INSPECT_SECONDS, wait_until_written
from smart_orchestrator.backfilling.polling import pause_until_settled, poll_pauses
from smart_orchestrator.checking import check
from smart_orchestrator.model.dataset import Dataset
from smart_orchestrator.model.partition import Code, Partition
from smart_orchestrator.model.window import Window

DAY = dt.date(2025, 11, 5)
WINDOW = Window.between(DAY, DAY, dt.date(2025, 11, 12), 1)


def dataset(url="memory://pauses", **options):
    return Dataset("orders", url, "{start:%Y-%m-%d}", format="raw", adapter="files", **options)


def written(seconds_ago):
    now = dt.datetime.now(tz=dt.UTC)
    return Partition(DAY, Code.STILL_WRITING, "", newest_write=now - dt.timedelta(seconds=seconds_ago))


def test_the_pauses_grow_by_half_of_the_time_that_has_passed_up_to_a_minute():
    pauses = list(islice(poll_pauses(MAX_INSPECT_SECONDS, INSPECT_SECONDS), 20))
    assert pauses[:5] == [2.0, 1.0, 1.5, 2.25, 3.375]
    assert pauses[-1] == 60.0


def test_a_pause_ends_when_the_first_partition_will_have_settled():
    settled_soon, settled_late = written(590), written(0)
    partitions = [settled_late, settled_soon]
    assert pause_until_settled(60, partitions, dataset(settle=600)) == pytest.approx(10, abs=1)
    assert pause_until_settled(60, partitions, dataset()) == pytest.approx(10, abs=1)
    assert pause_until_settled(5, partitions, dataset(settle=600)) == 5
    assert 0 < pause_until_settled(60, [written(700)], dataset(settle=600)) < 1
    assert pause_until_settled(60, [Partition(DAY, Code.STILL_WRITING, "")], dataset(settle=600)) == 60


def test_a_window_is_checked_again_when_its_files_have_settled_and_seldom_before(tmp_path, monkeypatch):
    described = dataset(str(tmp_path), settle=300)
    file = tmp_path / "2025-11-05" / "a.log"
    file.parent.mkdir()
    file.write_bytes(b"x")
    pauses = []

    def sleep(seconds):
        """Let the file grow older instead of waiting."""
        pauses.append(seconds)
        written = file.stat().st_mtime - seconds
        os.utime(file, (written, written))

    monkeypatch.setattr(loop.time, "sleep", sleep)
    completeness = wait_until_written(lambda: check(described, WINDOW), described, 7200)
    assert completeness.ready
    assert len(pauses) < 20
    assert sum(pauses) == pytest.approx(300, abs=2)
