"""Run every command of both programs in pseudo-terminals of three widths, and complete their commands in shells."""

from __future__ import annotations

import datetime as dt
import json
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

# A line that fits the narrowest terminal fits the others; the long suite shows it.
WIDTHS = (60, pytest.param(80, marks=pytest.mark.long), pytest.param(140, marks=pytest.mark.long))
STYLE_CODE = re.compile(r"\x1b\[[0-9;]*m")
LONG_TITLE = "東京都立中央図書館の歴史と建築に関する長い記事😀" * 4
PLACEHOLDER = "An_article_whose_name_is_longer_than_any_terminal_is_wide_" * 3
PROJECT = """
[datasets.orders]
url = "lake"
key = "orders/dt={start:%Y-%m-%d}"
adapter = "files"
format = "parquet"
settle = 0
lag = 1
runner = "etl"
fresh = "06:00 UTC, 2 days"

[runners.etl]
command = ["false"]
attempts = 1
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
    ("wiki-trends", "receipt"),
    ("wiki-trends", "verify"),
    ("wiki-trends", "export", "no_such_table"),
    ("wiki-trends", "airflow", "dags"),
    ("smart-orchestrator", "check", *WINDOW),
    ("smart-orchestrator", "plan", *WINDOW),
    ("smart-orchestrator", "status", "--last", "5", "--as-of", "2025-11-12"),
    ("smart-orchestrator", "explain", "orders", "2025-11-05"),
    ("smart-orchestrator", "doctor"),
    ("smart-orchestrator", "run", *DAYS),
    ("smart-orchestrator", "waive", "orders", "2025-10-03", "--reason", "the shop was closed " * 9),
    ("smart-orchestrator", "status", "--late", "--as-of", "2025-11-12"),
    ("smart-orchestrator", "check", "customers"),
    ("smart-orchestrator", "init", "lake", "--command", "make {key}", "--config", "/dev/stdout"),
    ("smart-orchestrator", "plan", *DAYS, "-o", "plan.json"),
    ("smart-orchestrator", "apply", "plan.json"),
    ("smart-orchestrator", "vacuum"),
)
# Commands with a test of their own, here or in test_terminal_programs.py.
OTHERS = {
    ("wiki-trends", "serve"),
    ("wiki-trends", "sample-api"),
    ("wiki-trends", "fetch"),
    ("wiki-trends", "explain"),
    ("wiki-trends", "demo"),
    ("smart-orchestrator", "wait"),
}

ODD_LAKE = ("--lake", "a lake; it's $HOME/{layer}")
ODD_CONFIG = ("--config", "it's mine.toml")
WRONG_USAGE: tuple[tuple[str, ...], ...] = (
    ("wiki-trends", "check", "--no-such-option-in-this-program-whatever-the-width-of-the-terminal"),
    ("wiki-trends", "check", "--min-coverage", "a word in place of the number that this option needs"),
    ("wiki-trends", "a-command-that-this-program-does-not-have-and-that-is-long-too"),
    ("wiki-trends", "fetch"),
    ("smart-orchestrator", "status", "--late", "--last", "3"),
)
CURSOR_HIDDEN, CURSOR_SHOWN = "\x1b[?25l", "\x1b[?25h"
MOVES_CURSOR = re.compile(r"\x1b\[[0-9;?]*[A-KSThl]")


class Terminals(NamedTuple):
    """The server that runs commands, and the folder with a lake and published tables."""

    server: ForkServer
    folder: Path

    def lines(self, *arguments: str, columns: int, **environment: str) -> list[str]:
        """Run a command in a pseudo-terminal, and return the lines of all that was drawn, without codes."""
        return visible_lines(self.text(*arguments, columns=columns, **environment))

    def text(self, *arguments: str, columns: int, **environment: str) -> str:
        """Run a command in a pseudo-terminal, and return its output."""
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LANG": "C.UTF-8", "TERM": "xterm-256color"}
        _, text = self.server.run_in_terminal(
            arguments, cwd=self.folder, env={**env, **environment}, columns=columns
        )
        assert "Traceback" not in text
        return text


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
        checked = prepared.lines("smart-orchestrator", "check", *DAYS, columns=80)
        assert "expected 5, available 1, missing 4, coverage 20.0 %" in checked
        yield prepared


def visible_lines(text: str) -> list[str]:
    """Return the lines of an output without the codes of styles and of the cursor; a carriage return starts a new line."""
    lines = re.split("[\r\n]+", MOVES_CURSOR.sub("", STYLE_CODE.sub("", text)))
    return [line.rstrip() for line in lines if line.strip()]


def too_long(lines: list[str], columns: int) -> list[str]:
    return [line for line in lines if cell_len(line) > columns and not is_copied(line)]


def is_copied(line: str) -> bool:
    """Return whether a line is a command or a link to copy, which stays whole."""
    return line.startswith(("  wiki-trends ", "  smart-orchestrator ", "  cd ", "  source ", "  http://"))


@pytest.mark.slow
@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: " ".join(arguments)[:60])
def test_no_line_is_longer_than_the_terminal_is_wide(terminals, arguments, columns):
    lines = terminals.lines(*arguments, columns=columns)
    assert lines
    assert too_long(lines, columns) == []


def test_every_command_is_run_in_a_terminal():
    tested = {arguments[:2] for arguments in COMMANDS} | OTHERS
    programs = {"wiki-trends": product.app, "smart-orchestrator": layer.app}
    commands = {
        (name, command) for name, app in programs.items() for command in typer.main.get_command(app).commands
    }
    assert commands == tested


@pytest.mark.slow
@pytest.mark.parametrize("columns", WIDTHS)
def test_the_facts_of_a_page_fit(terminals, sample_api, columns):
    arguments = ("wiki-trends", "explain", "Legend_of_Gatanor")
    lines = terminals.lines(*arguments, columns=columns, **sample_settings(sample_api(), terminals.folder))
    assert lines[0].startswith("Legend of Gatanor  (")
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
@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("arguments", WRONG_USAGE, ids=lambda arguments: " ".join(arguments)[:60])
def test_wrong_usage_fits(terminals, arguments, columns):
    lines = terminals.lines(*arguments, columns=columns)
    assert lines[0].startswith(f"Usage: {arguments[0]}")
    assert "Error: " in "\n".join(lines)
    assert too_long(lines, columns) == []


@pytest.mark.slow
@pytest.mark.parametrize("columns", WIDTHS)
def test_a_backfill_shows_each_day_in_flight_with_its_step(terminals, sample_api, columns):
    lines = backfill_in_terminal(terminals, sample_api, columns)
    assert too_long(lines, columns) == []
    assert any(re.match(r"  2025-10-2\d  step \d of 5: [a-z ]+ +\d+ s", line) for line in lines)
    assert any(re.match(r"\[\d/3\] \d+ of 1,000,000 requests a minute", line) for line in lines)
    assert any(re.search(r"about \d.* left", line) for line in lines)
    assert "[3/3] 2025-10-2" in "\n".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "environment"),
    [((), {"TERM": "dumb"}), ((), {"CI": "true"}), (("--no-color",), {}), ((), {"NO_COLOR": "1"})],
    ids=["dumb", "CI", "no-color", "NO_COLOR"],
)
def test_progress_is_plain_lines_where_the_cursor_must_not_move(terminals, sample_api, options, environment):
    server = sample_api()
    arguments = ("wiki-trends", *options, "fetch", "2025-10-20")
    text = terminals.text(*arguments, columns=80, **sample_settings(server, terminals.folder), **environment)
    assert not MOVES_CURSOR.search(text)
    assert "[0/1] 2025-10-20 started (run 2025-10-20." in text
    assert "[1/1] 2025-10-20 is complete: " in text


@pytest.mark.slow
def test_json_has_no_live_display(terminals, sample_api):
    server = sample_api()
    arguments = ("wiki-trends", "fetch", "2025-10-20", "--json")
    text = terminals.text(*arguments, columns=80, **sample_settings(server, terminals.folder))
    assert not MOVES_CURSOR.search(text)
    assert json.loads(text[text.index("\n{\n") :])["filled"] == ["2025-10-20"]


@pytest.mark.slow
def test_a_wait_shows_when_it_looks_again(terminals):
    arguments = ("smart-orchestrator", "wait", *DAYS, "--timeout", "1", "--poll", "1")
    text = terminals.text(*arguments, columns=60)
    lines = visible_lines(text)
    assert too_long(lines, 60) == []
    assert any(re.match(r"next check in \d s, time-out in \d s", line) for line in lines)
    assert text.count(CURSOR_HIDDEN) == text.count(CURSOR_SHOWN) == 1


def backfill_in_terminal(terminals: Terminals, sample_api, columns: int) -> list[str]:
    """Run the pipeline for three days in a terminal, one after the other, and return the lines of all that was drawn."""
    server = sample_api(latency=0.05)
    arguments = ("wiki-trends", "fetch", "2025-10-20", "2025-10-21", "2025-10-22", "--jobs", "1")
    text = terminals.text(*arguments, columns=columns, **sample_settings(server, terminals.folder))
    assert text.count(CURSOR_HIDDEN) == text.count(CURSOR_SHOWN) == 1
    return visible_lines(text)


def sample_settings(server, folder: Path) -> dict[str, str]:
    """Return the settings that request a sample API, and write to a lake of their own."""
    return {
        "WIKI_TRENDS_LAKE": f"{folder}/fetched/{{layer}}",
        "WIKI_TRENDS_WIKIMEDIA_URL": server.wikimedia_url,
        "WIKI_TRENDS_MEDIAWIKI_URL": server.mediawiki_url,
        "WIKI_TRENDS_RATE_PER_MINUTE": "1000000",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "name", "expected"),
    [
        (("wiki-trends", "check", *ODD_LAKE, *DAYS), "plan", "5.9 November 2025: start 5 days"),
        (("wiki-trends", "analyze", *ODD_LAKE, *DAYS), "check", "expected 5, available 0, missing 5"),
        (("wiki-trends", "page", "No such page"), "top", "Top by at_least, 2025-11-05"),
        (("smart-orchestrator", "check", "orders", *ODD_CONFIG, *DAYS), "run", "coverage 20.0 %"),
        (
            ("smart-orchestrator", "plan", *ODD_CONFIG, *DAYS, "-o", "it's a plan.json"),
            "apply",
            "coverage 20",
        ),
        (("smart-orchestrator", "init", "lake", "-c", "a new file.toml"), "check", "expected 1, available "),
    ],
    ids=["check", "analyze", "page", "check of orders", "plan of orders", "init"],
)
def test_the_next_command_runs_as_printed(terminals, arguments, name, expected):
    shutil.copy(terminals.folder / "smart-orchestrator.toml", terminals.folder / "it's mine.toml")
    (terminals.folder / "a new file.toml").unlink(missing_ok=True)
    lines = terminals.lines(*arguments, columns=60)
    (printed,) = [line for line in lines if line.startswith(f"  {arguments[0]} {name}")]
    with interactive_shell("/bin/bash", ["--norc", "--noprofile"], terminals.folder) as terminal:
        terminal.sendline(printed)
        terminal.expect(expected)


@pytest.mark.slow
def test_a_terminal_without_colours_gets_wrapped_lines_without_codes(terminals):
    text = terminals.text("wiki-trends", "check", *WINDOW, columns=60, NO_COLOR="1")
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
