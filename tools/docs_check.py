"""Check the documentation against the program (`make docs-check`).

The program prints a line for each problem, and exits with 1 if there is a problem. It checks that

- the generated pages are up to date;
- each command has a help text with an example, and each option and setting has a description;
- the commands and options in console blocks, in inline code and in messages of the program exist;
- the settings in the documentation exist;
- the targets of links exist, both pages and headings.
"""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tools.commands import Command, read_commands
from tools.markdown import Page, read_page
from tools.reference import PROGRAM, ROOT, pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_SETTING = re.compile(r"\bWIKI_TRENDS_[A-Z]+(?:_[A-Z]+)*\b")
_ASSIGNMENT = re.compile(r"[A-Z_][A-Z0-9_]*=")
_MAKE_TARGET = re.compile(r"^([a-z][a-z-]*):(?!=)", re.MULTILINE)
_COMMAND_SEPARATORS = frozenset({"|", "||", "&&", ";", "&", ">", ">>", "<"})
_COMMAND_IN_BACKQUOTES = re.compile(rf"`({PROGRAM}(?: [^`\n]*)?)`")


@dataclass(frozen=True, slots=True)
class Facts:
    """The commands, settings and targets that documentation may refer to.

    Attributes:
        root: the folder of the project.
        commands: the commands by name, such as `wiki-trends check`.
        settings: the names of the settings in the environment.
        targets: the targets of the Makefile.
    """

    root: Path
    commands: Mapping[str, Command]
    settings: frozenset[str]
    targets: frozenset[str]


def facts(root: Path, commands: Iterable[Command]) -> Facts:
    """Collect the settings and targets of the project in the folder `root`, and return them with `commands`."""
    from wiki_trends.config.settings import PREFIX, Settings, env_name

    names = {env_name(setting.name) for setting in fields(Settings)} | {f"{PREFIX}CONFIG"}
    makefile = root / "Makefile"
    targets = _MAKE_TARGET.findall(makefile.read_text(encoding="utf-8")) if makefile.is_file() else []
    return Facts(root, {command.name: command for command in commands}, frozenset(names), frozenset(targets))


def all_problems() -> list[str]:
    """Return all problems of this project's documentation, one sentence each."""
    from wiki_trends.cli.app import app

    project = facts(ROOT, read_commands(app, PROGRAM))
    problems = [*stale_pages(ROOT, pages()), *undocumented_commands(project), *undocumented_settings()]
    problems += page_problems(project)
    problems += message_problems(project)
    return problems


def stale_pages(root: Path, fresh: Mapping[str, str]) -> Iterator[str]:
    """Yield a problem for each generated page that does not exist or is out of date."""
    for path, text in fresh.items():
        page = root / path
        if not page.is_file() or page.read_text(encoding="utf-8") != text:
            yield f"{path}: not fresh; `make docs` writes it"


def undocumented_commands(project: Facts) -> Iterator[str]:
    """Yield a problem for each command without a help text or an example, and for each option without a description."""
    for name, command in project.commands.items():
        if not command.text:
            yield f"{name}: has no help"
        if name != PROGRAM and not re.search(
            rf"^(?:Example: +| +)(?:WIKI_TRENDS_\S+ )*{name}\b", command.text, re.MULTILINE
        ):
            yield f"{name}: its help has no example (a line `Example: {name} …`)"
        for parameter in command.parameters:
            if not re.sub(r"\[[^\]]*\]", "", parameter.text).strip():
                yield f"{name}: {parameter.help_name} has no help"


def undocumented_settings() -> Iterator[str]:
    """Yield a problem for each setting without a description or an example."""
    from wiki_trends.config.settings import Settings

    for setting in fields(Settings):
        yield from (
            f"setting {setting.name}: has no {key}"
            for key in ("text", "example")
            if not setting.metadata[key]
        )


