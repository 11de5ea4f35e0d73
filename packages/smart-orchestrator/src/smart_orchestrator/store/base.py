"""The interface of a lake: list, read, write and delete the objects below one URL.

Errors report failures. `ObjectMissing`: the object does not exist. `ObjectUnusable`: the key does not lead to a regular file.
`ObjectConflict`: the object does not have the version that a conditional request names. `LakeDenied`: the lake refuses the request.
`LakeUnreachable`: the lake does not respond. A lake that cannot be listed always raises an error, so it never looks empty. Error messages
contain URLs and keys, but no credentials.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from obstore import PutMode

# The number of objects in one page of a listing.
PAGE_SIZE = 1000
# Objects up to this size are read with one request. Larger objects are read in ranges of this size.
CHUNK = 8 << 20
# The value of `ObjectInfo.irregular` for a file at a path that must be a folder.
PLAIN_FILE = "a file, not a folder"


class ObjectInfo(NamedTuple):
    """One object of a listing.

    Attributes:
        key: the key of the object, relative to the lake's root.
        size: the size of the object in bytes.
        etag: an identifier of this version of the object; None when the store gives none.
        modified: the time of the last modification, in UTC.
        irregular: the kind of a file that cannot be read as an object, such as `a FIFO`; empty for an ordinary object.
    """

    key: str
    size: int
    etag: str | None
    modified: dt.datetime
    irregular: str = ""


class Requests:
    """The number of requests to a lake, by kind. A listing needs one request for each page of 1,000 keys."""

    def __init__(self) -> None:
        self.list = self.get = self.put = self.delete = 0
        self._lock = threading.Lock()

    def add(self, kind: str, number: int = 1) -> None:
        """Add `number` requests of `kind`. Thread-safe."""
        with self._lock:
            setattr(self, kind, getattr(self, kind) + number)

    def to_json(self) -> dict[str, int]:
        """Return the counts of `list` and `get`, and those of `put` and `delete` when they are not zero."""
        counts = {"list": self.list, "get": self.get, "put": self.put, "delete": self.delete}
        return {kind: count for kind, count in counts.items() if count or kind in ("list", "get")}


class Lake:
    """The objects below one URL. Thread-safe.

    Attributes:
        url: the lake's URL without credentials, for messages.
        requests: the number of requests that were sent through this `Lake`.
        listing_is_local: whether a listing needs no network request, as in a folder or in memory.
        concurrency: the recommended number of threads that read from the lake at the same time.
    """

    listing_is_local = True
    concurrency = 4

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests = Requests()

    def counted(self) -> Lake:
        """Return a copy of this lake whose request counts start at zero."""
        copy = self.__class__.__new__(self.__class__)
        copy.__dict__.update(self.__dict__)
        copy.requests = Requests()
        return copy

    def list(self, prefix: str) -> list[ObjectInfo]:
        """Return all objects below the folder `prefix`, sorted by key.

        Raises:
            LakeError: the lake cannot be listed.
        """
        return sorted(self._iterate(prefix, None), key=lambda info: info.key)

    def list_between(self, folder: str, first: str, last: str) -> Iterator[ObjectInfo]:
        """Yield the objects in the folders from `first` to `last`, which are below `folder` and have the same depth.

        The listing starts at `first` and stops after `last`, so objects outside this range need no requests.
        """
        first_parts, last_parts = first.split("/"), last.split("/")
        # A listing starts with the first key after its offset. If the offset is the name of a folder, SeaweedFS also skips all keys in
        # this folder. So the offset is a name inside the folder `first` that sorts before every real name.
        for info in self._iterate(folder, first + "/ "):
            folder_parts = info.key.split("/")[: len(last_parts)]
            if first_parts <= folder_parts <= last_parts:
                yield info
            elif info.key > last + "/" and not self.listing_is_local:
                # S3 sorts by the complete key, SeaweedFS level by level. In both orders all remaining keys come after `last`.
                return

    def names(self, folder: str, limit: int | None = None) -> Sequence[str]:
        """Return at most `limit` names of the objects and folders directly in `folder`; folders have a trailing slash."""
        raise NotImplementedError

    def get(self, key: str) -> tuple[bytes, str | None]:
        """Return the bytes and the ETag of an object. The ETag is None when the store gives none.

        Raises:
            ObjectMissing: the object does not exist.
            ObjectUnusable: the object is not a regular file.
            LakeError: the lake cannot be read.
        """
        raise NotImplementedError

    def get_range(
        self, key: str, start: int, length: int, etag: str | None = None
    ) -> tuple[bytes, str | None]:
        """Return `length` bytes of an object from `start` on, and the ETag of the object.

        Raises:
            ObjectMissing: the object does not exist.
            ObjectConflict: `etag` is given, and the object has another ETag.
            LakeError: the lake cannot be read.
        """
        raise NotImplementedError

    def chunks(self, key: str, size: int) -> Iterator[bytes]:
        """Yield the bytes of an object of `size` bytes in chunks of a bounded size, all from the same version of the object.

        Raises:
            ObjectMissing: the object does not exist.
            ObjectConflict: the object was replaced while it was read.
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
        """Return the path of the object's file if the lake is a local folder, otherwise None."""
        del key
        return None

    def has_object(self, key: str) -> bool:
        """Return whether an object with exactly this key exists. Sends one request.

        Raises:
            LakeError: the lake does not respond, or refuses a request.
        """
        raise NotImplementedError

    def put(self, key: str, data: bytes) -> None:
        """Write an object atomically."""
        self._put(key, data, None)

    def put_if(self, key: str, data: bytes, etag: str | None) -> None:
        """Write an object if its ETag is still `etag`, or, if `etag` is None, if the object does not exist.

        Raises:
            ObjectConflict: the object has another ETag, or `etag` is None and the object exists.
        """
        self._put(key, data, "create" if etag is None else {"e_tag": etag})

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects. A missing object is not an error."""
        raise NotImplementedError

    @contextmanager
    def exclusive(self, key: str) -> Iterator[None]:
        """Lock the folder `key` against other writers on this machine. Only a local lake locks; other lakes write conditionally."""
        del key
        yield

    def _iterate(self, prefix: str, offset: str | None) -> Iterator[ObjectInfo]:
        raise NotImplementedError

    def _put(self, key: str, data: bytes, mode: PutMode | None) -> None:
        raise NotImplementedError
