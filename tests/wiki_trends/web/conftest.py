"""Dashboards over the demo's lake and warehouse, made once and copied for each test that changes them."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from smart_orchestrator.console import LineConsole
from tests.wiki_trends.web.dashboard import serving
from wiki_trends import demo
from wiki_trends.settings import Settings


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory):
    """The folder of a demo that was played: a whole window, published."""
    import io

    folder = tmp_path_factory.mktemp("dashboard") / "demo"
    demo.play(folder, LineConsole(io.StringIO()))
    return folder


def settings_of(folder, **others):
    values = {
        "lake": f"{folder}/lake/{{layer}}",
        "warehouse": f"duckdb:///{folder}/warehouse.duckdb",
        "state": f"{folder}/state",
    }
    return replace(Settings(), **(values | others))


@pytest.fixture(scope="session")
def demo_settings(demo_folder):
    return settings_of(demo_folder)


@pytest.fixture(scope="session")
def shared(demo_settings):
    """A dashboard that no test changes."""
    with serving(demo_settings) as dashboard:
        yield dashboard


@pytest.fixture
def own_folder(demo_folder, tmp_path):
    """The demo's folder, copied."""
    folder = tmp_path / "own"
    shutil.copytree(demo_folder, folder)
    return folder
