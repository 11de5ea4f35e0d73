"""Standard streams that never raise, even with a closed pipe, a closed descriptor, a full disk or a limited encoding.

When the reader closes a pipe early (`| head -1`), later output is discarded and the exit code of the command does not change. Any
other failure of stdout is stored, and `output_failure` returns the failure at the end of the command.
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
    """A writable file that stores the first error instead of raising it, and discards the output after the error."""

    def __init__(self, descriptor: int, failure: OSError | None) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._initial_failure = failure
        self._discards = failure is not None
        # A closed descriptor is a failure only for a command that writes to it.
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

    Without the null device, the next opened file would get the descriptor of stdout or stderr and receive the output.
    """
    global _stdout_file
    closed_descriptors = [descriptor for descriptor in (0, 1, 2) if _reopen_if_closed(descriptor)]
    if _is_descriptor(sys.stdout, 1):
        _stdout_file, sys.stdout = _create_stream(1, 1 in closed_descriptors, sys.stdout)
    if _is_descriptor(sys.stderr, 2):
        _, sys.stderr = _create_stream(2, 2 in closed_descriptors, sys.stderr)
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115 - stays open until the process ends


def output_failure() -> OSError | None:
    """Flush stdout, and return the error that stopped its output; None without an error."""
    sys.stdout.flush()
    return _stdout_file.failure if _stdout_file is not None else None


def _is_descriptor(stream: TextIO | None, descriptor: int) -> bool:
    """Return whether a stream writes to this descriptor. False for a stream that was redirected inside the process."""
    if stream is None:
        # Python has no stream for a descriptor that was closed before the process started.
        return True
    try:
        return stream.fileno() == descriptor
    except (OSError, ValueError):
        # A buffer in memory has no descriptor.
        return False


def _reopen_if_closed(descriptor: int) -> bool:
    """Open the null device on `descriptor` if it is closed; return whether it was closed."""
    try:
        os.fstat(descriptor)
    except OSError:
        # `os.open` uses the lowest free descriptor. The caller checks the descriptors in order, so this one is the lowest.
        os.open(os.devnull, os.O_RDWR)
        return True
    return False


def _create_stream(
    descriptor: int, was_closed: bool, current_stream: TextIO | None
) -> tuple[_TolerantFile, io.TextIOWrapper]:
    """Return a file and a text stream that replace the current stream of a descriptor."""
    if current_stream is not None:
        current_stream.flush()
    failure = OSError(errno.EBADF, os.strerror(errno.EBADF)) if was_closed else None
    file = _TolerantFile(descriptor, failure)
    stream = io.TextIOWrapper(
        io.BufferedWriter(file),
        encoding=getattr(current_stream, "encoding", None) or "utf-8",
        errors="backslashreplace",
        # Progress on stderr must appear at once. Results on stdout are written in larger blocks, except to a terminal.
        line_buffering=descriptor != 1 or file.isatty(),
    )
    return file, stream
