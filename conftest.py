"""Fixtures of the tests that start the product as its users do."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

# These run in Airflow's own environment: make test-airflow.
collect_ignore = ["tests/airflow"]

# No deadline: the duration of an example depends on the machine. CI runs the same examples each time, so a failure comes
# from the change; a developer's run tries new ones.
settings.register_profile("untimed", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "untimed")


RAM_DISK = Path("/dev/shm")
RAM_NEEDED = 4 << 30


def pytest_configure() -> None:
    """Keep the tests' folders on a RAM disk where there is a large one: every commit of a lake waits for the disk."""
    if os.access(RAM_DISK, os.W_OK) and shutil.disk_usage(RAM_DISK).free > RAM_NEEDED:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(RAM_DISK))


# Heaviest first, so that no worker is left with one of them at the end.
FIRST = ("test_spark", "test_web_browser", "test_report_page", "test_trends_bench")
# Independent cases without a costly fixture: they go to whichever worker is free.
SPREAD = ("test_faults", "test_adapters", "test_files", "test_lake", "test_commit")


# xdist reads the groups in the same hook.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each module to one worker, so that what it starts (Spark, a browser, a server) is started once."""

    def position(item: pytest.Item) -> int:
        module = item.path.stem
        if module in SPREAD:
            return len(FIRST) + 1
        return next((n for n, prefix in enumerate(FIRST) if module.startswith(prefix)), len(FIRST))

    for item in items:
        module = item.path.stem
        if module not in SPREAD:
            # Every module on Spark shares one Java.
            on_spark = "spark" in module and "csv" not in module
            item.add_marker(pytest.mark.xdist_group("spark" if on_spark else module))
    items.sort(key=position)


@pytest.fixture
def place(tmp_path, monkeypatch, capsys):
    """An empty folder that is the working directory, and no setting from outside."""
    from testing.product import Place

    for name in os.environ:
        if name.startswith(("WIKI_TRENDS_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, capsys)


@pytest.fixture
def sample_api(monkeypatch):
    """Starts a synthetic Wikimedia with the given options, and points the settings at it."""
    from wiki_trends.sample import SampleOptions, SampleServer

    with ExitStack() as stack:

        def start(**options):
            server = stack.enter_context(SampleServer(SampleOptions(**options)))
            monkeypatch.setenv("WIKI_TRENDS_WIKIMEDIA_URL", server.wikimedia_url)
            monkeypatch.setenv("WIKI_TRENDS_MEDIAWIKI_URL", server.mediawiki_url)
            monkeypatch.setenv("WIKI_TRENDS_RATE_PER_MINUTE", "1000000")
            return server

        yield start


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server, of the newest version that is at hand."""
    from testing.pg_server import postgres_server

    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres):
    """The URL of an empty database of it."""
    return postgres.new_database()


# Of a module, not of a session: Playwright keeps an event loop running for as long as it lives.
@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    from testing.browser import chromium

    with chromium() as started:
        yield started
