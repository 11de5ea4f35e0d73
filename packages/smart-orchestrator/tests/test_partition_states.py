"""The verdict on every kind of partition: the same on disk, in memory and on S3."""

# ruff: noqa: ARG001, ARG005 - every kind of partition is made by a function of the same form
from __future__ import annotations

import datetime as dt
import json
import os

import polars as pl
import pytest

from smart_orchestrator.adapters.manifest import Depth, InspectOptions, inspect, read_frame, read_parts
from smart_orchestrator.adapters.manifest_document import MARKER
from smart_orchestrator.committing.writer import Part, commit, write_frame
from smart_orchestrator.contract import sources
from smart_orchestrator.contract.rows import examine, to_bytes
from smart_orchestrator.errors import ContractError, ObjectConflict, PartitionChanged
from smart_orchestrator.model.partition import Code, State
from smart_orchestrator.store import base
from smart_orchestrator.store.opening import open_lake
from testing.lakes import DAY, NEXT, frame, pages

LATER = dt.datetime.now(tz=dt.UTC) + dt.timedelta(days=1)
HEADER = "page,views,rank\n"
ROWS = "Page_0,1000,1\nPage_1,999,2\nPage_2,998,3\n"
SPARK = "part-00000-0c4b-c000.csv"


def spark(lake, folder, text, name=SPARK):
    lake.put(f"{folder}/{name}", text if isinstance(text, bytes) else text.encode())
    lake.put(f"{folder}/{MARKER}", b"")


def ours(dataset, text=HEADER + ROWS, rows=3, columns=("page", "views", "rank")):
    return commit(dataset, DAY, [Part(text.encode(), rows)], columns=columns)


def marker(lake, folder, **changes):
    """Change the manifest as it is stored."""
    key = f"{folder}/{MARKER}"
    document = json.loads(lake.get(key)[0]) | changes
    lake.put(key, json.dumps(document).encode())


def part_key(dataset):
    return f"{dataset.key(DAY)}/{inspect(dataset, DAY).parts[0].name}"


def truncated(dataset, lake):
    ours(dataset)
    key = part_key(dataset)
    lake.put(key, lake.get(key)[0][:-1])


def replaced(dataset, lake):
    ours(dataset)
    key = part_key(dataset)
    lake.put(key, lake.get(key)[0].replace(b"999", b"888"))


def gone(dataset, lake):
    ours(dataset)
    lake.delete([part_key(dataset)])


def other_day(dataset, lake):
    ours(dataset)
    marker(lake, dataset.key(DAY), day=NEXT.isoformat())


def newer(dataset, lake):
    ours(dataset)
    marker(lake, dataset.key(DAY), version=2)


def miscounted(dataset, lake):
    ours(dataset, rows=2)


