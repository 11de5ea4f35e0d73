"""Write the next command of a user in full: with the options that the user gave, quoted for the shell.

A program names a next command in its output, for example `run` after `check`. The next command gets the options and arguments of the
present command line, except those that the next command does not have. Credentials are replaced by `(secret)`, so the user
puts the credentials in again before running the command.
"""

from __future__ import annotations

import re
import shlex
from copy import copy
from typing import TYPE_CHECKING, Any

from typer.main import get_command, get_command_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import typer

    from smart_orchestrator.cli.exit_codes import Program
    from smart_orchestrator.text.reports import Line

_COMMAND_LINE = "COMMANDLINE"
_SAME_COMMAND = "the same command again"


def next_command(program: Program, name: str, **replacements: object) -> Line:
    """Return a line with the command `name` of a program, in the style `command`, which is never wrapped.

    Args:
        program: the program, which has the present command line.
        name: the name of the next command.
        replacements: values of options and arguments of the next command, by the names of their parameters; None leaves the
            option out. They replace the values of the present command line.
    """
    values = _given_values(program) | replacements
    words = _words(_parameters(program.app, name), values) if program.app is not None else []
    return command_line(program, [name, *words])


def command_line(program: Program, words: Iterable[str]) -> Line:
    """Return a line with a command of a program, quoted for the shell and without credentials."""
    quoted = shlex.join(program.redact(word) for word in words)
    return f"  {program.name} {quoted}".rstrip(), "command"


def lines_of_mentioned_commands(program: Program, text: str) -> list[Line]:
    """Return a line for each command of the program that a text mentions.

    A text mentions a command by its name in backquotes, or by the words "the same command again".
    """
    lines = [command_line(program, program.arguments)] if _SAME_COMMAND in text else []
    if program.app is not None:
        names = dict.fromkeys(re.findall(rf"`{re.escape(program.name)} ([a-z-]+)`", text))
        lines += [next_command(program, name) for name in names if _only(program.app, name) is not None]
    return lines


def app_of_invoked_command(app: typer.Typer, arguments: Sequence[str]) -> typer.Typer:
    """Return a smaller application that has only the command in the arguments. It starts faster, because Typer builds every command.

    If the first word of the arguments is not the name of a command, or is the name of a group of commands, return the application itself.
    """
    word = next((argument for argument in arguments if not argument.startswith("-")), None)
    return (_only(app, word) if word is not None else None) or app


def _only(app: typer.Typer, name: str) -> typer.Typer | None:
    """Return a copy of the application with only one command; None without a command of this name."""
    # The commands of a group without a name belong to the application itself.
    unnamed_groups = [group.typer_instance for group in app.registered_groups if not group.name]
    apps = [app, *(group for group in unnamed_groups if group is not None)]
    for command in (command for each in apps for command in each.registered_commands):
        if name == (command.name or get_command_name(getattr(command.callback, "__name__", ""))):
            smaller = copy(app)
            smaller.registered_groups = []
            smaller.registered_commands = [command]
            return smaller
    return None


def _parameters(app: typer.Typer, name: str) -> Sequence[Any]:
    """Return the options and arguments of a command."""
    smaller = _only(app, name)
    return get_command(smaller).commands[name].params if smaller is not None else []  # type: ignore[attr-defined]


def _given_values(program: Program) -> dict[str, object]:
    """Return the values that the command line gives to the parameters of its command, by name."""
    words = list(program.arguments)
    # The program's own options have no values, so the first word without a hyphen is the command.
    position = next((index for index, word in enumerate(words) if not word.startswith("-")), None)
    smaller = (
        _only(program.app, words[position]) if program.app is not None and position is not None else None
    )
    if smaller is None or position is None:
        return {}
    command = get_command(smaller).commands[words[position]]  # type: ignore[attr-defined]
    context = command.make_context(words[position], words[position + 1 :], resilient_parsing=True)
    return {
        name: value
        for name, value in context.params.items()
        if (source := context.get_parameter_source(name)) is not None and source.name == _COMMAND_LINE
    }


def _words(parameters: Iterable[Any], values: Mapping[str, object]) -> list[str]:
    """Return the words of a command line that give these values to parameters.

    Arguments come first, unless an argument starts with a hyphen: then `--` and the arguments come last.
    """
    arguments: list[str] = []
    options: list[str] = []
    for parameter in parameters:
        value = values.get(parameter.name)
        if value is None or value is False:
            continue
        items = [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
        if parameter.param_type_name == "argument":
            arguments += items
        elif value is True:
            options.append(parameter.opts[0])
        else:
            # A value that starts with a hyphen would be read as an option.
            options += [
                word
                for item in items
                for word in (
                    [f"{parameter.opts[0]}={item}"] if item.startswith("-") else [parameter.opts[0], item]
                )
            ]
    if any(argument.startswith("-") for argument in arguments):
        return [*options, "--", *arguments]
    return [*arguments, *options]
