"""Writers of one day that are killed at any moment, and writers that race, on a real S3 server and on a disk."""

from __future__ import annotations

import datetime as dt
import os
import random
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from smart_orchestrator.adapters.manifest import inspect, read_parts
from smart_orchestrator.adapters.manifest_document import MARKER
from smart_orchestrator.committing.cleanup import vacuum
from smart_orchestrator.committing.writer import commit
from smart_orchestrator.errors import LostRace, PartitionChanged
from smart_orchestrator.store.opening import open_lake
from testing.lakes import DAY, plain, read_part_files, version_of, version_parts
from testing.s3_proxy import s3_proxy

ROOT = Path(__file__).parents[3]
WRITER = Path(__file__).with_name("write_until_killed.py")
# Room for the versions of one writer.
VERSIONS = 1000


def visible(dataset):
    """The version that a reader of manifests finds: all rows of one commit."""
    while True:
        partition = inspect(dataset, DAY)
        assert partition.available, partition
        try:
            return version_of(read_parts(dataset, partition))
        except PartitionChanged:
            continue


def nothing_but_named(dataset):
    """The day's folder holds the marker and the parts that it names."""
    partition = inspect(dataset, DAY)
    folder = dataset.key(DAY)
    there = {info.key.removeprefix(folder + "/") for info in open_lake(dataset.lake).list(folder)}
    assert there == {MARKER, *(part.name for part in partition.parts)}


class Killer:
    """Starts writers of a lake and kills each after a moment; then nothing of it is on its way any more."""

    def __init__(self, url, proxy=None):
        self._url = url
        self._proxy = proxy
        self._chance = random.Random(20251105)
        endpoint = {"AWS_ENDPOINT_URL": proxy.endpoint} if proxy else {}
        self._environment = os.environ | {"PYTHONPATH": str(ROOT)} | endpoint

    def kill_one(self, first, longest):
        command = [sys.executable, str(WRITER), self._url, str(first)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=self._environment) as writer:
            assert writer.stdout.readline() == b"ready\n"
            # Not to wait for anything: the moment of the kill.
            time.sleep(self._chance.random() * longest)
            writer.kill()
        if self._proxy:
            self._proxy.wait_until_idle()


def check_kills(url, killer, rounds, longest):
    dataset, lake = plain(url), open_lake(url)
    commit(dataset, DAY, version_parts(0))
    seen, orphaned, moved = 0, 0, 0
    for number in range(1, rounds + 1):
        killer.kill_one(number * VERSIONS, longest)
        version = visible(dataset)
        assert version == seen or number * VERSIONS <= version < (number + 1) * VERSIONS
        moved += version != seen
        seen = version
        orphaned += len(read_part_files(lake, dataset)) > 2
        if number % 4 == 3:
            # Whatever the killed ones left: after the next commit a plain glob is right, without a vacuum.
            seen = number * VERSIONS + VERSIONS - 1
            commit(dataset, DAY, version_parts(seen))
            assert version_of(read_part_files(lake, dataset)) == visible(dataset) == seen
    assert orphaned, "no kill fell into a commit"
    assert moved, "no commit came through before a kill"
    vacuum(dataset, older_than=dt.timedelta(0))
    nothing_but_named(dataset)
    assert version_of(read_part_files(lake, dataset)) == seen


@pytest.fixture
def on_disk(tmp_path):
    url = str(tmp_path / "lake")
    return url, Killer(url), 0.05


@pytest.fixture
def on_s3(s3):
    with s3_proxy(s3.endpoint) as proxy:
        yield s3.url, Killer(s3.url, proxy), 0.3


@pytest.fixture(params=["disk", "s3"])
def killing(request):
    """A lake, what kills its writers, and the seconds after which two or three commits have been made."""
    return request.getfixturevalue("on_s3" if request.param == "s3" else "on_disk")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_killed_writer_leaves_the_old_day_or_the_new_one(killing):
    url, killer, longest = killing
    check_kills(url, killer, 10, longest)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_five_hundred_killed_writers_leave_the_old_day_or_the_new_one(killing):
    url, killer, longest = killing
    check_kills(url, killer, 500, longest)


def race(dataset, versions):
    """These versions are committed at once while somebody reads; returns those of which the writer said they are there."""
    start, over = threading.Barrier(len(versions) + 1), threading.Event()

    def write(version):
        start.wait()
        try:
            commit(dataset, DAY, version_parts(version))
        except LostRace:
            return None
        return version

    def read():
        start.wait()
        seen = [visible(dataset)]
        while not over.is_set():
            seen.append(visible(dataset))
        return seen

    with ThreadPoolExecutor(len(versions) + 1) as pool:
        reader = pool.submit(read)
        written = [pool.submit(write, version) for version in versions]
        committed = [version for version in (future.result() for future in written) if version is not None]
        over.set()
        return committed, reader.result()


def check_races(dataset, rounds):
    lake = open_lake(dataset.lake)
    before, lost = 0, 0
    commit(dataset, DAY, version_parts(before))
    for number in range(1, rounds + 1):
        versions = [number * 10 + writer for writer in range(2 + number % 2)]
        committed, seen = race(dataset, versions)
        assert committed
        assert set(seen) <= {before, *versions}
        lost += len(versions) - len(committed)
        before = visible(dataset)
        assert before in committed
        assert version_of(read_part_files(lake, dataset)) == before
    removed = vacuum(dataset, older_than=dt.timedelta(0))
    assert removed.keys == ()
    nothing_but_named(dataset)
    return lost


@pytest.fixture(params=["disk", "memory", "s3"])
def raced(request, tmp_path):
    if request.param == "s3":
        return plain(request.getfixturevalue("s3").url)
    return plain(str(tmp_path / "lake") if request.param == "disk" else f"memory://{uuid.uuid4().hex}")


@pytest.mark.slow
def test_of_racing_writers_one_after_the_other_wins_wholly(raced):
    lost = check_races(raced, 20)
    # On a disk writers queue on a lock; elsewhere some have to lose, or there was no race.
    assert (lost == 0) == raced.lake.startswith("/")


@pytest.mark.long
@pytest.mark.timeout(900)
def test_of_five_hundred_races_each_ends_with_a_whole_day(raced):
    check_races(raced, 500)
