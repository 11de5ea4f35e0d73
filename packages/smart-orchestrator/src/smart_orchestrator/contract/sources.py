"""Where the bytes of a part come from: the lake, or memory. Read a bounded number of bytes at a time."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from smart_orchestrator.contract.reading import PartFault
from smart_orchestrator.errors import LakeUnreachable, ObjectConflict, ObjectMissing
from smart_orchestrator.model.partition import Code
from smart_orchestrator.store.base import CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from smart_orchestrator.model.partition import PartInfo
    from smart_orchestrator.store.base import Lake

# A Parquet file ends with the length of its footer and a signature.
_FOOTER_END = 8


class PartSource(Protocol):
    """One part."""

    @property
    def name(self) -> str:
        """Below the partition's folder."""
        ...

    @property
    def size(self) -> int:
        """In bytes."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """All bytes in order; can be called again.

        Raises:
            PartFault: the part is gone, or is not the one that was committed.
            LakeError: the lake does not answer or refuses.
        """
        ...

    def file(self, *, footer_only: bool) -> AbstractContextManager[str]:
        """The path of a local file with these bytes; of a Parquet file with only its footer, where that is enough."""
        ...


@dataclass(frozen=True, slots=True)
class BytesPart:
    """A part in memory."""

    name: str
    data: bytes

    @property
    def size(self) -> int:
        """As for any part."""
        return len(self.data)

    def chunks(self) -> Iterator[bytes]:
        """As for any part."""
        for start in range(0, len(self.data), CHUNK):
            yield self.data[start : start + CHUNK]

    @contextmanager
    def file(self, *, footer_only: bool) -> Iterator[str]:
        """As for any part."""
        del footer_only
        with tempfile.NamedTemporaryFile(prefix="part-") as file:
            file.write(self.data)
            file.flush()
            yield file.name


@dataclass(frozen=True, slots=True)
class LakePart:
    """A part in a lake; its size and checksum are compared with those that were listed and committed."""

    lake: Lake
    folder: str
    info: PartInfo

    @property
    def name(self) -> str:
        """As for any part."""
        return self.info.name

    @property
    def size(self) -> int:
        """As for any part."""
        return self.info.size

    @property
    def _key(self) -> str:
        return f"{self.folder}/{self.info.name}"

    def chunks(self) -> Iterator[bytes]:
        """As for any part."""
        digest = hashlib.sha256()
        size = 0
        with self._faults():
            for chunk in self.lake.chunks(self._key, self.size):
                if self.info.checksum is not None:
                    digest.update(chunk)
                size += len(chunk)
                yield chunk
        if size != self.size:
            problem = f"{self._key} is listed with {self.size:,} bytes and was read with {size:,}"
            raise LakeUnreachable(self.lake.url, problem, "Check again.")
        if self.info.checksum not in (None, f"sha256:{digest.hexdigest()}"):
            raise PartFault(
                Code.PART_CHANGED, f"{self.name} has other bytes than were committed, of the same size"
            )

    @contextmanager
    def file(self, *, footer_only: bool) -> Iterator[str]:
        """As for any part; a remote one is copied into a temporary file."""
        local = self.lake.local_path(self._key)
        if local is not None:
            if self.info.checksum is not None:
                for _ in self.chunks():
                    pass
            yield local
            return
        with tempfile.NamedTemporaryFile(prefix="part-") as file:
            if footer_only and self.info.checksum is None and self.size > CHUNK:
                with self._faults():
                    self._copy_footer(file.fileno())
            else:
                for chunk in self.chunks():
                    file.write(chunk)
                file.flush()
            yield file.name

    def _copy_footer(self, descriptor: int) -> None:
        """Write the footer of a Parquet file at its place in a sparse file of the same size."""
        os.ftruncate(descriptor, self.size)
        end, etag = self.lake.get_range(self._key, self.size - _FOOTER_END, _FOOTER_END)
        length = min(int.from_bytes(end[:4], "little") + _FOOTER_END, self.size)
        footer, _ = self.lake.get_range(self._key, self.size - length, length, etag)
        os.pwrite(descriptor, footer, self.size - length)
        os.pwrite(descriptor, self.lake.get_range(self._key, 0, 4, etag)[0], 0)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except ObjectMissing:
            raise PartFault(Code.PART_GONE, f"{self.name} went away while it was read") from None
        except ObjectConflict:
            raise PartFault(Code.PART_GONE, f"{self.name} was replaced while it was read") from None
