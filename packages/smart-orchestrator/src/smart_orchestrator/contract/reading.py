"""Translate the exceptions of file readers: every failure to read a part becomes `Unreadable`.

Readers raise more than their own error classes: zlib raises `OSError`, and a panic of Polars derives from `BaseException`.
Only errors that say nothing about the bytes pass: those of the lake, missing packages, memory and interrupts.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from smart_orchestrator.errors import SmartOrchestratorError
from smart_orchestrator.foreign import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smart_orchestrator.model.partition import Code

STDERR = 2
_PANIC = re.compile(rb"(?:^\n)?^thread '[^\n]*panicked at.*", re.DOTALL | re.MULTILINE)


class Unreadable(ValueError):
    """The bytes cannot be read in the dataset's format; the text says why, in one line."""


class OtherDialect(Exception):
    """The CSV is not in Spark's dialect."""


class PartFault(Exception):
    """A part is gone, or has other bytes than were committed.

    Attributes:
        code: the code of its partition.
        text: the reason.
    """

    def __init__(self, code: Code, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(text)


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise `Unreadable` for every exception that a reader raises inside."""
    try:
        yield
    except (SmartOrchestratorError, PartFault, Unreadable, OtherDialect, ImportError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - readers raise any class
        raise Unreadable(_first_line(error)) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise Unreadable(f"its reader failed ({_first_line(error)})") from None


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return one_line(lines[0]) if lines else type(error).__name__


class _PanicFilter:
    """Removes the messages of panics, which Rust writes to the descriptor of stderr.

    While any thread is between `enter` and `leave`, stderr goes to a temporary file. The last `leave` writes the file to stderr
    without the messages of panics.
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
                self._stderr = os.dup(STDERR)
                self._file, name = tempfile.mkstemp(prefix="stderr-")
                os.unlink(name)  # noqa: PTH108 - only the descriptor is needed
                os.dup2(self._file, STDERR)

    def leave(self) -> None:
        with self._lock:
            self._threads -= 1
            if self._threads:
                return
            with suppress(OSError, ValueError):
                sys.stderr.flush()
            os.dup2(self._stderr, STDERR)
            os.lseek(self._file, 0, os.SEEK_SET)
            with os.fdopen(self._file, "rb") as file:
                text = _PANIC.sub(b"", file.read())
            if text:
                with suppress(OSError):
                    os.write(STDERR, text)
            os.close(self._stderr)


_panics = _PanicFilter()


@contextmanager
def translate_parquet_errors() -> Iterator[None]:
    """As `translate_errors`, for Parquet: its reader panics on damaged files and prints a message."""
    try:
        _panics.enter()
        filtered = True
    except OSError:
        filtered = False  # There is no stderr, or no temporary file can be made.
    try:
        with translate_errors():
            yield
    finally:
        if filtered:
            _panics.leave()
