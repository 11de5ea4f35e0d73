"""Files of a local lake: list, read and write them so that a crash leaves no half-written file.

Only regular files are data. A FIFO, a device, a socket, and a symbolic link that leaves the lake (unless `outside_links` is set) are
listed as irregular and never opened, because reading a FIFO can block for ever. The functions raise `OSError`, which
`FolderLake` translates.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import uuid
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from smart_orchestrator.store.base import PLAIN_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPORARY = ".writing-"
OUTSIDE = "a link that leaves the lake"
LOOP = "a link to a folder that contains it"
DANGLING = "a link to nothing"
NOT_UTF_8 = "a file whose name is not UTF-8"
_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class IrregularFileError(OSError):
    """The path is not a regular file; the text is its kind, such as `a FIFO`."""


class ListedFile(NamedTuple):
    """A file of a listing: its key, its status, and its kind if it is irregular (else empty)."""

    key: str
    status: os.stat_result
    irregular: str


def etag_of(status: os.stat_result) -> str:
    """A token that changes when the file is replaced or written to."""
    return f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"


def irregular_kind(status: os.stat_result) -> str:
    """The kind of a special file, such as `a FIFO`; empty for a regular file or a folder."""
    return next((kind for is_kind, kind in _KINDS if is_kind(status.st_mode)), "")


def is_below(root: str, path: str) -> bool:
    """Whether `path`, with all links resolved, is `root` or below it."""
    base, real = os.path.realpath(root), os.path.realpath(path)
    return real == base or real.startswith(base.rstrip("/") + "/")


def read_file(target: str) -> tuple[bytes, str]:
    """The bytes of a regular file and their ETag.

    Raises:
        IrregularFileError: it is not a regular file.
        OSError: it does not exist, or cannot be read.
    """
    with _open_regular(target) as file:
        return file.readall(), etag_of(os.fstat(file.fileno()))


def read_range(target: str, start: int, length: int) -> tuple[bytes, str]:
    """`length` bytes of a regular file from `start` on, and the ETag of the file.

    Raises:
        IrregularFileError: it is not a regular file.
        OSError: it does not exist, or cannot be read.
    """
    with _open_regular(target) as file:
        file.seek(start)
        return file.read(length), etag_of(os.fstat(file.fileno()))


def _open_regular(target: str) -> FileIO:
    # Opening a device can already change its state, so its kind is checked first.
    kind = irregular_kind(Path(target).stat())
    if kind:
        raise IrregularFileError(kind)
    # A FIFO may have replaced the file since; without O_NONBLOCK, opening it would wait for a writer.
    file = FileIO(os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    kind = irregular_kind(os.fstat(file.fileno()))
    if kind:
        file.close()
        raise IrregularFileError(kind)
    return file


def walk_files(root: str, key: str, *, outside_links: bool) -> Iterator[ListedFile]:
    """All files below the folder `key`, unsorted.

    Files that disappear meanwhile and temporary files are left out. When `key` itself is not a folder of the lake, it is
    listed as irregular.

    Raises:
        OSError: a folder cannot be read.
    """
    start = f"{root}/{key}" if key else root
    try:
        status = Path(start).stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    if key and not stat.S_ISDIR(status.st_mode):
        yield ListedFile(key, status, irregular_kind(status) or PLAIN_FILE)
    elif key and not outside_links and not is_below(root, start):
        yield ListedFile(key, status, OUTSIDE)
    else:
        yield from _walk(root, key, outside_links, frozenset())


def _walk(root: str, key: str, outside_links: bool, entered: frozenset[str]) -> Iterator[ListedFile]:
    """Files below `key`; `entered` holds the real paths of the folder links that were followed to reach it."""
    try:
        entries = os.scandir(f"{root}/{key}")
    except (FileNotFoundError, NotADirectoryError):
        return
    parent = f"{key}/" if key else ""
    with entries:
        for entry in entries:
            if entry.name.startswith(TEMPORARY):
                continue
            below = parent + entry.name
            try:
                status = entry.stat()
                problem = _link_problem(root, key, entry, outside_links, entered)
            except (FileNotFoundError, NotADirectoryError):
                try:
                    status, problem = entry.stat(follow_symlinks=False), DANGLING
                except FileNotFoundError:
                    continue
            except OSError as error:
                if error.errno != errno.ELOOP:
                    raise
                status, problem = entry.stat(follow_symlinks=False), LOOP
            if problem or not stat.S_ISDIR(status.st_mode):
                yield ListedFile(below, status, problem or irregular_kind(status) or _name_problem(below))
            else:
                linked = {os.path.realpath(entry.path)} if entry.is_symlink() else set()
                yield from _walk(root, below, outside_links, entered | linked)


def _name_problem(key: str) -> str:
    """Why a key cannot be written into a document, or empty."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return NOT_UTF_8
    return ""


def _link_problem(
    root: str, key: str, entry: os.DirEntry[str], outside_links: bool, entered: frozenset[str]
) -> str:
    """Why a symbolic link must not be followed, or empty."""
    if not entry.is_symlink():
        return ""
    if not outside_links and not is_below(root, entry.path):
        return OUTSIDE
    target = os.path.realpath(entry.path)
    if entry.is_dir() and (target in entered or is_below(target, f"{root}/{key}")):
        return LOOP
    return ""


def write_file(target: Path, data: bytes, *, only_if_absent: bool = False) -> None:
    """Write a file atomically and sync it.

    Raises:
        FileExistsError: the file exists, and `only_if_absent` is set.
        OSError: the disk refuses.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), error.filename) from None
    temporary = target.parent / f"{TEMPORARY}{uuid.uuid4().hex}"
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if only_if_absent:
            os.link(temporary, target)
            temporary.unlink()
        else:
            temporary.rename(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock_folder(folder: Path) -> int:
    """A descriptor of `folder` with an exclusive lock, which dies with the process.

    The folder itself is locked, because a lock file would be listed with the data. When another tool replaces the folder
    while this process waits, the lock is on a deleted folder, so the new folder is locked instead.
    """
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except (FileExistsError, FileNotFoundError):
            if os.path.lexists(folder) and not folder.is_dir():
                raise
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_ino == _inode(folder):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def remove_temporaries(folder: Path) -> None:
    """Remove the temporary files of killed writers. Call it with the folder locked: then nobody else writes here."""
    for leftover in [path for path in folder.iterdir() if path.name.startswith(TEMPORARY)]:
        leftover.unlink(missing_ok=True)
