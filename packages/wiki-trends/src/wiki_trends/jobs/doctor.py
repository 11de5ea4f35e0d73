"""The `doctor` command: check everything that the product needs, and say how to fix each failure.

The doctor writes a test object to each layer of the lake, and deletes the object again. It changes nothing else.
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

TEST_OBJECT_KEY = "_doctor"
PACKAGES_BY_EXTRA = {"airflow": "apache-airflow", "postgres": "psycopg", "spark": "pyspark", "web": "fastapi"}


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        subject: the name of the part of the installation that was checked.
        passed: whether the part can be used.
        text: details about the part; if the check failed, the problem and its fix.
        error: the error of a failed check; None if the check passed, or if the part is optional.
    """

    subject: str
    passed: bool
    text: str
    error: Exception | None = None

    @property
    def is_required(self) -> bool:
        """Whether the product requires the part. An optional package that is installed also counts as required."""
        return self.error is not None or self.passed

    def to_json(self) -> dict[str, object]:
        """Return the finding as `doctor --json` lists it."""
        return {
            "thing": self.subject,
            "ok": self.passed,
            "text": self.text,
            "needed": self.is_required,
        }

    def line(self) -> Line:
        """Return the finding as a styled line."""
        mark, style = (
            ("ok", "good") if self.passed else ("NO", "bad") if self.error is not None else ("--", "dim")
        )
        return f"{mark}  {self.subject:<22} {self.text}", style


def diagnose(settings: Settings) -> list[Finding]:
    """Check everything that `run` needs, then the optional packages."""
    return [*_check_required_parts(settings), *_check_extras()]


def diagnose_live(settings: Settings, today: dt.date) -> list[LiveAnswer]:
    """Send one request to each of Wikimedia's services; see `wiki_trends.wikimedia.probe`."""
    from wiki_trends.wikimedia.probe import probe

    check_network_variables(os.environ)
    return probe(settings, today - dt.timedelta(days=settings.max_lag))


def settings_json(settings: Settings) -> dict[str, object]:
    """Return the value of every setting by the name of its environment variable, without secrets."""
    values: dict[str, object] = {}
    for field in fields(Settings):
        value = getattr(settings, field.name)
        is_hidden_secret = field.metadata["secret"] and value != field.default
        values[env_name(field.name)] = "(secret, set)" if is_hidden_secret else value
    return values


def _check_required_parts(settings: Settings) -> Iterator[Finding]:
    from wiki_trends.config.layers import layers

    python = ".".join(str(number) for number in sys.version_info[:3])
    yield Finding("Python", sys.version_info >= (3, 11), python)
    lake = layers(settings)
    for dataset in (lake.bronze, lake.silver, lake.gold, lake.diamond):
        layer = dataset.name.split()[0]  # The name can be `bronze of fr.wikipedia`.
        yield _run_check(f"lake, layer {layer}", lambda dataset=dataset: _check_lake(dataset))  # type: ignore[misc]
    yield _run_check("runs and locks", lambda: _check_state(settings))
    yield _run_check("runner", lambda: _check_runner(settings))
    yield _run_check("warehouse", lambda: _check_warehouse(settings))
    yield _run_check("Wikimedia", lambda: _check_wikimedia(settings))


def _run_check(subject: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(subject, passed=True, text=check())
    except (SmartOrchestratorError, WikiTrendsError, OSError) as error:
        return Finding(subject, passed=False, text=str(error), error=error)


def _check_lake(dataset: DailyDataset) -> str:
    from smart_orchestrator.store.opening import lake_of

    lake = lake_of(dataset)
    lake.put(TEST_OBJECT_KEY, b"test")
    lake.delete([TEST_OBJECT_KEY])
    return f"can be written: {lake.url}"


def _check_state(settings: Settings) -> str:
    from smart_orchestrator.runners.ledger import Ledger

    with Ledger(Path(settings.state), env_name("state")).connection() as database:
        # `connection` begins a write transaction, which fails if the database cannot be written.
        (run_count,) = database.execute("SELECT count(*) FROM runs").fetchone()
    return f"can be written: {settings.state} (history of {run_count} runs)"


def _check_runner(settings: Settings) -> str:
    from wiki_trends.jobs.runners import AIRFLOW_RUNNER, airflow_runner, limits_of

    if settings.runner != AIRFLOW_RUNNER:
        return f"this process, {limits_of(settings).jobs} days at the same time"
    # `ready` raises an error if Airflow cannot run the pipeline, and otherwise describes the DAG of the pipeline.
    pipeline = airflow_runner(settings).ready()
    return f"answers: {settings.airflow_url}, DAG {pipeline.dag_id} with {pipeline.max_active_runs} runs at the same time"


def _check_warehouse(settings: Settings) -> str:
    from wiki_trends.warehouse import open_warehouse

    warehouse = open_warehouse(settings.warehouse)
    try:
        with warehouse.reading() as reader:
            run = reader.last_run()
    except NothingPublished:
        return f"nothing published yet: {warehouse.url}"
    return f"contains {run.window_start} .. {run.window_end}: {warehouse.url}"


def _check_wikimedia(settings: Settings) -> str:
    from wiki_trends.jobs.runners import check_wikimedia

    check_wikimedia(settings)
    return f"answers: {settings.wikimedia_url}, for the project {settings.project}"


def _check_extras() -> Iterator[Finding]:
    for extra, package in PACKAGES_BY_EXTRA.items():
        try:
            yield Finding(f"extra {extra}", passed=True, text=f"{package} {version(package)}")
        except PackageNotFoundError:
            text = f"not installed; optional: pip install 'wiki-trends[{extra}]'"
            yield Finding(f"extra {extra}", passed=False, text=text)
