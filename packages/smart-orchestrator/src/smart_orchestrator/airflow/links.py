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

# Keys of the XComs that hold the URLs of the links.
RUNS_XCOM = "pipeline_runs"
FAILED_RUN_XCOM = "failed_run"


class PipelineRunsLink(BaseOperatorLink):
    """A link to the pipeline run, or to the list of pipeline runs if there are several."""

    name: ClassVar[str] = "Pipeline runs"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the URL in the XCom of the task; empty if the task has pushed no URL."""
        del operator
        return XCom.get_value(ti_key=ti_key, key=RUNS_XCOM) or ""


class FailedRunLink(BaseOperatorLink):
    """A link to the log of the first day that failed."""

    name: ClassVar[str] = "First failed day"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the URL in the XCom of the task; empty if the task has pushed no URL."""
        del operator
        return XCom.get_value(ti_key=ti_key, key=FAILED_RUN_XCOM) or ""


LINKS = (PipelineRunsLink(), FailedRunLink())

# A link to more runs than this shows all runs of the pipeline instead, because some servers reject a long URL.
MAX_RUNS_IN_URL = 40


def push_links(context: Context, dag_id: str, backfill: BackfillState) -> None:
    """Push the XComs from which the operator links of this task read their URLs."""
    base_url = (ui_url() or "").rstrip("/")
    outcome = backfill.outcome()
    runs = [*outcome.started, *outcome.followed]
    runs_url = None
    if len(runs) == 1 and runs[0].url:
        runs_url = runs[0].url
    elif runs:
        names = "|".join(run.name for run in runs) if len(runs) <= MAX_RUNS_IN_URL else ""
        query = f"?run_id_pattern={quote(names)}" if names else ""
        runs_url = f"{base_url}/dags/{quote(dag_id)}/runs{query}"
    push = context["ti"].xcom_push
    push(key=RUNS_XCOM, value=runs_url)
    push(key=FAILED_RUN_XCOM, value=next((run.url for run in outcome.failed if run.url), None))
