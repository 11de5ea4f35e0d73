"""The configuration that the tasks and the trigger of an orchestrator share: the dataset, the pipeline and the connections.

Airflow stores the configuration as JSON (`to_json`), and any triggerer can rebuild the trigger from this document. The methods
open the lake and the API on each call, and raise `LakeError` and `RunsError`.
"""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.sdk import conf

from smart_orchestrator.adapters.manifest import DEFAULT_SETTLE, InspectOptions
from smart_orchestrator.airflow.connections import airflow_api, aws_environment, connection, ui_url
from smart_orchestrator.backfilling.state import BackfillState, Limits
from smart_orchestrator.checking import check
from smart_orchestrator.config.functions import is_function_name
from smart_orchestrator.config.upstream import ProbeConfig, probe_url_problem
from smart_orchestrator.errors import LakeDenied, LakeUnreachable, OptionError
from smart_orchestrator.model.bounds import integer_problem, seconds_problem
from smart_orchestrator.model.dataset import Column, Dataset
from smart_orchestrator.model.grain import Grain, key_text, parse_key
from smart_orchestrator.runners.airflow import AirflowRunner
from smart_orchestrator.runners.ledger import Ledger
from smart_orchestrator.store.opening import lake_of
from smart_orchestrator.upstream.configured import create_probe, create_watch
from smart_orchestrator.volume_check import with_volume

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.airflow.params import Request
    from smart_orchestrator.backfilling.reporter import Reporter
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.store.base import Lake
    from smart_orchestrator.upstream.watch import UpstreamWatch

# All runs are queued at once: Airflow itself enforces the pipeline's `max_active_runs`.
NO_LIMIT = 1_000_000
# Seconds for which the trigger retries a request. The time is short because a retry blocks a thread of the triggerer, and the
# next poll repeats the request anyway.
TRIGGER_PATIENCE = 5.0
# An orchestrator waits for a run that the pipeline's schedule will create within this number of seconds, or within half of the
# time-out if that is shorter.
SCHEDULE_HORIZON = 3600.0
# An example of a probe, for the text of an error.
PROBE_EXAMPLE = "https://upstream.example/{start:%Y/%m/%d}"


