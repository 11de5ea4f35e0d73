"""Parse the headings, links, inline code, and commands in console blocks of Markdown pages.

The parser supports only the syntax that the pages of this project use, such as fenced blocks and ATX headings.
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
    """The parsed parts of one page. Each part except the anchors has a line number, counted from 1.

    Attributes:
        prose: the lines outside of fenced blocks.
        links: the targets of the links.
        codes: the texts of inline code.
        commands: the commands after `$ ` in console blocks. The lines of a command that continues after a backslash are joined.
        anchors: the anchors of the headings.
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
    is_continuation = False
    for number, line in enumerate(text.splitlines(), start=1):
        opening = _FENCE.match(line)
        if fence:
            if opening and opening[1].startswith(fence) and not opening[2]:
                fence = ""
            elif language == "console":
                is_continuation = _add_command(page, number, line, is_continuation=is_continuation)
        elif opening:
            fence, language, is_continuation = opening[1], opening[2], False
        else:
            _add_prose(page, number, line)
    return page


def _add_command(page: Page, number: int, line: str, *, is_continuation: bool) -> bool:
    """Add a line of a console block to the commands, and return whether the command continues on the next line."""
    text = line.strip()
    if not is_continuation and not text.startswith("$ "):
        return False
    continues = text.endswith("\\")
    text = text.removesuffix("\\").strip()
    if is_continuation:
        first_number, command = page.commands.pop()
        page.commands.append((first_number, f"{command} {text}"))
    else:
        page.commands.append((number, text.removeprefix("$ ")))
    return continues


def _add_prose(page: Page, number: int, line: str) -> None:
    heading = _HEADING.match(line)
    if heading:
        page.anchors.add(_anchor(heading[1], page.anchors))
    page.prose.append((number, line))
    page.codes += [(number, code) for code in _CODE.findall(line)]
    page.links += [(number, target) for target in _LINK.findall(_CODE.sub("", line))]


def _anchor(heading: str, used_anchors: set[str]) -> str:
    """Return the anchor that GitHub gives to a heading."""
    name = re.sub(r"[^\w\- ]", "", _LINK.sub("", heading).lower()).replace(" ", "-")
    if name not in used_anchors:
        return name
    return next(
        f"{name}-{count}"
        for count in range(1, len(used_anchors) + 1)
        if f"{name}-{count}" not in used_anchors
    )
