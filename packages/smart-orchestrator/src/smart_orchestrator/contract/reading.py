"""Translate the exceptions of the libraries that read files: if a part cannot be read, `Unreadable` is raised.

These libraries raise many classes. The gzip reader, for example, raises `OSError`, and a panic in Polars raises a subclass of
`BaseException`. Exceptions that do not come from the bytes of the part are not translated: errors of the lake, a missing package, a
lack of memory, and interrupts.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from smart_orchestrator.errors import SmartOrchestratorError
from smart_orchestrator.foreign import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smart_orchestrator.model.partition import Code

STDERR_DESCRIPTOR = 2
# The message of a panic and all text after it, because nothing marks the end of the message.
_PANIC = rb"(?:^\n)?^thread '[^\n]*panicked at.*"


class Unreadable(ValueError):
    """The bytes cannot be read in the dataset's format. The message is the reason, in one line."""


class NotSparkCsv(Exception):
    """A CSV file does not follow the quoting rules of Spark's writer."""


class PartFault(Exception):
    """A part is gone, or its bytes are not the bytes that were committed.

    Attributes:
        code: the code for the partition of the part.
        text: the reason, as a sentence.
    """

    def __init__(self, code: Code, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(text)


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise `Unreadable` for every exception that a reader raises inside the `with` block."""
    try:
        yield
    except (SmartOrchestratorError, PartFault, Unreadable, NotSparkCsv, ImportError, MemoryError):
        raise
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not UTF-8 text (byte 0x{error.object[error.start]:02x})") from None
    except Exception as error:  # noqa: BLE001 - readers raise any class
        raise Unreadable(_first_line(error)) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise Unreadable(f"the reader failed ({_first_line(error)})") from None


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return one_line(lines[0]) if lines else type(error).__name__


class _PanicFilter:
    """Removes the messages that a panic in Rust writes directly to the file descriptor of stderr.

    While at least one thread is between `enter` and `leave`, stderr is redirected to a temporary file. When the last thread leaves, the
    contents of the file are written to stderr, up to the first message of a panic.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = 0
        self._stderr = -1
        self._file = -1

    def enter(self) -> None:
        with self._lock:
            self._threads += 1
            if self._threads == 1:
                with suppress(OSError, ValueError):
                    sys.stderr.flush()
                import tempfile

                self._stderr = os.dup(STDERR_DESCRIPTOR)
                self._file, name = tempfile.mkstemp(prefix="stderr-")
                os.unlink(name)  # noqa: PTH108 - only the descriptor is needed
                os.dup2(self._file, STDERR_DESCRIPTOR)

    def leave(self) -> None:
        with self._lock:
            self._threads -= 1
            if self._threads:
                return
            with suppress(OSError, ValueError):
                sys.stderr.flush()
            os.dup2(self._stderr, STDERR_DESCRIPTOR)
            os.lseek(self._file, 0, os.SEEK_SET)
            with os.fdopen(self._file, "rb") as file:
                text = re.sub(_PANIC, b"", file.read(), flags=re.DOTALL | re.MULTILINE)
            if text:
                with suppress(OSError):
                    os.write(STDERR_DESCRIPTOR, text)
            os.close(self._stderr)


_panics = _PanicFilter()


@contextmanager
def translate_parquet_errors() -> Iterator[None]:
    """Translate errors like `translate_errors`, and suppress the messages that the Parquet reader prints in a panic."""
    try:
        _panics.enter()
        is_filtering = True
    except OSError:
        is_filtering = False  # There is no stderr, or no temporary file can be made.
    try:
        with translate_errors():
            yield
    finally:
        if is_filtering:
            _panics.leave()
