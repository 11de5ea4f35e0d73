"""The consumer that publishes trends, without a running Airflow: an old window never replaces a newer one, whoever comes first."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from smart_orchestrator import Window, check
from testing.window_data import day_number, diamond_in, row, write_day
from wiki_trends.airflow import consumer
from wiki_trends.config.settings import Settings
from wiki_trends.warehouse import open_warehouse


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Publish the window of two days that ends on a day, as a task does; then the published day is `run.published()`."""
    monkeypatch.chdir(tmp_path)
    parameters = {}
    monkeypatch.setattr(consumer, "postgres_url", lambda _: None)
    monkeypatch.setattr(consumer, "get_current_context", lambda: {"params": parameters})
    settings = Settings(
        lake=f"{tmp_path}/{{layer}}",
        warehouse=f"duckdb:///{tmp_path}/w.duckdb",
        evidence="off",
        history="off",
    )
    dataset = diamond_in(tmp_path)
    for offset in range(4):
        write_day(dataset, offset, [row("A", 10 + offset), row("B", 5, 2)])
    publish = consumer.trends_consumer(settings)

    def of(day):
        window = Window.between(day_number(day - 1), day_number(day), day_number(10))
        return publish(check(dataset, window))

    def published():
        with open_warehouse(settings.warehouse).reading() as reader:
            return (reader.last_run().window_end - day_number(0)).days

    return SimpleNamespace(of=of, published=published, parameters=parameters)


def test_an_old_window_is_skipped_with_the_reason(run):
    run.of(3)
    with pytest.raises(AirflowSkipException, match="ends before the published window, 2025-11-07"):
        run.of(2)
    assert run.published() == 3


def test_an_old_window_is_skipped_when_another_dag_publishes_while_it_is_analysed(run, monkeypatch):
    checked = consumer.refuse_older_window

    def overtaken(*arguments):
        checked(*arguments)
        monkeypatch.setattr(consumer, "refuse_older_window", checked)
        run.of(3)

    monkeypatch.setattr(consumer, "refuse_older_window", overtaken)
    with pytest.raises(AirflowSkipException, match="To replace it, trigger a run"):
        run.of(2)
    assert run.published() == 3


def test_an_old_window_replaces_a_newer_one_when_that_was_asked_for(run):
    run.of(3)
    run.parameters["replace_newer"] = True
    assert run.of(2)["changed"] is True
    assert run.published() == 2
