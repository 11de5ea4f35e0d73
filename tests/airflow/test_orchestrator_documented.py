"""What the guide tells people to type at Airflow's command line works; and what it shows of logs by the API."""

from __future__ import annotations

import re
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.airflow.orchestrated import ORCHESTRATOR, DagRun, trigger
from tools.airflow_stack import environment_file

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "SMART_ORCHESTRATOR.md"


def documented():
    """Every `airflow …` of a console block or between backquotes, once; up to a pipe."""
    text = GUIDE.read_text()
    found = re.findall(r"^\$ (airflow .+)$", text, re.MULTILINE) + re.findall(r"`(airflow dags [^`]+)`", text)
    commands = [command.partition(" | ")[0] for command in dict.fromkeys(found)]
    return [command for command in commands if not re.search(r"USER|…", command)]


@pytest.mark.timeout(600)
def test_every_documented_command_of_airflow_works(stack):
    commands = documented()
    assert len(commands) >= 10
    readers = [command for command in commands if " list" in command]
    writers = [command for command in commands if " list" not in command]
    assert len(readers) >= 5, readers

    def run_in_order(listed):
        return [(command, stack.airflow(*shlex.split(command)[1:])) for command in listed]

    # Each command takes seconds to start. Those that only read do so beside the others.
    with ThreadPoolExecutor() as pool:
        finished = [pair for pairs in pool.map(run_in_order, (writers, readers)) for pair in pairs]
    for command, done in finished:
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        if "list" in command and "orchestrator" not in command:
            assert re.search(r"wiki_|fetch_top_pages|No data found|\[\]", done.stdout), done.stdout
    stack.api.request("DELETE", "/api/v2/variables/wiki_trends_notify")
    end_runs_in_flight(stack)


def end_runs_in_flight(stack):
    """What was triggered asks for the newest days there are; the tests do not wait for them."""
    for dag_id in (ORCHESTRATOR, "wiki_trending_pipeline"):
        for item in stack.api.pages(f"/dags/{dag_id}/dagRuns", "dag_runs", order_by="id"):
            if item["state"] in ("queued", "running"):
                DagRun(stack.api, dag_id, item["dag_run_id"]).mark_failed()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_lines_of_the_readme_work_in_a_second_terminal(stack, tmp_path):
    """As printed, after `make airflow`; only the name of the file with the environment is another."""
    block = (ROOT / "README.md").read_text().partition("### In Airflow")[2].partition("```console\n")[2]
    lines = [line.removeprefix("$ ") for line in block.partition("```")[0].splitlines()]
    assert lines[:2] == ["make airflow", ". .venv-airflow/airflow.sh"]
    file = tmp_path / "airflow.sh"
    with environment_file(stack, file):
        assert file.stat().st_mode & 0o777 == 0o600
        script = "\n".join([f". {file}", *lines[2:], "wiki-trends check --days 2 --json"])
        environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        command = ["sh", "-e", "-c", script.replace(" --json", " --json || test $? = 1")]
        done = subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=300, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(lines) > 3
    runs = stack.api.pages(f"/dags/{ORCHESTRATOR}/dagRuns", "dag_runs", order_by="-id")
    assert {"days": 7} in [item["conf"] for item in runs]
    assert '"dataset": "diamond"' in done.stdout
    assert list(tmp_path.iterdir()) == [], "neither the file nor an Airflow home is left"
    end_runs_in_flight(stack)


def test_the_documented_connection_is_taken(stack):
    done = stack.airflow(
        "connections", "add", "another_api", "--conn-uri", "http://USER:PASSWORD@localhost:8080"
    )
    assert done.returncode == 0, done.stderr


def test_a_log_comes_from_the_api(stack):
    run = trigger(stack, ORCHESTRATOR, {"start": "2025-02-01", "end": "2025-02-02", "dry_run": True}).ended()
    assert "expected 2, available 0, missing 2, coverage 0.0 %" in run.log("check_completeness")
