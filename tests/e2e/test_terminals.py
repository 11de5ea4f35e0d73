"""Run every command of both programs in pseudo-terminals of three widths, and complete their commands in shells."""

from __future__ import annotations

import datetime as dt
import re
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pexpect
import polars as pl
import pytest
import typer
from rich.cells import cell_len

from smart_orchestrator.cli import app as layer
from smart_orchestrator.committing.writer import write_frame
from testing.fork_server import ForkServer, fork_server
from testing.window_data import TYPES, ranked
from tools.debian import install, may_install
from wiki_trends.cli import app as product
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTHS = (60, 80, 140)
STYLE_CODE = re.compile(r"\x1b\[[0-9;]*m")
LONG_TITLE = "東京都立中央図書館の歴史と建築に関する長い記事😀" * 4
PLACEHOLDER = "An_article_whose_name_is_longer_than_any_terminal_is_wide_" * 3
PROJECT = """
[dataset.orders]
lake = "lake"
path = "orders/dt={key}"
adapter = "files"
format = "parquet"
lag = 1

[dataset.orders.runner]
type = "command"
command = ["false"]
"""
WINDOW = ("--start", "2025-10-01", "--end", "2025-11-09", "--as-of", "2025-11-12")
DAYS = ("--start", "2025-11-05", "--end", "2025-11-09", "--as-of", "2025-11-12")
# The commands write nothing, or write the same each time, so each width prints the same text.
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("wiki-trends", "check", *WINDOW),
    ("wiki-trends", "check", *WINDOW, "--calendar"),
    ("wiki-trends", "check", *WINDOW, "--watermark", "--verbose"),
    ("wiki-trends", "check", *DAYS, "--consumed"),
    ("wiki-trends", "plan", *WINDOW),
    ("wiki-trends", "backfill", "--start", "2025-11-05", "--end", "2025-11-09", "--as-of", "2025-11-12"),
    ("wiki-trends", "run", *DAYS),
    ("wiki-trends", "analyze", *DAYS),
    ("wiki-trends", "analyze", *WINDOW),
    ("wiki-trends", "report"),
    ("wiki-trends", "top"),
    ("wiki-trends", "page", LONG_TITLE),
    ("wiki-trends", "page", "No such page"),
    ("wiki-trends", "doctor"),
    ("wiki-trends", "doctor", "--settings"),
    ("wiki-trends", "excluded", "2025-11-05"),
    ("wiki-trends", "waive", "2024-03-31", "--reason", "Wikimedia has no data for this day " * 5),
    ("wiki-trends", "waive", "--list"),
    ("wiki-trends", "vacuum", "--dry-run"),
    ("smart-orchestrator", "check", *WINDOW),
    ("smart-orchestrator", "plan", *WINDOW),
    ("smart-orchestrator", "status", "--last", "5", "--as-of", "2025-11-12"),
    ("smart-orchestrator", "explain", "orders", "2025-11-05"),
    ("smart-orchestrator", "doctor"),
    ("smart-orchestrator", "run", *DAYS),
    ("smart-orchestrator", "waive", "2025-10-03", "--reason", "the shop was closed " * 9),
    ("smart-orchestrator", "check", "customers"),
)


class Terminals(NamedTuple):
    """The server that runs commands, and the folder with a lake and published tables."""

    server: ForkServer
    folder: Path

    def lines(self, *arguments: str, columns: int, **environment: str) -> list[str]:
        """Run a command in a pseudo-terminal, and return its lines without the codes of styles."""
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LANG": "C.UTF-8", "TERM": "xterm-256color"}
        _, text = self.server.run_in_terminal(
            arguments, cwd=self.folder, env={**env, **environment}, columns=columns
        )
        assert "Traceback" not in text
        return STYLE_CODE.sub("", text).splitlines()


