"""Run the programs that last, as processes of their own, in pseudo-terminals of three widths: the servers and the demo."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests.e2e.test_terminals import WIDTHS, too_long, visible_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

# These run until they are interrupted, and are ready when they have printed this.
SERVERS = (
    (("wiki-trends", "serve", "--port", "0"), "Press Ctrl-C"),
    (("wiki-trends", "sample-api", "--port", "0"), "http://.*\n"),
)


@pytest.mark.slow
@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize(("arguments", "ready"), SERVERS, ids=["serve", "sample-api"])
def test_the_lines_of_a_server_fit_and_its_links_stay_whole(arguments, ready, columns, tmp_path):
    with in_terminal(arguments, tmp_path, columns) as terminal:
        terminal.expect(ready)
        text = terminal.before + terminal.after
        terminal.sendintr()
        terminal.expect(pexpect.EOF)
    lines = visible_lines(text + terminal.before)
    assert too_long(lines, columns) == []
    links = [line for line in lines if "http" in line]
    assert all(re.fullmatch(r" *http://127\.0\.0\.1:\d+/?(sign-in\?once=\S{32})?", line) for line in links)


@pytest.mark.long
@pytest.mark.parametrize("columns", [60, 80, 140])
def test_the_lines_of_the_demo_fit(columns, tmp_path):
    with in_terminal(
        ("wiki-trends", "demo", "--folder", str(tmp_path / "demo")), tmp_path, columns
    ) as terminal:
        terminal.expect(pexpect.EOF)
    lines = visible_lines(terminal.before)
    assert too_long(lines, columns) == []
    assert "  rm -r lake/diamond/diamond_final_2025_11_07.csv" in lines


@contextmanager
def in_terminal(arguments: tuple[str, ...], folder: Path, columns: int) -> Iterator[pexpect.spawn[str]]:
    """Start a program in a pseudo-terminal of this width, as a process of its own."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", "TERM": "xterm-256color"}
    terminal = pexpect.spawn(
        str(Path(sys.executable).with_name(arguments[0])),
        list(arguments[1:]),
        cwd=str(folder),
        env=environment,  # type: ignore[arg-type]
        encoding="utf-8",
        timeout=300,
        dimensions=(40, columns),
    )
    try:
        yield terminal
    finally:
        terminal.close(force=True)
