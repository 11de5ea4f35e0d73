"""The target of `export --output` and `report --html` is replaced atomically, or opened for writing."""

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from wiki_trends.errors import ExportFailed, SettingError
from wiki_trends.queries.output_file import is_written_into, output_stream


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def write(target, data=b"new", force=True):
    with output_stream(target, force=force) as file:
        file.write(data)


@pytest.mark.parametrize("mode", [0o664, 0o600, 0o640])
def test_the_mode_of_a_replaced_file_stays(tmp_path, mode):
    target = tmp_path / "report.html"
    target.write_bytes(b"old")
    target.chmod(mode)
    write(target)
    assert (target.read_bytes(), stat.S_IMODE(target.stat().st_mode)) == (b"new", mode)
    assert names_in(tmp_path) == ["report.html"]


def test_a_new_file_has_the_mode_that_the_umask_gives(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    for force in (True, False):
        target = tmp_path / f"new-{force}"
        write(target, force=force)
        assert target.stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.skipif(os.geteuid() != 0, reason="root")
def test_the_owner_of_a_replaced_file_stays(tmp_path):
    target = tmp_path / "report.html"
    target.write_bytes(b"old")
    os.chown(target, 65534, 65533)
    target.chmod(0o640)
    write(target)
    status = target.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (65534, 65533, 0o640)


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path, exists):
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "report.html"
    if exists:
        real.write_bytes(b"old")
    first, second = tmp_path / "first", tmp_path / "second"
    first.symlink_to("real/report.html")
    second.symlink_to("first")
    write(second, force=exists)
    assert second.is_symlink()
    assert first.is_symlink()
    assert real.read_bytes() == b"new"


def test_a_fifo_is_written_into(tmp_path):
    target = tmp_path / "fifo"
    os.mkfifo(target)
    received = []
    reader = threading.Thread(target=lambda: received.append(target.read_bytes()))
    reader.start()
    write(target, force=False)
    reader.join(30)
    assert received == [b"new"]
    assert stat.S_ISFIFO(target.stat().st_mode)
    assert names_in(tmp_path) == ["fifo"]


def test_a_device_stays_a_device():
    before = Path("/dev/null").stat()
    write(Path("/dev/null"), force=False)
    after = Path("/dev/null").stat()
    assert (after.st_ino, after.st_rdev, after.st_mode) == (before.st_ino, before.st_rdev, before.st_mode)


def test_a_device_that_is_full_is_an_error():
    with pytest.raises(ExportFailed, match="/dev/full cannot be written: No space left on device"):
        write(Path("/dev/full"))


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_standard_output_is_written_into_after_what_is_there(tmp_path, name, kind):
    if name == "link":
        name = str(tmp_path / "link")
        Path(name).symlink_to("/dev/stdout")
    program = (
        "import sys; from pathlib import Path; from wiki_trends.queries.output_file import output_stream\n"
        "print('before', flush=True)\n"
        f"with output_stream(Path({name!r}), force=False) as file: file.write(b'new\\n')\n"
        "print('after', flush=True)"
    )
    if kind == "pipe":
        out = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    else:
        with (tmp_path / "out").open("wb") as file:
            subprocess.run([sys.executable, "-c", program], stdout=file, check=True)
        out = (tmp_path / "out").read_bytes()
    assert out == b"before\nnew\nafter\n"


@pytest.mark.parametrize("force", [True, False])
def test_a_failure_leaves_what_was_there(tmp_path, force, monkeypatch):
    target = tmp_path / "report.html"
    if force:
        target.write_bytes(b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("wiki_trends.queries.output_file.os.fsync", full)
    with pytest.raises(ExportFailed, match="No space left"):
        write(target, force=force)
    assert names_in(tmp_path) == (["report.html"] if force else [])
    assert not force or target.read_bytes() == b"old"


def test_an_existing_file_and_what_a_link_points_to_stay_without_force(tmp_path):
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / "link").symlink_to("mine")
    for name in ("mine", "link"):
        with pytest.raises(SettingError, match="is there already"):
            write(tmp_path / name, force=False)
    assert (tmp_path / "mine").read_bytes() == b"mine"


def test_a_folder_is_refused_and_a_loop_of_links_is_an_error(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(SettingError, match="is a folder"):
        write(tmp_path)
    with pytest.raises(ExportFailed, match="symbolic links"):
        write(tmp_path / "a")


def test_only_what_is_neither_file_nor_folder_is_written_into(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert not is_written_into(tmp_path)
    assert not is_written_into(tmp_path / "file")
    assert not is_written_into(tmp_path / "none")
    assert is_written_into(Path("/dev/null"))


@pytest.mark.parametrize("size", [2, 200_000])
def test_every_hard_link_has_the_new_content(tmp_path, size):
    target, other = tmp_path / "report.html", tmp_path / "other.html"
    target.write_bytes(b"old" * 1000)
    other.hardlink_to(target)
    write(target, b"n" * size)
    assert other.read_bytes() == target.read_bytes() == b"n" * size
    assert target.samefile(other)
    assert sorted(names_in(tmp_path)) == ["other.html", "report.html"]


def test_a_failure_leaves_every_hard_link_as_it_was(tmp_path):
    target, other = tmp_path / "report.html", tmp_path / "other.html"
    target.write_bytes(b"old")
    other.hardlink_to(target)

    def write_half():
        with output_stream(target, force=True) as file:
            file.write(b"new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert other.read_bytes() == target.read_bytes() == b"old"
    assert target.samefile(other)
