"""Lakes in the object stores that obstore supports: S3, Google Cloud Storage, Azure Blob Storage, and memory for tests."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import obstore
from obstore import exceptions
from obstore.store import MemoryStore, from_url

from smart_orchestrator.errors import (
    LakeDenied,
    LakeUrlError,
    ObjectConflict,
    ObjectMissing,
)
from smart_orchestrator.store.aws import DEFAULT_REGION, read_aws_settings
from smart_orchestrator.store.azure import read_azure_settings
from smart_orchestrator.store.base import PAGE_SIZE, Lake, ObjectInfo
from smart_orchestrator.store.credentials import (
    create_aws_provider,
    create_azure_provider,
    create_google_provider,
)
from smart_orchestrator.store.failures import first_line, lake_errors
from smart_orchestrator.store.google import CREDENTIALS_VARIABLE, read_google_settings
from smart_orchestrator.store.variables import (
    VariableError,
    check_proxy_and_certificate_variables,
    reject_empty_process_variables,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from obstore import GetOptions, PutMode
    from obstore.store import ObjectStore

# The time-out of a dataset limits the time without data. The time-out of a complete request is this many times longer, so that a
# large response can be read to its end.
REQUEST_TIMEOUT_FACTOR = 6


class StoreLake(Lake):
    """A lake in an object store.

    Attributes:
        deletes_per_request: the number of objects that one request can delete.
    """

    deletes_per_request = 1

    def __init__(self, url: str, store: ObjectStore) -> None:
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
        # An object with an empty name is the directory marker of `folder`.
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
        for start in range(0, len(keys), PAGE_SIZE):
            self._delete_page(keys[start : start + PAGE_SIZE])

    def _delete_page(self, keys: Sequence[str]) -> None:
        self.requests.add("delete", -(-len(keys) // self.deletes_per_request))
        try:
            with lake_errors(self.url, keys[0]):
                obstore.delete(self._store, keys)
        except FileNotFoundError:
            # Some stores stop at the first missing object. So delete the objects one by one.
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
            # The bucket does not exist, or the object to replace was deleted.
            if mode is not None and mode != "create":
                raise ObjectConflict(self.url, key) from None
            raise LakeDenied(
                self.url, f"cannot write {key}: the bucket does not exist", "Create the bucket."
            ) from None

    def _normalize_listed_etag(self, etag: str | None) -> str | None:
        """Convert the ETag of a listed object to the form that reads and conditional writes use."""
        return etag

    def _iterate(self, prefix: str, offset: str | None) -> Iterator[ObjectInfo]:
        self.requests.add("list")
        count = 0
        with lake_errors(self.url, prefix):
            try:
                pages = obstore.list(self._store, prefix or None, offset=offset, chunk_size=PAGE_SIZE)
                for item in chain.from_iterable(pages):
                    count += 1
                    # The first object of a further page needed another request.
                    if count % PAGE_SIZE == 1 and count > 1:
                        self.requests.add("list")
                    # An object with the path of the folder is its directory marker.
                    if item["path"] != prefix:
                        etag = self._normalize_listed_etag(item["e_tag"])
                        yield ObjectInfo(item["path"], item["size"], etag, item["last_modified"])
            except FileNotFoundError:
                raise LakeDenied(
                    self.url, "the bucket does not exist", "Create it, or correct the URL."
                ) from None


class RemoteLake(StoreLake):
    """A lake on a server. A listing needs requests over the network."""

    listing_is_local = False
    concurrency = 16


class S3Lake(RemoteLake):
    """A lake on an S3 server."""

    deletes_per_request = 1000


class AzureLake(RemoteLake):
    """A lake in Azure Blob Storage. Azure ignores the offset of a listing, so obstore lists the folder from the beginning."""

    deletes_per_request = 256

    def _normalize_listed_etag(self, etag: str | None) -> str | None:
        # Azure returns ETags without quotes in listings, and with quotes in reads.
        return etag if etag is None or etag.startswith('"') else f'"{etag}"'


class GoogleLake(RemoteLake):
    """A lake in Google Cloud Storage. Conditional writes name the generation of an object instead of the ETag."""

    def _put(self, key: str, data: bytes, mode: PutMode | None) -> None:
        if isinstance(mode, dict):
            self.requests.add("get")
            try:
                with lake_errors(self.url, key):
                    current = obstore.head(self._store, key)
            except FileNotFoundError:
                raise ObjectConflict(self.url, key) from None
            if current["e_tag"] != mode["e_tag"]:
                raise ObjectConflict(self.url, key)
            # With the generation, the write fails if another writer replaces the object after this read.
            mode = {"e_tag": current["e_tag"], "version": current["version"]}
        super()._put(key, data, mode)


@cache
def open_memory_lake(name: str) -> Lake:
    """Return the in-memory lake called `name`. All callers in the process share this lake."""
    return StoreLake(f"memory://{name}", MemoryStore())


def open_remote_lake(
    url: str, scheme: str, timeout: float, retries: int, backoff: float, environ: Mapping[str, str]
) -> Lake:
    """Open the lake at an `s3://`, `s3a://`, `gs://` or `az://` URL.

    Raises:
        LakeUrlError: obstore rejects the URL.
        VariableError: a variable of `environ`, or a variable of this process for proxies or certificates, has an invalid value.
    """
    lake_class, endpoint, config, provider = _SETTINGS_READERS[scheme](environ)
    # `environ` has only the variables of the store. obstore reads those for proxies and certificates from the process.
    check_proxy_and_certificate_variables(os.environ, endpoint)
    seconds = timedelta(seconds=timeout)
    try:
        store = from_url(
            url,
            config=config,
            credential_provider=provider,
            client_options={
                "read_timeout": seconds,
                "timeout": seconds * REQUEST_TIMEOUT_FACTOR,
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
    except (exceptions.BaseError, ValueError) as error:
        reason = first_line(error)
        # obstore also reads variables that `_SETTINGS_READERS` does not check, such as AWS_ALLOW_HTTP. Its error quotes the rejected
        # value, so look for the variable that has this value.
        variable = next((name for name, value in environ.items() if f'"{value}"' in reason), "")
        if not variable:
            raise LakeUrlError(url, reason) from None
        raise VariableError(variable, f"cannot be used ({reason})", "Correct or unset it.") from None
    return lake_class(url, store)


class _StoreSettings(NamedTuple):
    """The settings of a store.

    Attributes:
        lake_class: the class of the lake.
        endpoint: the URL of the server.
        config: the configuration for obstore.
        provider: the credential provider for obstore; None when obstore reads the credentials itself.
    """

    lake_class: type[RemoteLake]
    endpoint: str
    config: Any
    provider: Any


def _read_s3_settings(environ: Mapping[str, str]) -> _StoreSettings:
    aws = read_aws_settings(environ)
    provider = create_aws_provider(aws)
    profile_region = "" if provider is None else provider.config.get("region", "")
    config = {"region": aws.region or profile_region or DEFAULT_REGION}
    if aws.endpoint:
        config["endpoint"] = aws.endpoint
    if aws.key_id:
        config |= {"access_key_id": aws.key_id, "secret_access_key": aws.secret}
        if aws.token:
            config["session_token"] = aws.token
    return _StoreSettings(S3Lake, aws.endpoint or "https://amazonaws.com", config, provider)


def _read_google_settings(environ: Mapping[str, str]) -> _StoreSettings:
    google = read_google_settings(environ)
    endpoint = google.endpoint or "https://storage.googleapis.com"
    provider = create_google_provider(google)
    if provider is None and not google.has_credentials:
        # obstore then reads the variable itself, and its error for an empty path does not name the variable.
        reject_empty_process_variables((CREDENTIALS_VARIABLE,))
    return _StoreSettings(GoogleLake, endpoint, dict(google.config), provider)


def _read_azure_settings(environ: Mapping[str, str]) -> _StoreSettings:
    azure = read_azure_settings(environ)
    endpoint = azure.endpoint or "https://blob.core.windows.net"
    return _StoreSettings(AzureLake, endpoint, dict(azure.config), create_azure_provider(azure))


_SETTINGS_READERS = {
    "s3": _read_s3_settings,
    "s3a": _read_s3_settings,
    "gs": _read_google_settings,
    "az": _read_azure_settings,
}
