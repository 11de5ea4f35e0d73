"""Exit codes: of each error, of a command line, and how the process ends."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from smart_orchestrator.errors import (
    DatasetError,
    LakeError,
    LakeSettingError,
    LakeUrlError,
    OptionError,
    RunsError,
    SmartOrchestratorError,
    SourceUnreachable,
    VacuumRefused,
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
    (LakeSettingError, USAGE),
    (VacuumRefused, USAGE),
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
    """The exit code of an expected error; None for an unexpected one, which is a bug."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), None)


def finding_code(error: Exception) -> int:
    """The exit code of an error in a finding of `doctor`; an `OSError` means that a disk cannot be used."""
    return UNREACHABLE if isinstance(error, OSError) else exit_code(error) or USAGE


def error_text(error: Exception) -> str:
    """The text of an error on the command line, where arguments of a window have the names of their options."""
    if isinstance(error, WindowError):
        name = error.field if error.field.isupper() else "--" + error.field.replace("_", "-")
        return f"{name}: {error.value} {error.problem}. {error.fix}"
    return str(error)


def run_to_exit_code(work: Callable[[], int]) -> int:
    """Call `work` and return its exit code; an expected error, or Ctrl-C, becomes one line on stderr.

    An unexpected error passes through.
    """
    try:
        code = work()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        error_code = exit_code(error)
        if error_code is None:
            raise
        print(f"error: {error_text(error)}", file=sys.stderr)
        return error_code
    if code == INTERRUPTED:
        print(
            "interrupted: nothing half-written is visible. Run the same command again to go on.",
            file=sys.stderr,
        )
    return code


def leave(code: int) -> NoReturn:
    """End the process. A failed one does not wait for its threads: uncommitted work is not visible."""
    if code == DONE:
        sys.exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
