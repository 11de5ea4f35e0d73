"""One Airflow for all tests of this folder: `make test-airflow`.

Its DAG folder holds what is in `dags` and in `tests/airflow/dags`, and is `stack.dags`. The lake is empty at the
beginning; a test takes days that no other uses.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
from pathlib import Path

import pytest

from testing.clock import leave_midnight

ROOT = Path(__file__).parents[2]
# The list of this day answers 500 for ever.
BROKEN_DAY = dt.date(2025, 3, 5)
# The days that the sample publishes later, and by how many days. A test changes it while the sample runs.
LATE: dict[dt.date, int] = {}
# Faster than in use, so that a fault is noticed within a test.
QUICK = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
    "WIKI_TRENDS_AIRFLOW_POLL": "2",
    "WIKI_TRENDS_ORCHESTRATOR_POLL": "2",
    "WIKI_TRENDS_TASK_RETRIES": "3",
    "WIKI_TRENDS_TASK_RETRY_SECONDS": "4",
    "WIKI_TRENDS_DEADLINE": "4",
    # Nothing but what a test starts.
    # The check reads the marks of restated days. No day is in the lake for so long, so none is asked about again.
    "WIKI_TRENDS_RECHECK": "366",
    "WIKI_TRENDS_ORCHESTRATOR_SCHEDULE": "",
    "WIKI_TRENDS_PIPELINE_SCHEDULE": "",
}


def pytest_addoption(parser):
    parser.addoption("--executor", default="LocalExecutor", help="Airflow's executor")


def pytest_configure():
    # Asked to end, pytest still has to end what it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture
def same_day():
    """The date in UTC does not change during the test."""
    leave_midnight()


@pytest.fixture(scope="session")
def dags(tmp_path_factory):
    """Airflow's DAG folder."""
    folder = tmp_path_factory.mktemp("dags")
    for source in (ROOT / "dags", ROOT / "tests" / "airflow" / "dags"):
        for path in sorted(source.glob("*.py")):
            shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="session")
def stack(request, dags):
    """Airflow with its DAGs parsed, S3, PostgreSQL and a sample Wikimedia that answers within 100 ms."""
    from tools.airflow_stack import airflow_stack
    from wiki_trends.sample import SampleOptions

    executor = request.config.getoption("--executor")
    with airflow_stack(
        dags=dags,
        sample=SampleOptions(latency=0.1, broken=(BROKEN_DAY,), late=LATE),
        executor=executor,
        extra=QUICK,
    ) as running:
        yield running


@pytest.fixture
def product(stack, monkeypatch):
    """This process as a `wiki-trends` outside of Airflow: its settings, and nothing of the caller's."""
    for name in os.environ:
        if name.startswith(("WIKI_TRENDS_", "AWS_", "AIRFLOW_")):
            monkeypatch.delenv(name)
    for name, value in stack.settings.items():
        monkeypatch.setenv(name, value)
    return stack
