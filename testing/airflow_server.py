"""An HTTP server with the part of Airflow's REST API that `AirflowRunner` uses. A Python function replaces the DAG.

As in Airflow, the id of a run is unique: a second request to start a run with the same id gets the status 409. `make test-airflow`
tests the behaviour of a real Airflow.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from testing.scripted_server import Reply, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testing.scripted_server import ReceivedRequest

DAG_ID = "pipeline"
TOKEN = "an-airflow-token"
DAG = {"is_paused": False, "has_import_errors": False, "is_stale": False, "max_active_runs": 16}


class AirflowServer:
    """A server with one DAG. Each run of the DAG calls `pipeline` with the key as text, in a thread of its own.

    Attributes:
        url: the address of the server.
        runs: the runs by id, as the API returns them.
        posts: the bodies of the requests to start a run.
    """

    def __init__(self, pipeline: Callable[[str], object]) -> None:
        self.url = ""
        self.runs: dict[str, dict[str, Any]] = {}
        self.posts: list[dict[str, Any]] = []
        self._pipeline = pipeline
        self._lock = threading.Lock()

    def answer(self, request: ReceivedRequest) -> Reply:
        """Return the reply to a request, as Airflow's API would."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply({"detail": "Invalid JWT token"}, status=401)
        resource = request.path.removeprefix(f"/api/v2/dags/{DAG_ID}")
        if resource == request.path:
            return Reply({"detail": "The Dag was not found"}, status=404)
        with self._lock:
            if resource == "/dagRuns":
                return (
                    self._start(json.loads(request.body))
                    if request.method == "POST"
                    else self._list(request.params)
                )
            if resource.endswith("/taskInstances"):
                return Reply({"task_instances": [], "total_entries": 0})
            return Reply(DAG)

    def add(self, run_id: str, state: str, conf: dict[str, str], run_after: dt.datetime) -> None:
        """Add a run that the client did not start, such as a run of the schedule."""
        self.runs[run_id] = _run(run_id, state, conf, run_after)

    def wait_until_idle(self) -> None:
        """Wait until no run is in flight."""
        deadline = time.monotonic() + 60
        while any(run["state"] == "running" for run in list(self.runs.values())):
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def _start(self, body: dict[str, Any]) -> Reply:
        self.posts.append(body)
        run_id = body["dag_run_id"]
        if run_id in self.runs:
            return Reply({"detail": {"reason": "Unique constraint violation"}}, status=409)
        run = _run(run_id, "running", body["conf"], dt.datetime.now(tz=dt.UTC), body.get("note"))
        self.runs[run_id] = run
        threading.Thread(target=self._execute, args=(run,), daemon=True).start()
        return Reply(run)

    def _execute(self, run: dict[str, Any]) -> None:
        try:
            self._pipeline(run["conf"]["target_date"])
        except Exception:  # noqa: BLE001 - any exception makes a task of Airflow fail
            state = "failed"
        else:
            state = "success"
        with self._lock:
            run.update(state=state, end_date=dt.datetime.now(tz=dt.UTC).isoformat())

    def _list(self, params: Any) -> Reply:
        runs = [run for _, run in sorted(self.runs.items()) if _is_listed(run, params)]
        if params.get("order_by") == "-id":
            runs = [run for run in self.runs.values() if run in runs][::-1]
        offset = int(params.get("offset", 0))
        return Reply({"dag_runs": runs[offset : offset + int(params["limit"])], "total_entries": len(runs)})


def _run(
    run_id: str, state: str, conf: dict[str, str], run_after: dt.datetime, note: str | None = None
) -> dict[str, Any]:
    return {
        "dag_run_id": run_id,
        "state": state,
        "conf": conf,
        "note": note,
        "run_after": run_after.isoformat(),
        "start_date": run_after.isoformat(),
        "end_date": None,
    }


def _is_listed(run: dict[str, Any], params: Any) -> bool:
    prefixes = params.get("run_id_prefix_pattern", "").split("|")
    return (
        any(run["dag_run_id"].startswith(prefix) for prefix in prefixes)
        and params.get("conf_contains", "") in json.dumps(run["conf"])
        and params.get("run_after_gte", "") <= run["run_after"]
        and ("run_after_lt" not in params or run["run_after"] < params["run_after_lt"])
    )


@contextmanager
def airflow_server(pipeline: Callable[[str], object]) -> Iterator[AirflowServer]:
    """Run a server during the block."""
    airflow = AirflowServer(pipeline)
    with ScriptedServer(airflow.answer) as server:
        airflow.url = server.url
        yield airflow
