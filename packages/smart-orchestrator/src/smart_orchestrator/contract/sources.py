"""Sources of a part's bytes: the lake or the memory. Both are read in pieces of bounded size."""

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

# A Parquet file ends with the length of the footer (4 bytes) and a signature (4 bytes).
_FOOTER_TAIL_BYTES = 8


class PartSource(Protocol):
    """The bytes of one part."""

    @property
    def name(self) -> str:
        """The name of the part, relative to the partition's folder."""
        ...

    @property
    def size(self) -> int:
        """The size of the part in bytes."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """Return all bytes in order. Each call reads the part again.

        Raises:
            PartFault: the part is gone, or its bytes are not the bytes that were committed.
            LakeError: the lake does not respond, or refuses a request.
        """
        ...

    def file(self, *, footer_only: bool) -> AbstractContextManager[str]:
        """Provide the path of a local file with the bytes of the part.

        With `footer_only`, the file needs valid bytes only in the Parquet footer and the signature at the start.
        """
        ...


@dataclass(frozen=True, slots=True)
class BytesPart:
    """A part in memory."""

    name: str
    data: bytes

    @property
    def size(self) -> int:
        """See `PartSource`."""
        return len(self.data)

    def chunks(self) -> Iterator[bytes]:
        """See `PartSource`."""
        for start in range(0, len(self.data), CHUNK):
            yield self.data[start : start + CHUNK]

    @contextmanager
    def file(self, *, footer_only: bool) -> Iterator[str]:
        """See `PartSource`."""
        del footer_only
        with tempfile.NamedTemporaryFile(prefix="part-") as file:
            file.write(self.data)
            file.flush()
            yield file.name


@dataclass(frozen=True, slots=True)
class LakePart:
    """A part in a lake. Reading all its bytes checks them against the size in the listing and the checksum in the manifest."""

    lake: Lake
    folder: str
    info: PartInfo

    @property
    def name(self) -> str:
        """See `PartSource`."""
        return self.info.name

    @property
    def size(self) -> int:
        """See `PartSource`."""
        return self.info.size

    @property
    def _key(self) -> str:
        return f"{self.folder}/{self.info.name}"

    def chunks(self) -> Iterator[bytes]:
        """See `PartSource`."""
        digest = hashlib.sha256()
        size = 0
        with self._translate_errors():
            for chunk in self.lake.chunks(self._key, self.size):
                if self.info.checksum is not None:
                    digest.update(chunk)
                size += len(chunk)
                yield chunk
        if size != self.size:
            problem = f"{self._key} has {self.size:,} bytes in the listing, but {size:,} bytes were read"
            raise LakeUnreachable(self.lake.url, problem, "Check again.")
        if self.info.checksum not in (None, f"sha256:{digest.hexdigest()}"):
            raise PartFault(
                Code.PART_CHANGED, f"{self.name} has other bytes than were committed, of the same size"
            )

    @contextmanager
    def file(self, *, footer_only: bool) -> Iterator[str]:
        """See `PartSource`. A part of a remote lake is copied into a temporary file."""
        local = self.lake.local_path(self._key)
        if local is not None:
            if self.info.checksum is not None:
                for _ in self.chunks():
                    pass
            yield local
            return
        with tempfile.NamedTemporaryFile(prefix="part-") as file:
            # A checksum can only be compared by reading all bytes. A small part needs one request for all its bytes.
            if footer_only and self.info.checksum is None and self.size > CHUNK:
                with self._translate_errors():
                    self._copy_footer(file.fileno())
            else:
                for chunk in self.chunks():
                    file.write(chunk)
                file.flush()
            yield file.name

    def _copy_footer(self, descriptor: int) -> None:
        """Write the footer of the Parquet file into a sparse file of the same size, at the same offset."""
        os.ftruncate(descriptor, self.size)
        end, etag = self.lake.get_range(self._key, self.size - _FOOTER_TAIL_BYTES, _FOOTER_TAIL_BYTES)
        length = min(int.from_bytes(end[:4], "little") + _FOOTER_TAIL_BYTES, self.size)
        footer, _ = self.lake.get_range(self._key, self.size - length, length, etag)
        os.pwrite(descriptor, footer, self.size - length)
        signature, _ = self.lake.get_range(self._key, 0, 4, etag)
        os.pwrite(descriptor, signature, 0)

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except ObjectMissing:
            raise PartFault(Code.PART_GONE, f"{self.name} was removed while it was read") from None
        except ObjectConflict:
            raise PartFault(Code.PART_GONE, f"{self.name} was replaced while it was read") from None
