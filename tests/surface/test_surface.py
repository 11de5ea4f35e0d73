"""Compare the surface of the product with the recorded surface in `surface.json`, which `tools/surface` writes.

Each section has a test, whose message says which entries are lost, new or changed. `tests/airflow/test_surface.py` compares the part
that needs Airflow.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from tools import surface

RECORDED = json.loads(surface.FILE.read_text(encoding="utf-8"))
IF_INTENDED = "If the change is intended: python -m tools.surface --write"


@pytest.fixture(scope="module")
def now():
    """The surface of the current code. A separate process reads it, because reading changes the folder, environment and streams."""
    command = [sys.executable, "-m", "tools.surface"]
    done = subprocess.run(command, cwd=surface.ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(done.stderr, pytrace=False)
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("section", sorted(RECORDED))
def test_the_surface_is_the_recorded_one(now, section):
    found = surface.differences(RECORDED[section], now.get(section))
    if found:
        pytest.fail(
            "\n".join([f"{section}: what users know has changed", *found, IF_INTENDED]), pytrace=False
        )


@pytest.mark.slow
def test_every_section_is_recorded(now):
    assert set(now) == set(RECORDED), IF_INTENDED


def test_the_file_is_as_it_would_be_written():
    assert surface.FILE.read_text(encoding="utf-8") == surface.as_text(RECORDED)


@pytest.mark.parametrize("file", [surface.FILE, surface.AIRFLOW_FILE], ids=lambda file: file.stem)
def test_no_module_is_named_but_those_that_users_import(file):
    named = re.findall(
        r"\b(?:smart_orchestrator|wiki_trends|plugins|tools)\.[\w.]+", file.read_text(encoding="utf-8")
    )
    documented = {".".join(name.split(".")[:3]) for name in named}
    assert documented <= {*surface.PUBLIC, *surface.PUBLIC_IN_AIRFLOW, *surface.DOCUMENTED}


def test_documents_are_told_by_their_key_paths():
    first = {
        "days": [{"day": "2025-11-05", "rows": None}],
        "rows": {"wiki_diamond": 3},
        "failed": [],
        "run": None,
    }
    second = {
        "days": [{"day": "2025-11-05", "rows": 7, "url": None}],
        "rows": {},
        "failed": [],
        "run": {"id": 1.5},
    }
    assert surface.shape([first, second]) == {
        "days[].day": "text",
        "days[].rows": "number",
        "days[].url": "null",
        "rows.*": "number",
        "failed": "empty list",
        "run.id": "number",
    }


def test_a_difference_is_told_entry_by_entry():
    before = {"check": {"--days": "str", "--lag": "str"}, "columns": ["page", "rank"]}
    now = {"check": {"--days": "int", "--late": "str"}, "columns": ["page", "views"]}
    assert surface.differences(before, now) == [
        'lost     check > --lag: "str"',
        'lost     columns > "rank": listed',
        'new      check > --late: "str"',
        'new      columns > "views": listed',
        'changed  check > --days: "str" -> "int"',
    ]
    assert surface.differences(before, before) == []


def test_another_order_is_a_difference():
    (told,) = surface.differences({"columns": ["page", "rank"]}, {"columns": ["rank", "page"]})
    assert told.startswith("changed  columns: another order")
