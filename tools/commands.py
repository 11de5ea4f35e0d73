"""Describe the command line as data: each command with its words, help, arguments and options.

The module reads the Typer application. It does not parse the printed help, because this depends on the width of the terminal.
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
        """The words as one text."""
        return " ".join(self.words)


def read_commands(app: typer.Typer, program: str) -> tuple[Command, ...]:
    """Return the program itself, and then its commands and subcommands in the order of the help, without hidden commands."""
    top = typer.main.get_command(app)
    return tuple(_walk(top, typer.Context(top, info_name=program, **top.context_settings), (program,)))


def _walk(command: object, context: typer.Context, words: tuple[str, ...]) -> Iterator[Command]:
    if not isinstance(command, TyperCommand | TyperGroup):
        msg = f"{' '.join(words)} is not a Typer command"
        raise TypeError(msg)
    if command.hidden:
        return
    text = "\n\n".join(inspect.cleandoc(part) for part in (command.help, command.epilog) if part)
    usage = " ".join([*words, *command.collect_usage_pieces(context)])
    parameters = tuple(_parameters(command, context))
    options = {spelling for item in parameters if not item.is_argument for spelling in item.spellings}
    yield Command(words, text, usage, parameters, frozenset(options.union(context.help_option_names)))
    if isinstance(command, TyperGroup):
        for name in command.list_commands(context):
            subcommand = command.get_command(context, name)
            if subcommand is not None:
                child = typer.Context(subcommand, info_name=name, parent=context)
                yield from _walk(subcommand, child, (*words, name))


def _parameters(command: TyperCommand | TyperGroup, context: typer.Context) -> Iterator[Parameter]:
    for item in command.params:
        record = item.get_help_record(context)
        if record is not None:
            spellings = (*item.opts, *item.secondary_opts)
            yield Parameter(record[0], spellings, record[1], item.param_type_name == "argument")
