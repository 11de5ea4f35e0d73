"""The Typer application of a program: its options `--version` and `--debug`, and the run of a command line."""

from __future__ import annotations

import sys
from copy import copy
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from typer.main import get_command_name

from smart_orchestrator.cli.exit_codes import DONE, USAGE, Program, exit_process
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
) -> None:
    del version
    program: Program = context.obj
    program.debug = debug


def run_app(app: typer.Typer, program: Program, arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code. Expected errors are printed to stderr.

    Args:
        app: the application with the commands.
        program: the program that the application belongs to.
        arguments: the arguments of the command line; by default, those of the process.
    """
    used_arguments = sys.argv[1:] if arguments is None else arguments

    def run() -> int:
        try:
            _with_invoked_command(app, used_arguments)(arguments, prog_name=program.name)
        except SystemExit as exit_request:
            # Typer raises `SystemExit` at the end of every command, with the code 130 after Ctrl-C.
            return exit_request.code if isinstance(exit_request.code, int) else USAGE
        return DONE

    return program.run(run, used_arguments)


def _with_invoked_command(app: typer.Typer, arguments: Sequence[str]) -> typer.Typer:
    """Return the application with only the command that the arguments invoke, because Typer builds every command it has.

    If the first word of the arguments is not the name of a command, or is the name of a group of commands, return the application itself.
    """
    word = next((argument for argument in arguments if not argument.startswith("-")), None)
    unnamed_groups = [group.typer_instance for group in app.registered_groups if not group.name]
    apps = [app, *(group for group in unnamed_groups if group is not None)]
    for command in (command for each in apps for command in each.registered_commands):
        if word == (command.name or get_command_name(getattr(command.callback, "__name__", ""))):
            smaller = copy(app)
            smaller.registered_groups = []
            smaller.registered_commands = [command]
            return smaller
    return app


def run_process(run_command: Callable[[], int]) -> NoReturn:
    """Run the command line of the process, and exit with its exit code."""
    install_streams()
    exit_process(run_command())
