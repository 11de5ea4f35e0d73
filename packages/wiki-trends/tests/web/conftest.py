"""Dashboards over the lake and warehouse of the demo, created once, and copied for tests that change them."""

from __future__ import annotations

import fcntl
import os
import shutil

import pytest

from smart_orchestrator.text.reporter import TextReporter
from testing.dashboard import HOSTILE, TOKEN, published, serving, settings_of
from testing.window_data import row
from wiki_trends.jobs import demo
from wiki_trends.web.auth.sign_in import TokenGuard


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory):
    """The folder of a completed demo: a lake and a warehouse with a published window.

    Each test process has its own folder. The first one runs the demo, and the others copy the result.
    """
    import io

    folder = tmp_path_factory.mktemp("dashboard") / "demo"
    if "PYTEST_XDIST_WORKER" not in os.environ:
        demo.run_demo(folder, TextReporter(io.StringIO()))
        return folder
    # The folders of the test processes have the same parent.
    original = tmp_path_factory.getbasetemp().parent / "demo"
    with original.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not original.exists():
            demo.run_demo(folder, TextReporter(io.StringIO()))
            unfinished = original.with_suffix(".unfinished")
            shutil.copytree(folder, unfinished, dirs_exist_ok=True)
            unfinished.rename(original)
            return folder
    shutil.copytree(original, folder)
    return folder


@pytest.fixture(scope="session")
def demo_settings(demo_folder):
    return settings_of(demo_folder)


@pytest.fixture(scope="session")
def shared(demo_settings):
    """A dashboard that tests do not change."""
    with serving(demo_settings) as dashboard:
        yield dashboard


@pytest.fixture
def demo_copy(demo_folder, tmp_path):
    """A copy of the demo folder."""
    folder = tmp_path / "own"
    shutil.copytree(demo_folder, folder)
    return folder


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    """A dashboard over titles that try to inject markup, links and formulas."""
    folder = tmp_path_factory.mktemp("hostile")
    links = {"address": "javascript:alert(1)", "image": 'https://en.wikipedia.org/wiki/"><img>'}
    day = [
        row(
            title,
            1000 + at,
            at + 1,
            link=links.get(name, "https://en.wikipedia.org/wiki/X"),
            category=f"<i>{name}",
        )
        for at, (name, title) in enumerate(HOSTILE.items())
    ]
    later = [{**record, "views": record["views"] * (9 if at < 6 else 2)} for at, record in enumerate(day)]
    with serving(published(folder, [day, day, later])) as dashboard:
        yield dashboard


@pytest.fixture
def closed(demo_settings):
    """A dashboard that other machines can reach: visitors need the token to see a page."""
    with serving(demo_settings, TokenGuard(TOKEN, ["trends.example.org"], visible_to_all=False)) as dashboard:
        yield dashboard