@dataclass(frozen=True, slots=True)
class Orchestration:
    """The configuration of an orchestrator DAG for one dataset.

    `orchestrator_dag` builds an `Orchestration` from its arguments. Build one yourself to use `RunConsumer` in a DAG of your
    own.

    Attributes:
        dataset: the dataset whose days the pipeline produces.
        pipeline_dag_id: the id of the DAG that produces one day. This DAG reads `target_date` from the conf of its run.
        lag: the publication lag: the number of days from a day to the first day on which the source has it. With a `probe`, the
            lag is automatic: a day is expected when the source has it, and at the latest after this number of days.
        attempts: the largest number of runs to start for a day, not counting the retries of a run's tasks.
        poll_seconds: the number of seconds between two polls of the pipeline runs.
        timeout: the time-out of the wait, in seconds. Even with a shorter time-out, the wait lasts until its first poll, 5 to 10 seconds after its start.
        api_conn_id: the id of the connection to Airflow's REST API.
        aws_conn_id: the id of the connection with the lake's keys. If this connection does not exist, `AWS_*` of the
            environment apply.
        state: the folder in which a worker caches the results of data files that it has read; empty for no cache.
        settle_seconds: the age in seconds below which data files without a marker count as being written.
        probe: how to ask the source whether it has a day; empty for a fixed lag. Either a URL with `{start:…}` for the day, such as
            `https://upstream.example/{start:%Y/%m/%d}`: the status 2xx means that the source has the day. Or the name of a function
            (`module:function`) that takes the day and returns True, False, or None for unknown. The answers are stored in the lake.

    Raises:
        OptionError: the dataset is not daily; `poll_seconds`, `timeout` or `attempts` is not a number above 0; `lag` or
            `settle_seconds` is not a number from 0 on; or `probe` is neither a URL that differs from day to day nor the name of a
            function.
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
    probe: str = ""

    def __post_init__(self) -> None:
        if self.dataset.grain is not Grain.DAY:
            problem = f"has the grain {self.dataset.grain}, but a run of the pipeline makes a day"
            fix = "Give a daily dataset; `smart-orchestrator apply` fills datasets of any grain."
            raise OptionError("dataset", self.dataset.name, problem, fix)
        if problem := integer_problem(self.lag):
            raise OptionError("lag", repr(self.lag), problem, "Give 0 or more days.")
        if problem := seconds_problem(self.poll_seconds):
            raise OptionError("poll_seconds", repr(self.poll_seconds), problem, "Give for example 60.")
        if problem := seconds_problem(self.settle_seconds, zero=True):
            raise OptionError("settle_seconds", repr(self.settle_seconds), problem, "Give for example 600.")
        if self.probe and (problem := _probe_problem(self.probe)):
            raise OptionError("probe", repr(self.probe), problem, f'Give for example "{PROBE_EXAMPLE}".')
        self._limits()  # Raises `OptionError` if `attempts` or `timeout` is impossible.

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as a JSON document, from which `from_json` rebuilds it."""
        dataset = asdict(self.dataset)
        start = self.dataset.history_start
        # The values that Airflow cannot store as they are: tuples, the grain, and a key.
        serializable = {
            "columns": list(dataset["columns"]),
            "needs": list(dataset["needs"]),
            "recheck": list(dataset["recheck"]),
            "grain": self.dataset.grain.value,
            "history_start": None if start is None else key_text(start),
        }
        return {**asdict(self), "dataset": {**dataset, **serializable}}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Orchestration:
        """Rebuild the configuration from a document of `to_json`, including documents of earlier versions."""
        fields = dict(document["dataset"])
        start = fields.get("history_start")
        fields["columns"] = tuple(Column(**column) for column in fields["columns"])
        fields["needs"] = tuple(fields.get("needs", ()))
        fields["grain"] = Grain(fields.get("grain", Grain.DAY))
        fields["history_start"] = None if start is None else parse_key(start)
        return cls(**{**document, "dataset": Dataset(**fields)})

    def export_credentials(self) -> None:
        """Set the lake's `AWS_*` keys in the environment of this process. Call this only in the process of a task."""
        os.environ.update(aws_environment(self.aws_conn_id))

    def error_text(self, error: Exception) -> str:
        """Return the message of an error.

        If an object store refused or did not answer, the message also names the connection or the variables that hold its keys.
        """
        text = str(error) or type(error).__name__
        is_on_s3 = urlsplit(self.dataset.lake).scheme in ("s3", "s3a")
        if not is_on_s3 or not isinstance(error, (LakeDenied, LakeUnreachable)):
            return text
        if connection(self.aws_conn_id) is None:
            return (
                f"{text} There is no connection {self.aws_conn_id}, so the keys and the endpoint are those of AWS_* in the "
                "environment of the worker."
            )
        return f"{text} The keys and the endpoint are those of the connection {self.aws_conn_id}."

    def lake(self) -> Lake:
        """Open the lake with the keys of its connection if the connection exists, else with those of the environment."""
        return lake_of(self.dataset, {**os.environ, **aws_environment(self.aws_conn_id)})

    def runner(self, note: str = "", patience: float = 60.0) -> AirflowRunner:
        """Return a runner of the pipeline.

        Args:
            note: the note that the runner adds to each run that it starts.
            patience: the number of seconds for which the runner retries a request without an answer.
        """
        return AirflowRunner(
            self.dataset,
            airflow_api(self.api_conn_id, patience=patience),
            self.pipeline_dag_id,
            lag=self.lag,
            poll_seconds=self.poll_seconds,
            ui_url=ui_url(),
            note=note,
            wait_for_schedule=min(SCHEDULE_HORIZON, self.timeout / 2),
        )

    def watch(self, *, ask: bool = True) -> UpstreamWatch | None:
        """Return the watch of the upstream; None for a fixed lag. Without `ask`, it sends no request, and uses only the stored answers."""
        if not self.probe:
            return None
        dataset = replace(self.dataset, lag=self.lag)
        # `create_probe` imports a function from the folder of this path. The file itself need not exist.
        path = Path(conf.get("core", "dags_folder", fallback=".")) / "orchestrator_dag"
        probe = create_probe(_probe_config(self.probe), dataset, path) if ask else None
        return create_watch(dataset, probe, self.lake(), is_lag_automatic=True, in_dataset=True)

    def lag_at(self, as_of: dt.date, *, ask: bool = True) -> int:
        """Return the lag: the fixed lag, or the number of days from the newest day that the upstream has to `as_of`.

        Raises:
            ConfigError: the probe is wrong.
            LakeError: the stored answers cannot be read or written.
        """
        watch = self.watch(ask=ask)
        return self.lag if watch is None else watch.lag(as_of)

    def check(self, request: Request, *, ask: bool = True) -> Completeness:
        """Check the completeness of the window in the lake.

        Args:
            request: the window and the policy.
            ask: whether the upstream may be asked about days that are not available, if there is a probe.
        """
        options = InspectOptions(
            request.depth,
            dt.timedelta(seconds=self.settle_seconds),
            memory=Ledger(Path(self.state)) if self.state else None,
        )
        lake = self.lake()
        completeness = check(self.dataset, request.window, lake=lake, options=options, policy=request.policy)
        if request.policy.strict:
            completeness = with_volume(self.dataset, completeness, lake=lake, options=options)
        watch = self.watch(ask=ask)
        return completeness if watch is None else watch.apply(completeness)

    def backfill(self, runner: AirflowRunner, reporter: Reporter) -> BackfillState:
        """Return a new backfill of the dataset, without a plan."""
        return BackfillState(self.dataset, runner, self._limits(), reporter, self.lake())

    def restored_backfill(
        self, document: Mapping[str, Any], runner: AirflowRunner, reporter: Reporter
    ) -> BackfillState:
        """Rebuild a backfill from a document of `BackfillState.to_json`."""
        return BackfillState.from_json(document, self.dataset, runner, self._limits(), reporter, self.lake())

    def _limits(self) -> Limits:
        return Limits(NO_LIMIT, self.attempts, self.timeout)


def _probe_config(probe: str) -> ProbeConfig:
    return ProbeConfig(url=probe) if "://" in probe else ProbeConfig(function=probe)


def _probe_problem(probe: str) -> str:
    """Return what is wrong with a probe, without its text; empty if nothing is."""
    if "://" in probe:
        return probe_url_problem(probe, Grain.DAY) or ""
    return "" if is_function_name(probe) else "is neither a URL nor a module and a function"
