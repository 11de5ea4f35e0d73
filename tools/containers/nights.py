"""Nights of the orchestrator in the containers: remove days from the lake, start a run, restart containers, check the result."""

from __future__ import annotations

import datetime as dt
import json
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

from smart_orchestrator.errors import RunsError
from smart_orchestrator.runners.airflow_client import AirflowApi

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tools.containers.project import Project

ORCHESTRATOR, PIPELINE = "wiki_smart_analytics_orchestrator", "wiki_trending_pipeline"
LAG, DAYS = 3, 5
NIGHT_SECONDS = 1200.0
ENDED = ("success", "failed")


class NightFailed(AssertionError):
    """A night did not end as it must. The message says what is different."""


class Nights:
    """Runs of the orchestrator through the published port of Airflow, and the lake through the published port of S3."""

    def __init__(self, project: Project) -> None:
        self._project = project
        password = project.values["AIRFLOW_ADMIN_PASSWORD"]
        self.api = AirflowApi("http://127.0.0.1:8080", user="admin", password=password)

    def window(self) -> list[str]:
        """Return the days of the default window, oldest first."""
        newest = dt.datetime.now(tz=dt.UTC).date() - dt.timedelta(days=LAG)
        return [(newest - dt.timedelta(days=n)).isoformat() for n in reversed(range(DAYS))]

    def remove(self, days: Iterable[str]) -> None:
        """Remove days from the diamond layer."""
        from obstore.store import S3Store

        values = self._project.values
        store = S3Store(
            "diamond",
            endpoint="http://127.0.0.1:8333",
            access_key_id=values["S3_ACCESS_KEY"],
            secret_access_key=values["S3_SECRET_KEY"],
            region="us-east-1",
            client_options={"allow_http": True},
        )
        for day in days:
            prefix = f"diamond_final_{day.replace('-', '_')}.csv"
            paths = [item["path"] for batch in store.list(prefix) for item in batch]
            if not paths:
                msg = f"the lake has no {prefix} to remove"
                raise NightFailed(msg)
            store.delete(paths)

    def missing(self) -> list[str]:
        """Return the missing days of the default window, as `wiki-trends check` in a container reports them."""
        line = f"docker exec airflow-scheduler wiki-trends check --days {DAYS} --json"
        result = self._project.exec(line, check=False)
        if result.returncode not in (0, 1):
            raise NightFailed(result.stderr)
        return list(json.loads(result.stdout)["missing"])

    def runs(self) -> dict[str, list[dict[str, Any]]]:
        """Return the runs of the pipeline by day."""
        runs: dict[str, list[dict[str, Any]]] = {}
        for item in self.api.pages(f"/dags/{PIPELINE}/dagRuns", "dag_runs", order_by="id"):
            runs.setdefault((item["conf"] or {}).get("target_date", ""), []).append(item)
        return runs

    def trigger(self) -> str:
        """Start a run of the orchestrator with Airflow's command in the container, and return its id."""
        run_id = f"night-{uuid.uuid4().hex[:8]}"
        self._project.exec(
            f"docker exec airflow-scheduler airflow dags trigger {ORCHESTRATOR} --run-id {run_id}"
        )
        return run_id

    def state(self, run_id: str) -> str:
        """Return the state of a run of the orchestrator."""
        return str(self.api.get(f"/dags/{ORCHESTRATOR}/dagRuns/{run_id}")["state"])

    def until_ended(self, run_id: str) -> None:
        """Wait until a run of the orchestrator has ended.

        Raises:
            NightFailed: the run did not succeed, or has not ended in time.
        """
        deadline = time.monotonic() + NIGHT_SECONDS
        state = ""
        while time.monotonic() < deadline and state not in ENDED:
            time.sleep(2)
            try:
                state = self.state(run_id)
            except RunsError:
                continue  # The api-server or its database is being restarted.
        if state != "success":
            tasks = self.api.pages(f"/dags/{ORCHESTRATOR}/dagRuns/{run_id}/taskInstances", "task_instances")
            msg = f"{run_id} is {state}: { ({task['task_id']: task['state'] for task in tasks}) }"
            raise NightFailed(msg)

    def night(self, restarted: Sequence[str] = ()) -> list[str]:
        """Remove two days, let the orchestrator fill them, and restart these containers while it works.

        Returns:
            the containers that were restarted before the run ended; `restarted` from its beginning.

        Raises:
            NightFailed: the run failed, a day is missing, or a day was made twice.
        """
        window = self.window()
        holes = [window[1], window[3]]
        self.remove(holes)
        if self.missing() != holes:
            msg = f"missing before the night: {self.missing()}, removed: {holes}"
            raise NightFailed(msg)
        runs_before = self.runs()
        run_id = self.trigger()
        done = []
        for name in restarted:
            if self.state(run_id) in ENDED:
                break
            self._project.restart(name)
            done.append(name)
            if name in ("postgres", "airflow-api-server"):
                self._project.until_healthy()
        self.until_ended(run_id)
        self._project.until_healthy()
        self._check(window, holes, runs_before)
        return done

    def _check(
        self, window: list[str], holes: list[str], runs_before: dict[str, list[dict[str, Any]]]
    ) -> None:
        if missing := self.missing():
            msg = f"missing after the night: {missing}"
            raise NightFailed(msg)
        runs = self.runs()
        for day in window:
            new = runs.get(day, [])[len(runs_before.get(day, [])) :]
            states = [run["state"] for run in new]
            if states != (["success"] if day in holes else []):
                msg = f"runs of {day} in this night: {[(run['dag_run_id'], run['state']) for run in new]}"
                raise NightFailed(msg)


def documented_lines(text: str, commands: str) -> list[str]:
    """Return the lines of a page that begin with `$ docker` and one of the commands, such as `build|run`, without the prompt."""
    return re.findall(rf"^\$ (docker (?:{commands}) .*)$", text, re.MULTILINE)
