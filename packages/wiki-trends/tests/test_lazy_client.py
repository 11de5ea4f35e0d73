"""Test that the client of a backfill is closed at the end of every backfill, and only after the last run that uses it."""

from __future__ import annotations

import datetime as dt
import threading

import pytest

from smart_orchestrator.backfilling.reporter import SilentReporter
from smart_orchestrator.backfilling.state import Limits
from smart_orchestrator.checking import check
from smart_orchestrator.errors import LakeUnreachable
from smart_orchestrator.model.window import Window
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import Settings
from wiki_trends.jobs import main as main_job
from wiki_trends.jobs.runners import LazyClient
from wiki_trends.wikimedia import WikimediaClient

PATIENCE = 30.0
WINDOW = Window.between(dt.date(2025, 11, 5), dt.date(2025, 11, 5), dt.date(2025, 11, 12))


@pytest.fixture
def closed(monkeypatch):
    """An event that is set when a Wikimedia client is closed."""
    event = threading.Event()
    close = WikimediaClient.close

    def recorded(client):
        close(client)
        event.set()

    monkeypatch.setattr(WikimediaClient, "close", recorded)
    return event


@pytest.fixture
def settings(tmp_path):
    return Settings(
        lake=f"{tmp_path}/lake/{{layer}}",
        state=str(tmp_path / "state"),
        contact="https://meta.wikimedia.org/wiki/User:Tester",
    )


def test_the_client_is_closed_once_nothing_uses_it(settings, closed):
    with LazyClient(settings) as lazy:
        with lazy.in_use() as first, lazy.in_use() as second:
            assert first is second
        assert not closed.is_set()
    assert closed.is_set()


def test_a_client_that_nobody_used_is_not_made(settings, closed):
    with LazyClient(settings):
        pass
    assert not closed.is_set()


def test_a_run_that_is_not_waited_for_keeps_the_client_open(settings, closed):
    with LazyClient(settings) as lazy:
        use = lazy.in_use()
        use.__enter__()
    assert not closed.is_set()
    use.__exit__(None, None, None)
    assert closed.is_set()


def test_a_backfill_whose_lake_fails_leaves_no_client_open(settings, closed, monkeypatch):
    monkeypatch.setattr("wiki_trends.jobs.runners.check_wikimedia", lambda _: None)
    monkeypatch.setattr("wiki_trends.pipeline.run_day", lambda *_, **__: None)
    checks = iter([lambda: check(layers(settings).diamond, WINDOW)])

    def check_window():
        run = next(checks, None)
        if run is None:
            raise LakeUnreachable("s3://lake", "no answer", "Wait.")
        return run()

    with pytest.raises(LakeUnreachable):
        main_job.fill(settings, check_window, Limits(attempts=1), SilentReporter())
    assert closed.wait(PATIENCE)
