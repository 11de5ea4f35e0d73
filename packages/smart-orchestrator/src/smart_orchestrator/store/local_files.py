"""List, read and write the files of a local lake. Writes are atomic, so a crash leaves no half-written file.

Only regular files are read. FIFOs, devices and sockets are listed as irregular and never opened, because opening a
FIFO can block forever. Links that leave the lake are also irregular, unless `outside_links` is set. `FolderLake` translates the `OSError`
of these functions into errors of this package.
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
LINK_LOOP = "a link to a folder that contains the link"
DANGLING_LINK = "a link to nothing"
NON_UTF_8_NAME = "a file whose name is not UTF-8"
_KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class IrregularFileError(OSError):
    """The path is not a regular file. The message is the kind of the file, such as `a FIFO`."""


class ListedFile(NamedTuple):
    """A file of a listing.

    Attributes:
        key: the key of the file, relative to the lake's root.
        status: the result of `stat` for the file, or for a link that must not be followed.
        irregular: the kind of an irregular file, such as `a FIFO`; empty for a regular file.
    """

    key: str
    status: os.stat_result
    irregular: str


def etag_of(status: os.stat_result) -> str:
    """Return an ETag of the file. The ETag changes when the file is replaced or modified."""
    return f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"


def irregular_kind(status: os.stat_result) -> str:
    """Return the kind of an irregular file, such as `a FIFO`; empty for a regular file or a folder."""
    return next((kind for is_kind, kind in _KINDS if is_kind(status.st_mode)), "")


def is_below(root: str, path: str) -> bool:
    """Return whether `path` is `root` or below `root`, with all links resolved."""
    if path.startswith(f"{root}/") and not _has_link(root, path):
        return True
    real_root, real_path = os.path.realpath(root), os.path.realpath(path)
    return real_path == real_root or real_path.startswith(real_root.rstrip("/") + "/")


def _has_link(root: str, path: str) -> bool:
    """Return whether the part of `path` below `root` contains a link, `..`, or a name that does not exist."""
    # This is cheaper than `realpath`, which looks at every folder from the root of the disk on, for both paths.
    parent = root
    for name in path[len(root) + 1 :].split("/"):
        parent = f"{parent}/{name}"
        try:
            if name == ".." or stat.S_ISLNK(os.lstat(parent).st_mode):
                return True
        except OSError:
            return True
    return False


def read_file(target: str) -> tuple[bytes, str]:
    """Return the bytes and the ETag of a regular file.

    Raises:
        IrregularFileError: the path is not a regular file.
        OSError: the file does not exist, or cannot be read.
    """
    with _open_regular(target) as file:
        return file.readall(), etag_of(os.fstat(file.fileno()))


def read_range(target: str, start: int, length: int) -> tuple[bytes, str]:
    """Return `length` bytes of a regular file from `start` on, and the ETag of the file.

    Raises:
        IrregularFileError: the path is not a regular file.
        OSError: the file does not exist, or cannot be read.
    """
    with _open_regular(target) as file:
        file.seek(start)
        return file.read(length), etag_of(os.fstat(file.fileno()))


def _open_regular(target: str) -> FileIO:
    # Opening a device can change the state of the device, so the kind is checked before the path is opened.
    kind = irregular_kind(Path(target).stat())
    if kind:
        raise IrregularFileError(kind)
    # A FIFO may have replaced the file after the check. Without O_NONBLOCK, opening a FIFO would wait for a writer.
    file = FileIO(os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    kind = irregular_kind(os.fstat(file.fileno()))
    if kind:
        file.close()
        raise IrregularFileError(kind)
    return file


def iterate_files(root: str, key: str, *, outside_links: bool) -> Iterator[ListedFile]:
    """Yield all files below the folder `key`, in no particular order.

    Temporary files are skipped, and so are files that are deleted during the walk. If `key` is a file, or a link to a folder
    outside of the lake, `key` itself is yielded as irregular.

    Raises:
        OSError: a folder cannot be read.
    """
    start = f"{root}/{key}" if key else root
    try:
        status = Path(start).stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        yield ListedFile(key, Path(start).lstat(), LINK_LOOP)
        return
    if key and not stat.S_ISDIR(status.st_mode):
        yield ListedFile(key, status, irregular_kind(status) or PLAIN_FILE)
    elif key and not outside_links and not is_below(root, start):
        yield ListedFile(key, status, OUTSIDE)
    else:
        yield from _walk(root, key, outside_links, frozenset())


def _walk(root: str, key: str, outside_links: bool, entered: frozenset[str]) -> Iterator[ListedFile]:
    """Yield the files below `key`. `entered` contains the targets of the folder links on the way to `key`."""
    try:
        entries = os.scandir(f"{root}/{key}")
    except (FileNotFoundError, NotADirectoryError):
        return
    parent = f"{key}/" if key else ""
    with entries:
        for entry in entries:
            if entry.name.startswith(TEMPORARY):
                continue
            child_key = parent + entry.name
            try:
                status = entry.stat()
                problem = _link_problem(root, key, entry, outside_links, entered)
            except (FileNotFoundError, NotADirectoryError):
                # The entry is a link to nothing, or was deleted during the walk.
                try:
                    status, problem = entry.stat(follow_symlinks=False), DANGLING_LINK
                except FileNotFoundError:
                    continue
            except OSError as error:
                if error.errno != errno.ELOOP:
                    raise
                status, problem = entry.stat(follow_symlinks=False), LINK_LOOP
            if problem or not stat.S_ISDIR(status.st_mode):
                yield ListedFile(
                    child_key, status, problem or irregular_kind(status) or _name_problem(child_key)
                )
            else:
                link_target = {os.path.realpath(entry.path)} if entry.is_symlink() else set()
                yield from _walk(root, child_key, outside_links, entered | link_target)


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder, or a link to a folder that does not contain the link."""
    if entry.is_symlink() and is_below(os.path.realpath(entry.path), str(Path(entry.path).parent)):
        return False
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return False


