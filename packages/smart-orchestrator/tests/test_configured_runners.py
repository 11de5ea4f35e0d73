"""Runners of the configuration: a function and a DAG, beside the command; each planned, applied and diagnosed by the command line."""

from __future__ import annotations

import datetime as dt
import json
import sys
from contextlib import closing

import duckdb
import pytest

from smart_orchestrator.cli.app import run_command
from smart_orchestrator.config.airflow_runner import AirflowConfig
from smart_orchestrator.config.function_runner import FunctionConfig
from smart_orchestrator.config.loading import load_config, parse_config
from smart_orchestrator.project_errors import ConfigError
from smart_orchestrator.runners.configured import create_runner
from testing.airflow_server import TOKEN, airflow_server

DATASET = """
[datasets.orders]
url = "lake"
key = "dt={start:%Y-%m-%d}"
adapter = "files"
format = "csv"
lag = 1
runner = "etl"

"""
WINDOW = ("--start", "2025-11-05", "--end", "2025-11-07", "--as-of", "2025-11-10")
MODULE = """
from pathlib import Path
folder = Path(__file__).parent

class Pipelines:
    def run(key):
        with (folder / "started.log").open("a") as log:
            log.write(f"{key}\\n")
        partition = folder / "lake" / f"dt={key}"
        partition.mkdir(parents=True)
        (partition / "a.csv").write_text("id\\n1\\n")

number = 3
"""
AIRFLOW = """
[runners.etl]
url = "URL"
dag_id = "pipeline"
token_variable = "THE_TOKEN"
poll_seconds = 0.05
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a module of a name of its own, so that no other test has imported it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"etl_{tmp_path.name}.py").write_text(MODULE)
    return tmp_path


def configure(folder, runner) -> None:
    text = DATASET + runner.replace("MODULE", f"etl_{folder.name}")
    (folder / "smart-orchestrator.toml").write_text(text)


def started(folder) -> list[str]:
    return sorted((folder / "started.log").read_text().split())


FUNCTION = '[runners.etl]\nfunction = "MODULE:Pipelines.run"\njobs = 2\n'


def test_a_function_runs_the_keys_of_a_plan(folder, capsys):
    configure(folder, FUNCTION)
    assert run_command(["doctor"]) == 0
    assert "ok    runner etl of orders: at most 2 runs in flight" in capsys.readouterr().out
    assert run_command(["plan", "orders", *WINDOW, "-o", "plan.json"]) == 0
    assert json.loads((folder / "plan.json").read_text())["runner"] == "etl"
    assert not (folder / "started.log").exists()
    assert run_command(["apply", "plan.json"]) == 0
    assert started(folder) == ["2025-11-05", "2025-11-06", "2025-11-07"]
    assert run_command(["apply", "plan.json"]) == 5
    assert run_command(["run", "orders", *WINDOW]) == 0
    assert len(started(folder)) == 3


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        ("no_such_module_here:run", "cannot be imported (ModuleNotFoundError"),
        ("MODULE:none", "cannot be imported (AttributeError"),
        ("MODULE:number", "is not a function"),
    ],
)
def test_a_function_that_cannot_be_imported_starts_no_run(folder, capsys, function, problem):
    configure(folder, f'[runners.etl]\nfunction = "{function}"\n')
    assert run_command(["check", "orders", *WINDOW]) == 1
    assert run_command(["run", "orders", *WINDOW]) == 2
    error = capsys.readouterr().err
    assert "runners.etl.function" in error
    assert problem in error
    assert run_command(["doctor"]) == 2
    assert problem in capsys.readouterr().out


def test_a_dag_runs_the_keys_of_a_plan(folder, monkeypatch, capsys):
    monkeypatch.setenv("THE_TOKEN", TOKEN)
    monkeypatch.syspath_prepend(str(folder))
    pipelines = __import__(f"etl_{folder.name}").Pipelines
    with airflow_server(pipelines.run) as airflow:
        configure(folder, AIRFLOW.replace("URL", airflow.url))
        assert run_command(["doctor"]) == 0
        assert "ok    runner etl of orders: at most 32 runs in flight" in capsys.readouterr().out
        assert run_command(["plan", "orders", *WINDOW, "-o", "plan.json"]) == 0
        assert TOKEN not in (folder / "plan.json").read_text()
        assert run_command(["apply", "plan.json", "--timeout", "60"]) == 0
        assert started(folder) == ["2025-11-05", "2025-11-06", "2025-11-07"]
        assert [post["conf"] for post in airflow.posts] == [{"target_date": day} for day in started(folder)]
        assert set(airflow.runs) == {f"{day}.1" for day in started(folder)}


def test_an_airflow_that_does_not_answer_is_said_with_the_names_of_the_options(folder, monkeypatch, capsys):
    monkeypatch.setenv("THE_TOKEN", TOKEN)
    monkeypatch.setattr("smart_orchestrator.runners.airflow_client.FIRST_PATIENCE", 0.1)
    configure(folder, AIRFLOW.replace("URL", "http://127.0.0.1:9"))
    assert run_command(["check", "orders", *WINDOW]) == 3
    error = capsys.readouterr().err
    assert "Check runners.etl.url" in error
    assert TOKEN not in error


def test_a_variable_that_is_not_set_is_named(folder, monkeypatch):
    monkeypatch.delenv("THE_TOKEN", raising=False)
    configure(folder, AIRFLOW.replace("URL", "http://127.0.0.1:9"))
    from smart_orchestrator.project import Project

    with pytest.raises(ConfigError, match=r"etl\.token_variable: the environment variable THE_TOKEN is not"):
        Project(load_config()).runner("orders")


def test_the_options_of_each_kind(folder):
    configure(folder, FUNCTION)
    assert load_config().runners["etl"] == FunctionConfig(
        name="etl", function=f"etl_{folder.name}:Pipelines.run", jobs=2, attempts=3
    )
    user = AIRFLOW.replace('token_variable = "THE_TOKEN"', 'user_variable = "U"\npassword_variable = "P"')
    configure(folder, user.replace("URL", "https://airflow.example"))
    assert load_config().runners["etl"] == AirflowConfig(
        name="etl",
        url="https://airflow.example",
        dag_id="pipeline",
        user_variable="U",
        password_variable="P",
        poll_seconds=0.05,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('function = "run"', "etl.function: 'run' is not a module and a function"),
        ('function = "a:b"\ncommand = ["true"]', "etl.command: is not an option"),
        ('function = "a:b"\ntimeout = 3', "etl.timeout: is not an option"),
        ('dag_id = "a"', "etl.url: is missing"),
        ('dag_id = "a"\nurl = "airflow"', "etl.url: is not an http or https URL"),
        ('dag_id = "a"\nurl = "http://[x"', "etl.url: is not a URL"),
        ('dag_id = "a"\nurl = "http://me:secret@a"', "etl.url: contains credentials"),
        ('dag_id = ""\nurl = "http://a"\ntoken_variable = "T"', "etl.dag_id: '' is empty"),
        ('dag_id = "a"\nurl = "http://a"', "etl.token_variable: Airflow needs a token, or"),
        (
            'dag_id = "a"\nurl = "http://a"\nuser_variable = "U"',
            "etl.token_variable: Airflow needs a token, or",
        ),
        ('dag_id = "a"\nurl = "http://a"\ntoken = "x"', "etl.token_variable: Airflow needs"),
        ('dag_id = "a"\nurl = "http://a"\ntoken_variable = "T"\ntoken = "s"', "etl.token: is not an option"),
        ("jobs = 3", "etl.command: is missing"),
    ],
)
def test_a_runner_that_cannot_be_used_is_refused(tmp_path, text, message):
    with pytest.raises(ConfigError) as caught:
        parse_config((DATASET + "[runners.etl]\n" + text).encode(), tmp_path / "smart-orchestrator.toml")
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_dag_runs_days_alone(tmp_path):
    text = DATASET.replace("%d", "%dT%H").replace("lag", 'grain = "hour"\nlag')
    airflow = '[runners.etl]\ndag_id = "a"\nurl = "http://a"\ntoken_variable = "T"\n'
    with pytest.raises(ConfigError, match=r"a DAG runs days, and the grain of the dataset is hour"):
        parse_config((text + airflow).encode(), tmp_path / "smart-orchestrator.toml")


def test_a_plan_of_another_runner_is_refused(folder, capsys):
    configure(folder, FUNCTION)
    assert run_command(["plan", "orders", *WINDOW, "-o", "plan.json"]) == 0
    text = (folder / "smart-orchestrator.toml").read_text()
    (folder / "smart-orchestrator.toml").write_text(
        text.replace('"etl"', '"other"').replace(".etl]", ".other]")
    )
    assert run_command(["apply", "plan.json"]) == 5
    assert "the runner was etl, and is other" in capsys.readouterr().err
    assert not (folder / "started.log").exists()


def test_a_run_of_a_key_between_plan_and_apply_is_a_move(folder, capsys):
    from smart_orchestrator.model.run import Failure
    from smart_orchestrator.project import Project

    configure(folder, FUNCTION)
    assert run_command(["plan", "orders", *WINDOW, "-o", "plan.json"]) == 0
    runs = Project(load_config()).runner("orders")._recorded
    runs.end(runs.add(dt.date(2025, 11, 6)), Failure.ERROR, "no rows")
    assert run_command(["apply", "plan.json"]) == 5
    assert (
        "2025-11-06 was MISSING (start), and is MISSING (start, run 2025-11-06.1 failed)"
        in capsys.readouterr().err
    )


COMMAND = """
[runners.etl]
command = ["/bin/sh", "-c", "echo $1 >> started.log; mkdir -p lake/dt=$1; echo id > lake/dt=$1/a.csv; echo 1 >> lake/dt=$1/a.csv", "etl", "{key}"]
"""


@pytest.mark.parametrize("runner", [FUNCTION, COMMAND], ids=["function", "command"])
def test_a_key_whose_run_has_just_succeeded_is_not_run_again_by_an_older_plan(folder, runner):
    """The files are younger than the settle time, and a plan that was made before the run still names the key."""
    from smart_orchestrator.model.run import RunState
    from smart_orchestrator.project import Project

    configure(folder, runner)
    assert run_command(["run", "orders", *WINDOW]) == 0
    run = Project(load_config()).runner("orders").start(dt.date(2025, 11, 6))
    assert (run.attempt, run.state) == (0, RunState.SUCCEEDED)
    assert started(folder) == ["2025-11-05", "2025-11-06", "2025-11-07"]


def test_datasets_of_one_table_do_not_share_their_runs(folder):
    with closing(duckdb.connect("shop.duckdb")) as connection:
        connection.execute("CREATE TABLE orders (day DATE, changed DATE)")
    tables = {
        "days": 'grain = "day"',
        "weeks": 'grain = "week"',
        "local": 'timezone = "Europe/Berlin"',
        "changes": 'key_column = "changed"',
    }
    text = "".join(
        f'[datasets.{name}]\nurl = "duckdb:///shop.duckdb"\nadapter = "sql"\ntable = "orders"\nrunner = "etl"\n{option}\n'
        + ("" if "key_column" in option else 'key_column = "day"\n')
        for name, option in tables.items()
    )
    config = parse_config((text + '[runners.etl]\ncommand = ["true"]\n').encode(), folder / "project.toml")
    monday = dt.date(2025, 11, 3)
    runners = {
        name: create_runner(config.runners["etl"], dataset, config.path, config.state)
        for name, dataset in config.datasets.items()
    }
    run = runners["days"].start(monday)
    while run.in_flight:
        runners["days"].wait(0.05)
        [run] = runners["days"].poll([run])

    assert {name for name, runner in runners.items() if runner.latest([monday])} == {"days"}
