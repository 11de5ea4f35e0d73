"""The house: targets that are described and used, and imports that stay light."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {
    "airflow",
    "altair",
    "duckdb",
    "fastapi",
    "httpx2",
    "ibis",
    "numpy",
    "pandas",
    "polars",
    "psycopg",
    "pyarrow",
    "pydantic",
    "pyspark",
    "rich",
    "stamina",
}
ASKED = {"demo", "run", "test", "test-full", "lint", "bench", "docs", "docs-check", "clean", "help"}


def make(*arguments: str, folder: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    # What an outer make hands down would change what the inner one prints.
    kept = {
        key: value for key, value in os.environ.items() if key not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    }
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(
        command, cwd=folder, env=kept | environ, capture_output=True, text=True, check=False
    )


def targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    return set(phony.split())


def packages_after(code: str) -> set[str]:
    """Top-level packages that a fresh interpreter has loaded after some code."""
    listing = (
        f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    )
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_make_alone_lists_every_target_with_what_it_is_for() -> None:
    listed = dict(re.findall(r"^  make (\S+) +(\S.*)$", make().stdout, re.MULTILINE))

    assert listed.keys() == targets()
    assert targets() >= ASKED


@pytest.mark.parametrize("target", sorted(targets() - {"help", "clean", "distclean"}))
def test_every_target_that_needs_the_environment_makes_it(target: str, tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, tmp_path / name)

    done = make("--dry-run", target, folder=tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.index("-m venv .tools") < done.stdout.index("uv sync")


def run_ci(folder: Path, failing: str = "") -> tuple[int, list[str]]:
    """Run `.ci/run` with a `make` that fails for one target only; return the exit code and the targets that were made."""
    (folder / ".ci").mkdir(exist_ok=True)
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    made = folder / "made"
    made.unlink(missing_ok=True)
    make_stub = folder / "make"
    make_stub.write_text(f'#!/bin/sh\necho "$2" >> "{made}"\n[ "$2" != "{failing}" ]\n')
    make_stub.chmod(0o755)
    environ = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", folder / ".ci" / "run"], env=environ, capture_output=True, text=True, check=False
    )
    return done.returncode, made.read_text().split()


def test_ci_runs_targets_that_exist_and_all_that_hold_quality(tmp_path: Path) -> None:
    code, made = run_ci(tmp_path)

    assert code == 0
    assert {"lint", "test", "test-slow", "test-airflow", "docs-check", "demo"} <= set(made) <= targets()


def test_ci_fails_if_any_target_fails(tmp_path: Path) -> None:
    _, all_targets = run_ci(tmp_path)
    for target in all_targets:
        code, made = run_ci(tmp_path, failing=target)
        assert code != 0, target
        assert target in made


def test_the_readme_gives_the_commands_that_ci_runs() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert {"make demo", "make test"} <= set(re.findall(r"make [a-z-]+", readme))


def test_a_python_that_is_too_old_or_absent_is_named_with_the_fix(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path / "Makefile")
    old = tmp_path / "python-old"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
    old.chmod(0o755)

    for given, told in ((str(old), "Python 3.9.2"), ("no-such-python", "not found")):
        done = make(".tools/bin/uv", f"PYTHON={given}", folder=tmp_path)

        assert done.returncode != 0
        assert f"needs Python 3.11 or later, but '{given}' is: {told}" in done.stderr
        assert "make PYTHON=" in done.stderr
        assert not (tmp_path / ".tools").exists()


def test_run_hands_the_contact_over_as_it_was_written(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path / "Makefile")
    program = tmp_path / ".venv" / "bin" / "wiki-trends"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nfor word; do echo "<$word>"; done\n')
    program.chmod(0o755)
    (tmp_path / ".tools" / "bin").mkdir(parents=True)
    for name in ("pyproject.toml", "uv.lock", ".tools/bin/uv", ".venv/.ready"):
        (tmp_path / name).touch()

    told = make("run", "CONTACT=it's me; <a@b.org>", folder=tmp_path)

    assert told.stdout == "<run>\n<--contact>\n<it's me; <a@b.org>>\n"
    assert make("run", folder=tmp_path).stdout == "<run>\n"


def test_clean_leaves_the_lake_and_the_environment(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path / "Makefile")
    kept = ["data/lake/a", ".venv/lib/__pycache__/a", "src/a.py"]
    gone = [
        "demo-data/lake/a",
        "dist/a",
        ".coverage",
        ".coverage.host.1",
        "src/wiki/__pycache__/a",
        ".mypy_cache/a",
    ]
    for name in kept + gone:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert make("clean", folder=tmp_path).returncode == 0

    assert [name for name in kept + gone if (tmp_path / name).exists()] == kept


def test_the_layer_is_imported_without_airflow_ibis_typer_or_rich() -> None:
    loaded = packages_after("import smart_orchestrator")

    assert loaded.isdisjoint(HEAVY | {"typer", "wiki_trends"})


@pytest.mark.parametrize(
    "module",
    [
        "adapters.manifest",
        "backfilling.loop",
        "checking",
        "contract.rows",
        "model.dataset",
        "model.plan",
        "model.window",
        "runners.airflow",
        "runners.local",
        "store.opening",
        "text.reporter",
    ],
)
def test_every_module_of_the_layer_imports_light(module: str) -> None:
    loaded = packages_after(f"import smart_orchestrator.{module}")

    assert "smart_orchestrator" in loaded
    assert loaded.isdisjoint(HEAVY | {"typer", "wiki_trends"})


@pytest.mark.parametrize(
    "module", ["cli.app", "config.settings", "config.layers", "jobs.main", "jobs.demo", "jobs.doctor"]
)
def test_the_command_line_imports_light(module: str) -> None:
    loaded = packages_after(f"import wiki_trends.{module}")

    assert "wiki_trends" in loaded
    assert loaded.isdisjoint(HEAVY)
