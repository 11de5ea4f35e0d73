"""One suite for every adapter and store: each case writes with a real writer and inspects the partitions with the adapter."""

from __future__ import annotations

import datetime as dt

import pytest

from smart_orchestrator import Window, check
from smart_orchestrator.adapters.base import adapter_of
from smart_orchestrator.adapters.manifest import Depth, InspectOptions
from smart_orchestrator.errors import LakeError, LakeUnreachable
from smart_orchestrator.model.partition import Code
from smart_orchestrator.store.opening import open_lake
from smart_orchestrator.waiver_store import Waiver, waive
from testing.lakes import stores
from testing.partition_writers import ROWS, writer_of
from testing.s3_proxy import Faults, s3_proxy

START = dt.date(2025, 11, 1)
WEEK = [START + dt.timedelta(days=number) for number in range(7)]
DAY = WEEK[4]
AS_OF = dt.date(2025, 11, 12)
STORES = [
    "manifest-folder", "manifest-s3", "marker-folder", "marker-s3", "files-folder", "files-s3", "sql-postgresql",
    "sql-duckdb", "iceberg-folder", "iceberg-s3", "delta-folder", "delta-s3",
]  # fmt: skip
if stores() == ["azure"]:
    STORES = ["manifest-azure", "marker-azure", "files-azure", "delta-azure"]
OBJECTS = [name for name in STORES if name.startswith(("manifest", "marker", "files"))]
READ = [name for name in STORES if not name.startswith("sql")]
ON_S3 = [name for name in STORES if name.endswith("s3")]


@pytest.fixture
def make_writer(tmp_path, request):
    """Makes the writer of an adapter and a store, and closes it."""
    made = []

    def make(name):
        writer = writer_of(
            name,
            tmp_path,
            lambda: request.getfixturevalue(name.split("-")[1]).url,
            lambda: request.getfixturevalue("postgres_url"),
        )
        made.append(writer)
        return writer

    yield make
    for writer in made:
        if hasattr(writer, "close"):
            writer.close()


@pytest.fixture(params=STORES)
def writer(request, make_writer):
    return make_writer(request.param)


@pytest.fixture(params=OBJECTS)
def objects(request, make_writer):
    return make_writer(request.param)


@pytest.fixture(params=READ)
def files(request, make_writer):
    return make_writer(request.param)


@pytest.fixture(params=ON_S3)
def on_s3(request, make_writer):
    return make_writer(request.param)


def inspect(writer, keys=WEEK, *, options=None, **description):
    return adapter_of(writer.dataset(**description)).inspect(keys, options or InspectOptions())


def codes(partitions):
    return [partition.code for partition in partitions.values()]


def test_an_empty_dataset_has_no_partition(writer):
    partitions = inspect(writer)
    assert list(partitions) == WEEK
    assert set(codes(partitions)) == {Code.MISSING}
    assert inspect(writer, []) == {}


def test_partitions_that_are_there_are_complete_with_their_rows(writer):
    writer.write(WEEK)
    partitions = inspect(writer)
    assert codes(partitions) == [Code.OK] * 7
    assert [partition.day for partition in partitions.values()] == WEEK
    assert {partition.rows for partition in partitions.values()} == {ROWS}
    assert all(partition.fingerprint for partition in partitions.values())


def test_a_partition_that_was_never_written_is_missing(writer):
    writer.write([key for key in WEEK if key != DAY])
    assert [key for key, partition in inspect(writer).items() if not partition.available] == [DAY]


def test_a_partition_that_was_removed_is_missing(writer):
    writer.write(WEEK)
    writer.remove(DAY)
    assert {key: partition.code for key, partition in inspect(writer).items() if not partition.available} == {
        DAY: Code.MISSING
    }


def test_the_verdicts_follow_the_order_of_the_keys_that_are_asked_for(writer):
    writer.write(WEEK)
    keys = [WEEK[6], WEEK[0], WEEK[3]]
    assert list(inspect(writer, keys)) == keys


def test_too_few_rows_are_short(writer):
    writer.write(WEEK)
    partitions = inspect(writer, min_rows=ROWS + 1)
    assert set(codes(partitions)) == {Code.SHORT}
    assert partitions[DAY].reason.startswith(f"{ROWS} rows, at least {ROWS + 1} are required")


def test_a_restated_partition_has_another_fingerprint_and_the_others_keep_theirs(writer):
    writer.write(WEEK)
    before = inspect(writer)
    again = inspect(writer)
    assert {key: p.fingerprint for key, p in again.items()} == {
        key: p.fingerprint for key, p in before.items()
    }
    writer.restate(DAY)
    after = inspect(writer)
    assert after[DAY].available
    assert [key for key in WEEK if before[key].fingerprint != after[key].fingerprint] == [DAY]