@pytest.fixture(scope="module")
def terminals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("terminals")
    (folder / "smart-orchestrator.toml").write_text(PROJECT)
    with pytest.MonkeyPatch.context() as patch, fork_server(tmp_path_factory.mktemp("commands")) as server:
        patch.chdir(folder)
        views = {LONG_TITLE.replace(" ", "_"): 9000, PLACEHOLDER: 5000, "Ada_Lovelace": 1000}
        for day in range(5, 10):
            frame = pl.DataFrame(ranked({page: count * day for page, count in views.items()}), schema=TYPES)
            write_frame(layers(load()).diamond, dt.date(2025, 11, day), frame)
        part = folder / "lake/orders/dt=2025-11-05/part-0.parquet"
        part.parent.mkdir(parents=True)
        pl.DataFrame({"order": [1, 2]}).write_parquet(part)
        prepared = Terminals(server, folder)
        prepared.lines("wiki-trends", "analyze", *DAYS, columns=80)
        yield prepared


def too_long(lines: list[str], columns: int) -> list[str]:
    return [line for line in lines if cell_len(line) > columns and not is_copied(line)]


def is_copied(line: str) -> bool:
    """Return whether a line is a command to copy, which stays whole."""
    return line.startswith(("  wiki-trends ", "  smart-orchestrator "))


@pytest.mark.slow
@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: " ".join(arguments)[:60])
def test_no_line_is_longer_than_the_terminal_is_wide(terminals, arguments, columns):
    lines = terminals.lines(*arguments, columns=columns)
    assert lines
    assert too_long(lines, columns) == []


@pytest.mark.slow
@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize(
    ("program", "app"),
    [("wiki-trends", product.app), ("smart-orchestrator", layer.app)],
    ids=["wiki-trends", "smart-orchestrator"],
)
def test_the_help_of_every_command_fits(terminals, program, app, columns):
    commands = typer.main.get_command(app).commands
    for name in (None, *commands):
        lines = terminals.lines(program, *([name] if name else []), "--help", columns=columns)
        assert lines[0].startswith(f"Usage: {program}")
        assert too_long(lines, columns) == [], name


@pytest.mark.slow
def test_a_terminal_without_colours_gets_wrapped_lines_without_codes(terminals):
    _, text = terminals.server.run_in_terminal(
        ("wiki-trends", "check", *WINDOW),
        cwd=terminals.folder,
        env={"TERM": "xterm-256color", "NO_COLOR": "1", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        columns=60,
    )
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", text)
    assert too_long(STYLE_CODE.sub("", text).splitlines(), 60) == []


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh"])
@pytest.mark.parametrize(
    ("program", "prefix", "completed"),
    [
        ("wiki-trends", "backf", "backfill "),
        ("wiki-trends", "check --calen", "check --calendar "),
        ("smart-orchestrator", "expl", "explain "),
    ],
)
def test_the_installed_completion_completes(shell, program, prefix, completed, tmp_path):
    if shutil.which(shell) is None and may_install():
        install([shell])
    executable = shutil.which(shell)
    if executable is None:
        pytest.fail(f"this test needs {shell}: as root, run `apt-get install {shell}`")
    options = ["--norc", "--noprofile"] if shell == "bash" else ["--no-rcs"]
    with interactive_shell(executable, options, tmp_path) as terminal:
        terminal.sendline(f"{program} --install-completion {shell}; echo installed $?")
        terminal.expect("installed 0")
    with (tmp_path / f".{shell}rc").open("a") as settings:
        settings.write("\nPS1='ready> '\n")
    with interactive_shell(executable, [], tmp_path) as terminal:
        terminal.expect("ready> ")
        # The first Tab loads the completion into zsh, and the second one completes.
        terminal.send(f"{program} {prefix}" + ("\t\t" if shell == "zsh" else "\t"))
        terminal.expect_exact(completed.removeprefix(prefix))


@contextmanager
def interactive_shell(executable: str, options: list[str], home: Path) -> Iterator[pexpect.spawn[str]]:
    """Start a shell on a pseudo-terminal. The programs are in its path; `home` has its settings."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
    }
    terminal = pexpect.spawn(
        executable,
        [*options, "-i"],
        cwd=str(home),
        env=environment,
        encoding="utf-8",
        timeout=30,  # type: ignore[arg-type]
    )
    try:
        yield terminal
    finally:
        terminal.close(force=True)
