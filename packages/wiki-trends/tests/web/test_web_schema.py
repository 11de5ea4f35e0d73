"""The OpenAPI document matches the API: every allowed request gets a declared response."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testing.dashboard import TOKEN

RUN = Path(sys.executable).with_name("schemathesis")


def explored(dashboard, tmp_path, examples):
    report = tmp_path / "schemathesis.txt"
    with report.open("w") as out:
        done = subprocess.run(
            [
                str(RUN), "run", f"{dashboard.url}/openapi.json",
                "--header", f"Authorization: Bearer {TOKEN}",
                "--max-examples", str(examples), "--seed", "1", "--no-color", "--workers", "2",
                # A schema cannot express that a day is over, or that a window has two alternative forms.
                "--exclude-checks", "positive_data_acceptance",
            ],
            stdout=out, stderr=subprocess.STDOUT, cwd=tmp_path, check=False, timeout=290,
            env={**os.environ, "CI": "true", "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
    return done.returncode, report.read_text()


def test_the_document_names_every_answer_in_both_forms(shared):
    document = shared.client.get("/openapi.json").json()
    paths = set(document["paths"])
    assert {path for path in paths if path.endswith(".json")} == {
        path.replace(".csv", ".json") for path in paths if path.endswith(".csv")
    }
    assert {"/overview.json", "/page.json", "/completeness.json", "/backfill", "/feed.atom"} <= paths
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert operation["summary"], path


@pytest.mark.slow
def test_answers_are_as_declared(shared, tmp_path):
    code, report = explored(shared, tmp_path, 2)
    assert code == 0, report[-6000:]


@pytest.mark.long
def test_answers_are_as_declared_whatever_is_asked(shared, tmp_path):
    code, report = explored(shared, tmp_path, 200)
    assert code == 0, report[-6000:]
