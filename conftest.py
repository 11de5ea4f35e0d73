"""Fixtures and settings that several test trees share."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from testing.clock import leave_midnight

# `make test-airflow` runs these tests in Airflow's own environment.
collect_ignore = ["tests/airflow"]

# Hypothesis has no deadline, because the duration of an example depends on the machine. In CI, every run tries the same examples,
# so a failure is caused by the change. Elsewhere, each run tries new examples.
settings.register_profile("untimed", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "untimed")


RAM_DISK = Path("/dev/shm")
MIN_RAM_DISK_BYTES = 4 << 30


def pytest_configure() -> None:
    """Put the temporary folders of the tests on a large RAM disk, if there is one, because each commit waits for the disk."""
    if os.access(RAM_DISK, os.W_OK) and shutil.disk_usage(RAM_DISK).free > MIN_RAM_DISK_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(RAM_DISK))


# The slowest modules start first, so that the last worker does not end long after the others.
SLOWEST_MODULES = ("test_spark", "test_report_page", "test_web_browser", "test_trends_bench", "test_surface")
# The tests of these modules share no expensive fixture, so every worker may run them.
UNGROUPED_MODULES = ("test_faults", "test_adapters", "test_files", "test_lake", "test_commit")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the tests for the workers: first the slowest modules, and last the tests that every worker may run."""
    _list_collected(config, items)
    if "TEST_WIDTH" in os.environ:
        items[:] = [item for item in items if "browser" in getattr(item, "fixturenames", ())]

    def position(item: pytest.Item) -> int:
        module = item.path.stem
        if module in UNGROUPED_MODULES:
            return len(SLOWEST_MODULES) + 1
        names = enumerate(SLOWEST_MODULES)
        return next((number for number, name in names if module.startswith(name)), len(SLOWEST_MODULES))

    items.sort(key=position)


def _list_collected(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Write the names of all collected tests beside the results file, for `tools.test_ids`, before `-m` deselects some."""
    if (results := config.option.xmlpath) and os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":
        lines = (f"{item.nodeid}\n" for item in items)
        Path(results).with_suffix(".ids").write_text("".join(lines), encoding="utf-8")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Assign each module to one worker, so that its servers, its browser or its Spark session start only once.

    `--dist loadgroup` of pytest-xdist 3.8 does not do this: it sets `_nodeid`, which pytest 9.2 no longer reads.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ModuleScheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = Path(nodeid.partition("::")[0]).stem
            if module in UNGROUPED_MODULES:
                return nodeid
            # All modules with Spark share one Java process.
            return "spark" if "spark" in module and "csv" not in module else module

    config.option.loadscopereorder = False
    return ModuleScheduling(config, log)


@pytest.fixture
def place(tmp_path, monkeypatch, capsys):
    """An empty working directory, and an environment without settings of the product or of AWS."""
    from testing.product import Place

    for name in os.environ:
        if name.startswith(("WIKI_TRENDS_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, capsys)


@pytest.fixture
def same_day():
    """The date in UTC does not change during the test."""
    leave_midnight()


@pytest.fixture
def sample_api(monkeypatch):
    """A function that starts a synthetic Wikimedia with the given options, and sets its addresses in the environment."""
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
    """A PostgreSQL server of the newest installed version."""
    from testing.pg_server import postgres_server

    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres):
    """The URL of an empty database on the PostgreSQL server."""
    return postgres.new_database()


# The scope is a module, because Playwright's event loop, which runs until the browser closes, disturbs other modules.
@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    from testing.browser import chromium

    with chromium() as running_browser:
        yield running_browser