def _name_problem(key: str) -> str:
    """Return why a key cannot be written as UTF-8; empty when the key can be written."""
    try:
        key.encode()
    except UnicodeEncodeError:
        return NON_UTF_8_NAME
    return ""


def _link_problem(
    root: str, key: str, entry: os.DirEntry[str], outside_links: bool, entered: frozenset[str]
) -> str:
    """Return why a symbolic link must not be followed; empty when the entry may be followed."""
    if not entry.is_symlink():
        return ""
    if not outside_links and not is_below(root, entry.path):
        return OUTSIDE
    target = os.path.realpath(entry.path)
    if entry.is_dir() and (target in entered or is_below(target, f"{root}/{key}")):
        return LINK_LOOP
    return ""


def write_file(target: Path, data: bytes, *, only_if_absent: bool = False) -> None:
    """Write a file atomically, and sync the file and the folder.

    Raises:
        FileExistsError: the file exists, and `only_if_absent` is set.
        OSError: the file cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        # A parent is a file. This function raises `FileExistsError` only if the target exists.
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
    """Lock `folder` exclusively and return its descriptor; closing the descriptor releases the lock.

    The lock is on the folder itself, because a lock file would be listed with the data. If another program replaces the folder while
    this function waits for the lock, the function locks the new folder instead.
    """
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except (FileExistsError, FileNotFoundError):
            # Another program may remove or replace the folder between the two calls; then try again.
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
    """Return the inode of a path; None when the path does not exist."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def remove_temporaries(folder: Path) -> None:
    """Remove the temporary files of killed writers. The caller must hold the lock of the folder."""
    for leftover in [path for path in folder.iterdir() if path.name.startswith(TEMPORARY)]:
        leftover.unlink(missing_ok=True)
