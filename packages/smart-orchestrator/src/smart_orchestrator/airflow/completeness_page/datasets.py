"""Find the datasets of the orchestrator DAGs in this Airflow, and check their windows.

The api-server does not parse DAG files. `orchestrator_dag` therefore records its configuration as JSON in the documentation of the
task `check_completeness` (`doc_json`), and Airflow stores this documentation with the serialized DAG. The tag `smart orchestrator`
marks the DAGs, so that only their documents are read.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from smart_orchestrator.airflow.operators import CHECK
from smart_orchestrator.airflow.orchestration import Orchestration
from smart_orchestrator.airflow.params import request_of
from smart_orchestrator.errors import SmartOrchestratorError
from smart_orchestrator.model.cause import Explanation, explain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.model.completeness import Completeness

logger = logging.getLogger(__name__)
TAG = "smart orchestrator"
# The result of a check is shown for this number of seconds. Then the dataset is checked again.
FRESH_SECONDS = 30.0
# A request waits for a check for at most this number of seconds. Then the page is sent without the result.
WAIT_SECONDS = 20.0
# The number of checks at the same time.
THREADS = 8
# The time for retries of a request to Airflow's API, in seconds.
API_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class OrchestratedDataset:
    """A dataset, and the orchestrator DAG that keeps it complete.

    Attributes:
        dag_id: the id of the orchestrator DAG.
        is_paused: whether the orchestrator DAG is paused.
        orchestration: the configuration of the orchestrator; None if its document cannot be read.
        params: the defaults of the parameters of the DAG.
        details_url: the address of a page with more about the dataset; empty without one.
    """

    dag_id: str
    is_paused: bool
    orchestration: Orchestration | None
    params: Mapping[str, Any] = field(default_factory=dict)
    details_url: str = ""


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """The result of the check of one dataset, or the reason why there is no result.

    Attributes:
        dataset: the dataset and its orchestrator.
        completeness: the checked window; None if the check failed or is unfinished.
        explanations: the cause of each day that is not available, oldest first.
        problem: why the check or the list of the runs failed; empty if both succeeded.
    """

    dataset: OrchestratedDataset
    completeness: Completeness | None = None
    explanations: tuple[Explanation, ...] = ()
    problem: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the report as a JSON object."""
        orchestration = self.dataset.orchestration
        return {
            "orchestrator": self.dataset.dag_id,
            "is_paused": self.dataset.is_paused,
            "dataset": orchestration.dataset.name if orchestration else None,
            "pipeline": orchestration.pipeline_dag_id if orchestration else None,
            "completeness": self.completeness.to_json() if self.completeness else None,
            "not_available": [explanation.to_json() for explanation in self.explanations],
            "problem": self.problem or None,
        }


def document_of(orchestration: Orchestration, details_url: str) -> str:
    """Return the document that `orchestrated_datasets` reads, for the `doc_json` of the task `check_completeness`."""
    return json.dumps({"orchestration": orchestration.to_json(), "details_url": details_url}, indent=1)


def orchestrated_datasets() -> list[OrchestratedDataset]:
    """Return the datasets of all orchestrator DAGs in Airflow's database, ordered by the id of the DAG."""
    from airflow.models.dag import DagModel, DagTag
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    datasets = []
    with create_session() as session:
        statement = (
            select(DagModel)
            .join(DagTag, DagTag.dag_id == DagModel.dag_id)
            .where(DagTag.name == TAG, DagModel.is_stale.is_(False))
            .order_by(DagModel.dag_id)
        )
        for model in session.scalars(statement).unique():
            dag = SerializedDagModel.get_dag(model.dag_id, session=session)
            task = dag.task_dict.get(CHECK) if dag is not None else None
            document = getattr(task, "doc_json", None)
            if dag is not None and document:
                params = dict(dag.params.dump())
                datasets.append(dataset_of(model.dag_id, document, params, is_paused=bool(model.is_paused)))
    return datasets


def dataset_of(
    dag_id: str, document: str, params: Mapping[str, Any], *, is_paused: bool
) -> OrchestratedDataset:
    """Parse the document of an orchestrator DAG. A document of another version gives a dataset without a configuration."""
    try:
        fields = json.loads(document)
        orchestration = Orchestration.from_json(fields["orchestration"])
        details_url = str(fields.get("details_url") or "")
    except (ValueError, KeyError, TypeError, SmartOrchestratorError):
        logger.warning("the document of %s cannot be read", dag_id, exc_info=True)
        return OrchestratedDataset(dag_id, is_paused, None)
    return OrchestratedDataset(dag_id, is_paused, orchestration, params, details_url)