KINDS = {
    "nothing": (lambda d, lake: None, "MISSING", "nothing is there"),
    "another day only": (lambda d, lake: write_frame(d, NEXT, frame()), "MISSING", "nothing is there"),
    "a file where a folder is expected": (lambda d, lake: lake.put(d.key(DAY), b"x"), "MISSING", "a file lies at"),
    "a name that goes on": (lambda d, lake: spark(lake, d.key(DAY) + ".bak", HEADER), "MISSING", "nothing is there"),
    "only _temporary": (
        lambda d, lake: lake.put(f"{d.key(DAY)}/_temporary/0/part-0", b"x"), "NO_MARKER", "parts without _SUCCESS"
    ),
    "parts without marker": (
        lambda d, lake: lake.put(f"{d.key(DAY)}/{SPARK}", b"x"), "NO_MARKER", "a writer stopped half-way on 20"
    ),
    "Spark's marker": (lambda d, lake: spark(lake, d.key(DAY), HEADER + ROWS), "OK", "3 rows"),
    "Spark's marker, an empty part beside": (
        lambda d, lake: (spark(lake, d.key(DAY), HEADER + ROWS), spark(lake, d.key(DAY), b"", "part-00001.csv")),
        "OK", "3 rows",
    ),
    "our marker": (lambda d, lake: ours(d), "OK", "3 rows"),
    "marker without parts": (lambda d, lake: lake.put(f"{d.key(DAY)}/{MARKER}", b""), "EMPTY", "without any part"),
    "our marker that names no parts": (
        lambda d, lake: (ours(d), marker(lake, d.key(DAY), parts=[])), "EMPTY", "committed without a row"
    ),
    "part truncated by one byte": (truncated, "PART_CHANGED", "bytes, 56 were committed"),
    "part replaced by another of the same size": (replaced, "PART_CHANGED", "has other bytes than were committed"),
    "part gone": (gone, "PART_GONE", "is named and not there"),
    "manifest of another day": (other_day, "WRONG_DAY", "the manifest is of 2025-11-06"),
    "manifest that is not JSON": (
        lambda d, lake: lake.put(f"{d.key(DAY)}/{MARKER}", b"{oh"), "BAD_MANIFEST", "_SUCCESS is not a manifest ("
    ),
    "manifest that is JSON of something else": (
        lambda d, lake: lake.put(f"{d.key(DAY)}/{MARKER}", b"[]"), "BAD_MANIFEST", "_SUCCESS is not a manifest ("
    ),
    "manifest without parts": (
        lambda d, lake: lake.put(f"{d.key(DAY)}/{MARKER}", b'{"version": 1, "rows": 1}'), "BAD_MANIFEST", "parts is missing"
    ),
    "manifest that names what is no part": (
        lambda d, lake: (ours(d), marker(lake, d.key(DAY), parts=[{"name": "../part-0", "size": 1}])),
        "BAD_MANIFEST", "'../part-0' is not the name of a part",
    ),
    "manifest of a newer version": (newer, "NEWER_VERSION", "has version 2, but this program reads version 1: upgrade the program"),
    "other rows than the manifest says, deep": (miscounted, "PART_CHANGED", "3 rows in the parts, 2 were committed"),
    "header only": (lambda d, lake: spark(lake, d.key(DAY), HEADER), "EMPTY", "committed without a row"),
    "no byte": (lambda d, lake: spark(lake, d.key(DAY), b""), "EMPTY", "committed without a row"),
    "a missing column": (
        lambda d, lake: spark(lake, d.key(DAY), "page,rank\nA,1\n"), "COLUMNS", f"{SPARK} lacks the column views"
    ),
    "a missing column in our manifest": (
        lambda d, lake: ours(d, "page,rank\nA,1\n", 1, ("page", "rank")), "COLUMNS", "the column views is missing"
    ),
    "a doubled column": (
        lambda d, lake: spark(lake, d.key(DAY), "page,views,rank,page\nA,1,1,A\n"), "COLUMNS", "the column page twice"
    ),
    "columns in another order": (
        lambda d, lake: spark(lake, d.key(DAY), "rank,page,more,views\n1,A,x,5\n"), "OK", "1 row"
    ),
    "a BOM": (lambda d, lake: spark(lake, d.key(DAY), b"\xef\xbb\xbf" + (HEADER + ROWS).encode()), "OK", "3 rows"),
    "CRLF": (lambda d, lake: spark(lake, d.key(DAY), (HEADER + ROWS).replace("\n", "\r\n")), "OK", "3 rows"),
    "quoted newlines": (
        lambda d, lake: spark(lake, d.key(DAY), HEADER + '"A\nB",5,1\n"C, ""D""",4,2\n'), "OK", "2 rows"
    ),
    "Spark's backslash before a quote": (
        lambda d, lake: spark(lake, d.key(DAY), HEADER + '"A \\"B\\" C",5,1\nD,4,2\n'), "OK", "2 rows"
    ),
    "Spark's backslashes, a row too short": (
        lambda d, lake: spark(lake, d.key(DAY), HEADER + '"A \\"B\\"",5\n'), "UNREADABLE", "row 1 has more or fewer"
    ),
    "one row": (lambda d, lake: spark(lake, d.key(DAY), HEADER + "A,1,1\n"), "OK", "1 row"),
    "duplicate pages": (
        lambda d, lake: spark(lake, d.key(DAY), HEADER + "A,1,1\nA,2,2\n"),
        "DUPLICATE_ROWS", "column page holds 'A' more than once",
    ),
    "duplicate pages in two parts": (
        lambda d, lake: [spark(lake, d.key(DAY), HEADER + "A,1,1\n", f"part-{n}.csv") for n in (1, 2)],
        "DUPLICATE_ROWS", "column page holds 'A' more than once",
    ),
    "bad values": (
        lambda d, lake: spark(lake, d.key(DAY), HEADER + "A,x,1\n,2,2\nC,-3,1001\n"),
        "BAD_VALUES",
        f"row 2 column page is empty; {SPARK} row 1 column views ('x') is not of type integer; {SPARK} row 3 column ",
    ),
    "rows of another length": (
        lambda d, lake: spark(lake, d.key(DAY), HEADER + "A,1,1,1,1\n"), "UNREADABLE", f"{SPARK} cannot be read"
    ),
    "no text": (lambda d, lake: spark(lake, d.key(DAY), HEADER.encode() + b"\xff\xfe,1,1\n"), "UNREADABLE", SPARK),
}  # fmt: skip
STATES = {"MISSING": State.ABSENT, "NO_MARKER": State.UNCOMMITTED, "OK": State.COMPLETE}


