"""Faults that resemble other cases: names with line breaks or without UTF-8, copies beside the parts, and unusual markers."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from testing.faults import CSV, FOLDER, HEADER, ROW, WINDOW, CommandResult, Fault, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

ONE_FAULT = "one fault stays one fault"
COMPLETE = "complete means complete"
LOCAL = ("local",)
PART = "part-00000-0c4b-c000.csv"
FORGED = "part-\n2025-11-06 Thursday complete.csv"
TEXT_CHECK = ("check", *WINDOW)
# Names that begin like the name of a part, but are not data. Each file contains a row of a different page.
COPIES = (
    "part-1.csv.filepart",
    "part-1.csv.crdownload",
    "part-1.csv.old",
    "part-1.csv.swo",
    "part-1.csv.tmp.4711",
    "part-1.csv.sha256",
    "part-1.csv.writing",
    "part-1 (1).csv",
    "part-1 copy.csv",
    "part-1_copy.csv",
    "part-1 (conflicted copy).csv",
    "part-1.sync-conflict-20251106-101010-ABCDEFG.csv",
    "part-1.csv.1",
    "part-1.csv.2025-11-06",
    "part-1.csv.old.gz",
    "part-1.csv.save",
    "part-1.csv.new",
    "part-1.csv._tmp",
    "part-1.csv.rej",
    "part-1.csv.gpg",
)


def marked(*parts: tuple[str, bytes], marker: bytes = b"") -> Callable[[Scene], None]:
    """Return a function that creates a partition with these parts and the marker of another writer."""

    def arrange(scene: Scene) -> None:
        for name, data in parts:
            scene.put(name, data)
        scene.put("_SUCCESS", marker)

    return arrange


def manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Scene], None]:
    """Return a function that creates a partition of the product, and changes its manifest."""

    def arrange(scene: Scene) -> None:
        scene.commit()
        document = json.loads(scene.diamond.get(f"{FOLDER}/_SUCCESS")[0])
        change(document)
        scene.put("_SUCCESS", json.dumps(document).encode())

    return arrange


def raw_name(name: bytes) -> Callable[[Scene], None]:
    """Return a function that creates a complete partition, and beside its part a file whose name consists of these bytes."""

    def arrange(scene: Scene) -> None:
        marked((PART, CSV))(scene)
        path = scene.path / os.fsdecode(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(CSV)

    return arrange


def raw_stray(scene: Scene) -> None:
    marked((PART, CSV))(scene)
    (scene.path.parent / os.fsdecode(b"caf\xe9")).mkdir()


def dangling(name: str) -> Callable[[Scene], None]:
    def arrange(scene: Scene) -> None:
        marked((PART, CSV))(scene)
        (scene.path / name).unlink(missing_ok=True)
        (scene.path / name).symlink_to("gone.csv")

    return arrange


def dangling_layer(scene: Scene) -> None:
    scene.path.parent.parent.mkdir()
    scene.path.parent.symlink_to("an-unmounted-disk")


def large_marker(scene: Scene) -> None:
    marked((PART, CSV))(scene)
    os.truncate(scene.path / "_SUCCESS", 64 << 30)


def one_row(_: Scene, ended: CommandResult) -> None:
    assert ended.day["rows"] == 1


def one_line(_: Scene, ended: CommandResult) -> None:
    assert not any(line.startswith("2025-11-06") for line in ended.out.splitlines()), ended.out


def reason_is_one_line(_: Scene, ended: CommandResult) -> None:
    assert ended.day["reason"].isprintable()


def bad_manifest(
    name: str,
    arrange: Callable[[Scene], None],
    *output_patterns: str,
    stores: tuple[str, ...],
    lake_unchanged: bool = True,
) -> Fault:
    state_and_code = ("invalid", "BAD_MANIFEST")
    return Fault(
        name,
        ONE_FAULT,
        arrange,
        state_and_code=state_and_code,
        output_patterns=output_patterns,
        stores=stores,
        lake_unchanged=lake_unchanged,
    )


def unreadable(
    name: str, arrange: Callable[[Scene], None], *output_patterns: str, lake_unchanged: bool = True
) -> Fault:
    return Fault(
        name,
        ONE_FAULT,
        arrange,
        state_and_code=("invalid", "UNREADABLE"),
        output_patterns=output_patterns,
        stores=LOCAL,
        lake_unchanged=lake_unchanged,
        expect=reason_is_one_line,
    )


CASES: list[Fault] = [
    unreadable("a-part-whose-name-is-not-utf-8", raw_name(b"part-\xff.csv"), "not UTF-8"),
    unreadable("a-folder-whose-name-is-not-utf-8", raw_name(b"country=\xff/part-0.csv"), "not UTF-8"),
    Fault(
        "a-foreign-file-whose-name-is-not-utf-8",
        ONE_FAULT,
        raw_name(b"caf\xe9.txt"),
        code=0,
        state_and_code=("complete", "OK"),
        stores=LOCAL,
        expect=one_row,
    ),
    Fault("a-stray-whose-name-is-not-utf-8", ONE_FAULT, raw_stray, code=0, output_patterns=("caf",), stores=LOCAL),
    Fault(
        "a-stray-whose-name-is-not-utf-8-as-text",
        ONE_FAULT,
        raw_stray,
        (*TEXT_CHECK, "--strays"),
        code=0,
        output_patterns=("stray: caf",),
        stores=LOCAL,
    ),
    unreadable("a-part-that-is-a-link-to-nothing", dangling("part-1.csv"), "a link to nothing", lake_unchanged=False),
    unreadable("a-marker-that-is-a-link-to-nothing", dangling("_SUCCESS"), "a link to nothing", lake_unchanged=False),
    Fault(
        "a-name-that-forges-a-line",
        ONE_FAULT,
        marked((FORGED, b"\xff\xfe\x00")),
        TEXT_CHECK,
        stores=LOCAL,
        expect=one_line,
    ),
    Fault(
        "a-name-that-forges-a-line-of-a-document",
        ONE_FAULT,
        marked((FORGED, b"\xff\xfe\x00")),
        state_and_code=("invalid", "UNREADABLE"),
        stores=LOCAL,
        expect=reason_is_one_line,
    ),
    Fault(
        "a-manifest-whose-part-forges-a-line",
        ONE_FAULT,
        manifest(lambda document: document["parts"][0].update(name=FORGED)),
        state_and_code=("invalid", "PART_GONE"),
        expect=reason_is_one_line,
    ),
    Fault(
        "a-layer-that-is-a-link-to-nothing", ONE_FAULT, dangling_layer, code=2, output_patterns=("is a link to nothing",),
        stores=LOCAL, lake_unchanged=False,
    ),
    Fault(
        "an-argument-that-is-not-utf-8", ONE_FAULT, lambda _: None, ("page", os.fsdecode(b"caf\xe9"), "--json"), code=2,
        output_patterns=("is not UTF-8",), stores=LOCAL,
    ),
    bad_manifest(
        "a-manifest-that-names-a-part-twice",
        manifest(lambda document: document["parts"].append(document["parts"][0])),
        "names a part twice",
        stores=("local", "s3"),
    ),
    bad_manifest(
        "a-manifest-of-version-0", manifest(lambda document: document.update(version=0)), stores=LOCAL
    ),
    bad_manifest(
        "a-marker-of-64-gigabytes", large_marker, "at most 16,777,216 are read", stores=LOCAL, lake_unchanged=False
    ),
    bad_manifest(
        "marker-of-a-failed-job-of-hadoop",
        marked((PART, CSV), marker=b'{"name": "org.apache.hadoop.SuccessData/1", "success": false}'),
        "the job that wrote it failed",
        stores=("local", "s3"),
    ),
    Fault(
        "copies-beside-the-parts",
        COMPLETE,
        marked((PART, CSV), *((name, f"{HEADER}\n{ROW.replace('A,A', name)}\n".encode()) for name in COPIES)),
        code=0,
        state_and_code=("complete", "OK"),
        output_patterns=(f"and {len(COPIES) - 3} more beside the parts",),
        expect=one_row,
    ),
    *(
        Fault(f"{kind.lower()}-in-a-lake-of-csv", COMPLETE, marked((PART, sign + b"0123456789")),
              state_and_code=("invalid", "UNREADABLE"), output_patterns=(f"the file is {kind}",), stores=LOCAL)
        for kind, sign in (("ZIP", b"PK\x03\x04"), ("XZ", b"\xfd7zXZ\x00"), ("LZ4", b"\x04\x22\x4d\x18"))
    ),
]  # fmt: skip
