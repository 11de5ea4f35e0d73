"""A day is replaced as one act, whoever fails, is killed or comes in between."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
import time
import uuid
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smart_orchestrator.adapters.manifest import Depth, InspectOptions, inspect, read_frame, read_parts
from smart_orchestrator.adapters.manifest_document import MARKER
from smart_orchestrator.committing.writer import Part, commit, write_frame
from smart_orchestrator.errors import CommitError, ContractError, LakeUnreachable, LostRace
from smart_orchestrator.model.partition import Code, State
from smart_orchestrator.store.opening import open_lake
from testing.lakes import DAY, frame, pages, plain, read_part_files, version_of, version_parts

DEEP = InspectOptions(depth=Depth.ROWS)
ROOT = Path(__file__).parents[3]


class Crash(BaseException):
    """The process is gone."""


class Between:
    """A lake that lets something happen at one of its requests."""

    REQUESTS = ("list", "get", "put", "put_if", "delete")

    def __init__(self, lake, at, happen, *, after=False):
        self._lake = lake
        self._left = at
        self._happen = happen
        self._after = after

    def __getattr__(self, name):
        method = getattr(self._lake, name)
        if name not in self.REQUESTS:
            return method

        def request(*arguments):
            self._left -= 1
            if not self._after and self._left == 0:
                self._happen()
            answer = method(*arguments)
            if self._after and self._left == 0:
                self._happen()
            return answer

        return request


class Dying(Between):
    """A lake whose process dies at a request, before or after the lake has carried it out."""

    def __init__(self, lake, at, *, after):
        super().__init__(lake, at, self._die, after=after)

    def _die(self):
        self._left = 1
        self._after = False
        raise Crash


def visible(dataset):
    """The version that a reader of manifests sees, None for no day."""
    partition = inspect(dataset, DAY, options=DEEP)
    if partition.state in (State.ABSENT, State.UNCOMMITTED):
        return None
    assert partition.available, partition.reason
    return version_of(read_parts(dataset, partition))


def spark_day(dataset, version):
    lake = open_lake(dataset.lake)
    for number, part in enumerate(version_parts(version)):
        lake.put(f"{dataset.key(DAY)}/part-{number:05}-spark.json", part.data)
    lake.put(f"{dataset.key(DAY)}/{MARKER}", b"")


CRASHES = st.lists(st.none() | st.tuples(st.integers(1, 12), st.booleans()), max_size=5)


def check_crashes(url, crashes, start):
    dataset, lake = plain(url), open_lake(url)
    expected = None
    if start == "spark":
        spark_day(dataset, 1000)
        expected = 1000
    for version, crash in enumerate(crashes):
        writer = lake if crash is None else Dying(lake, crash[0], after=crash[1])
        try:
            commit(dataset, DAY, version_parts(version), lake=writer)
        except Crash:
            now = visible(dataset)
            assert now in (expected, version)
            expected = now
        else:
            expected = version
            assert visible(dataset) == version
    commit(dataset, DAY, version_parts(99))
    assert visible(dataset) == 99
    assert version_of(read_part_files(lake, dataset)) == 99


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(CRASHES, st.sampled_from(["nothing", "spark"]))
def test_after_any_commits_and_crashes_the_day_is_the_old_or_the_new_one_in_memory(crashes, start):
    check_crashes(f"memory://{uuid.uuid4().hex}", crashes, start)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
@given(CRASHES, st.sampled_from(["nothing", "spark"]))
def test_after_any_commits_and_crashes_the_day_is_the_old_or_the_new_one_on_disk(tmp_path, crashes, start):
    check_crashes(str(tmp_path / uuid.uuid4().hex), crashes, start)


@pytest.mark.parametrize("start", ["nothing", "spark"])
@pytest.mark.parametrize("after", [False, True])
def test_after_a_crash_at_each_request_the_day_is_the_old_or_the_new_one(lake_url, start, after):
    for at in range(1, 11):
        check_crashes(f"{lake_url}/{at}", [None, (at, after)] if start == "nothing" else [(at, after)], start)


@pytest.mark.parametrize("start", ["nothing", "ours", "spark"])
@pytest.mark.parametrize("kind", ["memory", "s3"])
def test_of_two_writers_one_wins_wholly_and_the_other_knows(request, kind, start):
    base = "memory://race" if kind == "memory" else request.getfixturevalue("s3").url
    lost = []
    for at in range(1, 14):
        dataset = plain(f"{base}/{uuid.uuid4().hex}")
        lake = open_lake(dataset.lake)
        if start == "ours":
            commit(dataset, DAY, version_parts(3))
        elif start == "spark":
            spark_day(dataset, 3)
        other = []
        writer = Between(lake, at, lambda: other.append(commit(dataset, DAY, version_parts(2), lake=lake)))  # noqa: B023
        try:
            won = commit(dataset, DAY, version_parts(1), lake=writer)
        except LostRace as error:
            lost.append(error)
            assert visible(dataset) == 2
        else:
            late = bool(other) and inspect(dataset, DAY).fingerprint == other[0].fingerprint
            assert visible(dataset) == (2 if late else 1)
            assert late or inspect(dataset, DAY) == won
        assert version_of(read_part_files(lake, dataset)) == visible(dataset)
    assert len(lost) >= 4
    assert all("committed it at the same time, and its data stay" in str(error) for error in lost)


def unreachable():
    raise LakeUnreachable("memory://x", "no answer", "Wait.")


@pytest.mark.parametrize("after", [False, True])
def test_without_an_answer_the_day_is_the_old_or_the_new_one_and_the_next_commit_is_whole(lake_url, after):
    for at in range(1, 11):
        dataset, lake = plain(f"{lake_url}/{at}"), open_lake(f"{lake_url}/{at}")
        commit(dataset, DAY, version_parts(1))
        try:
            commit(dataset, DAY, version_parts(2), lake=Between(lake, at, unreachable, after=after))
        except LakeUnreachable:
            assert visible(dataset) in (1, 2)
        else:
            assert visible(dataset) == 2
        commit(dataset, DAY, version_parts(3))
        assert version_of(read_part_files(lake, dataset)) == visible(dataset) == 3


def conflict_after_write(lake):
    """A lake whose first conditional write goes through, while its retry meets what it wrote."""
    from smart_orchestrator.errors import ObjectConflict

    class Retried(Between):
        def put_if(self, key, data, etag):
            self._lake.put_if(key, data, etag)
            raise ObjectConflict(self._lake.url, key)

    return Retried(lake, 0, None)


@pytest.mark.parametrize("start", ["ours", "spark"])
def test_a_writer_that_meets_its_own_marker_has_won(lake_url, start):
    dataset = plain(lake_url)
    if start == "ours":
        commit(dataset, DAY, version_parts(3))
    else:
        spark_day(dataset, 3)
    commit(dataset, DAY, version_parts(1), lake=conflict_after_write(open_lake(lake_url)))
    assert visible(dataset) == 1


def test_a_day_of_spark_stays_whole_while_it_is_replaced(lake_url):
    dataset, lake = plain(lake_url), open_lake(lake_url)
    spark_day(dataset, 3)
    seen = []
    for at in range(1, 8):
        with pytest.raises(Crash):
            commit(dataset, DAY, version_parts(4), lake=Dying(lake, at, after=True))
        seen.append(visible(dataset))
        if seen[-1] == 4:
            break
    assert set(seen) == {3, 4} or seen == [3] * 7


def test_a_newer_programs_day_is_never_overwritten(lake_url):
    dataset, lake = plain(lake_url), open_lake(lake_url)
    commit(dataset, DAY, version_parts(1))
    key = f"{dataset.key(DAY)}/{MARKER}"
    newer = lake.get(key)[0].replace(b'"version": 1', b'"version": 2')
    lake.put(key, newer)
    before = [info.key for info in lake.list("")]
    with pytest.raises(
        CommitError,
        match=r"has version 2, but this program reads version 1: upgrade the program. Then run the day again.",
    ):
        commit(dataset, DAY, version_parts(2))
    assert lake.get(key)[0] == newer
    assert [info.key for info in lake.list("")] == before
    assert inspect(dataset, DAY).code is Code.NEWER_VERSION


@pytest.mark.parametrize("broken", [b"{oh", b"[]", b'{"version": 1}'])
def test_a_broken_marker_is_replaced(lake_url, broken):
    dataset, lake = plain(lake_url), open_lake(lake_url)
    lake.put(f"{dataset.key(DAY)}/{MARKER}", broken)
    commit(dataset, DAY, version_parts(2))
    assert visible(dataset) == 2


@pytest.mark.parametrize("parts", [[], [Part(b"", 0)], [Part(b"header\n", 0)]])
def test_a_day_without_rows_is_not_committed(lake_url, parts):
    with pytest.raises(
        CommitError, match=r"plain 2025-11-05 was not committed: it has no rows. Run the day again."
    ):
        commit(plain(lake_url), DAY, parts)
    assert open_lake(lake_url).list("") == []


def test_facts_that_cannot_be_kept_leave_nothing_behind(lake_url):
    with pytest.raises(TypeError):
        commit(plain(lake_url), DAY, version_parts(1), measured={"when": object()})
    assert open_lake(lake_url).list("") == []


def test_a_commit_returns_the_day_as_it_is_found(lake_url):
    dataset = pages(lake_url)
    written = write_frame(dataset, DAY, frame(), measured={"requests": 3, "title": "Łódź"})
    partition = inspect(dataset, DAY)
    assert partition == written
    assert (partition.rows, partition.volume, partition.manifest.columns) == (
        3,
        2997,
        ("page", "views", "rank"),
    )
    assert partition.manifest.measured == {"requests": 3, "title": "Łódź"}


TITLES = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)
@given(
    st.lists(
        st.tuples(TITLES, st.integers(0, 2**53), st.none() | st.integers(1, 1000)),
        min_size=1,
        max_size=8,
        unique_by=lambda row: row[0],
    )
)
def test_rows_come_back_as_they_were_written(rows):
    dataset = pages(f"memory://{uuid.uuid4().hex}")
    schema = {"page": pl.String, "views": pl.Int64, "rank": pl.Int64}
    written = pl.DataFrame(rows, schema=schema, orient="row")
    write_frame(dataset, DAY, written)
    assert inspect(dataset, DAY, options=DEEP).code is Code.OK
    assert read_frame(dataset, DAY).equals(written)


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"page": ["A", "A", "B"]}, "DUPLICATE_ROWS", "column page holds 'A' more than once"),
        ({"page": ["A", None, "B"]}, "BAD_VALUES", "frame row 2 column page is empty"),
        ({"views": [1, 2, -3]}, "BAD_VALUES", "frame row 3 column views ('-3') is below 0"),
        ({"rank": [1, 1001, 2]}, "BAD_VALUES", "frame row 2 column rank ('1001') is above 1000"),
    ],
)
def test_rows_that_break_the_contract_are_not_committed(lake_url, change, code, text):
    rows = frame().with_columns(**{name: pl.Series(values) for name, values in change.items()})
    with pytest.raises(ContractError) as caught:
        write_frame(pages(lake_url), DAY, rows)
    assert caught.value.code == code
    assert f"pages 2025-11-05 breaks its contract ({code}): {text}" in str(caught.value)
    with pytest.raises(ContractError, match="frame lacks the column views"):
        write_frame(pages(lake_url), DAY, frame().drop("views"))
    with pytest.raises(CommitError, match="it has no rows"):
        write_frame(pages(lake_url), DAY, frame(0))
    assert open_lake(lake_url).list("") == []


def check_kills(tmp_path, rounds):
    """Kill a writer at random moments; what it was doing must never show."""
    url = str(tmp_path / "lake")
    dataset, lake = plain(url), open_lake(url)
    chance = random.Random(20251105)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    between_commits = 0
    for number in range(rounds):
        command = [
            sys.executable,
            str(Path(__file__).with_name("write_until_killed.py")),
            url,
            str(number * 1000),
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as writer:
            assert writer.stdout.readline() == b"ready\n"
            # Not to wait for anything: the moment of the kill.
            time.sleep(chance.random() * 0.03)
            writer.kill()
        if inspect(dataset, DAY).state in (State.ABSENT, State.UNCOMMITTED):
            continue
        version = visible(dataset)
        assert version >= 0
        between_commits += len(read_part_files(lake, dataset)) > 2
        if number % 4 == 3:
            commit(dataset, DAY, version_parts(version + 1))
            assert version_of(read_part_files(lake, dataset)) == visible(dataset) == version + 1
            assert sorted(path.name[:8] for path in (tmp_path / "lake" / dataset.key(DAY)).iterdir()) == [
                MARKER, "part-000", "part-000"
            ]  # fmt: skip
    assert between_commits, "no kill fell into a commit"


@pytest.mark.slow
def test_a_killed_writer_never_shows(tmp_path):
    check_kills(tmp_path, 20)


@pytest.mark.long
def test_a_writer_killed_two_hundred_times_never_shows(tmp_path):
    check_kills(tmp_path, 200)


def test_part_names_are_never_used_twice(lake_url):
    dataset = plain(lake_url)
    names = [part.name for _ in range(3) for part in commit(dataset, DAY, version_parts(1)).parts]
    assert len(set(names)) == len(names)
    assert all(a.startswith("part-0000") for a in itertools.chain(names))


@pytest.mark.parametrize("kind", ["memory", "s3"])
@pytest.mark.parametrize("start", ["ours", "spark"])
def test_a_commit_between_listing_and_reading_is_not_taken_for_damage(request, kind, start):
    base = "memory://between" if kind == "memory" else request.getfixturevalue("s3").url
    for at, after in itertools.product(range(1, 6), (False, True)):
        dataset = plain(f"{base}/{uuid.uuid4().hex}")
        lake = open_lake(dataset.lake)
        if start == "ours":
            commit(dataset, DAY, version_parts(1))
        else:
            spark_day(dataset, 1)
        reader = Between(lake, at, lambda: commit(dataset, DAY, version_parts(2)), after=after)  # noqa: B023
        partition = inspect(dataset, DAY, lake=reader, options=DEEP)
        assert partition.available, partition.reason


def test_a_marker_that_goes_away_between_listing_and_reading_leaves_an_uncommitted_day(lake_url):
    dataset, lake = plain(lake_url), open_lake(lake_url)
    commit(dataset, DAY, version_parts(1))
    reader = Between(lake, 1, lambda: lake.delete([f"{dataset.key(DAY)}/{MARKER}"]), after=True)
    assert inspect(dataset, DAY, lake=reader).code is Code.STILL_WRITING
