"""Lakes in the stores of obstore: S3, and memory for tests."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import obstore
from obstore import exceptions as failures
from obstore.store import MemoryStore, S3Store

from smart_orchestrator.errors import LakeDenied, LakeUrlError, ObjectConflict, ObjectMissing
from smart_orchestrator.store.base import PAGE_SIZE, Lake, ObjectInfo
from smart_orchestrator.store.failures import first_line, lake_errors, redacted_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from obstore import PutMode
    from obstore.store import S3Config

# The longest time for a complete answer, in time-outs.
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
        cut = len(folder) + 1 if folder else 0
        names = [path[cut:] + "/" for path in listing["common_prefixes"]]
        names += [item["path"][cut:] for item in listing["objects"]]
        self.requests.add("list", max(1, -(-len(names) // PAGE_SIZE)))
        return sorted(names)[:limit]

    def get(self, key: str) -> tuple[bytes, str | None]:
        """See `Lake`."""
        self.requests.add("get")
        try:
            with lake_errors(self.url, key):
                answer = obstore.get(self._store, key)
                return answer.bytes().to_bytes(), answer.meta["e_tag"]
        except FileNotFoundError:
            raise ObjectMissing(self.url, key) from None

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
        except (failures.PreconditionError, failures.AlreadyExistsError):
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


def s3_lake(url: str, timeout: float, retries: int, backoff: float, aws: Mapping[str, str]) -> Lake:
    """The lake at an `s3://` URL, with credentials, region and endpoint from the `AWS_*` variables in `aws`.

    Raises:
        LakeUrlError: the URL holds credentials, names no bucket, or cannot be used.
    """
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise LakeUrlError(
            redacted_url(url), "holds credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if not parts.hostname:
        raise LakeUrlError(url, "names no bucket")
    endpoint = aws.get("AWS_ENDPOINT_URL_S3") or aws.get("AWS_ENDPOINT_URL") or ""
    # AWS itself needs no endpoint, and the store refuses None.
    endpoint_option: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
    seconds = timedelta(seconds=timeout)
    try:
        store = S3Store(
            parts.netloc,
            prefix=unquote(parts.path).strip("/") or None,
            **endpoint_option,
            region=aws.get("AWS_REGION") or aws.get("AWS_DEFAULT_REGION") or "us-east-1",
            config=_credentials(aws),
            client_options={
                # A long answer may take several time-outs while data arrive, but not for ever.
                "read_timeout": seconds,
                "timeout": seconds * TOTAL_TIMEOUTS,
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
    """Static keys; without them obstore looks for others, such as those of an instance role."""
    config: S3Config = {}
    if aws.get("AWS_ACCESS_KEY_ID") and aws.get("AWS_SECRET_ACCESS_KEY"):
        config["access_key_id"] = aws["AWS_ACCESS_KEY_ID"]
        config["secret_access_key"] = aws["AWS_SECRET_ACCESS_KEY"]
        if aws.get("AWS_SESSION_TOKEN"):
            config["session_token"] = aws["AWS_SESSION_TOKEN"]
    return config