@pytest.mark.parametrize("kind", KINDS)
def test_the_verdict_on_a_day(lake_url, kind):
    make, code, reason = KINDS[kind]
    dataset = pages(lake_url)
    make(dataset, open_lake(lake_url))
    partition = inspect(
        dataset,
        DAY,
        options=InspectOptions(now=LATER, depth=Depth.ROWS if "deep" in kind else Depth.AS_NEEDED),
    )
    assert (partition.code, partition.state) == (Code[code], STATES.get(code, State.INVALID)), (
        partition.reason
    )
    assert reason in partition.reason
    assert partition.available == (code == "OK")
    assert (partition.fingerprint is None) == (code in ("MISSING", "NO_MARKER"))
    assert partition.to_json()["code"] == code
    if partition.available:
        assert read_frame(dataset, partition).height == partition.rows
    else:
        with pytest.raises(ContractError) as caught:
            read_frame(dataset, partition)
        assert (caught.value.code, caught.value.violations) == (partition.code, (partition.reason,))


def test_rows_of_every_kind_are_read_in_the_contracts_order_and_types(lake_url):
    dataset = pages(lake_url)
    spark(open_lake(lake_url), dataset.key(DAY), 'rank,page,more,views\n1,"A ""x"", B",x,5\n,"C\nD",y,4\n')
    expected = pl.DataFrame({"page": ['A "x", B', "C\nD"], "views": [5, 4], "rank": [1, None]})
    assert read_frame(dataset, DAY).equals(expected)


def test_young_parts_are_being_written(lake_url):
    dataset = pages(lake_url)
    open_lake(lake_url).put(f"{dataset.key(DAY)}/{SPARK}", b"x")
    partition = inspect(dataset, DAY)
    assert (partition.state, partition.code) == (State.UNCOMMITTED, Code.STILL_WRITING)
    assert partition.reason.startswith("parts without _SUCCESS, the youngest written ")
    assert (
        inspect(dataset, DAY, options=InspectOptions(settle=dt.timedelta(0), now=LATER)).code
        is Code.NO_MARKER
    )


def test_fewer_rows_than_asked_for_are_short(lake_url):
    write_frame(pages(lake_url), DAY, frame(3))
    partition = inspect(pages(lake_url, min_rows=4), DAY)
    assert (partition.code, partition.reason) == (Code.SHORT, "3 rows, at least 4 are required")
    spark(open_lake(lake_url), pages(lake_url).key(NEXT), HEADER + ROWS)
    assert inspect(pages(lake_url, min_rows=4), NEXT).code is Code.SHORT
    assert inspect(pages(lake_url, min_rows=3), NEXT).code is Code.OK


def test_what_is_read_is_what_was_inspected_or_an_error(lake_url):
    dataset = pages(lake_url)
    write_frame(dataset, DAY, frame(3))
    seen = inspect(dataset, DAY)
    write_frame(dataset, DAY, frame(5))
    with pytest.raises(
        PartitionChanged, match=r"pages 2025-11-05 changed after it was checked: part-.* is gone."
    ):
        read_frame(dataset, seen)
    assert read_frame(dataset, DAY).equals(frame(5))

    seen = inspect(dataset, DAY)
    lake = open_lake(lake_url)
    key = f"{dataset.key(DAY)}/{seen.parts[0].name}"
    lake.put(key, lake.get(key)[0].replace(b"999", b"888"))
    with pytest.raises(PartitionChanged, match="has other bytes"):
        read_parts(dataset, seen)


