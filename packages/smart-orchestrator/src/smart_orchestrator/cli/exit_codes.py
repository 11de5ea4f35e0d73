"""Exit codes of a command, and the one line on stderr that goes with each of them.

0    done
1    finished, but the window is not ready, a partition failed, or the output could not be written
2    wrong usage or configuration
3    a service that is needed did not answer
4    a fault of the program itself; one line says where to report it, `--debug` prints the traceback
5    a plan that no longer holds
130  interrupted
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from smart_orchestrator import expected_error
from smart_orchestrator.cli.streams import output_failure
from smart_orchestrator.errors import WindowError
from smart_orchestrator.expected_error import ExpectedError
from smart_orchestrator.text.reporter import printable_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DONE, FAULT, INTERRUPTED = 0, 4, 130
INCOMPLETE = expected_error.INCOMPLETE
USAGE = expected_error.USAGE
UNREACHABLE = expected_error.UNREACHABLE
REPORT_TO = "the project's issue tracker"
_LONGEST_PROBLEM = 500
_USER_INFO = re.compile(r"(?<=://)[^\s'\"/]*@")


@dataclass(slots=True)
class Program:
    """A command-line program, for the messages of its errors.

    Attributes:
        name: as users type it.
        redact: removes credentials from a text.
        debug: print the traceback of an unexpected error.
    """

    name: str
    redact: Callable[[str], str] = lambda text: _USER_INFO.sub("(secret)@", text)
    debug: bool = False

    def run(self, work: Callable[[], int], words: Sequence[str] = ()) -> int:
        """Call `work` and return its exit code; an error, or Ctrl-C, becomes one line on stderr.

        An unexpected error has the exit code `FAULT`. With `--json` among the words of the command line it is one document on
        stdout as well.
        """
        try:
            code = work()
        except KeyboardInterrupt:
            code = INTERRUPTED
        except (SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of a Rust library is not an `Exception`
            if isinstance(error, ExpectedError):
                code = error.exit_code
                print(f"error: {error_text(error)}", file=sys.stderr)
            else:
                code = FAULT
                self._report_fault(error, words)
        if code == INTERRUPTED:
            print(
                "interrupted: nothing half-written is visible. Run the same command again to go on.",
                file=sys.stderr,
            )
        return _with_output_failure(code)

    def _report_fault(self, error: BaseException, words: Sequence[str]) -> None:
        command = next((word for word in words if re.fullmatch("[a-z][a-z-]*", word)), "")
        doing = f"`{' '.join(filter(None, (self.name, command)))}`"
        problem = self.redact(printable_line(f"{type(error).__name__}: {error}"))[:_LONGEST_PROBLEM]
        print(
            f"error: a fault of {self.name} while it ran {doing}: {problem}. Report it at {REPORT_TO}; "
            f"`{self.name} --debug` with the same command prints the traceback.",
            file=sys.stderr,
        )
        if "--json" in words:
            document = {
                "error": {"code": FAULT, "command": command, "problem": problem, "report_to": REPORT_TO}
            }
            print(json.dumps(document, indent=2))
        if self.debug:
            print(self.redact("".join(traceback.format_exception(error))), file=sys.stderr)


def error_text(error: BaseException) -> str:
    """The text of an error on the command line, where arguments of a window have the names of their options."""
    if isinstance(error, WindowError):
        name = error.field if error.field.isupper() else "--" + error.field.replace("_", "-")
        return printable_line(f"{name}: {error.value} {error.problem}. {error.fix}")
    return printable_line(str(error))


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


def leave(code: int) -> NoReturn:
    """End the process. A failed one does not wait for its threads: uncommitted work is not visible."""
    if code == DONE:
        sys.exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
