"""One bounded JSON object in a lake that several processes read and change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar
from urllib.parse import quote

from smart_orchestrator.errors import ObjectConflict, ObjectMissing
from smart_orchestrator.foreign import BadDocument

if TYPE_CHECKING:
    from collections.abc import Callable

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.store.base import Lake


class Content(Protocol):
    """The parsed content of an object."""

    def to_bytes(self) -> bytes:
        """Return the content of the object."""
        ...


_ContentT = TypeVar("_ContentT", bound=Content)
_MAX_TRIES = 50
# The folder of the objects, in the state folder or in the folder of the dataset in its lake.
FOLDER = "_upstream"


def object_key(dataset: Dataset, ending: str, *, in_dataset: bool) -> str:
    """Return the key of the object of a dataset, in the folder of the dataset or at the root of another lake."""
    folder = f"{dataset.folder}/{FOLDER}" if in_dataset and dataset.folder else FOLDER
    return f"{folder}/{quote(dataset.name, safe=' ')}.{ending}"


class SharedDocument(Generic[_ContentT]):
    """An object that is changed with conditional writes, so that no change of another process is lost.

    A missing or unreadable object counts as empty, because its content can be asked for again.

    Args:
        lake: the lake that contains the object.
        key: the key of the object in the lake.
        parse: parses the bytes of the object, and raises `BadDocument` for bytes of another program.
        empty: the content of a missing object.
    """

    def __init__(self, lake: Lake, key: str, parse: Callable[[bytes], _ContentT], empty: _ContentT) -> None:
        self._lake = lake
        self._key = key
        # The folder for `Lake.exclusive`: on a local lake, the processes of this machine take turns. Other lakes have no lock: there, a
        # conditional write fails when another process has changed the object.
        self._folder = key.rpartition("/")[0]
        self._parse = parse
        self._empty = empty

    def read(self) -> _ContentT:
        """Read the object.

        Raises:
            LakeError: the lake does not respond, or refuses the request.
        """
        return self._read()[0]

    def update(self, change: Callable[[_ContentT], _ContentT | None]) -> _ContentT:
        """Change the content of the object atomically, and return the new content. `change` returns None to change nothing.

        Raises:
            ObjectConflict: other processes changed the object again and again.
            LakeError: the lake does not respond, or refuses the request.
        """
        for _ in range(_MAX_TRIES):
            with self._lake.exclusive(self._folder):
                content, etag = self._read()
                changed = change(content)
                if changed is None:
                    return content
                try:
                    self._lake.put_if(self._key, changed.to_bytes(), etag)
                except ObjectConflict:
                    continue
                return changed
        raise ObjectConflict(self._lake.url, self._key)

    def _read(self) -> tuple[_ContentT, str | None]:
        """Return the content of the object and its ETag, which is None for a missing object."""
        try:
            data, etag = self._lake.get(self._key)
        except ObjectMissing:
            return self._empty, None
        try:
            return self._parse(data), etag
        except BadDocument:
            return self._empty, etag
