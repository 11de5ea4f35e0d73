"""Operator links in Airflow's UI, from an orchestrator task to the pipeline runs that it started or follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink
from airflow.sdk.execution_time.xcom import XCom

from smart_orchestrator.airflow.connections import ui_url

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from airflow.sdk.types import TaskInstanceKey

    from smart_orchestrator.backfilling.state import BackfillState

RUNS, FAILED = "pipeline_runs", "failed_run"


class PipelineRunsLink(BaseOperatorLink):
    """A link to the run if there is only one, else to the list of the pipeline's runs."""

    name: ClassVar[str] = "Pipeline runs"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address in the XCom of the task; empty if there is none."""
        del operator
        return XCom.get_value(ti_key=ti_key, key=RUNS) or ""


class FailedRunLink(BaseOperatorLink):
    """A link to the log of the first day that failed."""

    name: ClassVar[str] = "First failed day"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address in the XCom of the task; empty if there is none."""
        del operator
        return XCom.get_value(ti_key=ti_key, key=FAILED) or ""


LINKS = (PipelineRunsLink(), FailedRunLink())

# More run names would make the URL too long for some servers.
MAX_NAMES = 40


def push_links(context: Context, dag_id: str, backfill: BackfillState) -> None:
    """Push the XComs that the links of this task read."""
    ui, url = (ui_url() or "").rstrip("/"), None
    outcome = backfill.outcome()
    runs = [*outcome.started, *outcome.followed]
    if len(runs) == 1 and runs[0].url:
        url = runs[0].url
    elif runs:
        names = "|".join(run.name for run in runs) if len(runs) <= MAX_NAMES else ""
        filtered = f"?run_id_pattern={quote(names)}" if names else ""
        url = f"{ui}/dags/{quote(dag_id)}/runs{filtered}"
    push = context["ti"].xcom_push
    push(key=RUNS, value=url)
    push(key=FAILED, value=next((run.url for run in outcome.failed if run.url), None))
