"""Open a lake by its URL."""

from __future__ import annotations

import math
import os
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.errors import LakeSettingError
from smart_orchestrator.store.local_disk import FolderLake
from smart_orchestrator.store.urls import parse_lake_url, redacted_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.store.base import Lake

# What the environment variables of each store begin with.
_VARIABLES = {"s3": "AWS_", "s3a": "AWS_", "gs": "GOOGLE_", "az": "AZURE_"}


def open_lake(
    url: str,
    *,
    timeout: float = 5.0,
    retries: int = 4,
    backoff: float = 0.1,
    outside_links: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Lake:
    """Open the lake at `url`.

    The URL is a folder, `file:///folder`, `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix` or
    `memory://name`. A lake in memory lives as long as the process; the same name opens the same lake. Credentials, region
    and endpoint come from the standard `AWS_*`, `GOOGLE_*` and `AZURE_*` variables. A profile of AWS, `gcloud` and `az login`
    need the extras `aws`, `gcs` and `azure`.

    Args:
        url: where the lake is.
        timeout: seconds without any data before a request fails. Retries start only within one and a half times as
            long, so an unreachable lake is reported within about twice the time-out.
        retries: how many times a failed request is repeated.
        backoff: seconds before the first of these retries; they double, with jitter.
        outside_links: follow symbolic links that leave the folder of a local lake.
        environ: holds the variables of the store; default the environment of the process.

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
    environ = os.environ if environ is None else environ
    prefix = _VARIABLES[parts.scheme]
    variables = tuple(sorted((name, value) for name, value in environ.items() if name.startswith(prefix)))
    return _open_remote(url, parts.scheme, timeout, retries, backoff, variables).counted()


def lake_of(dataset: Dataset, environ: Mapping[str, str] | None = None) -> Lake:
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
def _open_remote(
    url: str,
    scheme: str,
    timeout: float,
    retries: int,
    backoff: float,
    variables: tuple[tuple[str, str], ...],
) -> Lake:
    from smart_orchestrator.store.object_store import remote_lake

    with lake_setting_errors(url):
        return remote_lake(url, scheme, timeout, retries, backoff, dict(variables))


@contextmanager
def lake_setting_errors(url: str) -> Iterator[None]:
    """Raise a variable that cannot be used as an error of the lake at `url`.

    Raises:
        LakeSettingError: an environment variable cannot be used.
    """
    from smart_orchestrator.store.variables import VariableError

    try:
        yield
    except VariableError as error:
        raise LakeSettingError(url, error.name, error.problem, error.fix) from None
