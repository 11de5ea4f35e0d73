"""Test the corpus of faults; `testing.faults` describes what every case asserts."""

from __future__ import annotations

import importlib.util
import uuid
from pathlib import Path

import pytest

from testing.faults import Fault, Scene


def _cases() -> list[Fault]:
    """Return every case of the modules `cases_*.py` in this folder."""
    cases: list[Fault] = []
    for path in sorted(Path(__file__).parent.glob("cases_*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        cases += module.CASES
    return cases


CASES = _cases()
# `make test` runs each case on its first store only.
RUNS = [
    pytest.param(case, store, id=f"{case.name}-{store}", marks=[pytest.mark.slow] if number else [])
    for case in CASES
    for number, store in enumerate(case.stores)
]


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    from testing.s3_server import s3_server

    with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def commands(tmp_path_factory):
    """The process that forks for each command."""
    from testing.fork_server import fork_server

    with fork_server(tmp_path_factory.mktemp("commands")) as server:
        yield server


@pytest.mark.parametrize(("case", "store"), RUNS)
def test_a_fault_ends_as_it_must(case, store, commands, tmp_path, request, monkeypatch):
    lake_url = f"{tmp_path}/lake/{{layer}}"
    if store == "s3":
        server = request.getfixturevalue("s3")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        lake_url = f"{server.url}/{uuid.uuid4().hex}/{{layer}}"
    case.run(Scene(tmp_path, lake_url), commands)


def test_every_case_has_a_name_of_its_own():
    names = [case.name for case in CASES]

    assert sorted(set(names)) == sorted(names)
