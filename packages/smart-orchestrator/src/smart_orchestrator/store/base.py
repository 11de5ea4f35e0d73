"""The interface of a lake: list, read, write and delete the objects below one URL.

Every failure raises one of four errors: the object does not exist (`ObjectMissing`), a conditional write met another version
(`ObjectConflict`), the lake refuses (`LakeDenied`), the lake does not answer (`LakeUnreachable`). A failure is never reported as
an empty lake. Messages hold the lake's URL and keys, never credentials.
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
# An object up to this size is read with one request, a larger one in ranges of this size.
CHUNK = 8 << 20
# The kind of a regular file that lies where a folder is expected.
PLAIN_FILE = "a file, not a folder"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object of a listing.

    Attributes:
        key: relative to the lake's root.
        size: in bytes.
        etag: identifies this version of the object.
        modified: UTC.
        irregular: empty for a regular file; else its kind, such as `a FIFO`. Such an object cannot be read.
    """

    key: str
    size: int
    etag: str | None
    modified: dt.datetime
    irregular: str = ""


@dataclass(slots=True)
class Requests:
    """Number of requests to a lake by kind; a listing counts once per page of 1,000 keys."""

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
        """Listings and reads, and the other counts that are not zero."""
        counts = {"list": self.list, "get": self.get, "put": self.put, "delete": self.delete}
        return {kind: count for kind, count in counts.items() if count or kind in ("list", "get")}


class Lake:
    """The objects below one URL. Safe to use from several threads.

    Attributes:
        url: the lake's URL without credentials, for messages.
        requests: the requests that were sent through this object.
        listing_is_local: a listing sends no request (a folder, or memory).
        concurrency: recommended number of reading threads; on a local disk more of them are not faster.
    """

    listing_is_local = True
    concurrency = 4

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests = Requests()

    def counted(self) -> Lake:
        """A copy of this lake whose request counts start at zero."""
        copy = self.__class__.__new__(self.__class__)
        copy.__dict__.update(self.__dict__)
        copy.requests = Requests()
        return copy

    def list(self, prefix: str) -> list[ObjectInfo]:
        """Every object below the folder `prefix`, sorted by key.

        Raises:
            LakeError: the lake cannot be listed.
        """
        return sorted(self._iterate(prefix, None), key=lambda info: info.key)

    def list_between(self, folder: str, first: str, last: str) -> Iterator[ObjectInfo]:
        """Objects below the folders from `first` to `last`, which lie in `folder` at the same depth.

        The listing starts at `first` and stops after `last`, so other objects of the lake cost no request.
        """
        low, high = first.split("/"), last.split("/")
        # A listing starts after its offset, and SeaweedFS also skips everything below the offset. So the offset is a
        # name inside the folder `first` that sorts before every real name.
        for info in self._iterate(folder, first + "/ "):
            position = info.key.split("/")[: len(high)]
            if low <= position <= high:
                yield info
            elif info.key > last + "/" and not self.listing_is_local:
                # S3 sorts by the complete key, SeaweedFS level by level. In both orders all remaining keys are after `last`.
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
        """The path of the object's file in a local folder; None in any other lake."""
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
        """Lock the folder `key` against other writers on this machine; a store with conditional writes needs no lock."""
        del key
        yield

    def _iterate(self, prefix: str, offset: str | None) -> Iterator[ObjectInfo]:
        raise NotImplementedError

    def _put(self, key: str, data: bytes, mode: PutMode | None) -> None:
        raise NotImplementedError
