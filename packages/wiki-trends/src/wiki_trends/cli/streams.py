"""Standard streams that never raise: any encoding, a closed pipe, a closed descriptor, a full disk.

When the reader of a pipe closes it early (`| head -1`), later output is discarded, and the command keeps its own exit code.
Any other failure of stdout is remembered; `output_failure` returns it at the end of the command.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _TolerantFile(io.RawIOBase):
    """A descriptor for writing whose errors are remembered, not raised."""

    def __init__(self, descriptor: int, failure: OSError | None) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._initial_failure = failure
        self._discards = failure is not None
        self.failure: OSError | None = None

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: ReadableBuffer, /) -> int:
        size = memoryview(data).nbytes
        if self._discards:
            self.failure = self.failure or self._initial_failure
            return size
        try:
            return os.write(self._descriptor, data)
        except BrokenPipeError:
            self._discards = True
        except OSError as error:
            self._discards = True
            self.failure = error
        return size


_stdout_file: _TolerantFile | None = None


def install_streams() -> None:
    """Replace stdout and stderr with streams that never raise, and open the null device on closed descriptors.

    Otherwise the next file that is opened would get a closed descriptor, and output would go into that file.
    """
    global _stdout_file
    closed = [descriptor for descriptor in (0, 1, 2) if _reopen_if_closed(descriptor)]
    if _is_descriptor(sys.stdout, 1):
        _stdout_file, sys.stdout = _tolerant(1, 1 in closed, sys.stdout)
    if _is_descriptor(sys.stderr, 2):
        _, sys.stderr = _tolerant(2, 2 in closed, sys.stderr)
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - as long as the process


def output_failure() -> OSError | None:
    """The error that stopped the output to stdout, after everything written so far is flushed; None when there is none."""
    sys.stdout.flush()
    return _stdout_file.failure if _stdout_file is not None else None


def _is_descriptor(stream: TextIO | None, descriptor: int) -> bool:
    """Whether a stream writes to this descriptor, and has not been redirected inside the process."""
    if stream is None:
        return True
    try:
        return stream.fileno() == descriptor
    except (OSError, ValueError):
        # A buffer in memory has no descriptor.
        return False


def _reopen_if_closed(descriptor: int) -> bool:
    """Open the null device on a closed descriptor; returns whether it was closed."""
    try:
        os.fstat(descriptor)
    except OSError:
        # The lowest free descriptor is this one: the descriptors are tried in order.
        os.open(os.devnull, os.O_RDWR)
        return True
    return False


def _tolerant(
    descriptor: int, closed: bool, present: TextIO | None
) -> tuple[_TolerantFile, io.TextIOWrapper]:
    if present is not None:
        present.flush()
    failure = OSError(errno.EBADF, os.strerror(errno.EBADF)) if closed else None
    file = _TolerantFile(descriptor, failure)
    stream = io.TextIOWrapper(
        io.BufferedWriter(file),
        encoding=getattr(present, "encoding", None) or "utf-8",
        errors="backslashreplace",
        line_buffering=descriptor != 1 or file.isatty(),
    )
    return file, stream