def test_parts_of_spark_are_known_by_size_and_etag(lake_url):
    dataset, lake = pages(lake_url), open_lake(lake_url)
    spark(lake, dataset.key(DAY), HEADER + ROWS)
    seen = inspect(dataset, DAY)
    assert b"".join(read_parts(dataset, seen)).decode() == HEADER + ROWS
    lake.put(f"{dataset.key(DAY)}/{SPARK}", (HEADER + ROWS).replace("999", "888").encode())
    with pytest.raises(PartitionChanged, match="has other bytes"):
        read_parts(dataset, seen)
    assert inspect(dataset, DAY).fingerprint != seen.fingerprint


class CountingMemory(dict):
    """A memory that counts its hits."""

    hits = 0

    def recall(self, key):
        self.hits += key in self
        return self.get(key)

    def remember(self, key, value):
        self[key] = value


def test_days_of_others_are_read_once_and_again_when_they_change(lake_url):
    dataset, lake, memory = pages(lake_url), open_lake(lake_url), CountingMemory()
    spark(lake, dataset.key(DAY), HEADER + ROWS)
    first = inspect(dataset, DAY, options=InspectOptions(memory=memory))
    again = lake.counted()
    assert inspect(dataset, DAY, lake=again, options=InspectOptions(memory=memory)) == first
    assert (memory.hits, again.requests.get, again.requests.list) == (1, 0, 1)
    assert (first.rows, first.volume) == (3, 2997)

    lake.put(f"{dataset.key(DAY)}/{SPARK}", (HEADER + ROWS).replace("998", "abc").encode())
    assert inspect(dataset, DAY, options=InspectOptions(memory=memory)).code is Code.BAD_VALUES
    assert (
        inspect(pages(lake_url, min_rows=4), DAY, options=InspectOptions(memory=memory)).code
        is Code.BAD_VALUES
    )
    assert memory.hits == 1


def test_a_shallow_look_reads_no_data(lake_url):
    dataset, lake = pages(lake_url), open_lake(lake_url)
    spark(lake, dataset.key(DAY), "rubbish")
    own = lake.counted()
    partition = inspect(dataset, DAY, lake=own, options=InspectOptions(Depth.METADATA))
    assert (partition.code, partition.rows, own.requests.get) == (Code.OK, None, 0)
    assert inspect(dataset, DAY, options=InspectOptions(Depth.ROWS)).code is not Code.OK


def test_our_days_cost_one_listing_and_one_small_read(lake_url):
    dataset, lake = pages(lake_url), open_lake(lake_url)
    write_frame(dataset, DAY, frame())
    own = lake.counted()
    assert inspect(dataset, DAY, lake=own).available
    assert own.requests.to_json() == {"list": 1, "get": 1}


def test_a_copy_of_a_lake_with_other_etags_is_the_same_day(tmp_path, lake_url):
    dataset, lake = pages(lake_url), open_lake(lake_url)
    write_frame(dataset, DAY, frame())
    copy = open_lake(str(tmp_path / "copy"))
    for info in lake.list(""):
        copy.put(info.key, lake.get(info.key)[0])
    copied = pages(str(tmp_path / "copy"))
    assert inspect(copied, DAY).fingerprint == inspect(dataset, DAY).fingerprint
    assert read_frame(copied, DAY).equals(frame())


def test_raw_days_are_kept_as_they_came(lake_url):
    dataset = pages(lake_url, format="raw", columns=())
    commit(dataset, DAY, [Part(b'{"items": []}', 1)])
    partition = inspect(dataset, DAY, options=InspectOptions(depth=Depth.ROWS))
    assert (partition.code, partition.rows, partition.parts[0].name[-5:]) == (Code.OK, 1, ".json")
    assert read_parts(dataset, partition) == [b'{"items": []}']


