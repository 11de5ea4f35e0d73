"""Open a lake by its URL."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.errors import LakeSettingError
from smart_orchestrator.model.bounds import MAX_RETRIES, integer_problem, seconds_problem
from smart_orchestrator.store.local_disk import FolderLake
from smart_orchestrator.store.urls import parse_lake_url, redacted_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.store.base import Lake

# The prefix of the environment variables of each store.
_VARIABLE_PREFIXES = {"s3": "AWS_", "s3a": "AWS_", "gs": "GOOGLE_", "az": "AZURE_"}


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
    `memory://name`. In one process, the same `memory://name` always opens the same lake. The credentials,
    the region and the endpoint come from the standard `AWS_*`, `GOOGLE_*` and `AZURE_*` variables. Profiles of AWS need the
    extra `aws`, credentials of `gcloud` need `gcs`, and credentials of `az login` need `azure`.

    Args:
        url: the URL of the lake.
        timeout: the number of seconds without any data after which a request fails. No retry starts later than 1.5 times this
            number after the first attempt. So a lake that never responds is tried twice, and the error is raised after about twice
            this number.
        retries: the number of retries of a failed request.
        backoff: the number of seconds before the first retry. The delay doubles with each retry, and has jitter.
        outside_links: whether to follow symbolic links that lead out of the folder of a local lake.
        environ: the environment variables of the store; default the environment of the process.

    Raises:
        LakeUrlError: `url` is not the URL of a lake.
        LakeSettingError: an environment variable or an argument has an invalid value.
    """
    problems = {
        "timeout": (timeout, seconds_problem(timeout)),
        "backoff": (backoff, seconds_problem(backoff)),
        "retries": (retries, integer_problem(retries, high=MAX_RETRIES)),
    }
    for name, (value, problem) in problems.items():
        if problem:
            raise LakeSettingError(redacted_url(url), name, f"{value!r} {problem}", "Correct it.")
    parts = parse_lake_url(url)
    if parts.scheme == "file":
        # In messages, a path without `://` is absolute, because the working directory may change.
        return _open_folder(url if "://" in url else parts.path, parts.path, outside_links).counted()
    if parts.scheme == "memory":
        from smart_orchestrator.store.object_store import open_memory_lake

        return open_memory_lake(parts.host + parts.path.rstrip("/")).counted()
    environ = os.environ if environ is None else environ
    prefix = _VARIABLE_PREFIXES[parts.scheme]
    variables = tuple(sorted((name, value) for name, value in environ.items() if name.startswith(prefix)))
    return _open_remote(url, parts.scheme, timeout, retries, backoff, variables).counted()


def lake_of(dataset: Dataset, environ: Mapping[str, str] | None = None) -> Lake:
    """Open the lake of a dataset with the dataset's time-out, retries and links. See `open_lake` for `environ`."""
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
    from smart_orchestrator.store.object_store import open_remote_lake

    with translate_variable_errors(url):
        return open_remote_lake(url, scheme, timeout, retries, backoff, dict(variables))


@contextmanager
def translate_variable_errors(url: str) -> Iterator[None]:
    """Translate a `VariableError` into a `LakeSettingError` that names the lake at `url`.

    Raises:
        LakeSettingError: an environment variable has an invalid value.
    """
    from smart_orchestrator.store.variables import VariableError

    try:
        yield
    except VariableError as error:
        raise LakeSettingError(url, error.name, error.problem, error.fix) from None
