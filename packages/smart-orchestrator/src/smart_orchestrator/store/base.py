"""What every object store does: list, read, write and delete objects below one URL.

Every failure is one of four errors: the object does not exist (`ObjectMissing`), a conditional write met another version
(`ObjectConflict`), the lake refuses (`LakeDenied`), the lake does not answer (`LakeUnreachable`). No failure ever looks like an
empty lake. Messages hold the lake's URL and keys, never credentials.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from obstore import PutMode

PAGE_SIZE = 1000
# Objects up to this size are read by one request, larger ones by ranges of it.
CHUNK = 8 << 20
# A regular file where a folder is expected.
PLAIN_FILE = "a file, not a folder"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object of a listing.

    Attributes:
        key: from the lake's root.
        size: in bytes.
        etag: the store's token of this version.
        modified: UTC.
        irregular: what it is if it is not a regular file, such as `a FIFO`; such an object cannot be read.
    """

    key: str
    size: int
    etag: str | None
    modified: dt.datetime
    irregular: str = ""


@dataclass(slots=True)
class Requests:
    """Counts the requests to a lake; a listing counts once per page of 1,000 keys."""

    list: int = 0
    get: int = 0
    put: int = 0
    delete: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, kind: str, number: int = 1) -> None:
        """Count `number` requests of `kind`; safe from several threads."""
        with self._lock:
            setattr(self, kind, getattr(self, kind) + number)

    def to_json(self) -> dict[str, int]:
        """The counts that are not zero; listings and reads always."""
        counts = {"list": self.list, "get": self.get, "put": self.put, "delete": self.delete}
        return {kind: count for kind, count in counts.items() if count or kind in ("list", "get")}


class Lake:
    """Objects below one URL. Safe to use from several threads.

    Attributes:
        url: the lake's URL without credentials, for messages.
        requests: the requests of this handle so far.
        listing_is_local: listings cost no request (a folder, or memory).
        concurrency: how many threads should read from it; more than a few only wait for each other on a local disk.
    """

    listing_is_local = True
    concurrency = 4

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests = Requests()

    def counted(self) -> Lake:
        """The same lake with its own counters, at zero."""
        twin = self.__class__.__new__(self.__class__)
        twin.__dict__.update(self.__dict__)
        twin.requests = Requests()
        return twin

    def list(self, prefix: str) -> list[ObjectInfo]:
        """Every object below the folder `prefix`, sorted by key.

        Raises:
            LakeError: the lake cannot be listed.
        """
        return sorted(self._iterate(prefix, None), key=lambda info: info.key)

    def list_between(self, folder: str, first: str, last: str) -> Iterator[ObjectInfo]:
        """Objects below the keys from `first` to `last`, which lie in `folder` at the same depth.

        Reads pages of 1,000 keys from `first` on and stops after `last`, whatever else the lake holds.
        """
        low, high = first.split("/"), last.split("/")
        # A listing starts after its offset, and SeaweedFS also skips everything below the offset. The offset is
        # therefore below the first key, before any name.
        for info in self._iterate(folder, first + "/ "):
            position = info.key.split("/")[: len(high)]
            if low <= position <= high:
                yield info
            elif info.key > last + "/" and not self.listing_is_local:
                # S3 sorts by the complete key, SeaweedFS level by level. In both orders all other keys are later.
                return

    def names(self, folder: str, limit: int | None = None) -> Sequence[str]:
        """Names of the objects and folders directly in `folder`, folders with a trailing slash; at most `limit` if set."""
        raise NotImplementedError

    def get(self, key: str) -> tuple[bytes, str | None]:
        """An object's bytes and its ETag.

        Raises:
            ObjectMissing: there is no such object.
            ObjectUnusable: it is not a regular file.
            LakeError: the lake cannot be read.
        """
        raise NotImplementedError

    def get_range(
        self, key: str, start: int, length: int, etag: str | None = None
    ) -> tuple[bytes, str | None]:
        """`length` bytes of an object from `start` on, and its ETag.

        Raises:
            ObjectMissing: there is no such object.
            ObjectConflict: `etag` is given, and the object has another version.
            LakeError: the lake cannot be read.
        """
        raise NotImplementedError

    def chunks(self, key: str, size: int) -> Iterator[bytes]:
        """The bytes of an object of `size` bytes, a bounded number of them at a time and all of one version.

        Raises:
            ObjectMissing: there is no such object.
            ObjectConflict: it was replaced while it was read.
            LakeError: the lake cannot be read.
        """
        if size <= CHUNK:
            yield self.get(key)[0]
            return
        etag = None
        for start in range(0, size, CHUNK):
            data, etag = self.get_range(key, start, min(CHUNK, size - start), etag)
            yield data

    def local_path(self, key: str) -> str | None:
        """The path of the object's file, where it is one."""
        del key
        return None

    def has_object(self, key: str) -> bool:
        """Whether an object has exactly this key: one request.

        Raises:
            LakeError: the lake does not answer or refuses.
        """
        raise NotImplementedError

    def put(self, key: str, data: bytes) -> None:
        """Write an object atomically."""
        self._put(key, data, None)

    def put_if(self, key: str, data: bytes, etag: str | None) -> None:
        """Write an object if it still has `etag`, or, with None, if it does not exist.

        Raises:
            ObjectConflict: it has another version, or exists.
        """
        self._put(key, data, "create" if etag is None else {"e_tag": etag})

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; a missing object is not an error."""
        raise NotImplementedError

    @contextmanager
    def exclusive(self, key: str) -> Iterator[None]:
        """Lock the folder `key` against other writers on this machine, where conditional writes cannot."""
        del key
        yield

    def _iterate(self, prefix: str, offset: str | None) -> Iterator[ObjectInfo]:
        raise NotImplementedError

    def _put(self, key: str, data: bytes, mode: PutMode | None) -> None:
        raise NotImplementedError
