"""Turn the results and errors of a command into exit codes, and end the process.

0    done
1    finished, but the window is not ready, a partition failed, or the output could not be written
2    wrong usage or configuration
3    a required service did not answer
4    a bug in the program; the message says where to report the bug, and `--debug` prints the traceback
5    a saved plan is outdated
130  interrupted
"""

from __future__ import annotations

import atexit
import json
import os
import re
import sys
import threading
import traceback
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from smart_orchestrator import expected_error
from smart_orchestrator.cli.streams import output_failure
from smart_orchestrator.errors import WindowError
from smart_orchestrator.expected_error import ExpectedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import typer

    from smart_orchestrator.text.reports import Line

DONE = 0
FAULT = 4
INTERRUPTED = 130
INCOMPLETE = expected_error.INCOMPLETE
USAGE = expected_error.USAGE
UNREACHABLE = expected_error.UNREACHABLE
REPORT_TO = "the project's issue tracker"
_MAX_PROBLEM_LENGTH = 500
# The user and the password in a URL. Where a URL was parsed as a path, only one slash of `://` is left. The placeholder
# `USER:PASSWORD@HOST`, which some messages show as an example, is not redacted.
_USER_INFO = r"(?<=:/)(/?+)(?!USER:PASSWORD@HOST)[^\s'\"/]*@"


def _redact(text: str) -> str:
    from smart_orchestrator.store.urls import redact_parameters

    return redact_parameters(re.sub(_USER_INFO, r"\1(secret)@", text))


@dataclass(slots=True, eq=False, repr=False)
class Program:
    """A command-line program, which runs commands and prints their errors.

    Attributes:
        name: the name of the command, as users type it.
        product: the name of the product in messages about unexpected errors.
        redact: the function that removes credentials from a text.
        debug: whether to print the traceback of an unexpected error.
        interrupted: the message after Ctrl-C: the state of the work, and how to continue.
        app: the application with the commands of the program; None for a program without commands.
        arguments: the arguments of the present command line.
        lines_of_mentioned_commands: the function that finds the commands that the text of a problem mentions, and returns for each a
            line with the complete command.
    """

    name: str
    product: str
    redact: Callable[[str], str] = _redact
    debug: bool = False
    interrupted: str = "nothing half-written is visible. Run the same command again to continue."
    app: typer.Typer | None = None
    arguments: Sequence[str] = ()
    lines_of_mentioned_commands: Callable[[str], Sequence[Line]] = lambda _text: ()

    def run(self, work: Callable[[], int], arguments: Sequence[str] = ()) -> int:
        """Call `work` and return its exit code. Print an error or an interruption as one line on stderr.

        An unexpected error has the exit code `FAULT`. When `arguments` contain `--json`, an unexpected error is also printed to
        stdout as a JSON document.
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
                self._report_fault(error, arguments)
            else:
                self._print_problem_with_commands(f"error: {self.redact(error_text(error))}")
        if code == INTERRUPTED:
            # A second Ctrl-C ends the message without a traceback.
            with suppress(KeyboardInterrupt):
                self._print_problem_with_commands(f"interrupted: {self.interrupted}")
        return _with_output_failure(code)

    def _print_problem_with_commands(self, text: str) -> None:
        """Print a problem, and then in full each command that its text mentions."""
        _print_problem(text)
        for command, style in self.lines_of_mentioned_commands(text):
            _print_problem(command, style)

    def _report_fault(self, error: BaseException, arguments: Sequence[str]) -> None:
        """Print an unexpected error, and where to report it."""
        from smart_orchestrator.text.reporter import printable_line

        command = next((word for word in arguments if re.fullmatch("[a-z][a-z-]*", word)), "")
        command_text = f"`{' '.join(filter(None, (self.name, command)))}`"
        problem = self.redact(printable_line(f"{type(error).__name__}: {error}"))[:_MAX_PROBLEM_LENGTH]
        _print_problem(
            f"error: unexpected error in {command_text}: {problem}. This is a bug. Report it at {REPORT_TO}; "
            f"`{self.name} --debug` with the same {'command' if command else 'options'} prints the traceback."
        )
        if "--json" in arguments:
            document = {
                "error": {"code": FAULT, "command": command, "problem": problem, "report_to": REPORT_TO}
            }
            print(json.dumps(document, indent=2))
        if self.debug:
            print(self.redact("".join(traceback.format_exception(error))), file=sys.stderr)


def _print_problem(text: str, style: str = "") -> None:
    """Print a line to stderr, wrapped at the width of a terminal unless its style is `command`."""
    from smart_orchestrator.text.reporter import TextReporter

    TextReporter(sys.stderr).write([(text, style)])


def exit_code(error: BaseException) -> int | None:
    """Return the exit code of an expected error; None for an unexpected error, which is a bug."""
    return error.exit_code if isinstance(error, ExpectedError) else None


def error_text(error: BaseException) -> str:
    """Return the text of an error. An error about a field of a window names the option of the command line, such as `--as-of`."""
    from smart_orchestrator.text.reporter import printable_line

    if isinstance(error, WindowError):
        # A field in capitals is an argument of the command line, such as KEY.
        name = error.field if error.field.isupper() else "--" + error.field.replace("_", "-")
        return printable_line(f"{name}: {error.value} {error.problem}. {error.fix}")
    return printable_line(str(error))


def _with_output_failure(code: int) -> int:
    """Return `code`, but 1 instead of 0 when the output could not be written to stdout."""
    failure = output_failure()
    if failure is None:
        return code
    _print_problem(
        f"error: stdout: the output cannot be written ({failure.strerror}). "
        "Run the command again, and write the output to another file."
    )
    return code or INCOMPLETE


def exit_process(code: int) -> NoReturn:
    """End the process, without freeing its objects one by one: the operating system frees their memory at once.

    After a failure, do not wait for running threads: work that is not committed is not visible. After a success, first wait for the
    threads, and call the functions that libraries registered with `atexit`.
    """
    if code == DONE:
        if threading.active_count() > 1:
            # `sys.exit` ends the process as usual: Python waits for the threads and calls the functions of `atexit`.
            sys.exit(code)
        atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