def report_of(dataset: OrchestratedDataset, today: dt.date, state: str, days: int | None) -> DatasetReport:
    """Check the window of a dataset, and explain each day that is not available.

    Args:
        dataset: the dataset and its orchestrator.
        today: the current UTC day.
        state: the folder in which the check caches what it has read.
        days: the number of days in the window; None for the default of the orchestrator.
    """
    if dataset.orchestration is None:
        problem = (
            "Its configuration cannot be read: the DAG and the api-server have different versions of "
            "smart-orchestrator. Install the same version for both."
        )
        return DatasetReport(dataset, problem=problem)
    orchestration = replace(dataset.orchestration, state=state)
    params = dict(dataset.params) | ({"days": days} if days is not None else {})
    try:
        # The page never asks the upstream.
        lag = orchestration.lag_at(today, ask=False)
        completeness = orchestration.check(request_of(None, params, today, lag), ask=False)
    except SmartOrchestratorError as error:
        return DatasetReport(dataset, problem=orchestration.error_text(error))
    not_available = [p for p in completeness.partitions if not completeness.accepts(p)]
    problem, runs = "", {}
    if not_available:
        try:
            runner = orchestration.runner(patience=API_PATIENCE)
            runs = dict(runner.latest([partition.day for partition in not_available]))
        except SmartOrchestratorError as error:
            problem = f"The runs of {orchestration.pipeline_dag_id} are unknown: {error}"
    explanations = (explain(p, runs.get(p.day), orchestration.attempts) for p in not_available)
    return DatasetReport(dataset, completeness, tuple(e for e in explanations if e is not None), problem)


class _Check(NamedTuple):
    """A check in progress or with a result. `began` is its start on the clock of `monotonic`."""

    began: float
    report: Future[DatasetReport]


class DatasetReports:
    """Checks datasets in threads, and keeps the results for a short time. Thread-safe.

    A dataset has at most one check in progress for each number of days, so a lake that does not answer occupies few threads.

    Args:
        state: the folder in which the checks cache what they have read.
    """

    def __init__(self, state: str) -> None:
        self._state = state
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="data completeness")
        self._lock = Lock()
        self._checks: dict[tuple[str, str, int | None], _Check] = {}

    def of(self, datasets: Sequence[OrchestratedDataset], days: int | None = None) -> list[DatasetReport]:
        """Return a report for each dataset, in the same order. A check that takes too long has a report with the problem."""
        deadline = monotonic() + WAIT_SECONDS
        # All checks are started before the first result is awaited.
        checks = [(dataset, self._check(dataset, days)) for dataset in datasets]
        return [_result(dataset, check, deadline) for dataset, check in checks]

    def _check(self, dataset: OrchestratedDataset, days: int | None) -> Future[DatasetReport]:
        key = (dataset.dag_id, _version(dataset), days)
        now = monotonic()
        with self._lock:
            self._checks = {
                other: check
                for other, check in self._checks.items()
                if not check.report.done() or now - check.began < FRESH_SECONDS
            }
            if key not in self._checks:
                today = dt.datetime.now(tz=dt.UTC).date()
                report = self._threads.submit(report_of, dataset, today, self._state, days)
                self._checks[key] = _Check(now, report)
            return self._checks[key].report


def _version(dataset: OrchestratedDataset) -> str:
    """Return a text that changes with the configuration of the dataset."""
    orchestration = dataset.orchestration
    document = orchestration.to_json() if orchestration else None
    return json.dumps([document, dict(dataset.params), dataset.is_paused], sort_keys=True, default=str)


def _result(dataset: OrchestratedDataset, check: Future[DatasetReport], deadline: float) -> DatasetReport:
    try:
        return check.result(timeout=max(0.0, deadline - monotonic()))
    except TimeoutError:
        return DatasetReport(dataset, problem=f"The lake has not answered within {WAIT_SECONDS:g} s.")
    except Exception:
        logger.exception("the check of %s failed", dataset.dag_id)
        return DatasetReport(dataset, problem="The check failed; see the api-server's log.")
