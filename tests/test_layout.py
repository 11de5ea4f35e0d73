"""The layout: rooms that stay small, names that no module hides, and the packages' own READMEs."""

from __future__ import annotations

import importlib
import pkgutil
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

import smart_orchestrator
import wiki_trends

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "packages").glob("*/src"))
MODULES_IN_A_FOLDER = 15
LINES_IN_A_FILE = 400


def packages() -> list[str]:
    """Every package of both distributions that can be imported without Airflow."""
    names: list[str] = []
    for root in (smart_orchestrator, wiki_trends):
        names.append(root.__name__)
        found = pkgutil.walk_packages(root.__path__, f"{root.__name__}.", onerror=lambda _: None)
        names += [item.name for item in found if item.ispkg]
    return names


def folders() -> list[Path]:
    return sorted({path.parent for source in SOURCES for path in source.rglob("*.py")})


@pytest.mark.parametrize("package", packages())
def test_no_public_name_equals_a_module_of_its_package(package: str) -> None:
    module = importlib.import_module(package)
    modules = {item.name for item in pkgutil.iter_modules(module.__path__)}

    assert not modules & set(getattr(module, "__all__", ()))


def test_no_folder_has_more_modules_than_can_be_taken_in() -> None:
    crowded = {
        folder.relative_to(ROOT).as_posix(): count
        for folder in folders()
        if (count := len([path for path in folder.glob("*.py") if path.name != "__init__.py"]))
        > MODULES_IN_A_FOLDER
    }

    assert crowded == {}


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): count
        for source in SOURCES
        for path in source.rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > LINES_IN_A_FILE
    }

    assert long == {}


def test_every_folder_of_modules_says_what_it_is_for() -> None:
    silent = [
        folder.relative_to(ROOT).as_posix()
        for folder in folders()
        if not (folder / "__init__.py").read_text(encoding="utf-8").startswith('"""')
    ]

    assert silent == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("smart_orchestrator", "wiki_trends")
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}

    # Raises `CycleError`, which names the modules of a circle.
    TopologicalSorter(imports).prepare()
