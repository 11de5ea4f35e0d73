"""Problems: the documents of failed requests, the same text as a page and as JSON.

Messages about lake, warehouse and runs are written from the fields of the error, without the location that the error's own
text starts with. A message that still names a path is not shown; see `public_text`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from smart_orchestrator.errors import (
    LakeError,
    RunsError,
    SmartOrchestratorError,
    SourceUnreachable,
    WindowError,
)
from wiki_trends.errors import NothingPublished, PageNotListed, SettingError, WarehouseError, WikiTrendsError

if TYPE_CHECKING:
    from collections.abc import Callable


class ProblemDocument(BaseModel):
    """Why a request failed."""

    error: str = Field(description="Stable code, for programs.")
    message: str = Field(description="What happened, a sentence.")
    fix: str = Field(description="What to do, a sentence.")


class Problem(Exception):
    """A failed request.

    Attributes:
        status: HTTP status.
        code: stable, for programs.
        message: what happened, a sentence.
        fix: what to do, a sentence.
        retry_after: seconds after which to try again; None when waiting does not help.
    """

    def __init__(
        self, status: int, code: str, message: str, fix: str, retry_after: int | None = None
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.fix = fix
        self.retry_after = retry_after
        super().__init__(f"{code}: {message} {fix}")

    def cleaned(self, clean: Callable[[str], str]) -> Problem:
        """The problem with its texts cleaned."""
        return Problem(self.status, self.code, clean(self.message), clean(self.fix), self.retry_after)

    def document(self) -> ProblemDocument:
        """The problem as JSON."""
        return ProblemDocument(error=self.code, message=self.message, fix=self.fix)


# Every error that has a problem. `SourcePool.read` turns any other failure of a source into one of them.
KNOWN_ERRORS = (Problem, WikiTrendsError, SmartOrchestratorError)


def problem_of(error: Exception) -> Problem | None:
    """The problem for a known kind of error; None for an unexpected one."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, SettingError) and not error.origin.startswith("--"):
        # A setting of the server, not a parameter of the request: its value is not shown.
        return Problem(503, "SETTING", f"{error.origin} {error.problem}.", error.fix)
    for error_type, status, code in _PROBLEMS_BY_ERROR:
        if isinstance(error, error_type):
            message, fix = _message_and_fix(error)
            return Problem(status, code, message, fix, 5 if status == 503 else None)
    return None


_PROBLEMS_BY_ERROR: tuple[tuple[type[Exception], int, str], ...] = (
    (NothingPublished, 404, "NOTHING_PUBLISHED"),
    (WarehouseError, 503, "WAREHOUSE"),
    (PageNotListed, 404, "PAGE_NOT_LISTED"),
    (SettingError, 422, "BAD_VALUE"),
    (WindowError, 422, "BAD_VALUE"),
    (LakeError, 503, "LAKE"),
    (RunsError, 503, "RUNS"),
    (SourceUnreachable, 503, "SOURCE"),
    (SmartOrchestratorError, 409, "CONFLICT"),
    (WikiTrendsError, 409, "CONFLICT"),
)


def _message_and_fix(error: Exception) -> tuple[str, str]:
    """Message and fix of an error, from its fields, without the location that its own text starts with."""
    if isinstance(error, NothingPublished):
        return "Nothing has been published yet.", "Run `wiki-trends run`; this page then updates by itself."
    if isinstance(error, WarehouseError):
        return f"The warehouse cannot be read: {error.problem}.", error.fix
    if isinstance(error, LakeError):
        return f"The lake cannot be read: {error.problem}.", error.fix
    if isinstance(error, PageNotListed):
        suggestion = (
            f"Did you mean {', '.join(error.similar)}?" if error.similar else "Search for it under Pages."
        )
        return (
            "No list contains this page: it was not among the most-viewed pages, or its title is spelt differently.",
            suggestion,
        )
    if isinstance(error, WindowError):
        return f"{error.field}: {error.value} {error.problem}.", error.fix
    if isinstance(error, SettingError):
        return f"{error.name}: {error.value!r} {error.problem}.", error.fix
    message, _, fix = str(error).rpartition(". ")
    return (f"{message}.", fix) if message else (str(error), "Try again.")
