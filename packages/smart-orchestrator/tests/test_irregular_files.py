"""Only regular files of a local lake are read: a FIFO neither hangs nor passes, a link out of the lake is refused."""

from __future__ import annotations

import contextlib
import os
import socket

import pytest

from smart_orchestrator.adapters.manifest import Depth, InspectOptions, inspect
from smart_orchestrator.checking import check
from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.errors import LakeError, ObjectUnusable
from smart_orchestrator.model.dataset import Dataset
from smart_orchestrator.model.partition import Code, State
from smart_orchestrator.store.opening import lake_of, open_lake
from testing.lakes import DAY, NEXT, WINDOW, frame, pages

DATA = b"page,views,rank\nA,1,1\n"
pytestmark = pytest.mark.timeout(60)


def fifo(path):
    os.mkfifo(path)


def unix_socket(path):
    # The name of a socket is short, and the folders of pytest are deep.
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as server:
        server.bind(path.name)


def outside_link(path):
    outside = path.parents[2] / "outside.csv"
    outside.write_bytes(DATA)
    path.symlink_to(outside)


def device(path):
    path.symlink_to("/dev/zero")


MAKERS = {
    "a FIFO": fifo,
    "a socket": unix_socket,
    "a link that leaves the lake": outside_link,
    "/dev/zero": device,
}


@pytest.fixture
def dataset(tmp_path):
    dataset = pages(str(tmp_path / "lake"))
    write_frame(dataset, NEXT, frame())
    (tmp_path / "lake" / dataset.key(DAY)).mkdir()
    return dataset


@pytest.fixture
def folder(tmp_path, dataset):
    return tmp_path / "lake" / dataset.key(DAY)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("name", ["part-0.csv", "_SUCCESS"])
@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_not_a_regular_file_is_a_verdict_on_its_partition(dataset, folder, kind, name, deep):
    if name != "_SUCCESS":
        (folder / "_SUCCESS").touch()
    MAKERS[kind](folder / name)

    completeness = check(dataset, WINDOW, options=InspectOptions(Depth.ROWS if deep else Depth.AS_NEEDED))

    partition = completeness[DAY]
    assert (partition.state, partition.code) == (State.INVALID, Code.UNREADABLE)
    assert partition.reason.startswith(f"{name} is a")
    assert completeness[NEXT].available
    with pytest.raises(ObjectUnusable):
        lake_of(dataset).get(f"{dataset.key(DAY)}/{name}")


def test_a_device_is_never_read_even_where_links_may_leave(dataset, folder):
    (folder / "_SUCCESS").touch()
    device(folder / "part-0.csv")

    partition = inspect(pages(dataset.lake, outside_links=True), DAY)

    assert partition.reason == "part-0.csv is a device"


def test_a_folder_where_the_marker_belongs_is_no_commit(dataset, folder):
    (folder / "_SUCCESS").mkdir()
    (folder / "part-0.csv").write_bytes(DATA)

    assert inspect(dataset, DAY).state is State.UNCOMMITTED


def test_a_plain_file_at_the_partitions_key_is_named(dataset, folder):
    folder.rmdir()
    folder.write_bytes(DATA)

    partition = inspect(dataset, DAY)

    assert partition.state is State.ABSENT
    assert partition.reason == f"a file lies at {dataset.key(DAY)}, where the folder of the partition belongs"


@pytest.mark.parametrize("outside_links", [False, True])
def test_a_partition_behind_a_link_out_of_the_lake_needs_the_option(tmp_path, dataset, folder, outside_links):
    folder.rmdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "part-0.csv").write_bytes(DATA)
    (outside / "_SUCCESS").touch()
    folder.symlink_to(outside)
    dataset = pages(dataset.lake, outside_links=outside_links)

    partition = inspect(dataset, DAY)

    assert partition.available is outside_links
    if not outside_links:
        assert partition.reason == "the partition is a link that leaves the lake"
        lake = lake_of(dataset)
        for use in (
            lambda: lake.put(f"{dataset.key(DAY)}/part-1.csv", b"x"),
            lambda: lake.delete([f"{dataset.key(DAY)}/part-0.csv"]),
            lambda: write_frame(dataset, DAY, frame()),
        ):
            with pytest.raises(ObjectUnusable):
                use()
        assert sorted(path.name for path in outside.iterdir()) == ["_SUCCESS", "part-0.csv"]


def test_links_inside_the_lake_are_followed_and_loops_end(tmp_path, dataset, folder):
    (folder / "_SUCCESS").touch()
    (tmp_path / "lake" / "shared.csv").write_bytes(DATA)
    (folder / "part-0.csv").symlink_to("../shared.csv")
    (folder / "up").symlink_to("..")
    (folder / "itself").symlink_to("itself")

    assert inspect(dataset, DAY).rows == 1
    listed = {
        info.key.removeprefix(dataset.key(DAY) + "/") for info in lake_of(dataset).list(dataset.key(DAY))
    }
    assert {"_SUCCESS", "part-0.csv", "up"} <= listed
    assert len(listed) <= 4


@pytest.mark.parametrize("key", ["../outside", "/etc/hostname", "a/../../outside", "a\0b"])
def test_a_key_cannot_leave_the_lake(tmp_path, key):
    (tmp_path / "outside").write_bytes(b"x")
    lake = open_lake(str(tmp_path / "lake"))
    lake.put("a/b", b"1")

    for use in (
        lambda: lake.get(key),
        lambda: lake.put(key, b"x"),
        lambda: lake.delete([key]),
        lambda: lake.list(key),
    ):
        with pytest.raises((ObjectUnusable, LakeError)):
            use()
    assert (tmp_path / "outside").read_bytes() == b"x"


def test_a_directory_marker_at_the_lakes_root_has_no_name(monkeypatch):
    import obstore

    from smart_orchestrator.checking import find_strays

    lake = open_lake("memory://markers")
    real = obstore.list_with_delimiter

    def with_marker(store, prefix):
        listing = real(store, prefix)
        marker = {"path": prefix or "", "size": 0, "e_tag": None, "last_modified": None, "version": None}
        return {
            "common_prefixes": ["", *listing["common_prefixes"]],
            "objects": [marker, *listing["objects"]],
        }

    monkeypatch.setattr(obstore, "list_with_delimiter", with_marker)
    lake.put("notes.txt", b"x")

    assert list(find_strays(pages("memory://markers"), lake)) == ["notes.txt"]


def test_a_link_to_itself_at_the_path_of_a_partition_is_a_verdict(tmp_path):
    dataset = Dataset("links", str(tmp_path), "{day:%Y-%m-%d}", "raw", adapter="files")
    (tmp_path / DAY.isoformat()).symlink_to(DAY.isoformat())
    completeness = check(dataset, WINDOW)
    assert (completeness[DAY].code, completeness[DAY].reason) == (
        Code.UNREADABLE,
        "the partition is a link to a folder that contains the link",
    )
