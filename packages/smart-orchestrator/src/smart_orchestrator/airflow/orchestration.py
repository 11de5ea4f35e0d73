"""What the orchestrator's tasks and its trigger have in common: which lake, which pipeline, through which connections.

A value that can be written down (`to_json`), so that the trigger is made anew from it in any triggerer. What it opens (lake,
API) is opened where it is used. Raises `LakeError` and `RunsError`, as the layer does.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smart_orchestrator.adapters.manifest import InspectOptions
from smart_orchestrator.airflow.connections import airflow_api, aws_environment, ui_url
from smart_orchestrator.backfilling.state import BackfillState, Limits
from smart_orchestrator.checking import check
from smart_orchestrator.errors import OptionError
from smart_orchestrator.model.dataset import Column, DailyDataset
from smart_orchestrator.runners.airflow import AirflowRunner
from smart_orchestrator.runners.ledger import Ledger
from smart_orchestrator.store.opening import lake_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.airflow.params import Request
    from smart_orchestrator.backfilling.reporter import Reporter
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.store.base import Lake

# Airflow itself holds the pipeline's runs back to its `max_active_runs`: all of them are queued at once.
NO_LIMIT = 1_000_000
# The trigger looks again by itself, and must not keep a thread of the triggerer.
TRIGGER_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Orchestration:
    """How one dataset is kept whole by Airflow.

    Attributes:
        dataset: whose days are made.
        pipeline_dag_id: the DAG that makes a day; reads `target_date` from the conf of its run.
        lag: whole days between a day and the first day on which the source has it.
        attempts: runs that are started for a day; retrying is the pipeline's tasks' own affair.
        poll_seconds: between two looks of the wait.
        timeout: seconds after which the wait ends.
        api_conn_id: connection to Airflow's REST API.
        aws_conn_id: connection with the lake's keys; where it does not exist, `AWS_*` of the environment.
        state: folder in which a worker remembers what it found in days that had to be read; empty for none.

    Raises:
        OptionError: a number of seconds or attempts that is not more than 0, or a negative lag.
    """

    dataset: DailyDataset
    pipeline_dag_id: str
    lag: int = 3
    attempts: int = 1
    poll_seconds: float = 60.0
    timeout: float = 7200.0
    api_conn_id: str = "airflow_api"
    aws_conn_id: str = "lake"
    state: str = ""

    def __post_init__(self) -> None:
        if self.lag < 0:
            raise OptionError("lag", self.lag, "is negative", "Give 0 or more days.")
        if not self.poll_seconds > 0:
            raise OptionError(
                "poll_seconds", self.poll_seconds, "is not more than 0 seconds", "Give for example 60."
            )
        Limits(NO_LIMIT, self.attempts, self.timeout)

    def to_json(self) -> dict[str, Any]:
        """All of it, for the trigger."""
        dataset = asdict(self.dataset)
        first = self.dataset.history_start
        changed = {"columns": list(dataset["columns"]), "history_start": first.isoformat() if first else None}
        return {**asdict(self), "dataset": {**dataset, **changed}}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Orchestration:
        """What `to_json` wrote down."""
        dataset = dict(document["dataset"])
        columns = tuple(Column(**column) for column in dataset.pop("columns"))
        first = dataset.pop("history_start", None)
        history_start = dt.date.fromisoformat(first) if first else None
        return cls(
            **{
                **document,
                "dataset": DailyDataset(**dataset, columns=columns, history_start=history_start),
            }
        )

    def use_keys(self) -> None:
        """Put the keys of the lake's connection into this process, which has to be the task's own."""
        os.environ.update(aws_environment(self.aws_conn_id))

    def lake(self) -> Lake:
        """The lake, with the keys of its connection if there is one; changes nothing in this process."""
        return lake_of(self.dataset, {**os.environ, **aws_environment(self.aws_conn_id)})

    def runs(self, starter: str = "", patience: float = 60.0) -> AirflowRunner:
        """The pipeline's runs.

        Args:
            starter: who starts them, for their notes.
            patience: seconds for which an api-server that does not answer is asked again.
        """
        return AirflowRunner(
            self.dataset,
            airflow_api(self.api_conn_id, patience=patience),
            self.pipeline_dag_id,
            lag=self.lag,
            poll_seconds=self.poll_seconds,
            ui_url=ui_url(),
            starter=starter,
        )

    def check(self, request: Request) -> Completeness:
        """What the lake holds of the window."""
        look = InspectOptions(memory=Ledger(Path(self.state))) if self.state else InspectOptions()
        return check(self.dataset, request.window, lake=self.lake(), options=look, policy=request.policy)

    def backfill(self, runs: AirflowRunner, reporter: Reporter) -> BackfillState:
        """A backfill of the dataset that has not begun."""
        limits = Limits(NO_LIMIT, self.attempts, self.timeout)
        return BackfillState(self.dataset, runs, limits, reporter, self.lake())
