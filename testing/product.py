"""A working directory for an end-to-end test, in which the test can run commands in several ways."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pexpect
import polars as pl

from smart_orchestrator.committing.writer import write_frame
from testing.window_data import TYPES, ranked
from wiki_trends.cli.app import run_command
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load

ROOT = Path(__file__).parents[1]
CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")
DAYS = ("2025-11-05", "2025-11-06", "2025-11-07", "2025-11-08", "2025-11-09")


@dataclass
class CommandResult:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Place:
    """A working directory with default settings: the folder `data/lake` in it is the lake."""

    folder: Path
    capsys: Any

    def run(self, *arguments: str) -> CommandResult:
        """Run a command in this process."""
        self.capsys.readouterr()
        code = run_command(arguments)
        captured = self.capsys.readouterr()
        return CommandResult(code, captured.out, captured.err)

    def command(self, *arguments: str) -> list[str]:
        """Return the command line that runs the product, or a documented script, in a new process."""
        if arguments[0].endswith(".py"):
            return [sys.executable, str(ROOT / arguments[0]), *arguments[1:]]
        return [sys.executable, "-m", "wiki_trends", *arguments]

    def process(self, *arguments: str, timeout: float = 60) -> CommandResult:
        """Run a command in a new process, whose streams are pipes."""
        completed = subprocess.run(
            self.command(*arguments),
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return CommandResult(completed.returncode, completed.stdout, completed.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in a new process, and return the process without waiting for it."""
        return subprocess.Popen(
            self.command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=self.folder,
        )

    def terminal(self, *arguments: str, columns: int = 160) -> pexpect.spawn[str]:
        """Start a command in a new process on a pseudo-terminal, and return the terminal."""
        program, *rest = self.command(*arguments)
        # These variables contain the size of the test runner's terminal, or ask for plain lines.
        others = ("COLUMNS", "LINES", "CI")
        environ = {name: value for name, value in os.environ.items() if name not in others}
        environ["TERM"] = "xterm-256color"
        return pexpect.spawn(
            program,
            rest,
            cwd=str(self.folder),
            env=environ,  # type: ignore[arg-type]
            encoding="utf-8",
            timeout=60,
            dimensions=(50, columns),
        )

    def write_days(self, *days: str, pages: int = 3) -> None:
        """Commit complete days to the diamond layer."""
        dataset = layers(load()).diamond
        frame = pl.DataFrame(
            ranked({f"Page_{number}": 1000 * number for number in range(1, pages + 1)}), schema=TYPES
        )
        for day in days:
            write_frame(dataset, dt.date.fromisoformat(day), frame)

    def all_paths(self) -> list[str]:
        """Return the relative paths of all files and folders in the working directory."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*"))
