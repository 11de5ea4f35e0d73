"""Files of a local folder, read as objects are, written and locked so that a crash leaves nothing half there.

A file is written under a temporary name, synced and renamed, then its folder is synced. What goes wrong is an `OSError`.
"""

from __future__ import annotations

import errno
import fcntl
import os
import uuid
from io import FileIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEMPORARY = ".writing-"


def etag_of(status: os.stat_result) -> str:
    """What changes when a file is replaced or written to."""
    return f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"


def read_file(target: str) -> tuple[bytes, str]:
    """The bytes of a file and their ETag.

    Raises:
        OSError: it is not there, or cannot be read.
    """
    with FileIO(target) as file:
        status = os.fstat(file.fileno())
        return file.readall(), etag_of(status)


def files_below(root: str, key: str) -> Iterator[tuple[str, os.stat_result]]:
    """Keys (from `root` on, with `/`) and states of all files below the folder `key`, in no order.

    What goes away meanwhile, half-written files and links to nothing are left out.

    Raises:
        OSError: a folder cannot be read.
    """
    try:
        entries = os.scandir(f"{root}/{key}")
    except (FileNotFoundError, NotADirectoryError):
        return
    above = f"{key}/" if key else ""
    with entries:
        for entry in entries:
            if entry.is_dir():
                yield from files_below(root, above + entry.name)
            elif not entry.name.startswith(TEMPORARY):
                try:
                    yield above + entry.name, entry.stat()
                except FileNotFoundError:
                    continue


def write_file(target: Path, data: bytes, *, only_if_absent: bool = False) -> None:
    """Write a file as one act.

    Raises:
        FileExistsError: it is there, and `only_if_absent` is asked for.
        OSError: the disk does not let it.
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


def locked_folder(folder: Path) -> int:
    """A descriptor of `folder` with an exclusive lock, which dies with the process.

    The folder itself is locked, so that no lock file lies between the data. Another tool may replace the folder while
    we wait: then the lock is on one that is gone, and is taken again.
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
    """Remove what a killed writer left; whoever holds the lock is the only one who writes here."""
    for left in [path for path in folder.iterdir() if path.name.startswith(TEMPORARY)]:
        left.unlink(missing_ok=True)
