"""The sessions of the documentation: every command runs, and prints what is shown below it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"
HIVE = EXAMPLES / "hive_parquet"
HOURLY = EXAMPLES / "hourly_logs"
PROGRAMS = {
    "python": [sys.executable],
    "smart-orchestrator": [sys.executable, "-m", "smart_orchestrator"],
}
# These end with 1: the window is not ready yet.
NOT_READY = ("check", "status")


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


def run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    # The commands of the example call `python`.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [*PROGRAMS[words[0]], *words[1:]],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("page", "example"),
    [
        (HIVE / "README.md", HIVE),
        (HOURLY / "README.md", HOURLY),
        (ROOT / "docs" / "any-lake.md", HIVE),
        (Path(__file__).parents[1] / "README.md", HIVE),
    ],
    ids=["hive", "hourly", "docs", "readme"],
)
def test_a_documented_session_prints_what_it_shows(page, example, tmp_path):
    folder = tmp_path / "example"
    shutil.copytree(example, folder, ignore=shutil.ignore_patterns("lake", "source", ".smart-orchestrator"))
    run(["python", "make_lake.py"], folder).check_returncode()
    steps = session(page)
    assert len(steps) >= 4
    for words, lines in steps:
        done = run(words, folder)
        assert done.returncode in ((0, 1) if words[1] in NOT_READY else (0,)), (words, done.stderr)
        if lines:
            assert [line.rstrip() for line in done.stdout.splitlines()] == lines, words


def test_the_configuration_of_the_page_can_be_read():
    from smart_orchestrator.config.loading import parse_config

    page = (ROOT / "docs" / "any-lake.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    config = parse_config(text.encode(), Path("smart-orchestrator.toml"))
    assert list(config.datasets) == ["customers", "orders"]
    assert config.consumers["revenue"].command[0] == "dbt"
