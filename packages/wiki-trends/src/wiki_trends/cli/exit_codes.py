"""How a command ends: which exit code an error means, its sentence in the words of the command line, and leaving."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from smart_orchestrator.errors import (
    DatasetError,
    LakeError,
    LakeUrlError,
    OptionError,
    RunsError,
    SmartOrchestratorError,
    SourceUnreachable,
    WaiverError,
    WindowError,
)
from wiki_trends.errors import (
    EngineError,
    NothingPublished,
    RequestRejected,
    SettingError,
    WarehouseError,
    WikiTrendsError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

DONE, INCOMPLETE, USAGE, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 130

_CODES: tuple[tuple[type[Exception], int], ...] = (
    (SettingError, USAGE),
    (RequestRejected, USAGE),
    (OptionError, USAGE),
    (WindowError, USAGE),
    (WaiverError, USAGE),
    (LakeUrlError, USAGE),
    (DatasetError, USAGE),
    (LakeError, UNREACHABLE),
    (SourceUnreachable, UNREACHABLE),
    (RunsError, UNREACHABLE),
    (NothingPublished, INCOMPLETE),
    (WarehouseError, UNREACHABLE),
    (EngineError, UNREACHABLE),
    (SmartOrchestratorError, INCOMPLETE),
    (WikiTrendsError, INCOMPLETE),
)


def exit_code(error: Exception) -> int | None:
    """The exit code of a foreseen error; None for one that nobody foresaw, which deserves its trace-back."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), None)


def code_of(error: Exception) -> int:
    """The exit code of an error that `doctor` met: one of the operating system means that a disk cannot be used."""
    return UNREACHABLE if isinstance(error, OSError) else exit_code(error) or USAGE


def sentence(error: Exception) -> str:
    """The error as the command line says it: arguments of a window by the names of their options."""
    if isinstance(error, WindowError):
        name = error.field if error.field.isupper() else "--" + error.field.replace("_", "-")
        return f"{name}: {error.value} {error.problem}. {error.fix}"
    return str(error)


def ended(work: Callable[[], int]) -> int:
    """The exit code of `work`; a foreseen error, or Ctrl-C, is told in one sentence on stderr.

    An error that nobody foresaw passes through, for its trace-back.
    """
    try:
        code = work()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        known = exit_code(error)
        if known is None:
            raise
        print(f"error: {sentence(error)}", file=sys.stderr)
        return known
    if code == INTERRUPTED:
        print(
            "interrupted: nothing half-written is visible. Run the same command again to go on.",
            file=sys.stderr,
        )
    return code


def leave(code: int) -> NoReturn:
    """End the process; when it failed, without waiting for threads: what they have not committed is not visible."""
    if code == DONE:
        sys.exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
