"""Compress CSV parts, and decompress them in bounded pieces: gzip, bzip2 and Zstandard.

If a dataset declares no compression, the first bytes of a part determine the compression. A CSV in UTF-8 cannot begin with the
signature of gzip or Zstandard.
"""

from __future__ import annotations

import re
import sys
import zlib
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from smart_orchestrator.contract.reading import Unreadable
from smart_orchestrator.extras import extra

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smart_orchestrator.model.dataset import Compression

# The largest size of a decompressed piece.
PIECE_BYTES = 1 << 20
# The signature of bzip2 consists of `BZh`, the compression level, and the signature of a block or of the end of an empty stream.
SIGNATURES: tuple[tuple[re.Pattern[bytes], Compression], ...] = (
    (re.compile(rb"\x1f\x8b"), "gzip"),
    (re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"), "bz2"),
    (re.compile(rb"\x28\xb5\x2f\xfd"), "zstd"),
)


class Decompressor(Protocol):
    """The decompressor of one stream, with the interface of `bz2.BZ2Decompressor`."""

    @property
    def eof(self) -> bool:
        """Whether the end of the stream was read."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether `decompress` needs more input before it can return more bytes."""
        ...

    @property
    def unused_data(self) -> bytes:
        """The bytes after the end of the stream."""
        ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """Decompress `data`, and return at most `max_length` bytes."""
        ...


class _Gzip:
    """`zlib` with the interface of `bz2.BZ2Decompressor`."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=31)  # 31: a stream with the header of gzip.
        self.unused_data = b""
        self.eof = False
        self.needs_input = True

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        text = self._stream.decompress(self._stream.unconsumed_tail + data, max_length)
        self.eof, self.unused_data = self._stream.eof, self._stream.unused_data
        # After a piece of the full length, the stream may have more bytes without more input.
        self.needs_input = not self._stream.unconsumed_tail and len(text) < max_length
        return text


def decompress_chunks(chunks: Iterator[bytes], compression: Compression) -> Iterator[bytes]:
    """Decompress `chunks` in pieces of at most one megabyte.

    Raises:
        Unreadable: the compressed stream is cut short. A reader error about invalid bytes is raised unchanged.
    """
    first = next(chunks, b"")
    if compression == "infer":
        compression = next((name for pattern, name in SIGNATURES if pattern.match(first)), "none")
    chunks = chain((first,), chunks)
    return chunks if compression == "none" else _decompress_streams(chunks, compression)


def _decompress_streams(chunks: Iterator[bytes], compression: Compression) -> Iterator[bytes]:
    """Decompress one stream, or several that follow one another, as in two gzip files that were joined."""
    stream: Decompressor | None = None
    for chunk in chunks:
        data = chunk
        while data or (stream is not None and not stream.needs_input):
            if stream is None:
                # Some tapes and disks fill the rest of the last block with zeros.
                if not data.strip(b"\0"):
                    break
                stream = _decompressor(compression)
            text = stream.decompress(data, PIECE_BYTES)
            data = b""
            if text:
                yield text
            if stream.eof:
                data, stream = stream.unused_data, None
    if stream is not None:
        msg = f"the {compression} stream is cut short"
        raise Unreadable(msg)


def _decompressor(compression: Compression) -> Decompressor:
    if compression == "gzip":
        return _Gzip()
    if compression == "bz2":
        import bz2

        return bz2.BZ2Decompressor()
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        with extra("frames"):
            from backports import zstd
    stream: Decompressor = zstd.ZstdDecompressor()
    return stream


def compress_part(data: bytes, compression: Compression) -> bytes:
    """Compress the bytes of a part. Without a declared compression, return them unchanged."""
    if compression == "gzip":
        import gzip

        return gzip.compress(data, mtime=0)
    if compression == "bz2":
        import bz2

        return bz2.compress(data)
    if compression == "zstd":
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            with extra("frames"):
                from backports import zstd
        return bytes(zstd.compress(data))
    return data
