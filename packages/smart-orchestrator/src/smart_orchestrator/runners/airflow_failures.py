"""Explain why an Airflow run failed: the failed task, the message, and the address of the log.

The message comes from the XCom `failure` of the task, or else from the last exception in the log. If Airflow does not return the
XCom or the log (missing rights, deleted log), the message explains the refusal. The functions raise `RunsError` if there is no response.
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
MAX_MESSAGE_LENGTH = 500


def with_failure_details(api: AirflowApi, path: str, ui: str, run: Run) -> Run:
    """Return the failed run with details of the task that failed first: the failure, the message, the address of the log.

    Args:
        api: the client of Airflow's API.
        path: the path of the DAG in the API.
        ui: the address of the DAG in the UI.
        run: the failed run, as Airflow listed it.
    """
    tasks_path = f"{path}/dagRuns/{segment(run.name)}/taskInstances"
    failed = [task for task in api.pages(tasks_path, "task_instances") if task.get("state") == "failed"]
    if not failed:
        # The run timed out, or a user marked it as failed.
        return replace(run, message="the run failed, but none of its tasks failed")
    task = min(failed, key=lambda item: item.get("end_date") or "")
    failure, reason = _failure_from_xcom(api, tasks_path, task)
    if not reason:
        reason = _exception_from_log(api, tasks_path, task)
    tries = int(task.get("try_number") or 1)
    name = str(task["task_id"]) + (f"[{task['map_index']}]" if _is_mapped(task) else "")
    after = f" after {tries} tries" if tries > 1 else ""
    text = f"task {name} failed{after}: {reason}"
    return replace(run, failure=failure, message=text[:MAX_MESSAGE_LENGTH], url=_log_url(ui, run, task))


def _is_mapped(task: Json) -> bool:
    return int(task.get("map_index", -1)) >= 0


def _log_url(ui: str, run: Run, task: Json) -> str:
    mapped = f"/mapped/{task['map_index']}" if _is_mapped(task) else ""
    return f"{ui}/runs/{segment(run.name)}/tasks/{segment(str(task['task_id']))}{mapped}?try_number={task.get('try_number', 1)}"


def _failure_from_xcom(api: AirflowApi, tasks_path: str, task: Json) -> tuple[Failure, str]:
    """Read the failure and the message from the XCom `failure`. Without this XCom, return `ERROR` and an empty message."""
    path = f"{tasks_path}/{segment(str(task['task_id']))}/xcomEntries/{XCOM_KEY}"
    try:
        value = api.get(path, map_index=task.get("map_index", -1)).get("value")
    except Refused as refused:
        return (
            Failure.ERROR,
            "" if refused.status == NOT_FOUND else f"the XCom of the task cannot be read: {refused.detail}",
        )
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            # A text that is not JSON is the name of the failure, without a message.
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
        return f"the log of the task cannot be read: {refused.detail}"
    for line in reversed(content):
        if isinstance(line, dict) and line.get("error_detail"):
            exception = line["error_detail"][0]
            return f"{exception.get('exc_type')}: {exception.get('exc_value')}"
    return "the log of the task has no exception"
