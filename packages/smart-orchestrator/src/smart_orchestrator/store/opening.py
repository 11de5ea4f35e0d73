"""Opens a lake by its URL: a folder, `file://`, `s3://bucket/prefix` or `memory://name`."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from smart_orchestrator.errors import LakeUrlError
from smart_orchestrator.store.failures import without_secrets
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
        from smart_orchestrator.store.object_store import memory_lake

        return memory_lake(parts.netloc + parts.path.rstrip("/"))
    if parts.scheme in ("s3", "s3a"):
        from smart_orchestrator.store.object_store import s3_lake

        return s3_lake(url, timeout, retries, backoff, dict(aws))
    raise LakeUrlError(without_secrets(url), f"the scheme {parts.scheme!r} is not one that can be opened")
