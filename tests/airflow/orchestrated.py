"""Start runs in a running Airflow, wait for their end, and read their results: helpers of the orchestrator's tests."""

from __future__ import annotations

import datetime as dt
import json
import time
import uuid
from dataclasses import dataclass
from urllib.parse import quote

from smart_orchestrator.runners.airflow_client import Refused

ORCHESTRATOR = "wiki_smart_analytics_orchestrator"
PIPELINE = "wiki_trending_pipeline"
TASKS = (
    "check_completeness",
    "trigger_missing_data_fetches",
    "wait_for_data_ready",
    "run_analytics",
    "notify",
)
ENDED = ("success", "failed")


def moment(text):
    return dt.datetime.fromisoformat(text)


@dataclass
class DagRun:
    """A run of a DAG."""

    api: object
    dag_id: str
    run_id: str

    @property
    def path(self):
        return f"/dags/{self.dag_id}/dagRuns/{quote(self.run_id)}"

    @property
    def facts(self):
        return self.api.get(self.path)

    @property
    def state(self):
        return self.facts["state"]

    def until(self, condition, seconds=240):
        """Wait until `condition(self)` is true; return its value."""
        deadline = time.monotonic() + seconds
        while True:
            result = condition(self)
            if result:
                return result
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"the condition stayed false: {self.facts['state']} {self.tasks}\n{self.logs()}"
                )
            time.sleep(0.5)

    def ended(self, seconds=240):
        """Wait until it has ended; itself."""
        self.until(lambda run: run.state in ENDED, seconds)
        return self

    @property
    def tasks(self):
        """State of each task."""
        return {name: task["state"] for name, task in self.instances.items()}

    @property
    def instances(self):
        return {
            task["task_id"]: task for task in self.api.pages(f"{self.path}/taskInstances", "task_instances")
        }

    def xcom(self, task, key):
        try:
            value = self.api.get(f"{self.path}/taskInstances/{task}/xcomEntries/{key}")["value"]
        except Refused as refused:
            if refused.status == 404:
                return None
            raise
        return json.loads(value) if isinstance(value, str) and value[:1] in "[{" else value

    def log(self, task, attempt=None):
        """The texts of a task's log, one line for each record."""
        attempt = attempt or self.instances[task]["try_number"]
        records = self.api.get(f"{self.path}/taskInstances/{task}/logs/{attempt}", full_content=True)[
            "content"
        ]
        lines = []
        for record in records:
            if isinstance(record, dict):
                lines.append(str(record["event"]))
                lines += [f"{e['exc_type']}: {e['exc_value']}" for e in record.get("error_detail") or ()]
        return "\n".join(lines)

    def mark_failed(self):
        """Mark the run as failed, as a user can in the UI."""
        self.api.request("PATCH", f"/api/v2{self.path}", body={"state": "failed"})

    def links(self, task):
        return self.api.get(f"{self.path}/taskInstances/{task}/links")["extra_links"]

    def logs(self):
        """The logs of all that has failed, for a failing test."""
        failed = [name for name, state in self.tasks.items() if state == "failed"]
        return "\n".join(f"--- {name}\n{self.log(name)}" for name in failed)


def trigger(stack, dag_id, conf=None, run_id=None):
    """Start a run by the API."""
    run_id = run_id or f"test-{uuid.uuid4().hex[:8]}"
    body = {"dag_run_id": run_id, "logical_date": None, "conf": conf or {}}
    stack.api.post(f"/dags/{dag_id}/dagRuns", body)
    return DagRun(stack.api, dag_id, run_id)


def runs_of(stack, dag_id, first, last):
    """The runs of a DAG whose `target_date` lies in these days, both included."""
    runs = stack.api.pages(f"/dags/{dag_id}/dagRuns", "dag_runs", order_by="id")
    days = [(item, (item["conf"] or {}).get("target_date") or "") for item in runs]
    return [item for item, day in days if str(first) <= day <= str(last)]


def days_between(first, last):
    start = dt.date.fromisoformat(first)
    return [
        (start + dt.timedelta(days=n)).isoformat()
        for n in range((dt.date.fromisoformat(last) - start).days + 1)
    ]


def most_at_once(runs):
    """How many of these runs worked at the same time at most."""
    edges = sorted(
        edge for run in runs for edge in ((moment(run["start_date"]), 1), (moment(run["end_date"]), -1))
    )
    most = now = 0
    for _, step in edges:
        now += step
        most = max(most, now)
    return most
