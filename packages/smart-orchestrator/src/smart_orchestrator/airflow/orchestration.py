"""The configuration that the orchestrator's tasks and its trigger share: the lake, the pipeline and the connections.

It is serializable (`to_json`), so that any triggerer can rebuild the trigger from it. The lake and the API are opened where
they are used. Raises `LakeError` and `RunsError`, as the layer does.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smart_orchestrator.adapters.manifest import DEFAULT_SETTLE, InspectOptions
from smart_orchestrator.airflow.connections import airflow_api, aws_environment, connection, ui_url
from smart_orchestrator.backfilling.state import BackfillState, Limits
from smart_orchestrator.checking import check
from smart_orchestrator.errors import LakeDenied, LakeUnreachable, OptionError
from smart_orchestrator.model.dataset import Column, Dataset
from smart_orchestrator.model.grain import Grain, key_text, parse_key
from smart_orchestrator.runners.airflow import AirflowRunner
from smart_orchestrator.runners.ledger import Ledger
from smart_orchestrator.store.opening import lake_of
from smart_orchestrator.volume_check import with_volume

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.airflow.params import Request
    from smart_orchestrator.backfilling.reporter import Reporter
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.store.base import Lake

# All runs are queued at once: Airflow itself enforces the pipeline's `max_active_runs`.
NO_LIMIT = 1_000_000
# The trigger polls again later, and must not block a thread of the triggerer.
TRIGGER_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Orchestration:
    """How Airflow keeps one dataset complete.

    Attributes:
        dataset: the dataset whose days the pipeline produces.
        pipeline_dag_id: the DAG that makes a day; reads `target_date` from the conf of its run.
        lag: complete days between a day and the first day on which the source has it.
        attempts: the largest number of runs that are started for a day; each run's tasks have their own retries.
        poll_seconds: seconds between two polls of the wait.
        timeout: seconds after which the wait ends.
        api_conn_id: the connection to Airflow's REST API.
        aws_conn_id: the connection with the lake's keys; if it does not exist, `AWS_*` of the environment apply.
        state: the folder in which a worker caches its verdicts on days that it had to read; empty for no cache.
        settle_seconds: data files without a marker that are younger than this count as being written.

    Raises:
        OptionError: a number of seconds or attempts is not more than 0, or the lag is negative.
    """

    dataset: Dataset
    pipeline_dag_id: str
    lag: int = 3
    attempts: int = 1
    poll_seconds: float = 60.0
    timeout: float = 7200.0
    api_conn_id: str = "airflow_api"
    aws_conn_id: str = "lake"
    state: str = ""
    settle_seconds: float = DEFAULT_SETTLE.total_seconds()

    def __post_init__(self) -> None:
        if self.lag < 0:
            raise OptionError("lag", self.lag, "is negative", "Give 0 or more days.")
        if not self.poll_seconds > 0:
            raise OptionError(
                "poll_seconds", self.poll_seconds, "is not more than 0 seconds", "Give for example 60."
            )
        self._limits()

    def to_json(self) -> dict[str, Any]:
        """The configuration as JSON types, for the trigger."""
        dataset = asdict(self.dataset)
        start = self.dataset.history_start
        serializable = {
            "columns": list(dataset["columns"]),
            "needs": list(dataset["needs"]),
            "grain": self.dataset.grain.value,
            "history_start": None if start is None else key_text(start),
        }
        return {**asdict(self), "dataset": {**dataset, **serializable}}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Orchestration:
        """Rebuild the configuration from the document of `to_json`, also from one that an earlier version wrote."""
        fields = dict(document["dataset"])
        start = fields.get("history_start")
        fields["columns"] = tuple(Column(**column) for column in fields["columns"])
        fields["needs"] = tuple(fields.get("needs", ()))
        fields["grain"] = Grain(fields.get("grain", Grain.DAY))
        fields["history_start"] = None if start is None else parse_key(start)
        return cls(**{**document, "dataset": Dataset(**fields)})

    def export_keys(self) -> None:
        """Set the keys of the lake's connection in the environment of this process, which must be the task's own process."""
        os.environ.update(aws_environment(self.aws_conn_id))

    def error_text(self, error: Exception) -> str:
        """The text of an error; if an object store refused or did not answer, it also says where its keys come from."""
        text = str(error) or type(error).__name__
        if not isinstance(error, (LakeDenied, LakeUnreachable)) or not self.dataset.lake.startswith("s3://"):
            return text
        if connection(self.aws_conn_id) is None:
            return (
                f"{text} There is no connection {self.aws_conn_id}, so the keys and the endpoint are those of AWS_* in the "
                "environment of the worker."
            )
        return f"{text} The keys and the endpoint are those of the connection {self.aws_conn_id}."

    def lake(self) -> Lake:
        """Open the lake with the keys of its connection, if it exists; the environment of this process is not changed."""
        return lake_of(self.dataset, {**os.environ, **aws_environment(self.aws_conn_id)})

    def runner(self, note: str = "", patience: float = 60.0) -> AirflowRunner:
        """A runner of the pipeline.

        Args:
            note: the note of the runs that it starts.
            patience: seconds for which a request without an answer is retried.
        """
        return AirflowRunner(
            self.dataset,
            airflow_api(self.api_conn_id, patience=patience),
            self.pipeline_dag_id,
            lag=self.lag,
            poll_seconds=self.poll_seconds,
            ui_url=ui_url(),
            note=note,
        )

    def check(self, request: Request) -> Completeness:
        """Check the completeness of the window in the lake."""
        options = InspectOptions(
            request.depth,
            dt.timedelta(seconds=self.settle_seconds),
            memory=Ledger(Path(self.state)) if self.state else None,
        )
        lake = self.lake()
        completeness = check(self.dataset, request.window, lake=lake, options=options, policy=request.policy)
        if request.policy.strict:
            completeness = with_volume(self.dataset, completeness, lake=lake, options=options)
        return completeness

    def backfill(self, runner: AirflowRunner, reporter: Reporter) -> BackfillState:
        """A new backfill of the dataset, without a plan."""
        return BackfillState(self.dataset, runner, self._limits(), reporter, self.lake())

    def restored_backfill(
        self, document: Mapping[str, Any], runner: AirflowRunner, reporter: Reporter
    ) -> BackfillState:
        """The backfill that `BackfillState.to_json` wrote."""
        return BackfillState.from_json(document, self.dataset, runner, self._limits(), reporter, self.lake())

    def _limits(self) -> Limits:
        return Limits(NO_LIMIT, self.attempts, self.timeout)
