"""Lakes in object stores that obstore reaches: S3, and memory for tests."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import obstore
from obstore import exceptions
from obstore.store import MemoryStore, S3Store

from smart_orchestrator.errors import (
    LakeDenied,
    LakeUrlError,
    ObjectConflict,
    ObjectMissing,
)
from smart_orchestrator.store.base import PAGE_SIZE, Lake, ObjectInfo
from smart_orchestrator.store.failures import first_line, lake_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from obstore import GetOptions, PutMode
    from obstore.store import S3Config

    from smart_orchestrator.store.aws import AwsSettings
    from smart_orchestrator.store.urls import LakeUrl

# A complete response may take this many time-outs.
TOTAL_TIMEOUTS = 6


class StoreLake(Lake):
    """A lake in an obstore store."""

    def __init__(self, url: str, store: MemoryStore | S3Store) -> None:
        super().__init__(url)
        self._store = store

    def names(self, folder: str, limit: int | None = None) -> Sequence[str]:
        """See `Lake`."""
        with lake_errors(self.url, folder):
            listing = obstore.list_with_delimiter(self._store, folder or None)
        start = len(folder) + 1 if folder else 0
        names = [path[start:] + "/" for path in listing["common_prefixes"]]
        names += [item["path"][start:] for item in listing["objects"]]
        self.requests.add("list", max(1, -(-len(names) // PAGE_SIZE)))
        # A directory marker of the folder itself has an empty name.
        return sorted(name for name in names if name.strip("/"))[:limit]

    def get(self, key: str) -> tuple[bytes, str | None]:
        """See `Lake`."""
        self.requests.add("get")
        try:
            with lake_errors(self.url, key):
                response = obstore.get(self._store, key)
                return response.bytes().to_bytes(), response.meta["e_tag"]
        except FileNotFoundError:
            raise ObjectMissing(self.url, key) from None

    def get_range(
        self, key: str, start: int, length: int, etag: str | None = None
    ) -> tuple[bytes, str | None]:
        """See `Lake`."""
        self.requests.add("get")
        options: GetOptions = {"range": (start, start + length)}
        if etag is not None:
            options["if_match"] = etag
        try:
            with lake_errors(self.url, key):
                response = obstore.get(self._store, key, options=options)
                return response.bytes().to_bytes(), response.meta["e_tag"]
        except exceptions.PreconditionError:
            raise ObjectConflict(self.url, key) from None
        except FileNotFoundError:
            raise ObjectMissing(self.url, key) from None

    def has_object(self, key: str) -> bool:
        """See `Lake`."""
        self.requests.add("get")
        try:
            with lake_errors(self.url, key):
                obstore.head(self._store, key)
        except FileNotFoundError:
            return False
        return True

    def delete(self, keys: Sequence[str]) -> None:
        """See `Lake`."""
        self.requests.add("delete", len(keys))
        for key in keys:
            with suppress(FileNotFoundError), lake_errors(self.url, key):
                obstore.delete(self._store, key)

    def _put(self, key: str, data: bytes, mode: PutMode | None) -> None:
        self.requests.add("put")
        try:
            with lake_errors(self.url, key):
                obstore.put(self._store, key, data, mode=mode, use_multipart=False)
        except (exceptions.PreconditionError, exceptions.AlreadyExistsError):
            raise ObjectConflict(self.url, key) from None
        except FileNotFoundError:
            # The bucket does not exist, or an If-Match names an object that is gone.
            if mode is not None and mode != "create":
                raise ObjectConflict(self.url, key) from None
            raise LakeDenied(
                self.url, f"cannot write {key}, its bucket does not exist", "Create it first."
            ) from None

    def _iterate(self, prefix: str, offset: str | None) -> Iterator[ObjectInfo]:
        self.requests.add("list")
        count = 0
        with lake_errors(self.url, prefix):
            try:
                pages = obstore.list(self._store, prefix or None, offset=offset, chunk_size=PAGE_SIZE)
                for item in chain.from_iterable(pages):
                    count += 1
                    if count % PAGE_SIZE == 1 and count > 1:
                        self.requests.add("list")
                    if item["path"] != prefix:  # a directory marker of the folder itself
                        yield ObjectInfo(item["path"], item["size"], item["e_tag"], item["last_modified"])
            except FileNotFoundError:
                raise LakeDenied(
                    self.url, "the bucket does not exist", "Create it, or correct the URL."
                ) from None


class RemoteLake(StoreLake):
    """A lake on an S3 server: every listing is a request."""

    listing_is_local = False
    concurrency = 16


@cache
def memory_lake(name: str) -> Lake:
    """The lake in memory of this name, shared by the process."""
    return StoreLake(f"memory://{name}", MemoryStore())


def s3_lake(url: str, parts: LakeUrl, timeout: float, retries: int, backoff: float, aws: AwsSettings) -> Lake:
    """The lake at the `s3://` URL of these parts.

    Raises:
        LakeUrlError: it cannot be used.
    """
    # AWS itself needs no endpoint, and the store refuses None.
    endpoint_option: dict[str, Any] = {"endpoint": aws.endpoint} if aws.endpoint else {}
    seconds = timedelta(seconds=timeout)
    try:
        store = S3Store(
            parts.host,
            prefix=parts.path.strip("/") or None,
            **endpoint_option,
            region=aws.region,
            config=_credentials(aws),
            client_options={
                # A large response may take several time-outs as long as data arrive.
                "read_timeout": seconds,
                "timeout": seconds * TOTAL_TIMEOUTS,
                "connect_timeout": seconds,
                "allow_http": aws.endpoint.startswith("http://"),
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
    except (exceptions.BaseError, ValueError) as error:
        raise LakeUrlError(url, first_line(error)) from None
    return RemoteLake(url, store)


def _credentials(aws: AwsSettings) -> S3Config:
    """Static keys; without them obstore uses other credentials, such as those of an instance role."""
    config: S3Config = {}
    if aws.key_id:
        config["access_key_id"] = aws.key_id
        config["secret_access_key"] = aws.secret
        if aws.token:
            config["session_token"] = aws.token
    return config
