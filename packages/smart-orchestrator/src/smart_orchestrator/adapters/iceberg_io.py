"""A `FileIO` for PyIceberg that reads the metadata of tables through the object stores of this package.

PyIceberg imports `LakeFileIO` by the path in its properties. `LakeFileIO` counts the requests, uses the time-outs and credentials
of lakes, and refuses writes.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, NoReturn

from smart_orchestrator.errors import ObjectMissing
from smart_orchestrator.extras import extra
from smart_orchestrator.store.base import Requests
from smart_orchestrator.store.opening import open_lake

with extra("iceberg"):
    from pyiceberg.io import FileIO, InputFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyiceberg.io import InputStream, OutputFile
    from pyiceberg.typedef import Properties

# Names of the PyIceberg properties through which the adapter passes the settings of the dataset.
TIMEOUT, RETRIES, BACKOFF = "orchestrator.timeout", "orchestrator.retries", "orchestrator.backoff"
_requests: ContextVar[Requests] = ContextVar("requests")


@contextmanager
def count_requests(requests: Requests) -> Iterator[None]:
    """Context manager that counts the requests of every `LakeFileIO` that is created in its block."""
    token = _requests.set(requests)
    try:
        yield
    finally:
        _requests.reset(token)


class LakeFileIO(FileIO):
    """A `FileIO` that reads each file from the lake that the location of the file names."""

    def __init__(self, properties: Properties) -> None:
        super().__init__(properties)
        self.requests = _requests.get(Requests())

    def new_input(self, location: str) -> InputFile:
        """Return the file at a location."""
        return _LakeFile(location, self.requests, self.properties)

    def new_output(self, location: str) -> OutputFile:
        """Raise `PermissionError`, because a check writes nothing."""
        _refuse(location)

    def delete(self, location: object) -> None:
        """Raise `PermissionError`, because a check removes nothing."""
        _refuse(location)


class _LakeFile(InputFile):
    def __init__(self, location: str, requests: Requests, properties: Properties) -> None:
        super().__init__(location)
        self._requests = requests
        self._properties = properties

    def __len__(self) -> int:
        return len(self._read())

    def exists(self) -> bool:
        """Return whether the file exists."""
        try:
            self._read()
        except FileNotFoundError:
            return False
        return True

    def open(self, seekable: bool = True) -> InputStream:
        """Read the file, and return a stream of its bytes.

        Raises:
            FileNotFoundError: the file does not exist.
            LakeError: the lake does not respond, or refuses the request.
        """
        del seekable
        return io.BytesIO(self._read())

    def _read(self) -> bytes:
        scheme, _, path = self.location.rpartition("://")
        if scheme in ("", "file"):
            # The lake is the folder of the file. Hadoop writes `file:/folder`, with one slash.
            folder, _, key = path.removeprefix("file:").rpartition("/")
            root = folder or "/"
        else:
            # The lake is the bucket. `open_lake` refuses a scheme that it does not know.
            bucket, _, key = path.partition("/")
            root = f"s3://{bucket}" if scheme == "s3n" else f"{scheme}://{bucket}"
        lake = open_lake(
            root,
            timeout=float(self._properties[TIMEOUT]),
            retries=int(self._properties[RETRIES]),
            backoff=float(self._properties[BACKOFF]),
        )
        self._requests.add("get")
        try:
            return lake.get(key)[0]
        except ObjectMissing:
            raise FileNotFoundError(f"{self.location} does not exist") from None


def _refuse(location: object) -> NoReturn:
    raise PermissionError(f"{location} must not be changed")
