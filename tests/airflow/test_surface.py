"""What users know in Airflow is what was written down: `tests/surface/airflow.json`, made by `tools/surface`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tools import surface

RECORDED = json.loads(surface.AIRFLOW_FILE.read_text(encoding="utf-8"))
IF_INTENDED = "If the change is intended: .venv-airflow/bin/python -m tools.surface --airflow --write"


@pytest.fixture(scope="module")
def now():
    """The same of the code as it is, made in a process of its own, which has an Airflow home of its own."""
    command = [sys.executable, "-m", "tools.surface", "--airflow"]
    done = subprocess.run(command, cwd=surface.ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(done.stderr, pytrace=False)
    return json.loads(done.stdout)


@pytest.mark.parametrize("section", sorted(RECORDED))
def test_the_surface_is_the_recorded_one(now, section):
    found = surface.differences(RECORDED[section], now.get(section))
    if found:
        pytest.fail(
            "\n".join([f"{section}: what users know has changed", *found, IF_INTENDED]), pytrace=False
        )


def test_every_section_is_recorded(now):
    assert set(now) == set(RECORDED), IF_INTENDED
