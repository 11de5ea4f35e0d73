"""A lake in a local folder, with atomic and durable writes.

This module does not use the local store of obstore. That store neither syncs files nor supports conditional updates, and it needs
three times as long for reading small files.
"""

from __future__ import annotations

import datetime as dt
import os
import stat
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from smart_orchestrator.errors import LakeUrlError, ObjectConflict, ObjectMissing, ObjectUnusable
from smart_orchestrator.store.base import PAGE_SIZE, Lake, ObjectInfo
from smart_orchestrator.store.failures import lake_error_from_os_error
from smart_orchestrator.store.local_files import (
    DANGLING_LINK,
    OUTSIDE,
    IrregularFileError,
    etag_of,
    is_below,
    is_folder,
    iterate_files,
    lock_folder,
    read_file,
    read_range,
    remove_temporaries,
    write_file,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from obstore import PutMode


class FolderLake(Lake):
    """A lake in a local folder. The first write creates the folder.

    Args:
        url: the URL of the lake in messages.
        root: the folder.
        outside_links: whether to follow symbolic links that lead out of the folder.
    """

    def __init__(self, url: str, root: Path, *, outside_links: bool = False) -> None:
        super().__init__(url)
        self.root = root
        self.outside_links = outside_links
        self._locks = threading.local()

    def _iterate(self, prefix: str, offset: str | None) -> Iterator[ObjectInfo]:
        self._require_folder()
        self._path(prefix)  # Rejects a prefix that leads out of the lake.
        count = 0
        try:
            for key, status, irregular in iterate_files(
                str(self.root), prefix, outside_links=self.outside_links
            ):
                count += 1
                if offset is None or key > offset:
                    modified = dt.datetime.fromtimestamp(status.st_mtime, dt.UTC)
                    yield ObjectInfo(key, status.st_size, etag_of(status), modified, irregular)
        except OSError as error:
            raise lake_error_from_os_error(self.url, prefix, error) from error
        finally:
            # One request for each started page, as in an object store.
            self.requests.add("list", max(1, -(-count // PAGE_SIZE)))

    def names(self, folder: str, limit: int | None = None) -> Sequence[str]:
        """See `Lake`."""
        names = []
        try:
            with os.scandir(self._path(folder)) as entries:
                for entry in entries:
                    # A name that is not UTF-8 cannot be printed.
                    name = os.fsencode(entry.name).decode(errors="replace")
                    names.append(name + ("/" if is_folder(entry) else ""))
                    if limit is not None and len(names) >= limit:
                        break
        except FileNotFoundError:
            return []
        except OSError as error:
            raise lake_error_from_os_error(self.url, folder, error) from error
        self.requests.add("list")
        return sorted(names)

    def get(self, key: str) -> tuple[bytes, str | None]:
        """See `Lake`."""
        return self._read(key, read_file)

    def get_range(
        self, key: str, start: int, length: int, etag: str | None = None
    ) -> tuple[bytes, str | None]:
        """See `Lake`."""
        data, version = self._read(key, lambda path: read_range(path, start, length))
        if etag not in (None, version):
            raise ObjectConflict(self.url, key)
        return data, version

    def _read(self, key: str, read: Callable[[str], tuple[bytes, str]]) -> tuple[bytes, str]:
        self.requests.add("get")
        path = str(self._path(key))
        try:
            if not self.outside_links and not is_below(str(self.root), path):
                raise ObjectUnusable(self.url, key, OUTSIDE)
            return read(path)
        except (FileNotFoundError, IsADirectoryError):
            self._require_folder()
            raise ObjectMissing(self.url, key) from None
        except IrregularFileError as error:
            raise ObjectUnusable(self.url, key, str(error)) from None
        except OSError as error:
            raise lake_error_from_os_error(self.url, key, error) from error

    def local_path(self, key: str) -> str | None:
        """See `Lake`."""
        return f"{self.root}/{key}"

    def has_object(self, key: str) -> bool:
        """See `Lake`."""
        return (self.root / key).is_file()

    def delete(self, keys: Sequence[str]) -> None:
        """See `Lake`."""
        self.requests.add("delete", len(keys))
        for key in keys:
            try:
                self._writable_path(key).unlink(missing_ok=True)
            except OSError as error:
                raise lake_error_from_os_error(self.url, key, error) from error

    def _path(self, key: str) -> Path:
        """Return the path of a key; reject a key that leads out of the lake."""
        if "\0" in key or ".." in key.split("/") or key.startswith("/"):
            raise ObjectUnusable(self.url, repr(key), "not a key")
        return self.root / key

    def _writable_path(self, key: str) -> Path:
        """Return the path of a key that will be written; reject a path that leads out of the lake through a link."""
        path = self._path(key)
        if not self.outside_links and not is_below(str(self.root), str(path.parent)):
            raise ObjectUnusable(self.url, key, f"below {OUTSIDE}")
        return path

    def _require_folder(self) -> None:
        """Reject a lake whose path is a file, or a link to nothing, for example to an unmounted disk. A missing folder is an empty lake.

        Raises:
            LakeUrlError: the path is a file or a link to nothing.
        """
        try:
            # Only one system call looks at the path, because another process may create the folder between two calls.
            mode = self.root.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            if self.root.is_symlink():
                raise LakeUrlError(self.url, f"is {DANGLING_LINK}") from None
            return
        except OSError as error:
            raise lake_error_from_os_error(self.url, "", error) from error
        if not stat.S_ISDIR(mode):
            raise LakeUrlError(self.url, "is a file, not a folder")

    def _put(self, key: str, data: bytes, mode: PutMode | None) -> None:
        self.requests.add("put")
        path = self._writable_path(key)
        try:
            if isinstance(mode, dict):
                with self.exclusive(key.rpartition("/")[0]):
                    if self._current_etag(key) != mode["e_tag"]:
                        raise ObjectConflict(self.url, key)
                    write_file(path, data)
            else:
                write_file(path, data, only_if_absent=mode == "create")
        except FileExistsError:
            raise ObjectConflict(self.url, key) from None
        except OSError as error:
            raise lake_error_from_os_error(self.url, key, error) from error

    def _current_etag(self, key: str) -> str | None:
        try:
            return etag_of((self.root / key).stat())
        except FileNotFoundError:
            return None

    @contextmanager
    def exclusive(self, key: str) -> Iterator[None]:
        """Lock the folder `key`. The lock is reentrant within a thread, and is released when the process ends."""
        # The folders that this thread has locked.
        locked: set[str] = self._locks.__dict__.setdefault("keys", set())
        if key in locked:
            yield
            return
        # `_` stands for any file in the folder.
        folder = self._writable_path(f"{key}/_" if key else "_").parent
        try:
            descriptor = lock_folder(folder)
        except OSError as error:
            raise lake_error_from_os_error(self.url, key, error) from error
        locked.add(key)
        try:
            remove_temporaries(folder)
            yield
        finally:
            locked.discard(key)
            os.close(descriptor)
