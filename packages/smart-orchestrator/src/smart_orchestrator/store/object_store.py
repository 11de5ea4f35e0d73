"""Open a lake by URL and read and write its objects. The only file that does object-store I/O.

A folder, `file://`, `s3://bucket/prefix` and `memory://name` look alike. Every failure is one of four errors: an object
that is not there (`ObjectMissing`), a conditional write that met another version (`ObjectConflict`), a lake that refuses
(`LakeDenied`), a lake that gives no answer (`LakeUnreachable`). None of them is ever turned into "empty". Messages hold
the lake's URL and keys, never credentials.

Local folders are used without obstore, whose local store neither syncs nor offers a conditional update, and takes three
times as long to read a small file.
"""

from __future__ import annotations

import datetime as dt
import os
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore import exceptions as failures
from obstore.store import MemoryStore, S3Store

from smart_orchestrator.errors import LakeDenied, LakeUrlError, ObjectConflict, ObjectMissing
from smart_orchestrator.store.failures import first_line, from_os, translated, without_secrets
from smart_orchestrator.store.local_disk import (
    etag_of,
    files_below,
    locked_folder,
    read_file,
    remove_temporaries,
    write_file,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from obstore import PutMode
    from obstore.store import S3Config

    from smart_orchestrator.model.dataset import DailyDataset

PAGE = 1000
# How many time-outs an answer may take in all that arrives bit by bit.
TRICKLE = 6


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


class StoreLake(Lake):
    """A lake in a store of obstore's."""

    def __init__(self, url: str, store: MemoryStore | S3Store) -> None:
        super().__init__(url)
        self._store = store

    def names(self, folder: str, limit: int | None = None) -> Sequence[str]:
        """As for any lake."""
        with translated(self.url, folder):
            listing = obstore.list_with_delimiter(self._store, folder or None)
        cut = len(folder) + 1 if folder else 0
        names = [path[cut:] + "/" for path in listing["common_prefixes"]]
        names += [item["path"][cut:] for item in listing["objects"]]
        self.requests.add("list", max(1, -(-len(names) // PAGE)))
        return sorted(names)[:limit]

    def get(self, key: str) -> tuple[bytes, str | None]:
        """As for any lake."""
        self.requests.add("get")
        try:
            with translated(self.url, key):
                answer = obstore.get(self._store, key)
                return answer.bytes().to_bytes(), answer.meta["e_tag"]
        except FileNotFoundError:
            raise ObjectMissing(self.url, key) from None

    def delete(self, keys: Sequence[str]) -> None:
        """As for any lake."""
        self.requests.add("delete", len(keys))
        for key in keys:
            with suppress(FileNotFoundError), translated(self.url, key):
                obstore.delete(self._store, key)

    def _put(self, key: str, data: bytes, mode: PutMode | None) -> None:
        self.requests.add("put")
        try:
            with translated(self.url, key):
                obstore.put(self._store, key, data, mode=mode, use_multipart=False)
        except (failures.PreconditionError, failures.AlreadyExistsError):
            raise ObjectConflict(self.url, key) from None
        except FileNotFoundError:
            # A missing bucket, or an If-Match on an object that is gone.
            if mode is not None and mode != "create":
                raise ObjectConflict(self.url, key) from None
            raise LakeDenied(
                self.url, f"cannot write {key}, its bucket does not exist", "Create it first."
            ) from None

    def _listed(self, prefix: str, offset: str | None) -> Iterator[ObjectInfo]:
        self.requests.add("list")
        seen = 0
        with translated(self.url, prefix):
            try:
                pages = obstore.list(self._store, prefix or None, offset=offset, chunk_size=PAGE)
                for item in chain.from_iterable(pages):
                    seen += 1
                    if seen % PAGE == 1 and seen > 1:
                        self.requests.add("list")
                    yield ObjectInfo(item["path"], item["size"], item["e_tag"], item["last_modified"])
            except FileNotFoundError:
                raise LakeDenied(
                    self.url, "the bucket does not exist", "Create it, or correct the URL."
                ) from None


class RemoteLake(StoreLake):
    """A lake on an S3 server: every listing is a request."""

    listing_is_local = False
    at_once = 16


class FolderLake(Lake):
    """A lake in a local folder, which is made when the first object is written."""

    def __init__(self, url: str, root: Path) -> None:
        super().__init__(url)
        self.root = root
        self._held = threading.local()

    def _listed(self, prefix: str, offset: str | None) -> Iterator[ObjectInfo]:
        self._check()
        seen = 0
        try:
            for key, status in files_below(str(self.root), prefix):
                seen += 1
                if offset is None or key > offset:
                    modified = dt.datetime.fromtimestamp(status.st_mtime, dt.UTC)
                    yield ObjectInfo(key, status.st_size, etag_of(status), modified)
        except OSError as error:
            raise from_os(self.url, prefix, error) from error
        finally:
            self.requests.add("list", max(1, -(-seen // PAGE)))

    def names(self, folder: str, limit: int | None = None) -> Sequence[str]:
        """As for any lake; one look into the folder."""
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
            raise from_os(self.url, folder, error) from error
        self.requests.add("list")
        return sorted(names)

    def get(self, key: str) -> tuple[bytes, str | None]:
        """As for any lake."""
        self.requests.add("get")
        try:
            return read_file(f"{self.root}/{key}")
        except (FileNotFoundError, IsADirectoryError):
            self._check()
            raise ObjectMissing(self.url, key) from None
        except OSError as error:
            raise from_os(self.url, key, error) from error

    def delete(self, keys: Sequence[str]) -> None:
        """As for any lake."""
        self.requests.add("delete", len(keys))
        for key in keys:
            try:
                (self.root / key).unlink(missing_ok=True)
            except OSError as error:
                raise from_os(self.url, key, error) from error

    def _check(self) -> None:
        """A folder that is not there yet is empty; a file in its place is not."""
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
            raise from_os(self.url, key, error) from error

    def _etag(self, key: str) -> str | None:
        try:
            return etag_of((self.root / key).stat())
        except FileNotFoundError:
            return None

    @contextmanager
    def exclusive(self, key: str) -> Iterator[None]:
        """Hold the folder `key` by a lock that dies with the process; again by the same thread is free."""
        held: set[str] = self._held.__dict__.setdefault("keys", set())
        if key in held:
            yield
            return
        try:
            descriptor = locked_folder(self.root / key)
        except OSError as error:
            raise from_os(self.url, key, error) from error
        held.add(key)
        try:
            remove_temporaries(self.root / key)
            yield
        finally:
            held.discard(key)
            os.close(descriptor)


def open_lake(
    url: str,
    *,
    timeout: float = 5.0,
    retries: int = 4,
    backoff: float = 0.1,
    environ: Mapping[str, str] | None = None,
) -> Lake:
    """The lake at `url`: a folder, `file:///folder`, `s3://bucket/prefix` or `memory://name`.

    A lake in memory lives as long as the process and is the same for everybody who opens its name. S3 takes
    credentials, region and endpoint from the standard `AWS_*` variables.

    Args:
        url: where the lake is.
        timeout: seconds without a sign of life before a request has failed. Retries start only within one and a half
            times as long, so a lake that is gone is told within about twice the time-out.
        retries: how often a failed request is tried again.
        backoff: seconds before the first of these retries; they double, with jitter.
        environ: where the `AWS_*` variables are looked for; default the environment.

    Raises:
        LakeUrlError: the URL is none of these.
    """
    if "://" not in url:
        # The working directory may be another one at the next call.
        url = str(Path(url).absolute())
    environ = os.environ if environ is None else environ
    aws = tuple(sorted((name, value) for name, value in environ.items() if name.startswith("AWS_")))
    return _opened(url, timeout, retries, backoff, aws).counted()


def lake_of(dataset: DailyDataset, environ: Mapping[str, str] | None = None) -> Lake:
    """The lake of a dataset, with its time-out and retries; `environ` as for `open_lake`."""
    return open_lake(
        dataset.lake,
        timeout=dataset.timeout,
        retries=dataset.retries,
        backoff=dataset.backoff,
        environ=environ,
    )


@lru_cache(maxsize=64)
def _opened(url: str, timeout: float, retries: int, backoff: float, aws: tuple[tuple[str, str], ...]) -> Lake:
    if "://" not in url:
        return FolderLake(url, Path(url))
    parts = urlsplit(url)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise LakeUrlError(url, f"names the host {parts.netloc}; write file:///folder")
        return FolderLake(url, Path(unquote(parts.path)))
    if parts.scheme == "memory":
        return _memory(parts.netloc + parts.path.rstrip("/"))
    if parts.scheme in ("s3", "s3a"):
        return _s3(url, timeout, retries, backoff, dict(aws))
    raise LakeUrlError(without_secrets(url), f"the scheme {parts.scheme!r} is not one that can be opened")


@cache
def _memory(name: str) -> Lake:
    return StoreLake(f"memory://{name}", MemoryStore())


def _s3(url: str, timeout: float, retries: int, backoff: float, aws: Mapping[str, str]) -> Lake:
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise LakeUrlError(
            without_secrets(url), "holds credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if not parts.hostname:
        raise LakeUrlError(url, "names no bucket")
    endpoint = aws.get("AWS_ENDPOINT_URL_S3") or aws.get("AWS_ENDPOINT_URL") or ""
    # AWS itself needs no endpoint, and the store refuses None for one.
    elsewhere: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
    seconds = timedelta(seconds=timeout)
    try:
        store = S3Store(
            parts.netloc,
            prefix=unquote(parts.path).strip("/") or None,
            **elsewhere,
            region=aws.get("AWS_REGION") or aws.get("AWS_DEFAULT_REGION") or "us-east-1",
            config=_credentials(aws),
            client_options={
                # A long answer may take its time as long as it goes on; nothing may trickle for ever.
                "read_timeout": seconds,
                "timeout": seconds * TRICKLE,
                "connect_timeout": seconds,
                "allow_http": endpoint.startswith("http://"),
            },
            retry_config={
                "max_retries": retries,
                "retry_timeout": seconds * 1.5,
                "backoff": {
                    "init_backoff": timedelta(seconds=backoff),
                    "max_backoff": timedelta(seconds=max(backoff, 10)),
                    "base": 2,
                },
            },
        )
    except failures.BaseError as error:
        raise LakeUrlError(url, first_line(error)) from None
    return RemoteLake(url, store)


def _credentials(aws: Mapping[str, str]) -> S3Config:
    """Keys that are given outright; without them obstore looks for others by itself, such as a role's."""
    found: S3Config = {}
    if aws.get("AWS_ACCESS_KEY_ID") and aws.get("AWS_SECRET_ACCESS_KEY"):
        found["access_key_id"] = aws["AWS_ACCESS_KEY_ID"]
        found["secret_access_key"] = aws["AWS_SECRET_ACCESS_KEY"]
        if aws.get("AWS_SESSION_TOKEN"):
            found["session_token"] = aws["AWS_SESSION_TOKEN"]
    return found
