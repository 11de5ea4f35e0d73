"""The base of every error that is raised on purpose.

An error class answers three questions for all its callers: may a retry help (`transient`), how is a run recorded whose pipeline
raises it (`failure`), and with which exit code does a command end (`exit_code`)? Other distributions derive their errors from
`ExpectedError`, too.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

# The exit codes of commands that end with an error.
INCOMPLETE, USAGE, UNREACHABLE, PLAN_MOVED = 1, 2, 3, 5


class Failure(StrEnum):
    """Why a run did not complete its day. The values are stable: programs branch on them."""

    ERROR = "ERROR"
    NOT_PUBLISHED = "NOT_PUBLISHED"
    UNREACHABLE = "UNREACHABLE"
    REFUSED = "REFUSED"
    NO_DATA_AFTER_SUCCESS = "NO_DATA_AFTER_SUCCESS"
    LOST = "LOST"

    @property
    def final(self) -> bool:
        """Whether another attempt right away would end the same way.

        This includes UNREACHABLE: source and lake are retried until a deadline before they count as unreachable.
        """
        return self in (Failure.NOT_PUBLISHED, Failure.UNREACHABLE, Failure.REFUSED)


class ExpectedError(Exception):
    """Base of every error that is raised on purpose. Any other exception is a bug. All subclasses pickle.

    Attributes:
        transient: whether the same call may succeed later without a change by the user.
        failure: the failure of a run whose pipeline raises this error.
        exit_code: the exit code of a command that ends with this error.
    """

    transient: ClassVar[bool] = True
    failure: ClassVar[Failure] = Failure.ERROR
    exit_code: ClassVar[int] = INCOMPLETE

    def __reduce__(self) -> tuple[object, ...]:
        # The default would call the constructor with the message, but constructors take the fields.
        return _restored, (type(self), self.args), self.__dict__


def _restored(kind: type[ExpectedError], args: tuple[object, ...]) -> ExpectedError:
    error = kind.__new__(kind)
    error.args = args
    return error


def failure_of(error: Exception) -> tuple[Failure, str]:
    """Return the failure of a run whose pipeline raised `error`, and the message."""
    failure = error.failure if isinstance(error, ExpectedError) else Failure.ERROR
    return failure, str(error) or type(error).__name__
