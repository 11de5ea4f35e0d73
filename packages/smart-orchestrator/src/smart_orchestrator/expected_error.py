"""The base class of every error that is raised on purpose, also in other distributions.

An error class has three attributes for its callers: whether a retry may help (`transient`), the failure that is recorded for a run
whose pipeline raises the error (`failure`), and the exit code of a command that ends with the error (`exit_code`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

# The exit codes of commands that end with an error. The exit code 4 means a bug.
INCOMPLETE, USAGE, UNREACHABLE, PLAN_MOVED = 1, 2, 3, 5


class Failure(StrEnum):
    """Why a run left no complete partition. The values are stable, because programs branch on them."""

    ERROR = "ERROR"
    NOT_PUBLISHED = "NOT_PUBLISHED"
    UNREACHABLE = "UNREACHABLE"
    REFUSED = "REFUSED"
    NO_DATA_AFTER_SUCCESS = "NO_DATA_AFTER_SUCCESS"
    LOST = "LOST"

    @property
    def final(self) -> bool:
        """Whether an immediate retry would fail in the same way.

        UNREACHABLE is final, because a run with this failure has already retried its requests until a deadline.
        """
        return self in (Failure.NOT_PUBLISHED, Failure.UNREACHABLE, Failure.REFUSED)


class ExpectedError(Exception):
    """The base class of every error that is raised on purpose. Any other exception is a bug. All subclasses can be pickled.

    Attributes:
        transient: whether the same call may succeed later, although the user changes nothing.
        failure: the failure of a run whose pipeline raises this error.
        exit_code: the exit code of a command that ends with this error.
    """

    transient: ClassVar[bool] = True
    failure: ClassVar[Failure] = Failure.ERROR
    exit_code: ClassVar[int] = INCOMPLETE

    def __reduce__(self) -> tuple[object, ...]:
        # By default, pickle would call the constructor with the message, but the constructors take the attributes.
        return _restore, (type(self), self.args), self.__dict__


def _restore(kind: type[ExpectedError], args: tuple[object, ...]) -> ExpectedError:
    error = kind.__new__(kind)
    error.args = args
    return error


def failure_of(error: Exception) -> tuple[Failure, str]:
    """Return the failure and the message to record for a run whose pipeline raised `error`."""
    failure = error.failure if isinstance(error, ExpectedError) else Failure.ERROR
    return failure, str(error) or type(error).__name__
