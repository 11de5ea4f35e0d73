"""The documented scripts, started with a Python that does not have the packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
SCRIPTS = ("check_and_fetch_data.py", "run_analytics.py", "show_analytics_report.py")


def start(script):
    """Start a script with a Python that does not see installed packages."""
    command = [sys.executable, "-I", "-S", str(script)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_names_the_python_to_use(name, tmp_path):
    script = Path(shutil.copy(ROOT / name, tmp_path))
    done = start(script)
    problem = f"error: {sys.executable} does not have the package wiki_trends."
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{problem} Run `make install` in {tmp_path} first.\n"

    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert start(script).stderr == f"{problem} Run: {python} {script}\n"


def test_another_missing_module_is_not_hidden(tmp_path):
    script = Path(shutil.copy(ROOT / SCRIPTS[0], tmp_path))
    package = tmp_path / "wiki_trends" / "compat"
    package.mkdir(parents=True)
    (package / "scripts.py").write_text("import no_such_module\n")
    command = [sys.executable, "-S", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'no_such_module'" in done.stderr
