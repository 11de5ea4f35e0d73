"""The sessions of the documentation: the commands in console blocks, each run in a folder, with what they print."""

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
# These end with 1: the window is not ready yet.
NOT_READY = ("check", "status")
MADE = shutil.ignore_patterns("lake", "source", "raw", "warehouse", "catalog.db", ".smart-orchestrator")


def session(page: Path) -> list[tuple[list[str], list[str]]]:
    """The commands of a page's console blocks, each with the lines that it prints."""
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
    # The commands of the examples call `python`.
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
    """A copy of an example, without what earlier runs have made."""
    shutil.copytree(example, folder, ignore=MADE)
    return folder


def play(page: Path, folder: Path, variables: Mapping[str, str] | None = None) -> None:
    """Run the commands of a page in a folder, and compare what they print with what is shown below them."""
    steps = session(page)
    assert len(steps) >= 4
    for words, lines in steps:
        done = run(words, folder, variables)
        assert done.returncode in ((0, 1) if words[1] in NOT_READY else (0,)), (words, done.stderr)
        if lines:
            assert [line.rstrip() for line in done.stdout.splitlines()] == lines, words
