"""Lakes in a local folder: locks, links, rights and failed writes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from smart_orchestrator.errors import (
    LakeDenied,
    LakeError,
    LakeUrlError,
)
from smart_orchestrator.store.opening import open_lake
from testing.permissions import read_only


def keys(lake, prefix=""):
    return [info.key for info in lake.list(prefix)]


def test_exclusive_writers_follow_each_other(tmp_path):
    inside = []
    lakes = [open_lake(str(tmp_path)), open_lake(f"file://{tmp_path}")]
    ready = threading.Barrier(2)

    def writer(lake):
        ready.wait()
        for _ in range(20):
            with lake.exclusive("day"), lake.exclusive("day"):
                inside.append(1)
                assert len(inside) == 1
                inside.pop()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(writer, lakes))


def test_who_gets_the_lock_removes_what_a_killed_writer_left(tmp_path):
    lake = open_lake(str(tmp_path))
    lake.put("day/part", b"1")
    left = tmp_path / "day" / ".writing-of-a-killed-writer"
    left.write_bytes(b"half")
    assert keys(lake) == ["day/part"]
    with lake.exclusive("day"):
        assert not left.exists()
    assert keys(lake) == ["day/part"]


def test_a_lock_is_taken_again_when_the_folder_was_replaced_meanwhile(tmp_path):
    lake = open_lake(str(tmp_path))
    waiting, entered = threading.Event(), threading.Event()

    def second():
        waiting.set()
        with lake.exclusive("day"):
            entered.set()
            lake.put("day/part", b"1")

    with lake.exclusive("day"):
        thread = threading.Thread(target=second)
        thread.start()
        waiting.wait()
        (tmp_path / "day").rename(tmp_path / "moved")
    thread.join(30)
    assert entered.is_set()
    assert keys(lake, "day") == ["day/part"]


def test_a_failed_write_leaves_nothing(tmp_path):
    lake = open_lake(str(tmp_path))
    lake.put("a/b", b"1")
    with pytest.raises(LakeUrlError, match="a/b/c is in the way"):
        lake.put("a/b/c", b"2")
    with pytest.raises(LakeError):
        lake.put("a", b"2")
    with pytest.raises(LakeUrlError, match="a/b is in the way"), lake.exclusive("a/b"):
        pass
    with pytest.raises(LakeUrlError, match="a/b is in the way"):
        lake.names("a/b")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_file_is_no_lake(tmp_path):
    (tmp_path / "lake").write_text("")
    lake = open_lake(str(tmp_path / "lake"))
    for use in (
        lambda: lake.list(""),
        lambda: lake.get("a"),
        lambda: lake.put("a", b""),
        lambda: lake.names(""),
    ):
        with pytest.raises(LakeUrlError):
            use()


def test_a_folder_without_rights_is_denied(tmp_path):
    with (
        read_only(tmp_path / "refused") as folder,
        pytest.raises(LakeDenied, match=r"Check the rights of the folder."),
    ):
        open_lake(str(folder)).put("a", b"")


def test_a_disk_that_does_not_answer_is_unreachable():
    lake = open_lake("/proc/1/nothing")
    with pytest.raises(LakeError):
        lake.put("a", b"")


def test_a_lake_that_was_removed_is_empty_again(tmp_path):
    lake = open_lake(str(tmp_path / "lake"))
    lake.put("a", b"1")
    (tmp_path / "lake" / "a").unlink()
    (tmp_path / "lake").rmdir()
    assert keys(lake) == []
    lake.put("b", b"1")
    assert keys(lake) == ["b"]


def test_a_relative_folder_follows_the_working_directory(tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        open_lake("data/lake").put("a", name.encode())
    assert [(tmp_path / name / "data/lake/a").read_text() for name in ("one", "two")] == ["one", "two"]


def test_a_folder_is_named_by_path_or_url(tmp_path):
    folder = tmp_path / "a lake"
    open_lake(str(folder)).put("a", b"1")
    for url in (f"file://{quote(str(folder))}", f"file://localhost{quote(str(folder))}"):
        assert keys(open_lake(url)) == ["a"]
