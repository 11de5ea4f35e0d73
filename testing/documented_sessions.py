"""Run the commands in the console blocks of a documentation page, and compare their output with the output on the page."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PROGRAMS = {
    "python": [sys.executable],
    "smart-orchestrator": [sys.executable, "-m", "smart_orchestrator"],
}
# The subcommands that may end with exit code 1, which says that a window is not ready.
COMMANDS_THAT_JUDGE_A_WINDOW = ("check", "status")
# The files and folders that a run of an example creates in its folder.
_CREATED_NAMES = shutil.ignore_patterns(
    "lake", "source", "raw", "warehouse", "catalog.db", ".smart-orchestrator"
)


def session(page: Path) -> list[tuple[list[str], list[str]]]:
    """Return the commands in the console blocks of a page, each with the lines of output below the command. `pip` commands are left out."""
    blocks = re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    steps: list[tuple[list[str], list[str]]] = []
    for line in "".join(blocks).splitlines():
        if line.startswith("$ "):
            steps.append((shlex.split(line[2:]), []))
        else:
            steps[-1][1].append(line)
    return [(words, lines) for words, lines in steps if words[0] != "pip"]


def run(
    words: list[str], folder: Path, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command in a folder, with additional environment variables."""
    # Some of these commands call `python`, which must be the Python of the tests.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [*PROGRAMS[words[0]], *words[1:]],
        cwd=folder,
        env=os.environ | {"PATH": path} | dict(variables or {}),
        capture_output=True,
        text=True,
        check=False,
    )


def copy_of(example: Path, folder: Path) -> Path:
    """Copy an example to `folder`, without the files that earlier runs have created, and return the folder."""
    shutil.copytree(example, folder, ignore=_CREATED_NAMES)
    return folder


def play(page: Path, folder: Path, variables: Mapping[str, str] | None = None) -> None:
    """Run the commands of a page in a folder, and compare their output with the output on the page, if there is any."""
    steps = session(page)
    assert len(steps) >= 4
    for words, expected_lines in steps:
        completed = run(words, folder, variables)
        expected_codes = (0, 1) if words[1] in COMMANDS_THAT_JUDGE_A_WINDOW else (0,)
        assert completed.returncode in expected_codes, (words, completed.stderr)
        if expected_lines:
            assert [line.rstrip() for line in completed.stdout.splitlines()] == expected_lines, words