def test_days_of_parquet_keep_the_same_contract(lake_url):
    dataset = pages(lake_url, format="parquet")
    written = write_frame(dataset, DAY, frame())
    assert inspect(dataset, DAY, options=InspectOptions(depth=Depth.ROWS)) == written
    assert read_frame(dataset, DAY).equals(frame())
    spark(open_lake(lake_url), dataset.key(NEXT), b"PAR1 not really", "part-0.parquet")
    assert inspect(dataset, NEXT).code is Code.UNREADABLE


@pytest.fixture
def small_chunks(monkeypatch):
    """Objects of more than 64 bytes are read by ranges."""
    monkeypatch.setattr(base, "CHUNK", 64)
    monkeypatch.setattr(sources, "CHUNK", 64)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_large_parts_are_read_by_ranges(lake_url, small_chunks, kind):
    dataset, lake = pages(lake_url, format=kind), open_lake(lake_url)
    written = write_frame(dataset, DAY, frame(100))
    own = lake.counted()
    assert inspect(dataset, DAY, lake=own, options=InspectOptions(depth=Depth.ROWS)) == written
    assert own.requests.get > 10
    key = part_key(dataset)
    data = lake.get(key)[0]
    lake.put(key, data[:-9] + bytes([data[-9] ^ 1]) + data[-8:])
    assert inspect(dataset, DAY, options=InspectOptions(depth=Depth.ROWS)).code is Code.PART_CHANGED


def test_the_footer_is_enough_where_there_is_no_contract(lake_url, small_chunks):
    dataset, lake = pages(lake_url, format="parquet", columns=(), volume_column=None), open_lake(lake_url)
    spark(lake, dataset.key(DAY), to_bytes(dataset, frame(5000)), "part-0.parquet")
    own = lake.counted()
    partition = inspect(dataset, DAY, lake=own)
    assert (partition.code, partition.rows) == (Code.OK, 5000)
    assert own.requests.get <= 3


def test_an_object_that_is_replaced_while_it_is_read_is_not_mixed(lake_url, small_chunks):
    lake = open_lake(lake_url)
    lake.put("x", bytes(200))
    chunks = lake.chunks("x", 200)
    next(chunks)
    lake.put("x", bytes([1]) * 200)
    with pytest.raises(ObjectConflict):
        list(chunks)


def test_a_remembered_verdict_that_cannot_be_read_is_judged_again(lake_url):
    dataset, memory = pages(lake_url), CountingMemory()
    spark(open_lake(lake_url), dataset.key(DAY), HEADER + ROWS)
    for value in ("[" * 100_000, "null", '["OK"]', '["NO_SUCH_CODE", "", 1, 1]'):
        inspect(dataset, DAY, options=InspectOptions(memory=memory))
        memory |= dict.fromkeys(memory, value)
        assert inspect(dataset, DAY, options=InspectOptions(memory=memory)).code is Code.OK


def test_a_panic_of_the_reader_is_a_verdict_and_leaves_no_message(capfd, monkeypatch):
    class PanicException(BaseException):
        """As the readers written in Rust raise it."""

    def panic(*_, **__):
        os.write(2, b"before\n")
        os.write(2, b"\nthread '<unnamed>' (7) panicked at crates/x.rs:1:1:\nbacktrace\n")
        raise PanicException("index out of range")

    monkeypatch.setattr(pl, "read_parquet_schema", panic)
    dataset = pages("memory://panics", format="parquet")
    contents = examine(dataset, [sources.BytesPart("part-0.parquet", b"PAR1PAR1")])
    assert contents.findings[0].text == (
        "part-0.parquet cannot be read: the reader failed (index out of range)"
    )
    assert capfd.readouterr().err == "before\n"


def test_a_fraction_in_a_column_of_integers_is_told_and_not_cut(lake_url):
    dataset = pages(lake_url, format="parquet")
    with pytest.raises(ContractError, match=r"column views \('1\.5'\) is not of type integer"):
        write_frame(dataset, DAY, frame().with_columns(views=pl.Series([1.5, 2.0, 3.0])))
    write_frame(dataset, DAY, frame().with_columns(views=pl.Series([1.0, 2.0, 3.0])))
    assert read_frame(dataset, DAY)["views"].to_list() == [1, 2, 3]
