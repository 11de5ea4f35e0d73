"""Opens a lake by its URL: a folder, `file://`, `s3://bucket/prefix` or `memory://name`."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from smart_orchestrator.errors import LakeUrlError
from smart_orchestrator.store.failures import redacted_url
from smart_orchestrator.store.local_disk import FolderLake

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.store.base import Lake


def open_lake(
    url: str,
    *,
    timeout: float = 5.0,
    retries: int = 4,
    backoff: float = 0.1,
    environ: Mapping[str, str] | None = None,
) -> Lake:
    """The lake at `url`: a folder, `file:///folder`, `s3://bucket/prefix` or `memory://name`.

    A lake in memory lives as long as the process and is shared under its name. S3 takes credentials, region and
    endpoint from the standard `AWS_*` variables.

    Args:
        url: where the lake is.
        timeout: seconds without any data before a request fails. Retries start only within one and a half times as
            long, so an unreachable lake is reported within about twice the time-out.
        retries: how many times a failed request is repeated.
        backoff: seconds before the first of these retries; they double, with jitter.
        environ: holds the `AWS_*` variables; default the environment of the process.

    Raises:
        LakeUrlError: the URL has another form.
    """
    if "://" not in url:
        # The working directory may change before the next call.
        url = str(Path(url).absolute())
    environ = os.environ if environ is None else environ
    aws = tuple(sorted((name, value) for name, value in environ.items() if name.startswith("AWS_")))
    return _open_cached(url, timeout, retries, backoff, aws).counted()


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
def _open_cached(
    url: str, timeout: float, retries: int, backoff: float, aws: tuple[tuple[str, str], ...]
) -> Lake:
    if "://" not in url:
        return FolderLake(url, Path(url))
    parts = urlsplit(url)
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise LakeUrlError(url, f"names the host {parts.netloc}; write file:///folder")
        return FolderLake(url, Path(unquote(parts.path)))
    if parts.scheme == "memory":
        from smart_orchestrator.store.object_store import memory_lake

        return memory_lake(parts.netloc + parts.path.rstrip("/"))
    if parts.scheme in ("s3", "s3a"):
        from smart_orchestrator.store.object_store import s3_lake

        return s3_lake(url, timeout, retries, backoff, dict(aws))
    raise LakeUrlError(redacted_url(url), f"the scheme {parts.scheme!r} is not supported")
