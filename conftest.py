"""Fixtures of the tests that start the product as its users do."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

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


# The modules that take longest come first, so that none of them is left for one worker at the end.
LONGEST_FIRST = ("test_spark", "test_report_page", "test_web_browser", "test_trends_bench", "test_surface")
# Independent tests without a costly fixture: each goes to whichever worker is free.
SPREAD = ("test_faults", "test_adapters", "test_files", "test_lake", "test_commit")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests for the workers: the longest modules first, and single tests last."""

    def position(item: pytest.Item) -> int:
        module = item.path.stem
        if module in SPREAD:
            return len(LONGEST_FIRST) + 1
        names = enumerate(LONGEST_FIRST)
        return next((number for number, name in names if module.startswith(name)), len(LONGEST_FIRST))

    items.sort(key=position)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each module to one worker, so that what it starts (Spark, a browser, a server) is started once.

    `--dist loadgroup` of pytest-xdist 3.8 does not do this: it sets `_nodeid`, which pytest 9.2 no longer reads.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = Path(nodeid.partition("::")[0]).stem
            if module in SPREAD:
                return nodeid
            # Every module on Spark shares one Java.
            return "spark" if "spark" in module and "csv" not in module else module

    config.option.loadscopereorder = False
    return ByModule(config, log)


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
