"""The core needs obstore alone; an optional dependency that is missing is an error that names its extra."""

from __future__ import annotations

import ast
import pickle
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import smart_orchestrator
from smart_orchestrator.errors import LostRace, MissingExtra, WindowError
from smart_orchestrator.extras import PACKAGES, extra
from testing.lakes import DAY

SOURCES = Path(smart_orchestrator.__file__).parent
PROJECT = SOURCES.parents[1] / "pyproject.toml"
OPTIONAL = {package: name for name, packages in PACKAGES.items() for package in packages}

# Runs in a process where no optional package can be imported.
WITHOUT = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {packages!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Refuse())
"""
CHECK = """
import datetime as dt
from smart_orchestrator import Column, DailyDataset, Part, Window, check, commit, vacuum
dataset = DailyDataset("orders", sys.argv[1], "dt={day:%Y-%m-%d}", columns=(Column("id", "integer"),))
day = dt.date(2025, 11, 5)
commit(dataset, day, [Part(b"id\\n1\\n", 1)], columns=["id"])
window = Window.between(day, dt.date(2025, 11, 6), dt.date(2025, 11, 12))
print(check(dataset, window).coverage_pct)
print(vacuum(dataset, dry_run=True).keys)
"""
FRAME = """
from smart_orchestrator import MissingExtra, read_frame
try:
    read_frame(dataset, day)
except MissingExtra as error:
    print(error)
"""


def test_a_window_check_needs_no_optional_package(tmp_path):
    script = WITHOUT.format(packages=set(OPTIONAL)) + CHECK + FRAME
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "lake")], capture_output=True, text=True, check=False
    )

    assert done.stdout.splitlines() == [
        "50.0",
        "()",
        "polars is not installed. Install the extra: pip install 'smart-orchestrator[frames]'.",
    ], done.stderr


@pytest.mark.parametrize("name", PACKAGES)
def test_the_extras_are_those_that_the_distribution_declares(name):
    declared = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]

    assert name in declared


def test_an_extra_knows_the_packages_of_its_libraries():
    declared = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    installed = {
        package: {re.sub(r"[-_.]+", "-", library).lower() for library in libraries}
        for package, libraries in packages_distributions().items()
    }
    unknown = []
    for name, known in PACKAGES.items():
        for requirement in declared[name]:
            library = re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()
            packages = {package for package, libraries in installed.items() if library in libraries}
            if library != "smart-orchestrator" and packages and not packages & known:
                unknown.append((name, library))

    assert unknown == []


def test_a_missing_package_of_another_library_passes_through():
    with pytest.raises(ModuleNotFoundError, match="nowhere"), extra("frames"):
        import nowhere  # noqa: F401


def _optional_imports(tree: ast.AST, guard: str = ""):
    """Every import of an optional package, and what stands around it: an extra, `TYPE_CHECKING` or nothing."""
    for node in ast.iter_child_nodes(tree):
        inner = guard
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            inner = "TYPE_CHECKING"
        elif isinstance(node, ast.With) and ast.unparse(node.items[0]).startswith("extra("):
            inner = ast.literal_eval(node.items[0].context_expr.args[0])
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module]
        for name in names:
            package = name.partition(".")[0]
            if package in OPTIONAL:
                yield package, inner
        yield from _optional_imports(node, inner)


def test_every_optional_import_names_its_extra():
    seen = []
    for path in SOURCES.rglob("*.py"):
        for package, guard in _optional_imports(ast.parse(path.read_text(encoding="utf-8"))):
            # Only Airflow, which needs SQLAlchemy, loads the folder `airflow`. `__main__` guards the folder `cli`.
            guarded_folder = {"airflow": "airflow", "sqlalchemy": "airflow", "typer": "cli"}.get(package)
            if guarded_folder == path.relative_to(SOURCES).parts[0]:
                continue
            seen.append(package)
            assert guard in ("TYPE_CHECKING", OPTIONAL[package]), f"{path.name} imports {package}"

    assert {"polars", "rich", "httpx2", "apprise"} <= set(seen)


@pytest.mark.parametrize(
    "error",
    [
        MissingExtra("polars", "frames"),
        LostRace("orders", DAY, "r1"),
        WindowError("days", 0, "is low", "Go."),
    ],
)
def test_an_error_pickles_with_its_fields(error):
    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert (str(copy), vars(copy)) == (str(error), vars(error))
