"""What every object store does: list, read, write and delete objects below one URL.

Every failure is one of four errors: an object that is not there (`ObjectMissing`), a conditional write that met another version
(`ObjectConflict`), a lake that refuses (`LakeDenied`), a lake that gives no answer (`LakeUnreachable`). None of them is ever
turned into "empty". Messages hold the lake's URL and keys, never credentials.
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

PAGE = 1000
# Objects up to this size are read by one request, larger ones by ranges of it.
CHUNK = 8 << 20


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object of a listing: `key` from the lake's root, `size` in bytes, `modified` in UTC."""

    key: str
    size: int
    etag: str | None
    modified: dt.datetime


@dataclass(slots=True)
class Requests:
    """How many requests a lake was asked; a listing counts once a page of 1,000 keys."""

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
        """The counts that are not zero, reads always."""
        every = {"list": self.list, "get": self.get, "put": self.put, "delete": self.delete}
        return {kind: count for kind, count in every.items() if count or kind in ("list", "get")}


class Lake:
    """Objects below one URL. Safe to use from several threads.

    Attributes:
        url: the lake's URL without credentials, for messages.
        requests: what this handle has asked so far.
        listing_is_local: listings cost no request (a folder, or memory).
        at_once: by how many threads it is best read; more than a few on a local disk only wait for each other.
    """

    listing_is_local = True
    at_once = 4

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests = Requests()

    def counted(self) -> Lake:
        """The same lake with counters of its own, at zero."""
        twin = self.__class__.__new__(self.__class__)
        twin.__dict__.update(self.__dict__)
        twin.requests = Requests()
        return twin

    def list(self, prefix: str) -> list[ObjectInfo]:
        """Every object below the folder `prefix`, in the order of their keys.

        Raises:
            LakeError: the lake cannot be listed.
        """
        return sorted(self._listed(prefix, None), key=lambda info: info.key)

    def list_between(self, folder: str, first: str, last: str) -> Iterator[ObjectInfo]:
        """Objects below the keys from `first` to `last`, which lie in `folder` at the same depth.

        Reads pages of 1,000 keys from `first` on and stops after `last`, whatever else the lake holds.
        """
        low, high = first.split("/"), last.split("/")
        # A listing starts after its offset, and SeaweedFS leaves out all that is below it as well: so the offset is
        # below the first key, before any name.
        for info in self._listed(folder, first + "/ "):
            at = info.key.split("/")[: len(high)]
            if low <= at <= high:
                yield info
            elif info.key > last + "/" and not self.listing_is_local:
                # S3 orders by whole keys, SeaweedFS by one name after the other: in both, all others are later.
                return

    def names(self, folder: str, limit: int | None = None) -> Sequence[str]:
        """Names of what lies directly in `folder`, folders with a slash at the end; at most `limit` if given."""
        raise NotImplementedError

    def get(self, key: str) -> tuple[bytes, str | None]:
        """An object's bytes and its ETag.

        Raises:
            ObjectMissing: there is no such object.
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
        """Write an object as one act; readers see all of it or none."""
        self._put(key, data, None)

    def put_if(self, key: str, data: bytes, etag: str | None) -> None:
        """Write an object if it still has `etag`; with None, if it does not exist.

        Raises:
            ObjectConflict: it has another version, or exists.
        """
        self._put(key, data, "create" if etag is None else {"e_tag": etag})

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are gone already are no error."""
        raise NotImplementedError

    @contextmanager
    def exclusive(self, key: str) -> Iterator[None]:
        """Hold the folder `key` against other writers of this machine, where conditional writes cannot do it."""
        del key
        yield

    def _listed(self, prefix: str, offset: str | None) -> Iterator[ObjectInfo]:
        raise NotImplementedError

    def _put(self, key: str, data: bytes, mode: PutMode | None) -> None:
        raise NotImplementedError
