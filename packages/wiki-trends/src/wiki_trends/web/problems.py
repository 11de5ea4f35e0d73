"""What a request can meet instead of its answer, as one document in two forms: a page, and JSON with the same words.

Nothing of the machine is in them: messages of the lake, the warehouse and the runs are made anew from their fields, and
`without_paths` takes what is left of folders out of sentences that others wrote.
"""

from __future__ import annotations

import re

from pydantic import BaseModel, Field

from smart_orchestrator.errors import (
    LakeError,
    RunsError,
    SmartOrchestratorError,
    SourceUnreachable,
    WindowError,
)
from wiki_trends.errors import NothingPublished, PageNotListed, SettingError, WarehouseError, WikiTrendsError

# A path of this machine; what follows a scheme, a host or a word is an address or a fraction.
_PATH = re.compile(r"(?<![\w:/.…])(?:file://|duckdb:///)?/(?:[^\s/'\"(),;:]+/)*[^\s/'\"(),;:]+")


class ProblemDocument(BaseModel):
    """Why there is no answer."""

    error: str = Field(description="Stable code, for programs.")
    message: str = Field(description="What happened, a sentence.")
    fix: str = Field(description="What to do, a sentence.")


class Problem(Exception):
    """An answer that is not the one asked for.

    Attributes:
        status: of HTTP.
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

    def document(self) -> ProblemDocument:
        """The problem as JSON."""
        return ProblemDocument(error=self.code, message=self.message, fix=self.fix)


def without_paths(text: str) -> str:
    """The sentence with each absolute path of this machine replaced by `…`."""
    return _PATH.sub("…", text)


def problem_of(error: Exception) -> Problem | None:
    """The problem that a foreseen error is to a visitor; None for one that nobody foresaw."""
    if isinstance(error, Problem):
        return error
    for kind, status, code in _KNOWN:
        if isinstance(error, kind):
            message, fix = _words(error)
            return Problem(
                status, code, without_paths(message), without_paths(fix), 5 if status == 503 else None
            )
    return None


_KNOWN: tuple[tuple[type[Exception], int, str], ...] = (
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


def _words(error: Exception) -> tuple[str, str]:
    """What happened and what to do, from the fields, without the place that the error's own text begins with."""
    if isinstance(error, NothingPublished):
        return "Nothing has been published yet.", "Run `wiki-trends run`; this page then fills by itself."
    if isinstance(error, WarehouseError):
        return f"The warehouse cannot be read: {error.problem}.", error.fix
    if isinstance(error, LakeError):
        return f"The lake cannot be read: {error.problem}.", error.fix
    if isinstance(error, PageNotListed):
        near = (
            f"Did you mean {', '.join(error.similar)}?"
            if error.similar
            else "InspectOptions for it under Pages."
        )
        return "No list that was read has this page: it was outside, or is spelt otherwise.", near
    if isinstance(error, WindowError):
        return f"{error.field}: {error.value} {error.problem}.", error.fix
    if isinstance(error, SettingError):
        return f"{error.name}: {error.value!r} {error.problem}.", error.fix
    head, _, last = str(error).rpartition(". ")
    return (f"{head}.", last) if head else (str(error), "Try again.")
