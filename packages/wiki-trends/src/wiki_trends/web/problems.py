"""Problems: the reasons for failed requests, with the same text on a page and in JSON.

Most messages are made from the fields of an error, because the text of an error about the lake or the warehouse starts with a
location. Visitors do not see a message that names a path; see `public_text`.
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
    """The reason why a request failed."""

    error: str = Field(description="Stable error code, for programs.")
    message: str = Field(description="What happened, as a sentence.")
    fix: str = Field(description="What to do, as a sentence.")


class Problem(Exception):
    """A failed request.

    Attributes:
        status: the HTTP status.
        code: the stable error code, for programs.
        message: what happened, as a sentence.
        fix: what to do, as a sentence.
        retry_after: the seconds after which to try again; None if waiting does not help.
    """

    def __init__(
        self, status: int, code: str, message: str, fix: str, *, retry_after: int | None = None
    ) -> None:
        self.status = status
        self.code = code
        self.message = message
        self.fix = fix
        self.retry_after = retry_after
        super().__init__(f"{code}: {message} {fix}")

    def cleaned(self, clean: Callable[[str], str]) -> Problem:
        """Return a copy of the problem, in which `clean` has changed the message and the fix."""
        return Problem(
            self.status, self.code, clean(self.message), clean(self.fix), retry_after=self.retry_after
        )

    def document(self) -> ProblemDocument:
        """Return the JSON document of the problem."""
        return ProblemDocument(error=self.code, message=self.message, fix=self.fix)


# The errors that `problem_of` turns into a problem. `SourcePool.read` turns any other exception into a `SourceFailure`.
KNOWN_ERRORS = (Problem, WikiTrendsError, SmartOrchestratorError)


def problem_of(error: Exception) -> Problem | None:
    """Return the problem for a known error; None for an unexpected error."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, SettingError) and not error.origin.startswith("--"):
        # The value comes from the settings of the server, and must not reach the visitor. The origin of a value from the request is the
        # command-line option with the same meaning, such as `--category`.
        return Problem(503, "SETTING", f"{error.origin} {error.problem}.", error.fix)
    for error_type, status, code in _PROBLEMS_BY_ERROR:
        if isinstance(error, error_type):
            message, fix = _message_and_fix(error)
            return Problem(status, code, message, fix, retry_after=5 if status == 503 else None)
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
    """Return the message and the fix of an error, made from its fields."""
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
    # The last sentence of any other error is the fix.
    message, _, fix = str(error).rpartition(". ")
    return (f"{message}.", fix) if message else (str(error), "Try again.")
