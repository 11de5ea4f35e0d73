"""Opens a lake by its URL: a folder, `file://`, `s3://bucket/prefix` or `memory://name`."""

from __future__ import annotations

import math
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.errors import LakeSettingError
from smart_orchestrator.store.local_disk import FolderLake
from smart_orchestrator.store.urls import LakeUrl, parse_lake_url, redacted_url

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
    outside_links: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Lake:
    """Open the lake at `url`: a folder, `file:///folder`, `s3://bucket/prefix` or `memory://name`.

    A lake in memory lives as long as the process; the same name opens the same lake. S3 takes credentials, region and
    endpoint from the standard `AWS_*` variables.

    Args:
        url: where the lake is.
        timeout: seconds without any data before a request fails. Retries start only within one and a half times as
            long, so an unreachable lake is reported within about twice the time-out.
        retries: how many times a failed request is repeated.
        backoff: seconds before the first of these retries; they double, with jitter.
        outside_links: follow symbolic links that leave the folder of a local lake.
        environ: holds the `AWS_*` variables; default the environment of the process.

    Raises:
        LakeUrlError: the URL is not the URL of a lake.
        LakeSettingError: a variable or a number cannot be used.
    """
    for name, number in (("timeout", timeout), ("backoff", backoff)):
        if not math.isfinite(number) or number <= 0:
            problem = f"must be a number of seconds above 0, not {number}"
            raise LakeSettingError(redacted_url(url), name, problem, "Correct it.")
    if retries < 0:
        raise LakeSettingError(
            redacted_url(url), "retries", f"must not be negative, not {retries}", "Correct it."
        )
    parts = parse_lake_url(url)
    if parts.scheme == "file":
        # The working directory may change before the next call.
        return _open_folder(url if "://" in url else parts.path, parts.path, outside_links).counted()
    if parts.scheme == "memory":
        from smart_orchestrator.store.object_store import memory_lake

        return memory_lake(parts.host + parts.path.rstrip("/")).counted()
    from smart_orchestrator.store.aws import aws_settings, check_network

    environ = os.environ if environ is None else environ
    aws = tuple(sorted((name, value) for name, value in environ.items() if name.startswith("AWS_")))
    check_network(url, aws_settings(url, dict(aws)).endpoint)
    return _open_s3(url, parts, timeout, retries, backoff, aws).counted()


def lake_of(dataset: DailyDataset, environ: Mapping[str, str] | None = None) -> Lake:
    """Open the lake of a dataset, with its time-out and retries; `environ` as for `open_lake`."""
    return open_lake(
        dataset.lake,
        timeout=dataset.timeout,
        retries=dataset.retries,
        backoff=dataset.backoff,
        outside_links=dataset.outside_links,
        environ=environ,
    )


@lru_cache(maxsize=64)
def _open_folder(url: str, path: str, outside_links: bool) -> Lake:
    return FolderLake(url, Path(path), outside_links=outside_links)


@lru_cache(maxsize=64)
def _open_s3(
    url: str, parts: LakeUrl, timeout: float, retries: int, backoff: float, aws: tuple[tuple[str, str], ...]
) -> Lake:
    from smart_orchestrator.store.aws import aws_settings
    from smart_orchestrator.store.object_store import s3_lake

    return s3_lake(url, parts, timeout, retries, backoff, aws_settings(url, dict(aws)))
