"""The hands: each does one thing that people and machines do to an Airflow, and writes down to which run it did it."""

from __future__ import annotations

import datetime as dt
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import httpx2

from tests.airflow.orchestrated import ENDED, TASKS

ORCHESTRATOR, PIPELINE = "hostile_orchestrator", "hostile_pipeline"
FIRST_DAY = dt.date(2020, 1, 1)
BACKFILL_DAY = dt.datetime(2023, 1, 10, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
CONNECTION = "hostile_api"
PARTS = ("scheduler", "triggerer", "api-server", "dag-processor")


@dataclass
class Journal:
    """What was done, and to which runs.

    Attributes:
        done: how often each hand has done something.
        refused: how often Airflow refused it, with the status.
        touched: for each run of the orchestrator, the times at which a hand cleared or marked one of its tasks, or the run.
        marked: the runs of the orchestrator that a hand has marked.
        deleted: the deleted runs of the orchestrator.
        days: the days with whose pipeline runs a hand has interfered.
        killed: the times at which a hand killed the scheduler, with the processes of all tasks.
        errors: answers with HTTP 500 while the api-server was up.
    """

    done: Counter = field(default_factory=Counter)
    refused: Counter = field(default_factory=Counter)
    touched: dict[str, list[float]] = field(default_factory=dict)
    marked: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    days: set[str] = field(default_factory=set)
    killed: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


class Hands:
    """Does things at random, and undoes after a while what would otherwise stop everything."""

    def __init__(self, stack, seed, say):
        self._stack = stack
        self._random = random.Random(seed)
        self._say = say
        self._undo = []
        self._token = ""
        self._next_day = FIRST_DAY
        self._next_backfill = BACKFILL_DAY
        self._api_down_until = 0.0
        self._killed = set()
        self.journal = Journal()
        self.windows = []

    def call(self, method, path, body=None):
        """The status and the answer of a request to the API; the status 0 without an answer."""
        url = f"{self._stack.url}/api/v2{path}"
        for _ in range(2):
            try:
                if not self._token:
                    self._sign_in()
                headers = {"Authorization": f"Bearer {self._token}"}
                answer = httpx2.request(method, url, json=body, headers=headers, timeout=30, verify=False)
                if answer.status_code == 401:
                    self._token = ""
                    continue
            except (httpx2.HTTPError, KeyError, ValueError):
                return 0, {}
            if answer.status_code >= 500 and time.time() > self._api_down_until:
                self.journal.errors.append(
                    f"{method} {path} {body}: {answer.status_code} {answer.text[:200]}"
                )
            return answer.status_code, answer.json() if answer.content else {}
        return 401, {}

    def _sign_in(self):
        credentials = {"username": "admin", "password": self._stack.passwords["admin"]}
        answer = httpx2.post(f"{self._stack.url}/auth/token", json=credentials, timeout=30, verify=False)
        self._token = answer.json()["access_token"]

    def runs(self, dag_id, limit=15):
        status, answer = self.call("GET", f"/dags/{dag_id}/dagRuns?order_by=-id&limit={limit}")
        return answer.get("dag_runs", []) if status == 200 else []

    def all_runs(self, dag_id):
        found = []
        while True:
            path = f"/dags/{dag_id}/dagRuns?order_by=id&limit=100&offset={len(found)}"
            status, answer = self.call("GET", path)
            if status != 200:
                # The api-server is up after `heal`, but can be busy.
                time.sleep(1)
                continue
            page = answer["dag_runs"]
            found += page
            if len(page) < 100:
                return found

    # The start of work.

    def trigger(self):
        """Ask for a window of three days; every other time one that overlaps with the last."""
        step = self._random.choice((1, 3))
        self._next_day += step * DAY
        self.orchestrate(self._next_day, self._next_day + 2 * DAY)

    def orchestrate(self, first, last):
        conf = {"start": str(first), "end": str(last), "as_of": "2025-01-01"}
        body = {"logical_date": None, "conf": conf}
        status, answer = self.call("POST", f"/dags/{ORCHESTRATOR}/dagRuns", body)
        if status == 200:
            self.windows.append((first, last))
        self._count("trigger", status)
        return answer.get("dag_run_id")

    def backfill(self):
        """Airflow's own backfill of the orchestrator, of two nights."""
        first, last = self._next_backfill, self._next_backfill + DAY
        self._next_backfill += 5 * DAY
        body = {"dag_id": ORCHESTRATOR, "from_date": first.isoformat(), "to_date": last.isoformat()}
        status, _ = self.call("POST", "/backfills", body)
        if status == 200:
            # Each night looks after three days, the last of which is the day before.
            self.windows.append((first.date() - 3 * DAY, last.date()))
        self._count("backfill", status)

    # The interference.

    def clear(self):
        run = self._any_run(ORCHESTRATOR)
        task, downstream = self._random.choice(TASKS), self._random.random() < 0.5
        if run:
            self._touch(run)
            self._count("clear", self._clear(ORCHESTRATOR, run, task, downstream=downstream))

    def clear_pipeline(self):
        run = self._any_run(PIPELINE)
        if run:
            self._count("clear the pipeline", self._clear(PIPELINE, run, "write"))

    def _clear(self, dag_id, run, task, *, downstream=False):
        body = {
            "dag_run_id": run["dag_run_id"],
            "task_ids": [task],
            "dry_run": False,
            "only_failed": False,
            "include_downstream": downstream,
            "reset_dag_runs": True,
        }
        return self.call("POST", f"/dags/{dag_id}/clearTaskInstances", body)[0]

    def mark_task(self):
        run = self._any_run(ORCHESTRATOR)
        if run:
            self._touch(run)
            self.journal.marked.add(run["dag_run_id"])
            path = f"{_path(ORCHESTRATOR, run)}/taskInstances/{self._random.choice(TASKS)}"
            self._count("mark a task", self._mark(path, "new_state"))

    def mark_run(self):
        run = self._any_run(ORCHESTRATOR)
        if run:
            self._touch(run)
            self.journal.marked.add(run["dag_run_id"])
            self._count("mark a run", self._mark(_path(ORCHESTRATOR, run), "state"))

    def mark_pipeline_run(self):
        run = self._any_run(PIPELINE)
        if run:
            self._interfere(run)
            self._count("mark a run of the pipeline", self._mark(_path(PIPELINE, run), "state"))

    def _mark(self, path, name):
        return self.call("PATCH", path, {name: self._random.choice(("success", "failed"))})[0]

    def delete(self):
        run = self._any_run(ORCHESTRATOR)
        if run:
            status, _ = self.call("DELETE", _path(ORCHESTRATOR, run))
            if status in (200, 204):
                self.journal.deleted.add(run["dag_run_id"])
            self._count("delete a run", status)

    def delete_pipeline_run(self):
        run = self._any_run(PIPELINE)
        if run:
            self._interfere(run)
            self._count("delete a run of the pipeline", self.call("DELETE", _path(PIPELINE, run))[0])

    def pause(self):
        dag_id = self._random.choice((ORCHESTRATOR, PIPELINE))
        status, _ = self.call("PATCH", f"/dags/{dag_id}", {"is_paused": True})
        self._later(6, 12, lambda: self.call("PATCH", f"/dags/{dag_id}", {"is_paused": False})[0] == 200)
        self._count("pause", status)

    def kill(self):
        """Kill a part of Airflow with all that it has started, as a container ends."""
        part = self._random.choice(PARTS)
        component = self._stack.components[part]
        if component.pid is None:
            return
        if part == "api-server":
            self._api_down_until = time.time() + 60
        if part == "scheduler":
            self.journal.killed.append(time.time())
        os.killpg(component.pid, signal.SIGKILL)
        component.kill()

        self._killed.add(part)

        def start():
            self._killed.discard(part)
            component.start()
            return True

        self._later(2, 6, start)
        self._count(f"kill the {part}", 200)

    def change_max_active_runs(self):
        self._set_number(self._random.choice((1, 2, 4, 8)))
        self._count("change max_active_runs", 200)

    def _set_number(self, number):
        Path(self._stack.environment["HOSTILE_NUMBER"]).write_text(str(number))

    def break_connection(self):
        """Give the connection to the API a wrong password or a dead port, or take it away."""
        how = self._random.choice(("password", "port", "gone"))
        if how == "gone":
            status, _ = self.call("DELETE", f"/connections/{CONNECTION}")
        else:
            status, _ = self.connect(**{how: "wrong" if how == "password" else 9})
        self._later(4, 15, lambda: self.connect()[0] in (200, 201))
        self._count(f"break the connection ({how})", status)

    def connect(self, **wrong):
        """Make the connection to the API what it must be, but for what is given."""
        body = {
            "connection_id": CONNECTION,
            "conn_type": "http",
            "host": "127.0.0.1",
            "port": int(self._stack.url.rpartition(":")[2]),
            "login": "admin",
            "password": self._stack.passwords["admin"],
            **wrong,
        }
        status, answer = self.call("PATCH", f"/connections/{CONNECTION}", body)
        return self.call("POST", "/connections", body) if status == 404 else (status, answer)

    # The whole.

    def run(self, seconds):
        """Do one thing after the other."""
        ends = time.monotonic() + seconds
        hands = [self.clear] * 5 + [self.mark_task, self.clear_pipeline] * 2 + [self.mark_run, self.delete]
        hands += [
            self.mark_pipeline_run,
            self.delete_pipeline_run,
            self.change_max_active_runs,
            self.backfill,
        ]
        hands += [self.pause, self.kill, self.break_connection] * 2
        next_trigger = next_hand = time.monotonic()
        while time.monotonic() < ends:
            self._undo_what_is_due()
            self._restart_what_has_ended()
            if time.monotonic() >= next_trigger:
                self.trigger()
                next_trigger = time.monotonic() + self._random.uniform(8, 16)
            if time.monotonic() >= next_hand:
                self._random.choice(hands)()
                next_hand = time.monotonic() + self._random.uniform(2, 6)
            time.sleep(0.25)

    def heal(self):
        """Undo what has not been undone."""
        while self._undo:
            self._undo = [(0.0, undo) for _, undo in self._undo]
            self._undo_what_is_due()
            time.sleep(0.25)
        self._restart_what_has_ended()
        self._stack.until_healthy()
        self._set_number(8)
        self._api_down_until = 0.0

    def unended(self):
        return [
            f"{dag_id} {run['dag_run_id']} is {run['state']}"
            for dag_id in (ORCHESTRATOR, PIPELINE)
            for run in self.all_runs(dag_id)
            if run["state"] not in ENDED
        ]

    def _undo_what_is_due(self):
        now = time.monotonic()
        due = [undo for at, undo in self._undo if at <= now]
        self._undo = [(at, undo) for at, undo in self._undo if at > now]
        for undo in due:
            if not undo():
                self._undo.append((now + 2, undo))

    def _restart_what_has_ended(self):
        """Start each part again that no hand has killed, as the restart policy of its container does."""
        for name in self._stack.components.keys() - self._killed:
            if self._stack.components[name].pid is None:
                self._say(f"the {name} has ended:\n{self._stack.components[name].tail(500)}")
                self._stack.components[name].start()
                self.journal.done[f"restart the {name}, which had ended by itself"] += 1

    def _later(self, low, high, undo):
        self._undo.append((time.monotonic() + self._random.uniform(low, high), undo))

    def _any_run(self, dag_id):
        return self._random.choice(self.runs(dag_id) or [None])

    def _touch(self, run):
        self.journal.touched.setdefault(run["dag_run_id"], []).append(time.time())

    def _interfere(self, run):
        self.journal.days.add((run["conf"] or {}).get("target_date"))

    def _count(self, what, status):
        if status in (200, 201, 204):
            self.journal.done[what] += 1
        else:
            self.journal.refused[f"{what}: {status or 'no answer'}"] += 1
        self._say(f"{what}: {status or 'no answer'}")


def _path(dag_id, run):
    return f"/dags/{dag_id}/dagRuns/{quote(run['dag_run_id'], safe='')}"
