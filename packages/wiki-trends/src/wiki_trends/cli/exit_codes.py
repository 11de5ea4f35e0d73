"""The exit codes of errors and of command lines, and the end of the process.

0    done
1    finished, but the window is not ready, a day failed, or the output could not be written
2    wrong usage or configuration
3    a service that is needed did not answer
4    a fault of wiki-trends itself; the message says where to report it, and `--debug` prints the traceback
130  interrupted
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

from smart_orchestrator import expected_error
from smart_orchestrator.errors import WindowError
from smart_orchestrator.expected_error import ExpectedError
from smart_orchestrator.text.reporter import printable_line
from wiki_trends.cli.streams import output_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PROGRAM = "wiki-trends"
DONE, FAULT, INTERRUPTED = 0, 4, 130
INCOMPLETE = expected_error.INCOMPLETE
USAGE = expected_error.USAGE
UNREACHABLE = expected_error.UNREACHABLE
REPORT_TO = "the project's issue tracker"
_MAX_PROBLEM_LENGTH = 500
_debug = False


def exit_code(error: BaseException) -> int | None:
    """The exit code of an expected error; None for an unexpected one, which is a bug."""
    return error.exit_code if isinstance(error, ExpectedError) else None


def finding_code(error: Exception) -> int:
    """The exit code of an error in a finding of `doctor`; an `OSError` means that a disk cannot be used."""
    return UNREACHABLE if isinstance(error, OSError) else exit_code(error) or USAGE


def error_text(error: BaseException) -> str:
    """The text of an error on the command line, where arguments of a window have the names of their options."""
    if isinstance(error, WindowError):
        name = error.field if error.field.isupper() else "--" + error.field.replace("_", "-")
        return printable_line(f"{name}: {error.value} {error.problem}. {error.fix}")
    return printable_line(str(error))


def set_debug(value: bool) -> None:
    """Choose whether the traceback of an unexpected error is printed."""
    global _debug  # noqa: PLW0603 - an option of the process
    _debug = value


def run_to_exit_code(work: Callable[[], int], arguments: Sequence[str] = (), program: str = PROGRAM) -> int:
    """Call `work` and return its exit code; an error, or Ctrl-C, becomes one line on stderr.

    An unexpected error has the exit code `FAULT`. With `--json` among the arguments it is also printed as one document to stdout.
    """
    try:
        code = work()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a panic of a Rust library is not an `Exception`
        code = exit_code(error) or FAULT
        if code == FAULT:
            _report_fault(error, arguments, program)
        else:
            print(f"error: {error_text(error)}", file=sys.stderr)
    if code == INTERRUPTED:
        print(
            "interrupted: nothing half-written is visible. Run the same command again to continue.",
            file=sys.stderr,
        )
    return _with_output_failure(code)


def _report_fault(error: BaseException, arguments: Sequence[str], program: str) -> None:
    from wiki_trends.config.urls import redacted

    command = next((word for word in arguments if re.fullmatch("[a-z][a-z-]*", word)), "")
    command_text = f"`{' '.join(filter(None, (program, command)))}`"
    problem = redacted(printable_line(f"{type(error).__name__}: {error}"))[:_MAX_PROBLEM_LENGTH]
    print(
        f"error: a fault of wiki-trends while it ran {command_text}: {problem}. Report it at {REPORT_TO}; "
        f"`{program} --debug` with the same {'command' if command else 'options'} prints the traceback.",
        file=sys.stderr,
    )
    if "--json" in arguments:
        document = {"error": {"code": FAULT, "command": command, "problem": problem, "report_to": REPORT_TO}}
        print(json.dumps(document, indent=2))
    if _debug:
        print(redacted("".join(traceback.format_exception(error))), file=sys.stderr)


def _with_output_failure(code: int) -> int:
    """The exit code when the output is complete; 1 instead of 0 when stdout could not be written."""
    failure = output_failure()
    if failure is None:
        return code
    print(
        f"error: stdout: the output cannot be written ({failure.strerror}). "
        "Run the command again with another target.",
        file=sys.stderr,
    )
    return code or INCOMPLETE


def exit_process(code: int) -> NoReturn:
    """End the process. After a failure it does not wait for threads: uncommitted work is not visible."""
    if code == DONE:
        sys.exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
