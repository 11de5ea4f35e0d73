"""Which exit code an error means, and its sentence in the words of the command line."""

from __future__ import annotations

from smart_orchestrator.errors import (
    DatasetError,
    LakeError,
    LakeUrlError,
    RunsError,
    SmartOrchestratorError,
    SourceUnreachable,
    WindowError,
)
from wiki_trends.errors import NothingPublished, SettingError, WarehouseError, WikiTrendsError

INCOMPLETE, USAGE, UNREACHABLE = 1, 2, 3

_CODES: tuple[tuple[type[Exception], int], ...] = (
    (SettingError, USAGE),
    (WindowError, USAGE),
    (LakeUrlError, USAGE),
    (DatasetError, USAGE),
    (LakeError, UNREACHABLE),
    (SourceUnreachable, UNREACHABLE),
    (RunsError, UNREACHABLE),
    (NothingPublished, INCOMPLETE),
    (WarehouseError, UNREACHABLE),
    (SmartOrchestratorError, INCOMPLETE),
    (WikiTrendsError, INCOMPLETE),
)


def exit_code(error: Exception) -> int | None:
    """The exit code of a foreseen error; None for one that nobody foresaw, which deserves its trace-back."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), None)


def sentence(error: Exception) -> str:
    """The error as the command line says it: arguments of a window by the names of their options."""
    if isinstance(error, WindowError):
        name = error.field if error.field.isupper() else "--" + error.field.replace("_", "-")
        return f"{name}: {error.value} {error.problem}. {error.fix}"
    return str(error)
