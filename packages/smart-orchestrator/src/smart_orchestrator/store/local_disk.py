"""A lake in a local folder, with atomic and durable writes.

A file is written under a temporary name, synced and renamed, then its folder is synced. obstore is not used here: its local
store neither syncs nor offers a conditional update, and takes three times as long to read a small file. The functions raise
`OSError`; `FolderLake` translates it.
"""

from __future__ import annotations

import datetime as dt
import errno
import fcntl
import os
import threading
import uuid
from contextlib import contextmanager
from io import FileIO
from typing import TYPE_CHECKING

from smart_orchestrator.errors import LakeUrlError, ObjectConflict, ObjectMissing
from smart_orchestrator.store.base import PAGE_SIZE, Lake, ObjectInfo
from smart_orchestrator.store.failures import os_failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from obstore import PutMode

TEMPORARY = ".writing-"


def etag_of(status: os.stat_result) -> str:
    """A token that changes when the file is replaced or written to."""
    return f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"


def read_file(target: str) -> tuple[bytes, str]:
    """The bytes of a file and their ETag.

    Raises:
        OSError: it is not there, or cannot be read.
    """
    with FileIO(target) as file:
        status = os.fstat(file.fileno())
        return file.readall(), etag_of(status)


def walk_files(root: str, key: str) -> Iterator[tuple[str, os.stat_result]]:
    """Keys (relative to `root`, with `/`) and status of all files below the folder `key`, in no order.

    Files that disappear meanwhile, temporary files and dangling links are left out.

    Raises:
        OSError: a folder cannot be read.
    """
    try:
        entries = os.scandir(f"{root}/{key}")
    except (FileNotFoundError, NotADirectoryError):
        return
    parent = f"{key}/" if key else ""
    with entries:
        for entry in entries:
            if entry.is_dir():
                yield from walk_files(root, parent + entry.name)
            elif not entry.name.startswith(TEMPORARY):
                try:
                    yield parent + entry.name, entry.stat()
                except FileNotFoundError:
                    continue


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

    The folder itself is locked: a lock file would lie between the data. Another tool may replace the folder while this
    process waits; the lock is then on a deleted folder, and is taken again.
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
    """Remove the temporary files of killed writers; only the holder of the lock writes here."""
    for leftover in [path for path in folder.iterdir() if path.name.startswith(TEMPORARY)]:
        leftover.unlink(missing_ok=True)


class FolderLake(Lake):
    """A lake in a local folder, which is created with the first object."""

    def __init__(self, url: str, root: Path) -> None:
        super().__init__(url)
        self.root = root
        self._locks = threading.local()

    def _iterate(self, prefix: str, offset: str | None) -> Iterator[ObjectInfo]:
        self._check()
        count = 0
        try:
            for key, status in walk_files(str(self.root), prefix):
                count += 1
                if offset is None or key > offset:
                    modified = dt.datetime.fromtimestamp(status.st_mtime, dt.UTC)
                    yield ObjectInfo(key, status.st_size, etag_of(status), modified)
        except OSError as error:
            raise os_failure(self.url, prefix, error) from error
        finally:
            self.requests.add("list", max(1, -(-count // PAGE_SIZE)))

    def names(self, folder: str, limit: int | None = None) -> Sequence[str]:
        """See `Lake.names`; reads the folder once."""
        names = []
        try:
            with os.scandir(self.root / folder) as entries:
                for entry in entries:
                    names.append(entry.name + ("/" if entry.is_dir() else ""))
                    if limit is not None and len(names) >= limit:
                        break
        except FileNotFoundError:
            return []
        except OSError as error:
            raise os_failure(self.url, folder, error) from error
        self.requests.add("list")
        return sorted(names)

    def get(self, key: str) -> tuple[bytes, str | None]:
        """See `Lake`."""
        self.requests.add("get")
        try:
            return read_file(f"{self.root}/{key}")
        except (FileNotFoundError, IsADirectoryError):
            self._check()
            raise ObjectMissing(self.url, key) from None
        except OSError as error:
            raise os_failure(self.url, key, error) from error

    def delete(self, keys: Sequence[str]) -> None:
        """See `Lake`."""
        self.requests.add("delete", len(keys))
        for key in keys:
            try:
                (self.root / key).unlink(missing_ok=True)
            except OSError as error:
                raise os_failure(self.url, key, error) from error

    def _check(self) -> None:
        """Refuse a file in the place of the folder; a missing folder is an empty lake."""
        if self.root.exists() and not self.root.is_dir():
            raise LakeUrlError(self.url, "is a file, not a folder")

    def _put(self, key: str, data: bytes, mode: PutMode | None) -> None:
        self.requests.add("put")
        target = self.root / key
        try:
            if isinstance(mode, dict):
                with self.exclusive(key.rpartition("/")[0]):
                    if self._etag(key) != mode["e_tag"]:
                        raise ObjectConflict(self.url, key)
                    write_file(target, data)
            else:
                write_file(target, data, only_if_absent=mode == "create")
        except FileExistsError:
            raise ObjectConflict(self.url, key) from None
        except OSError as error:
            raise os_failure(self.url, key, error) from error

    def _etag(self, key: str) -> str | None:
        try:
            return etag_of((self.root / key).stat())
        except FileNotFoundError:
            return None

    @contextmanager
    def exclusive(self, key: str) -> Iterator[None]:
        """Lock the folder `key` until the process ends at the latest; reentrant within a thread."""
        locked: set[str] = self._locks.__dict__.setdefault("keys", set())
        if key in locked:
            yield
            return
        try:
            descriptor = lock_folder(self.root / key)
        except OSError as error:
            raise os_failure(self.url, key, error) from error
        locked.add(key)
        try:
            remove_temporaries(self.root / key)
            yield
        finally:
            locked.discard(key)
            os.close(descriptor)
