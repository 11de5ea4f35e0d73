"""Import optional dependencies: `with extra("frames"): import polars as pl`.

The core needs only obstore. Every other library is imported inside the function that uses the library, within an `extra` block.
If the library is not installed, `MissingExtra` is raised, which names the extra.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from smart_orchestrator.errors import MissingExtra

if TYPE_CHECKING:
    from types import TracebackType

Extra = Literal[
    "frames",
    "console",
    "sql",
    "iceberg",
    "delta",
    "aws",
    "gcs",
    "azure",
    "messages",
    "openlineage",
    "prometheus",
    "airflow-client",
    "airflow",
]

# The top-level packages of each extra. For example, the extra `frames` installs `backports.zstd`.
PACKAGES: dict[Extra, frozenset[str]] = {
    "frames": frozenset({"polars", "backports"}),
    "console": frozenset({"rich", "typer"}),
    "sql": frozenset({"sqlalchemy"}),
    "iceberg": frozenset({"pyiceberg"}),
    "delta": frozenset({"deltalake", "arro3"}),
    "airflow-client": frozenset({"httpx2"}),
    "messages": frozenset({"apprise"}),
    "openlineage": frozenset({"openlineage"}),
    "prometheus": frozenset({"prometheus_client"}),
    "airflow": frozenset({"airflow"}),
    "aws": frozenset({"boto3", "botocore"}),
    "gcs": frozenset({"google"}),
    "azure": frozenset({"azure"}),
}


class _Extra:
    """A context manager that raises `MissingExtra` when a package of the extra cannot be imported. Other errors are not changed."""

    __slots__ = ("name",)

    def __init__(self, name: Extra) -> None:
        self.name = name

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, ModuleNotFoundError):
            package = (error.name or "").partition(".")[0]
            if package in PACKAGES[self.name]:
                raise MissingExtra(package, self.name) from error


_EXTRAS = {name: _Extra(name) for name in PACKAGES}


def extra(name: Extra) -> _Extra:
    """Return a context manager for imports that need the extra `name`.

    Raises:
        MissingExtra: the library is not installed. The end of the block raises this error.
    """
    return _EXTRAS[name]
