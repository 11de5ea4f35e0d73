"""The Typer application of a program: the options of every program, and the run of a command line."""

from __future__ import annotations

import io
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from smart_orchestrator.cli.exit_codes import DONE, USAGE, Program, exit_process
from smart_orchestrator.cli.next_command import app_of_invoked_command, lines_of_mentioned_commands
from smart_orchestrator.cli.streams import install_streams

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def create_app(program: Program, description: str) -> typer.Typer:
    """Return an application without commands. `description` is the first paragraph of its help."""
    app = typer.Typer(
        name=program.name,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={
            "help_option_names": ["-h", "--help"],
            "max_content_width": 100,
            "obj": program,
        },
    )
    app.callback(help=description)(_program_options)
    return app


def create_command_group() -> typer.Typer:
    """Return an application whose commands are added to the application of a program."""
    return typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)


def _print_version(context: typer.Context, is_requested: bool) -> None:
    if is_requested:
        from importlib.metadata import version

        program: Program = context.find_root().obj
        sys.stdout.write(f"{program.name} {version(program.product)}\n")
        raise typer.Exit(DONE)


def _program_options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Print the traceback of an unexpected error.")
    ] = False,
    no_color: Annotated[
        bool, typer.Option("--no-color", help="Print plain lines without colours, as with NO_COLOR=1.")
    ] = False,
) -> None:
    # `_print_version` has handled the option.
    del version
    program: Program = context.obj
    program.debug = debug
    if no_color:
        os.environ["NO_COLOR"] = "1"


def run_app(app: typer.Typer, program: Program, arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code. Expected errors are printed to stderr.

    Args:
        app: the application with the commands.
        program: the program that the application belongs to.
        arguments: the arguments of the command line; by default, those of the process.
    """
    given_arguments = sys.argv[1:] if arguments is None else arguments

    def run() -> int:
        try:
            _require_utf_8(given_arguments)
            smaller_app = app_of_invoked_command(app, given_arguments)
            # Typer returns the exit code of a command that raised `typer.Exit`, which is 130 after Ctrl-C.
            code = smaller_app(arguments, prog_name=program.name, standalone_mode=False)
        except typer.TyperException as error:
            _print_usage_error(error, program.redact)
            return error.exit_code
        except SystemExit as exit_request:
            return exit_request.code if isinstance(exit_request.code, int) else USAGE
        return code if isinstance(code, int) else DONE

    program.app = app
    program.arguments = given_arguments
    program.lines_of_mentioned_commands = partial(lines_of_mentioned_commands, program)
    return program.run(run, given_arguments)


def _require_utf_8(arguments: Sequence[str]) -> None:
    """Reject an argument whose bytes are not UTF-8, because such a text can be neither printed nor searched in a database.

    Raises:
        typer.BadParameter: an argument is not UTF-8.
    """
    for argument in arguments:
        # Python decodes a byte that is not UTF-8 to a lone surrogate, which `errors="ignore"` leaves out.
        if not argument.isascii() and argument != argument.encode(errors="ignore").decode():
            message = f"{argument!r} is not UTF-8. Write it in UTF-8."
            raise typer.BadParameter(message)


def _print_usage_error(error: typer.TyperException, redact: Callable[[str], str]) -> None:
    """Print wrong usage to stderr as Typer does, without credentials, wrapped at the width of a terminal."""
    from smart_orchestrator.cli.printing import err

    text = io.StringIO()
    error.show(text)  # type: ignore[attr-defined]
    err([(line, "") for line in redact(text.getvalue()).splitlines()])


def run_process(run_command: Callable[[], int]) -> NoReturn:
    """Run the command line of the process, and exit with its exit code."""
    install_streams()
    exit_process(run_command())