def test_a_writer_that_stopped_half_way_leaves_no_complete_partition(writer):
    writer.write([key for key in WEEK if key != DAY])
    writer.write_half(DAY)
    later = InspectOptions(now=dt.datetime.now(tz=dt.UTC) + dt.timedelta(days=1))
    partitions = inspect(writer, options=later)
    assert {key: p.code.value for key, p in partitions.items() if not p.available} == {
        DAY: writer.half_written
    }


def test_a_writer_that_is_at_work_leaves_no_complete_partition(writer):
    writer.write_half(DAY)
    assert inspect(writer, settle=None)[DAY].code.value == writer.half_written_lately


def test_what_cannot_be_read_is_a_verdict_and_ends_nothing(files):
    files.write(WEEK)
    files.damage(DAY)
    partitions = inspect(files)
    assert partitions[DAY].code.value == files.unreadable
    assert partitions[DAY].reason
    if files.reads_objects:
        assert [key for key, partition in partitions.items() if not partition.available] == [DAY]


def test_foreign_objects_beside_the_data_change_no_verdict(writer):
    writer.write(WEEK)
    before = inspect(writer)
    writer.write_foreign(DAY)
    after = inspect(writer)
    assert codes(after) == [Code.OK] * 7
    assert {key: p.fingerprint for key, p in after.items()} == {
        key: p.fingerprint for key, p in before.items()
    }


def test_foreign_objects_beside_the_data_are_named(objects):
    objects.write([DAY])
    objects.write_foreign(DAY)
    assert "README.txt" in inspect(objects)[DAY].reason


def test_rows_that_stand_twice_are_found_by_a_deep_check(objects):
    objects.write_duplicates(DAY)
    partition = inspect(objects, options=InspectOptions(depth=Depth.ROWS))[DAY]
    assert partition.code is Code.DUPLICATE_ROWS
    assert "more than once" in partition.reason


def test_a_waived_partition_is_not_expected(writer, tmp_path):
    writer.write([key for key in WEEK if key != DAY])
    dataset = writer.dataset()
    notes = open_lake(str(tmp_path / "waivers"))
    now = dt.datetime.now(tz=dt.UTC)
    waive(dataset, notes, Waiver(DAY, "the upstream lost it", "ana", None, now))
    window = Window.between(WEEK[0], WEEK[-1], AS_OF, 1)
    completeness = check(dataset, window, waiver_lake=notes)
    assert completeness.partitions[4].code is Code.WAIVED
    assert completeness.ready


def test_a_partition_within_the_lag_is_not_expected(writer):
    writer.write(WEEK[:5])
    window = Window.between(WEEK[0], WEEK[-1], WEEK[-1], 1)
    completeness = check(writer.dataset(), window)
    assert [p.code for p in completeness.partitions[5:]] == [Code.MISSING, Code.WITHIN_LAG]


@pytest.mark.slow
def test_hundreds_of_partitions_are_judged_in_one_batch(writer):
    _judge_many(writer, 600)


@pytest.mark.long
def test_a_thousand_partitions_are_judged_in_one_batch(writer):
    _judge_many(writer, 1000)


@pytest.mark.long
def test_ten_thousand_partitions_are_judged_in_one_batch(writer):
    _judge_many(writer, 10_000)


def _judge_many(writer, number):
    keys = [dt.date(1999, 1, 1) + dt.timedelta(days=day) for day in range(number)]
    writer.write_many([key for key in keys if key != keys[500]])
    partitions = inspect(writer, keys)
    assert [key for key, partition in partitions.items() if not partition.available] == [keys[500]]


def test_a_store_that_fails_a_third_of_its_requests_gives_right_verdicts_or_an_error(on_s3, s3, monkeypatch):
    on_s3.write([key for key in WEEK if key != DAY])
    right = [Code.MISSING if key == DAY else Code.OK for key in WEEK]
    judged = 0
    with s3_proxy(s3.endpoint) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        for seed in range(5):
            proxy.faults = Faults(0.3, ("500", "503", "reset", "lost", "cut", "short"), seed)
            try:
                assert codes(inspect(on_s3, retries=10)) == right
                judged += 1
            except LakeUnreachable:
                continue
        assert proxy.faults.done
    assert judged


def test_a_store_that_does_not_answer_is_an_error_and_never_a_verdict(on_s3, monkeypatch):
    on_s3.write(WEEK)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(LakeUnreachable) as caught:
        inspect(on_s3, timeout=2.0)
    assert "the-secret-of-the-tests" not in str(caught.value)


def test_a_store_that_refuses_is_an_error_and_never_a_verdict(on_s3, monkeypatch):
    on_s3.write(WEEK)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret")
    with pytest.raises(LakeError) as caught:
        inspect(on_s3)
    assert "another-secret" not in str(caught.value)
