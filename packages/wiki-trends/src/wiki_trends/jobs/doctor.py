"""`doctor`: check everything that the product needs, and say how to fix failures.

It writes one test object to each layer of the lake, and removes it again. Nothing else is changed.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from dataclasses import dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.errors import SmartOrchestratorError
from wiki_trends.config.environment import check_network_variables
from wiki_trends.config.settings import Settings, env_name
from wiki_trends.errors import NothingPublished, WikiTrendsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smart_orchestrator.model.dataset import DailyDataset
    from smart_orchestrator.text.reports import Line
    from wiki_trends.wikimedia.probe import LiveAnswer

TEST_OBJECT = "_doctor"
EXTRAS = {"airflow": "apache-airflow", "postgres": "psycopg", "spark": "pyspark", "web": "fastapi"}


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        subject: the part of the installation that was checked.
        passed: whether it can be used.
        text: the details, or the problem and its fix.
        error: the error, if the main job needs the subject; None for an optional one.
    """

    subject: str
    passed: bool
    text: str
    error: Exception | None = None

    def to_json(self) -> dict[str, object]:
        """The finding as `doctor --json` lists it."""
        return {
            "thing": self.subject,
            "ok": self.passed,
            "text": self.text,
            "needed": self.error is not None or self.passed,
        }

    def line(self) -> Line:
        """The finding as a line of text."""
        mark, style = (
            ("ok", "good") if self.passed else ("NO", "bad") if self.error is not None else ("--", "dim")
        )
        return f"{mark}  {self.subject:<22} {self.text}", style


def diagnose(settings: Settings) -> list[Finding]:
    """Check everything that `run` needs, then the optional packages."""
    return [*_needed(settings), *_optional()]


def diagnose_live(settings: Settings, today: dt.date) -> list[LiveAnswer]:
    """Send one request to each of Wikimedia's services; see `wiki_trends.wikimedia.probe`."""
    from wiki_trends.wikimedia.probe import probe

    check_network_variables(os.environ)
    return probe(settings, today - dt.timedelta(days=settings.lag))


def settings_json(settings: Settings) -> dict[str, object]:
    """Every setting by its name in the environment; secrets are hidden."""
    from wiki_trends.config.settings import env_name

    values: dict[str, object] = {}
    for item in fields(Settings):
        value = getattr(settings, item.name)
        hidden = item.metadata["secret"] and value != item.default
        values[env_name(item.name)] = "(secret, set)" if hidden else value
    return values


def _needed(settings: Settings) -> Iterator[Finding]:
    from wiki_trends.config.layers import layers

    python = ".".join(str(number) for number in sys.version_info[:3])
    yield Finding("Python", sys.version_info >= (3, 11), python)
    lake = layers(settings)
    for dataset in (lake.bronze, lake.silver, lake.gold, lake.diamond):
        layer = dataset.name.split()[0]
        yield _checked(f"lake, layer {layer}", lambda dataset=dataset: _lake(dataset))  # type: ignore[misc]
    yield _checked("runs and locks", lambda: _state(settings))
    yield _checked("runner", lambda: _runner(settings))
    yield _checked("warehouse", lambda: _warehouse(settings))
    yield _checked("Wikimedia", lambda: _wikimedia(settings))


def _checked(subject: str, probe: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, passed=True, text=probe())
    except (SmartOrchestratorError, WikiTrendsError, OSError) as error:
        return Finding(subject, passed=False, text=str(error), error=error)


def _lake(dataset: DailyDataset) -> str:
    from smart_orchestrator.store.opening import lake_of

    lake = lake_of(dataset)
    lake.put(TEST_OBJECT, b"test")
    lake.delete([TEST_OBJECT])
    return f"can be written: {lake.url}"


def _state(settings: Settings) -> str:
    from smart_orchestrator.runners.ledger import Ledger

    with Ledger(Path(settings.state), env_name("state")).connection() as database:
        (runs,) = database.execute("SELECT count(*) FROM runs").fetchone()
    return f"can be written: {settings.state} (history of {runs} runs)"


def _runner(settings: Settings) -> str:
    from wiki_trends.jobs.runners import AIRFLOW, airflow_runner, limits_of

    if settings.runner != AIRFLOW:
        return f"this process, {limits_of(settings).jobs} days at the same time"
    pipeline = airflow_runner(settings).ready()
    return f"answers: {settings.airflow_url}, DAG {pipeline.dag_id} with {pipeline.max_active_runs} runs at the same time"


def _warehouse(settings: Settings) -> str:
    from wiki_trends.warehouse import open_warehouse

    warehouse = open_warehouse(settings.warehouse)
    try:
        with warehouse.reading() as reader:
            run = reader.last_run()
    except NothingPublished:
        return f"nothing published yet: {warehouse.url}"
    return f"holds {run.window_start} .. {run.window_end}: {warehouse.url}"


def _wikimedia(settings: Settings) -> str:
    from wiki_trends.jobs.runners import check_wikimedia

    check_wikimedia(settings)
    return f"answers: {settings.wikimedia_url} as {settings.project}"


def _optional() -> Iterator[Finding]:
    for extra, package in EXTRAS.items():
        try:
            yield Finding(f"extra {extra}", passed=True, text=f"{package} {version(package)}")
        except PackageNotFoundError:
            text = f"not installed; optional: pip install 'wiki-trends[{extra}]'"
            yield Finding(f"extra {extra}", passed=False, text=text)
