"""Explain why an Airflow run failed: the task that failed, its message and the address of its log.

The sources, in this order: the XCom `failure` of the task, the exception in its log, the name of the task alone. When
Airflow refuses to return one (missing rights, deleted log), the message says so; no answer at all raises `RunsError`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from smart_orchestrator.model.run import Failure
from smart_orchestrator.runners.airflow_client import NOT_FOUND, Refused, segment

if TYPE_CHECKING:
    from smart_orchestrator.model.run import Run
    from smart_orchestrator.runners.airflow_client import AirflowApi, Json

XCOM_KEY = "failure"
LONGEST_MESSAGE = 500


def why_failed(api: AirflowApi, path: str, ui: str, run: Run) -> Run:
    """Return the failed run with failure, message and a link to the log of the task that failed first.

    Args:
        api: the client of Airflow's API.
        path: the DAG's path in the API.
        ui: the DAG's address in the UI.
        run: the run as it was listed.
    """
    tasks_path = f"{path}/dagRuns/{segment(run.name)}/taskInstances"
    failed = [task for task in api.pages(tasks_path, "task_instances") if task.get("state") == "failed"]
    if not failed:
        # Timed out, or marked as failed by hand.
        return replace(run, message="the run failed, but none of its tasks failed")
    task = min(failed, key=lambda item: item.get("end_date") or "")
    failure, reason = _failure_from_xcom(api, tasks_path, task)
    if not reason:
        reason = _exception_from_log(api, tasks_path, task)
    tries = int(task.get("try_number") or 1)
    name = str(task["task_id"]) + (f"[{task['map_index']}]" if _mapped(task) else "")
    after = f" after {tries} tries" if tries > 1 else ""
    text = f"task {name} failed{after}: {reason}"
    return replace(run, failure=failure, message=text[:LONGEST_MESSAGE], url=_log_url(ui, run, task))


def _mapped(task: Json) -> bool:
    return int(task.get("map_index", -1)) >= 0


def _log_url(ui: str, run: Run, task: Json) -> str:
    mapped = f"/mapped/{task['map_index']}" if _mapped(task) else ""
    return f"{ui}/runs/{segment(run.name)}/tasks/{segment(str(task['task_id']))}{mapped}?try_number={task.get('try_number', 1)}"


def _failure_from_xcom(api: AirflowApi, tasks_path: str, task: Json) -> tuple[Failure, str]:
    """Failure and message of the task's XCom `failure`; `ERROR` with an empty message when there is no such XCom."""
    path = f"{tasks_path}/{segment(str(task['task_id']))}/xcomEntries/{XCOM_KEY}"
    try:
        value = api.get(path, map_index=task.get("map_index", -1)).get("value")
    except Refused as refused:
        return (
            Failure.ERROR,
            "" if refused.status == NOT_FOUND else f"its XCom cannot be read: {refused.detail}",
        )
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = {"failure": value}
    if not isinstance(value, dict):
        return Failure.ERROR, ""
    failure = str(value.get("failure"))
    return (Failure(failure) if failure in set(Failure) else Failure.ERROR), str(value.get("message") or "")


def _exception_from_log(api: AirflowApi, tasks_path: str, task: Json) -> str:
    """Return the last exception in the log of the task's last try."""
    path = f"{tasks_path}/{segment(str(task['task_id']))}/logs/{task.get('try_number', 1)}"
    try:
        content = api.get(path, map_index=task.get("map_index", -1), full_content=True).get("content") or []
    except Refused as refused:
        return f"its log cannot be read: {refused.detail}"
    for line in reversed(content):
        if isinstance(line, dict) and line.get("error_detail"):
            exception = line["error_detail"][0]
            return f"{exception.get('exc_type')}: {exception.get('exc_value')}"
    return "its log has no exception"
