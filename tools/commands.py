"""Describe the command line as data: each command with its words, help, arguments and options.

The module reads the Typer application. It does not parse the printed help, because the layout of the help depends on the width of the terminal.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument or option.

    Attributes:
        help_name: the name in the help, for example `--days N`.
        spellings: all spellings of an option (`--days`, `-n`, `--no-color`), or the name of an argument.
        text: the help text, with the default.
        is_argument: whether the parameter is an argument, and not an option.
    """

    help_name: str
    spellings: tuple[str, ...]
    text: str
    is_argument: bool


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        words: the words that a user types, with the program: `("wiki-trends", "check")`.
        text: the help text and the epilogue, dedented, with the line breaks of the source.
        usage: the usage line, without `Usage:`.
        parameters: the arguments and options.
        options: all spellings of all options, including the options that print the help.
    """

    words: tuple[str, ...]
    text: str
    usage: str
    parameters: tuple[Parameter, ...]
    options: frozenset[str]

    @property
    def name(self) -> str:
        """The words, separated by spaces."""
        return " ".join(self.words)


def read_commands(app: typer.Typer, program: str) -> tuple[Command, ...]:
    """Return the program itself, and then its commands and subcommands in the order of the help, without hidden commands."""
    root_command = typer.main.get_command(app)
    return tuple(
        _walk(
            root_command,
            typer.Context(root_command, info_name=program, **root_command.context_settings),
            (program,),
        )
    )


def _walk(command: object, context: typer.Context, words: tuple[str, ...]) -> Iterator[Command]:
    if not isinstance(command, TyperCommand | TyperGroup):
        msg = f"{' '.join(words)} is not a Typer command"
        raise TypeError(msg)
    if command.hidden:
        return
    text = "\n\n".join(inspect.cleandoc(part) for part in (command.help, command.epilog) if part)
    usage = " ".join([*words, *command.collect_usage_pieces(context)])
    parameters = tuple(_parameters(command, context))
    options = {
        spelling for parameter in parameters if not parameter.is_argument for spelling in parameter.spellings
    }
    yield Command(words, text, usage, parameters, frozenset(options.union(context.help_option_names)))
    if isinstance(command, TyperGroup):
        for name in command.list_commands(context):
            subcommand = command.get_command(context, name)
            if subcommand is not None:
                child = typer.Context(subcommand, info_name=name, parent=context)
                yield from _walk(subcommand, child, (*words, name))


def _parameters(command: TyperCommand | TyperGroup, context: typer.Context) -> Iterator[Parameter]:
    for parameter in command.params:
        help_record = parameter.get_help_record(context)
        if help_record is not None:
            spellings = (*parameter.opts, *parameter.secondary_opts)
            yield Parameter(
                help_record[0], spellings, help_record[1], parameter.param_type_name == "argument"
            )