def page_problems(project: Facts) -> Iterator[str]:
    """Yield the problems of the Markdown pages: unknown commands and settings, and broken links."""
    pages_by_path = {
        path: read_page(path.read_text(encoding="utf-8")) for path in _markdown_files(project.root)
    }
    for path, page in pages_by_path.items():
        page_name = path.relative_to(project.root).as_posix()
        for number, problem in (
            *_command_problems(project, page),
            *_setting_problems(project, page),
            *_link_problems(project.root, path, page, pages_by_path),
        ):
            yield f"{page_name}:{number}: {problem}"


def message_problems(project: Facts) -> Iterator[str]:
    """Yield a problem for each command in backquotes in the source code that does not exist.

    Most of the commands in the source code are in messages to the user.
    """
    sources = [
        *project.root.glob("*.py"),
        *(project.root / "plugins").rglob("*.py"),
        *project.root.glob("packages/*/src/**/*.py"),
    ]
    for path in sorted(sources):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            for command in _COMMAND_IN_BACKQUOTES.findall(line):
                yield from (
                    f"{path.relative_to(project.root).as_posix()}:{number}: {problem}"
                    for problem in command_problems(project, command)
                )


def command_problems(project: Facts, line: str) -> Iterator[str]:
    """Yield the problems of a line of shell commands. Only the commands `make`, `python` and `wiki-trends` are checked."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        yield f"`{line}` cannot be parsed: {error}"
        return
    for command in _split_commands(words):
        while command and _ASSIGNMENT.match(command[0]):
            command = command[1:]
        if command[:1] == [PROGRAM]:
            yield from _program_problems(project, command)
        elif command[:1] == ["make"]:
            goals = [word for word in command[1:] if not word.startswith("-") and "=" not in word]
            yield from (f"`make {goal}`: no such target" for goal in goals if goal not in project.targets)
        elif command[:1] == ["python"]:
            scripts = [word for word in command[1:2] if word.endswith(".py")]
            yield from (
                f"`{line}`: no file {script}" for script in scripts if not (project.root / script).is_file()
            )


def _split_commands(words: Iterable[str]) -> list[list[str]]:
    commands: list[list[str]] = [[]]
    for word in words:
        if word in _COMMAND_SEPARATORS:
            commands.append([])
        else:
            commands[-1].append(word)
    return commands


def _program_problems(project: Facts, words: list[str]) -> Iterator[str]:
    name = PROGRAM
    rest = words[1:]
    while rest and f"{name} {rest[0]}" in project.commands:
        name, rest = f"{name} {rest[0]}", rest[1:]
    command = project.commands[name]
    if name == PROGRAM and rest and not rest[0].startswith(("-", "…", "...")):
        yield f"`{name} {rest[0]}`: no such command"
        return
    for word in rest:
        option = word.split("=", 1)[0].strip("[]")
        if re.match(r"--?[a-z]", option) and option not in command.options:
            yield f"`{name} {option}`: no such option"


def _command_problems(project: Facts, page: Page) -> Iterator[tuple[int, str]]:
    inline = [(number, code) for number, code in page.codes if code.startswith((f"{PROGRAM} ", "make "))]
    for number, line in (*page.commands, *inline):
        yield from ((number, problem) for problem in command_problems(project, line))


def _setting_problems(project: Facts, page: Page) -> Iterator[tuple[int, str]]:
    for number, line in (*page.prose, *page.commands):
        yield from (
            (number, f"no setting {name}") for name in _SETTING.findall(line) if name not in project.settings
        )


def _link_problems(
    root: Path, path: Path, page: Page, pages_by_path: Mapping[Path, Page]
) -> Iterator[tuple[int, str]]:
    for number, target in page.links:
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        linked = (path.parent / name).resolve() if name else path
        if not linked.is_relative_to(root) or not linked.exists():
            yield number, f"link to {target}: nothing there"
        elif anchor and linked in pages_by_path and anchor not in pages_by_path[linked].anchors:
            yield number, f"link to {target}: no such heading"


def _markdown_files(root: Path) -> list[Path]:
    root = root.resolve()
    return sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")])


def main() -> int:
    """Print each problem on a line, and then the number of problems."""
    problems = all_problems()
    for problem in problems:
        sys.stdout.write(problem + "\n")
    sys.stdout.write(f"documentation: {len(problems)} problems\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
