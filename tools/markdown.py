"""Parses the part of Markdown that the checks need: headings, links, inline code, and the commands of console blocks.

It reads fenced blocks and ATX headings, which the pages of this project use; it is not a general parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_FENCE = re.compile(r"^\s*(`{3,}|~{3,})\s*(\w*)")
_LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)>\s]+)>?(?:\s+\"[^\"]*\")?\)")
_CODE = re.compile(r"`([^`]+)`")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")


@dataclass(slots=True)
class Page:
    """The parts of one page, each with its line number (from 1).

    Attributes:
        prose: lines outside of fenced blocks.
        links: link targets.
        codes: inline code.
        commands: the text after `$ ` in console blocks, continued lines joined.
        anchors: names that a link can point to.
    """

    prose: list[tuple[int, str]] = field(default_factory=list)
    links: list[tuple[int, str]] = field(default_factory=list)
    codes: list[tuple[int, str]] = field(default_factory=list)
    commands: list[tuple[int, str]] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)


def read_page(text: str) -> Page:
    """Parse a page."""
    page = Page()
    fence = language = ""
    continued = False
    for number, line in enumerate(text.splitlines(), start=1):
        opening = _FENCE.match(line)
        if fence:
            if opening and opening[1].startswith(fence) and not opening[2]:
                fence = ""
            elif language == "console":
                continued = _command(page, number, line, continued=continued)
        elif opening:
            fence, language, continued = opening[1], opening[2], False
        else:
            _prose(page, number, line)
    return page


def _command(page: Page, number: int, line: str, *, continued: bool) -> bool:
    text = line.strip()
    if not continued and not text.startswith("$ "):
        return False
    more = text.endswith("\\")
    text = text.removesuffix("\\").strip()
    if continued:
        first, command = page.commands.pop()
        page.commands.append((first, f"{command} {text}"))
    else:
        page.commands.append((number, text.removeprefix("$ ")))
    return more


def _prose(page: Page, number: int, line: str) -> None:
    heading = _HEADING.match(line)
    if heading:
        page.anchors.add(_anchor(heading[1], page.anchors))
    page.prose.append((number, line))
    page.codes += [(number, code) for code in _CODE.findall(line)]
    page.links += [(number, target) for target in _LINK.findall(_CODE.sub("", line))]


def _anchor(heading: str, taken: set[str]) -> str:
    name = re.sub(r"[^\w\- ]", "", _LINK.sub("", heading).lower()).replace(" ", "-")
    if name not in taken:
        return name
    return next(f"{name}-{count}" for count in range(1, len(taken) + 1) if f"{name}-{count}" not in taken)
