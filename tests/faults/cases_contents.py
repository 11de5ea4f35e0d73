"""Faults inside a partition: bytes that cannot be parsed, and rows that violate the contract."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import time
from typing import TYPE_CHECKING, Any

import polars as pl

from smart_orchestrator.contract.compression import compress_part
from testing.faults import (
    CSV,
    DAY,
    FOLDER,
    HEADER,
    ROW,
    WINDOW,
    CommandResult,
    Content,
    Fault,
    Scene,
    bytes_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ONE_FAULT = "one fault stays one fault"
COMPLETE = "complete means complete"
PART = "part-00000-0c4b-c000.csv"
SECOND = ROW.replace("A,A,100,1", "B,B,90,2").replace("wiki/A", "wiki/B")
TWO_ROWS = f"{HEADER}\n{ROW}\n{SECOND}\n".encode()
HADOOP = {
    "name": "org.apache.hadoop.fs.s3a.commit.files.SuccessData/1",
    "success": True,
    "timestamp": 1762300800000,
    "committer": "magic",
    "filenames": [f"/diamond/{FOLDER}/{PART}"],
}
DEEP = ("check", *WINDOW, "--json", "--deep")


def marked(*parts: tuple[str, Content], marker: bytes = b"") -> Callable[[Scene], None]:
    """Return a function that creates a partition with these parts and the marker of another writer."""

    def arrange(scene: Scene) -> None:
        for name, data in parts:
            scene.put(name, bytes_of(data))
        scene.put("_SUCCESS", marker)

    return arrange


def one_part(data: Content, name: str = PART) -> Callable[[Scene], None]:
    return marked((name, data))


def manifest(**changes: Any) -> Callable[[Scene], None]:
    """Return a function that creates a partition of the product, and changes its manifest."""

    def arrange(scene: Scene) -> None:
        scene.commit()
        document = json.loads(scene.diamond.get(f"{FOLDER}/_SUCCESS")[0]) | changes
        scene.put("_SUCCESS", json.dumps(document).encode())

    return arrange


def marker(data: bytes) -> Callable[[Scene], None]:
    """Return a function that creates a partition of the product, and overwrites its marker."""

    def arrange(scene: Scene) -> None:
        scene.commit()
        scene.put("_SUCCESS", data)

    return arrange


def parquet(rows: int = 500) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame({"page": [f"p{n}" for n in range(rows)], "views": range(rows)}).write_parquet(buffer)
    return buffer.getvalue()


def changed(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


def rows(number: int) -> Callable[[Scene, CommandResult], None]:
    def expect(_: Scene, ended: CommandResult) -> None:
        assert ended.day["rows"] == number

    return expect


def beside_a_complete_day(arrange: Callable[[Scene], None]) -> Callable[[Scene], None]:
    """Return a function that creates the fault, and a complete partition on the next day."""

    def arranged(scene: Scene) -> None:
        arrange(scene)
        scene.commit(day=DAY.replace(day=6))

    return arranged


def next_day_is_complete(_: Scene, ended: CommandResult) -> None:
    assert [day["state"] for day in ended.json["days"]] == ["invalid", "complete"]


def dated_in_the_future(scene: Scene) -> None:
    scene.put(PART, CSV)
    later = time.time() + 400 * 86400
    os.utime(scene.path / PART, (later, later))


def unreadable(
    name: str, data: Content, kind: str = ONE_FAULT, *output_patterns: str, part: str = PART
) -> Fault:
    return Fault(
        name,
        kind,
        one_part(data, part),
        state_and_code=("invalid", "UNREADABLE"),
        output_patterns=output_patterns,
    )


def complete(name: str, arrange: Callable[[Scene], None], count: int = 1, *output_patterns: str) -> Fault:
    return Fault(
        name,
        COMPLETE,
        arrange,
        code=0,
        state_and_code=("complete", "OK"),
        expect=rows(count),
        output_patterns=output_patterns,
    )


def bad_manifest(name: str, arrange: Callable[[Scene], None], *output_patterns: str) -> Fault:
    return Fault(
        name, ONE_FAULT, arrange, state_and_code=("invalid", "BAD_MANIFEST"), output_patterns=output_patterns
    )


CASES: list[Fault] = [
    # Markers.
    bad_manifest("marker-is-not-json", lambda scene: scene.put("_SUCCESS", b"not json")),
    bad_manifest("marker-of-infinity", marker(b'{"version":1e400}'), "out of range"),
    bad_manifest("marker-of-brackets", marker(b"[" * 100_000), "nested"),
    bad_manifest("marker-of-nested-objects", marker(b'{"version":' * 50_000), "nested"),
    bad_manifest(
        "marker-of-a-string-that-is-not-closed", marker(b"[]" * 40 + b'"' + b'\\"' * 4_000_000), "not JSON"
    ),
    bad_manifest("marker-of-a-list", marker(b"[1]"), "not a JSON object"),
    bad_manifest("marker-is-not-utf-8", marker(b'{"version":"\xff\xfe"}')),
    bad_manifest("marker-of-a-lone-surrogate", marker(b'{"version":1,"day":"\\ud800"}')),
    bad_manifest("marker-of-another-program", marker(b'{"name":"something else"}'), "version is missing"),
    bad_manifest(
        "written-outside-the-calendar", manifest(written_at="0001-01-01T00:00:00+14:00"), "not a time"
    ),
    bad_manifest("more-rows-than-an-integer", manifest(rows=10**30), "out of range"),
    bad_manifest("rows-are-negative", manifest(rows=-1), "rows is not an integer of at least 0"),
    bad_manifest("rows-are-a-text", manifest(rows="3"), "rows is not an integer of at least 0"),
    bad_manifest("parts-are-a-number", manifest(parts=3), "parts is not a list"),
    bad_manifest("a-part-without-a-size", manifest(parts=[{"name": "part-0.csv"}]), "size is missing"),
    bad_manifest("a-part-outside-its-folder", manifest(parts=[{"name": "../part-0", "size": 1}])),
    Fault(
        "a-bad-marker-hides-no-other-day",
        ONE_FAULT,
        beside_a_complete_day(marker(b"[" * 100_000)),
        command=("check", "--start", "2025-11-05", "--end", "2025-11-06", "--as-of", "2025-11-12", "--json"),
        expect=next_day_is_complete,
    ),
    complete("marker-of-one-newline", marked((PART, CSV), marker=b"\n")),
    complete("marker-of-hadoop", marked((PART, CSV), marker=json.dumps(HADOOP).encode())),
    Fault(
        "marker-of-hadoop-names-a-part-that-is-gone",
        COMPLETE,
        marked(("part-1.csv", CSV), marker=json.dumps(HADOOP).encode()),
        state_and_code=("invalid", "PART_GONE"),
        output_patterns=("is named and not there",),
    ),
    # Bytes.
    unreadable("gzip-cut-by-a-byte", gzip.compress(CSV)[:-1], ONE_FAULT, "cut short", part=f"{PART}.gz"),
    unreadable("gzip-with-a-changed-byte", changed(gzip.compress(TWO_ROWS), 20), part=f"{PART}.gz"),
    unreadable("gzip-with-rubbish-behind", gzip.compress(CSV) + b"rubbish", part=f"{PART}.gz"),
    unreadable("bzip2-cut", bz2.compress(CSV)[:-4], ONE_FAULT, "cut short", part=f"{PART}.bz2"),
    unreadable("zstandard-cut", compress_part(CSV, "zstd")[:-2], ONE_FAULT, "cut short", part=f"{PART}.zst"),
    unreadable(
        "a-gigabyte-of-zeros", lambda: gzip.compress(bytes(1 << 30), 1), ONE_FAULT, "a row has more than"
    ),
    Fault(
        "a-gzip-of-line-breaks",
        ONE_FAULT,
        one_part(lambda: gzip.compress(CSV + b"\n" * (50 << 20), 1), f"{PART}.gz"),
        code=0,
        state_and_code=("complete", "OK"),
        expect=rows(1),
        timeout=60,
    ),
    unreadable("bytes-that-are-no-text", f"{HEADER}\n".encode() + b"\xff\xfe" + ROW.encode() + b"\n"),
    unreadable("a-quote-that-is-not-closed", f'{HEADER}\n"{ROW}\n'.encode()),
    unreadable("parquet-in-a-lake-of-csv", parquet(), COMPLETE, "Parquet", part="part-0.parquet"),
    unreadable("parquet-changed-in-a-lake-of-csv", changed(parquet(), 60), COMPLETE, "Parquet"),
    unreadable("orc-in-a-lake-of-csv", b"ORC" + bytes(100), COMPLETE, "ORC", part="part-0.orc"),
    Fault(
        "an-unreadable-part-hides-no-other-day",
        ONE_FAULT,
        beside_a_complete_day(one_part(gzip.compress(CSV)[:-1])),
        command=("check", "--start", "2025-11-05", "--end", "2025-11-06", "--as-of", "2025-11-12", "--json"),
        expect=next_day_is_complete,
    ),
    Fault(
        "an-unreadable-part-and-deep",
        ONE_FAULT,
        one_part(gzip.compress(CSV)[:-1]),
        command=DEEP,
        state_and_code=("invalid", "UNREADABLE"),
    ),
    Fault(
        "an-unreadable-part-and-a-plan", ONE_FAULT, one_part(b"\xff\xfe"), ("plan", *WINDOW, "--json"), code=0
    ),
    # Rows.
    unreadable(
        "a-row-that-is-cut-short", f"{HEADER}\n{ROW}\nB,B".encode(), COMPLETE, "row 2 has more or fewer"
    ),
    unreadable(
        "a-row-in-the-middle-cut-short",
        f"{HEADER}\nB,B\n{ROW}\n".encode(),
        COMPLETE,
        "row 1 has more or fewer",
    ),
    unreadable("a-row-that-is-too-long", f"{HEADER}\n{ROW},,,\n".encode(), COMPLETE),
    unreadable("a-quoted-row-cut-short", f'{HEADER}\n{ROW}\n"B,,,,,,,,,"\n'.encode(), COMPLETE, "row 2 has"),
    Fault(
        "only-blank-lines",
        COMPLETE,
        one_part(f"{HEADER}\n\n\n".encode()),
        state_and_code=("invalid", "EMPTY"),
    ),
    Fault("a-header-alone", COMPLETE, one_part(HEADER.encode()), state_and_code=("invalid", "EMPTY")),
    complete("blank-lines-between-rows", one_part(f"{HEADER}\n\n{ROW}\r\n\r\n\n{SECOND}\n\n".encode()), 2),
    complete("a-byte-order-mark", one_part(b"\xef\xbb\xbf" + CSV)),
    Fault(
        "no-header",
        COMPLETE,
        one_part(f"{ROW}\n{SECOND}\n".encode()),
        state_and_code=("invalid", "COLUMNS"),
        output_patterns=("not a header",),
    ),
    Fault(
        "columns-that-differ-from-part-to-part",
        COMPLETE,
        marked((PART, CSV), ("part-1.csv", b"page,views\nB,90\n")),
        state_and_code=("invalid", "COLUMNS"),
    ),
    # Compression.
    complete("gzip", one_part(gzip.compress(TWO_ROWS), f"{PART}.gz"), 2),
    complete("gzip-of-two-members", one_part(gzip.compress(CSV) + gzip.compress(f"{SECOND}\n".encode())), 2),
    complete("gzip-named-as-text", one_part(gzip.compress(TWO_ROWS)), 2),
    complete("bzip2", one_part(bz2.compress(TWO_ROWS), f"{PART}.bz2"), 2),
    complete("zstandard", one_part(compress_part(TWO_ROWS, "zstd"), f"{PART}.zst"), 2),
    # Names.
    complete("a-copy-of-an-editor", marked((PART, CSV), (f"{PART}~", CSV)), 1, f"not read are {PART}~"),
    complete(
        "a-partial-download", marked((PART, CSV), ("part-1.csv.partial", b"x")), 1, "part-1.csv.partial"
    ),
    complete("a-copy-in-progress", marked((PART, CSV), ("part-1.csv._COPYING_", b"x")), 1, "_COPYING_"),
    complete("checksums-of-hadoop", marked((PART, CSV), (f".{PART}.crc", b"x"), ("part-0.crc", b"x"))),
    complete(
        "a-file-of-another-tool", marked((PART, CSV), ("notes.txt", b"x")), 1, "notes.txt beside the parts"
    ),
    complete(
        "hidden-files",
        marked((PART, CSV), ("_metadata", b"x"), (".DS_Store", b"x"), ("_tmp/part-1.csv", b"x")),
    ),
    Fault(
        "nothing-but-a-copy-in-progress",
        COMPLETE,
        marked((f"{PART}._COPYING_", CSV)),
        state_and_code=("invalid", "EMPTY"),
    ),
    complete(
        "parts-in-folders",
        marked(("country=US/part-0.csv", CSV), ("country=DE/part-0.csv", f"{HEADER}\n{SECOND}\n".encode())),
        2,
    ),
    Fault(
        "parts-in-folders-and-beside-them",
        COMPLETE,
        marked((PART, CSV), ("country=US/part-0.csv", CSV)),
        state_and_code=("invalid", "COLUMNS"),
        output_patterns=("country=US/part-0.csv",),
    ),
    *(
        Fault(
            f"parts-in-folders-of-{label}",
            COMPLETE,
            marked(
                ("country=US/part-0.csv", CSV), (f"{folder}/part-0.csv", f"{HEADER}\n{SECOND}\n".encode())
            ),
            state_and_code=("invalid", "COLUMNS"),
            output_patterns=("the folders of the parts have different columns",),
        )
        for label, folder in (("another-column", "region=EU"), ("another-depth", "country=DE/city=Ulm"))
    ),
    Fault(
        "the-same-row-in-two-folders",
        COMPLETE,
        marked(("country=US/part-0.csv", CSV), ("country=DE/part-0.csv", CSV)),
        state_and_code=("invalid", "DUPLICATE_ROWS"),
    ),
    Fault(
        "a-file-at-the-key-of-a-partition",
        COMPLETE,
        lambda scene: scene.diamond.put(FOLDER, b"x"),
        state_and_code=("absent", "MISSING"),
        output_patterns=("a file lies at",),
    ),
    Fault(
        "a-part-dated-in-the-future",
        COMPLETE,
        dated_in_the_future,
        state_and_code=("uncommitted", "NO_MARKER"),
        output_patterns=("dated in the future",),
        stores=("local",),
    ),
]
