"""Fixtures of the tests that start the product as its users do."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest
from hypothesis import settings

# These run in Airflow's own environment: make test-airflow.
collect_ignore = ["tests/airflow"]

# No deadline: the duration of an example depends on the machine. CI runs the same examples each time, so a failure comes
# from the change; a developer's run tries new ones.
settings.register_profile("untimed", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests on Spark together, so that they share one Java, and begin with them: they take longest."""
    on_spark = [item for item in items if "spark" in item.path.name and "csv" not in item.path.name]
    for item in on_spark:
        item.add_marker(pytest.mark.xdist_group("spark"))
    others = [item for item in items if item not in on_spark]
    items[:] = [*on_spark, *others]


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
