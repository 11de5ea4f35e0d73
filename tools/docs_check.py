"""Checks that the documentation is true (`make docs-check`): prints one line a problem, exits 1 when there is one.

Held: the generated pages are fresh; each command has a help with an example of itself, each option and setting a
meaning; what console blocks, inline code and the program's own messages tell people to type exists, options
included; the settings that are named exist; links lead somewhere.
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
_TARGET = re.compile(r"^([a-z][a-z-]*):(?!=)", re.MULTILINE)
_BETWEEN = frozenset({"|", "||", "&&", ";", "&", ">", ">>", "<"})
_SPOKEN = re.compile(rf"`({PROGRAM}(?: [^`\n]*)?)`")


@dataclass(frozen=True, slots=True)
class Facts:
    """What documentation may refer to.

    Attributes:
        root: the folder of the project.
        commands: by name, as typed.
        settings: names in the environment.
        targets: targets of the Makefile.
    """

    root: Path
    commands: Mapping[str, Command]
    settings: frozenset[str]
    targets: frozenset[str]


def facts(root: Path, commands: Iterable[Command]) -> Facts:
    """What is true of the project in a folder, with its commands."""
    from wiki_trends.config.settings import PREFIX, Settings, env_name

    names = {env_name(item.name) for item in fields(Settings)} | {f"{PREFIX}CONFIG"}
    makefile = root / "Makefile"
    targets = _TARGET.findall(makefile.read_text(encoding="utf-8")) if makefile.is_file() else []
    return Facts(root, {item.name: item for item in commands}, frozenset(names), frozenset(targets))


def all_problems() -> list[str]:
    """Everything that is wrong with this project's documentation, one sentence each."""
    from wiki_trends.cli.app import app

    known = facts(ROOT, read_commands(app, PROGRAM))
    found = [*stale_pages(ROOT, pages()), *undocumented_commands(known), *undocumented_settings()]
    found += page_problems(known)
    found += message_problems(known)
    return found


def stale_pages(root: Path, fresh: Mapping[str, str]) -> Iterator[str]:
    """Generated pages that are absent or not what would be written now."""
    for path, text in fresh.items():
        page = root / path
        if not page.is_file() or page.read_text(encoding="utf-8") != text:
            yield f"{path}: not fresh; `make docs` writes it"


def undocumented_commands(known: Facts) -> Iterator[str]:
    """Commands without help or without an example of themselves, and options without a meaning."""
    for name, item in known.commands.items():
        if not item.text:
            yield f"{name}: has no help"
        if name != PROGRAM and not re.search(
            rf"^(?:Example: +| +)(?:WIKI_TRENDS_\S+ )*{name}\b", item.text, re.MULTILINE
        ):
            yield f"{name}: its help has no example (a line `Example: {name} …`)"
        for one in item.parameters:
            if not re.sub(r"\[[^\]]*\]", "", one.text).strip():
                yield f"{name}: {one.shown} has no help"


def undocumented_settings() -> Iterator[str]:
    """Settings without a meaning or an example."""
    from wiki_trends.config.settings import Settings

    for item in fields(Settings):
        yield from (
            f"setting {item.name}: has no {key}" for key in ("text", "example") if not item.metadata[key]
        )


def page_problems(known: Facts) -> Iterator[str]:
    """Problems of the Markdown pages: what people are told to type, the settings named, the links."""
    read = {path: read_page(path.read_text(encoding="utf-8")) for path in _markdown(known.root)}
    for path, page in read.items():
        where = path.relative_to(known.root).as_posix()
        for number, problem in (
            *_typed(known, page),
            *_named(known, page),
            *_links(known.root, path, page, read),
        ):
            yield f"{where}:{number}: {problem}"


def message_problems(known: Facts) -> Iterator[str]:
    """Commands in backquotes in the sources, mostly the last sentence of a message, that do not exist."""
    sources = [
        *known.root.glob("*.py"),
        *(known.root / "plugins").rglob("*.py"),
        *known.root.glob("packages/*/src/**/*.py"),
    ]
    for path in sorted(sources):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            for said in _SPOKEN.findall(line):
                yield from (
                    f"{path.relative_to(known.root).as_posix()}:{number}: {problem}"
                    for problem in command_problems(known, said)
                )


def command_problems(known: Facts, line: str) -> Iterator[str]:
    """What is wrong with a line that people are told to type; other programs than ours and make are not looked at."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        yield f"`{line}` cannot be parsed: {error}"
        return
    for part in _parts(words):
        while part and _ASSIGNMENT.match(part[0]):
            part = part[1:]
        if part[:1] == [PROGRAM]:
            yield from _program_problems(known, part)
        elif part[:1] == ["make"]:
            goals = [word for word in part[1:] if not word.startswith("-") and "=" not in word]
            yield from (f"`make {goal}`: no such target" for goal in goals if goal not in known.targets)
        elif part[:1] == ["python"]:
            scripts = [word for word in part[1:2] if word.endswith(".py")]
            yield from (
                f"`{line}`: no file {script}" for script in scripts if not (known.root / script).is_file()
            )


def _parts(words: Iterable[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in words:
        if word in _BETWEEN:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _program_problems(known: Facts, words: list[str]) -> Iterator[str]:
    name = PROGRAM
    rest = words[1:]
    while rest and f"{name} {rest[0]}" in known.commands:
        name, rest = f"{name} {rest[0]}", rest[1:]
    command = known.commands[name]
    if name == PROGRAM and rest and not rest[0].startswith(("-", "…", "...")):
        yield f"`{name} {rest[0]}`: no such command"
        return
    for word in rest:
        option = word.split("=", 1)[0].strip("[]")
        if re.match(r"--?[a-z]", option) and option not in command.options:
            yield f"`{name} {option}`: no such option"


def _typed(known: Facts, page: Page) -> Iterator[tuple[int, str]]:
    spoken = [(number, code) for number, code in page.codes if code.startswith((f"{PROGRAM} ", "make "))]
    for number, line in (*page.commands, *spoken):
        yield from ((number, problem) for problem in command_problems(known, line))


def _named(known: Facts, page: Page) -> Iterator[tuple[int, str]]:
    for number, line in (*page.prose, *page.commands):
        yield from (
            (number, f"no setting {name}") for name in _SETTING.findall(line) if name not in known.settings
        )


def _links(root: Path, path: Path, page: Page, read: Mapping[Path, Page]) -> Iterator[tuple[int, str]]:
    for number, target in page.links:
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        there = (path.parent / name).resolve() if name else path
        if not there.is_relative_to(root) or not there.exists():
            yield number, f"link to {target}: nothing there"
        elif anchor and there in read and anchor not in read[there].anchors:
            yield number, f"link to {target}: no such heading"


def _markdown(root: Path) -> list[Path]:
    root = root.resolve()
    return sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md")])


def main() -> int:
    """Print what is wrong, one line each, then how many."""
    found = all_problems()
    for problem in found:
        sys.stdout.write(problem + "\n")
    sys.stdout.write(f"documentation: {len(found)} problems\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
