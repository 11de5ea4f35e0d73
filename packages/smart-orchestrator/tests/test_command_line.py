"""The command `smart-orchestrator` on a lake that others wrote."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from .any_lake import COMMAND, CONFIG, OLD, WINDOW, AnyLake

HOLES = ["2025-11-06", "2025-11-08"]


@pytest.fixture
def lake(tmp_path):
    """Five days of orders without two of them."""
    lake = AnyLake(tmp_path)
    lake.take_away(*HOLES)
    return lake


def test_a_lake_of_others_is_checked_filled_and_consumed(lake):
    checked = lake.json("check", "orders", *WINDOW, code=1)
    assert (checked["missing"], checked["coverage_pct"], checked["ready"]) == (HOLES, 60.0, False)
    assert checked["available"] == ["2025-11-05", "2025-11-07", "2025-11-09"]
    assert [(each["key"], each["cause"]) for each in checked["causes"]] == [
        (day, "never_attempted") for day in HOLES
    ]

    planned = lake.json("plan", "orders", *WINDOW, code=0)
    assert (planned["due"], planned["missing"], planned["coverage_pct"]) == (HOLES, HOLES, 60.0)
    assert lake.lines("started.txt") == []

    done = lake.json("run", "orders", *WINDOW, code=0)
    assert (done["missing"], done["coverage_pct"], done["ready"]) == ([], 100.0, True)
    assert lake.lines("started.txt") == HOLES
    assert done["consumers"] == [{"consumer": "revenue", "exit_code": 0, "reason": ""}]
    assert lake.lines("revenue.txt") == ["2025-11-05 2025-11-09"]

    assert lake.json("run", "orders", *WINDOW, code=0)["runs_started"] == []
    assert lake.lines("started.txt") == HOLES


def test_the_text_of_the_commands(lake):
    checked = lake.run("check", "orders", *WINDOW, code=1).stdout
    assert "  Thursday 6 November 2025: absent, MISSING: " in checked
    assert "expected 5, available 3, missing 2, coverage 60.0 %" in checked
    assert "  Thursday 6 November 2025: never_attempted: no run is recorded" in checked
    assert f"To fill it:\n  smart-orchestrator run orders {' '.join(WINDOW)}\n" in checked
    planned = lake.run("plan", *WINDOW, code=0).stdout
    assert "+ Thursday 6 November 2025: start, " in planned
    done = lake.run("run", *WINDOW, code=0)
    assert "expected 5, available 5, missing 0, coverage 100.0 %" in done.stdout
    assert "consumer revenue is done" in done.stderr
    assert "revenue of 2025-11-05 2025-11-09" in done.stderr


def test_a_saved_plan_starts_exactly_its_runs_and_then_no_longer_holds(lake):
    lake.run("plan", "orders", *WINDOW, "-o", "plan.json", code=0)
    assert json.loads((lake.folder / "plan.json").read_text())["start"] == HOLES
    assert lake.json("apply", "plan.json", code=0)["missing"] == []
    assert lake.lines("started.txt") == HOLES
    assert lake.lines("revenue.txt") == []

    refused = lake.run("apply", "plan.json", code=5)
    assert "2025-11-06 was MISSING (start), and is OK (keep)" in refused.stderr
    assert lake.lines("started.txt") == HOLES


def test_a_plan_is_refused_after_the_lake_has_moved(lake):
    lake.run("plan", "orders", *WINDOW, "-o", "plan.json", code=0)
    lake.take_away("2025-11-07")
    assert "2025-11-07 was OK (keep), and is MISSING (start)" in lake.run("apply", "plan.json", code=5).stderr
    assert lake.lines("started.txt") == []


def test_an_edited_plan_is_refused(lake):
    lake.run("plan", "orders", *WINDOW, "-o", "plan.json", code=0)
    path = lake.folder / "plan.json"
    path.write_text(path.read_text().replace('"start",', '"keep",', 1))
    assert "was edited" in lake.run("apply", "plan.json", code=2).stderr
    path.write_text("[]")
    assert "is not a plan" in lake.run("apply", "plan.json", code=2).stderr
    assert "cannot be read" in lake.run("apply", "absent.json", code=2).stderr


@pytest.mark.parametrize(
    ("leaves", "failure", "cause"),
    [
        ("nothing", "NO_DATA_AFTER_SUCCESS", "no_data_after_success"),
        ("an error", "ERROR", "attempts_exhausted"),
    ],
)
def test_a_run_that_leaves_no_data_has_a_cause_with_evidence(tmp_path, leaves, failure, cause):
    lake, day = AnyLake(tmp_path), HOLES[0]
    lake.take_away(day)
    shutil.rmtree(lake.folder / "source" / f"dt={day}")
    if leaves == "nothing":
        (lake.folder / "source" / f"dt={day}").mkdir()
    done = lake.json("run", "orders", *WINDOW, code=1)
    assert done["missing"] == [day]
    assert [(run["day"], run["failure"]) for run in done["failed"]] == [(day, failure)]
    assert lake.lines("started.txt") == [day] * 3
    assert done["consumers"][0]["exit_code"] is None
    assert "orders is not ready" in done["consumers"][0]["reason"]
    assert lake.lines("revenue.txt") == []
    (explanation,) = lake.json("check", "orders", *WINDOW, code=1)["causes"]
    assert (explanation["key"], explanation["cause"]) == (day, cause)
    assert explanation["url"].startswith("file://")

    explained = lake.json("explain", "orders", day, code=1)
    assert (explained["state"], explained["cause"]["cause"]) == ("absent", cause)
    assert len(explained["runs"]) == 3
    # What the plan says is what the next run does.
    assert explained["plan"]["action"] == "start"
    assert ("counts its attempts from the start" in explained["plan"]["why"]) == (leaves == "an error")
    lake.run("run", "orders", *WINDOW, code=1)
    assert lake.lines("started.txt") == [day] * 6
    assert f"  cause   {cause}: " in lake.run("explain", "orders", day, code=1).stdout


def test_the_status_of_all_datasets(lake):
    status = lake.json("status", "--last", "5", code=1)
    assert status["ready"] is False
    text = lake.run("status", code=1).stdout
    assert "orders" in text
    assert "·" in text


def test_a_status_that_is_quiet_prints_only_datasets_that_are_not_ready(lake):
    assert "orders" in lake.run("status", "--quiet", "--last", "2", "--as-of", "2025-11-09", code=1).stdout
    lake.run("run", *WINDOW, code=0)
    assert lake.run("status", "--quiet", "--last", "2", "--as-of", "2025-11-09", code=0).stdout == ""
    assert "■■" in lake.run("status", "--last", "2", "--as-of", "2025-11-09", code=0).stdout


def test_waivers_are_recorded_listed_and_removed(lake):
    lake.run("waive", "orders", HOLES[0], "--reason", "the shop was closed", code=0)
    assert lake.json("check", "orders", *WINDOW, code=1)["waived"] == HOLES[:1]
    assert [each["day"] for each in lake.json("waive", "orders", "--list", code=0)] == HOLES[:1]
    assert lake.json("run", "orders", *WINDOW, code=0)["coverage_pct"] == 100.0
    assert lake.lines("started.txt") == HOLES[1:]
    assert lake.json("waive", "orders", HOLES[0], "--remove", code=0) == []


def test_waiting_ends_with_the_time_or_when_the_window_is_ready(lake):
    assert (
        lake.json("wait", "orders", *WINDOW, "--timeout", "0.2", "--poll", "0.1", code=1)["missing"] == HOLES
    )
    lake.run("run", "orders", *WINDOW, code=0)
    assert lake.json("wait", "orders", *WINDOW, code=0)["ready"] is True


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["check", "order"], "datasets: 'order' is not defined in the file. Did you mean orders?"),
        (["check", "--start", "2025-11-05"], "--end:  is missing: an explicit window has both ends"),
        (["check", "--start", "5.11.2025", "--end", "2025-11-09"], "--start: '5.11.2025' is not a day"),
        (["check", "--hours", "3"], "--hours: 3 does not fit a dataset of grain day"),
        (["check", "--last", "3", "--days", "3"], "--last: 3 excludes days"),
        (["check", "--end", "2025-11-09", "--days", "3"], "--end: 2025-11-09 excludes --last"),
        (["explain", "orders", "yesterday"], "KEY: 'yesterday' is not a day"),
        (["check", "--config", "other.toml"], "other.toml: the file does not exist"),
        (["vacuum"], "vacuum: orders has the adapter files"),
        (
            ["waive", "orders", "2025-11-06", "--reason", "x", "--until", "soon"],
            "--until: 'soon' is not a day",
        ),
        (
            ["waive", "orders", "2025-11-06", "--reason", "x", "--until", "2025-11-12"],
            "--until: 2025-11-12 is in the past. Give ",
        ),
    ],
)
def test_wrong_usage_names_the_option_and_ends_with_2(lake, words, text):
    done = lake.run(*words, code=2)
    assert text in done.stderr
    assert done.stdout == ""


def test_a_dataset_without_a_runner_is_checked_and_not_run(tmp_path):
    lake = AnyLake(tmp_path, CONFIG.replace('runner = "etl"\n', ""))
    assert lake.json("run", "orders", *WINDOW, code=0)["ready"] is True
    lake.take_away("2025-11-06")
    plan = lake.json("plan", "orders", *WINDOW, "-o", "plan.json", code=0)
    (step,) = (step for step in plan["days"] if step["action"] != "keep")
    assert plan["due"] == []
    assert step["action"] == "give_up"
    assert step["why"] == "MISSING: nothing is there; the dataset has no runner"
    assert lake.json("explain", "orders", "2025-11-06", code=1)["plan"] == step
    for words in (["run", "orders", *WINDOW], ["apply", "plan.json"]):
        assert "the dataset has no runner" in lake.run(*words, code=2).stderr


def test_a_consumer_that_fails_ends_the_run_with_1(tmp_path):
    lake = AnyLake(tmp_path, CONFIG.replace('"revenue.py"', '"-c", "raise SystemExit(7)"'))
    done = lake.json("run", "orders", *WINDOW, code=1)
    assert (done["ready"], done["consumers"][0]["exit_code"]) == (True, 7)


def test_a_lake_that_is_not_reachable_ends_with_3(tmp_path, monkeypatch):
    config = CONFIG.replace('url = "lake/sales"', 'url = "s3://nowhere"\ntimeout = 0.5\nretries = 0')
    lake = AnyLake(tmp_path, config)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    assert "nowhere" in lake.run("check", *WINDOW, code=3).stderr


SLOW = """
import os, shutil, sys, time
day = sys.argv[sys.argv.index("--day") + 1]
with open("started.txt", "a") as file:
    file.write(day + "\\n")
while not os.path.exists("go"):
    time.sleep(0.02)
shutil.copytree(f"source/dt={day}", f"lake/sales/orders/dt={day}", copy_function=shutil.copyfile)
"""


def wait_for(condition):
    """Poll until the condition is true; the time-out of the test is the limit."""
    while not condition():
        time.sleep(0.02)


def test_a_run_outlives_a_killed_orchestrator_and_the_next_one_follows_it(lake):
    (lake.folder / "etl.py").write_text(SLOW)
    first = subprocess.Popen(
        [*COMMAND, "run", "orders", *WINDOW],
        cwd=lake.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: lake.lines("started.txt") == HOLES)
    first.kill()
    first.wait()
    planned = lake.json("plan", "orders", *WINDOW, code=0)
    assert [step["action"] for step in planned["days"]] == ["keep", "follow", "keep", "follow", "keep"]
    assert {each["cause"] for each in lake.json("check", "orders", *WINDOW, code=1)["causes"]} == {
        "in_flight"
    }
    (lake.folder / "go").touch()
    assert lake.json("run", "orders", *WINDOW, code=0)["missing"] == []
    assert lake.lines("started.txt") == HOLES


def test_an_interrupted_command_ends_with_130_and_its_runs_go_on(lake):
    (lake.folder / "etl.py").write_text(SLOW)
    process = subprocess.Popen(
        [*COMMAND, "run", "orders", *WINDOW],
        cwd=lake.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: lake.lines("started.txt") == HOLES)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert "interrupted: commands that were started go on." in errors
    (lake.folder / "go").touch()
    assert lake.json("run", "orders", *WINDOW, code=0)["ready"] is True
    assert lake.lines("started.txt") == HOLES


def test_orchestrators_at_the_same_time_start_one_run_for_a_key(lake):
    (lake.folder / "etl.py").write_text(SLOW)
    runs = [
        subprocess.Popen(
            [*COMMAND, "run", "orders", *WINDOW],
            cwd=lake.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(3)
    ]
    wait_for(lambda: lake.lines("started.txt") == HOLES)
    (lake.folder / "go").touch()
    assert [run.wait() for run in runs] == [0, 0, 0]
    assert lake.lines("started.txt") == HOLES


MANIFEST = CONFIG.replace('adapter = "files"', 'adapter = "manifest"')


def test_a_time_that_no_timer_can_measure_is_refused(tmp_path):
    lake = AnyLake(tmp_path, CONFIG)
    for arguments in (["wait", "--timeout", "inf"], ["run", "--timeout", "nan"], ["wait", "--poll", "1e300"]):
        assert f"{arguments[1]}: " in lake.run(*arguments, code=2).stderr


def test_leftovers_are_removed_only_where_this_program_writes(tmp_path):
    lake = AnyLake(tmp_path, MANIFEST)
    assert "--older-than: 'old' is not an age" in lake.run("vacuum", "--older-than", "old", code=2).stderr
    assert lake.json("vacuum", "--older-than", "1h", "--dry-run", code=0)["removed"] == []
    assert "no manifest of this program" in lake.run("vacuum", code=2).stderr


def test_a_number_of_partitions_that_is_too_large_is_an_error_about_last(lake):
    error = lake.run("check", "orders", "--last", "4000", code=2).stderr
    assert error.startswith("error: --last: 4000 is not between 1 and 3660.")
    assert lake.run("check", "orders", "--days", "4000", code=2).stderr.startswith("error: --days: 4000 ")


@pytest.mark.parametrize(
    ("option", "number", "most"),
    [("--days", "0", 3660), ("--days", "4000", 3660), ("--hours", "0", 87840), ("--last", "0", 87840)],
)
def test_a_wrong_number_for_an_hourly_dataset_is_an_error_about_the_option_that_was_given(
    tmp_path, option, number, most
):
    config = '[datasets.o]\nurl = "lake"\nkey = "{start:%Y-%m-%dT%H}"\ngrain = "hour"\nadapter = "files"\n'
    lake = AnyLake(tmp_path, config)
    error = lake.run("check", "o", option, number, code=2).stderr
    assert error.startswith(f"error: {option}: {number} is not between 1 and {most}.")


def test_a_file_that_is_not_a_plan_is_refused_with_one_fix(lake):
    error = lake.run("apply", "etl.py", code=2).stderr
    assert error.count("Make a new plan") == 1
    assert "write it again" not in error


@pytest.mark.slow
def test_files_that_others_wrote_a_moment_ago_are_waited_for_and_not_made_again(tmp_path):
    lake = AnyLake(tmp_path, CONFIG.replace("settle = 600", "settle = 4"))
    lake.take_away(*HOLES)
    for path in lake.orders.rglob("*.parquet"):
        os.utime(path)
    planned = lake.json("plan", "orders", *WINDOW, code=0)
    assert [(step["day"], step["action"]) for step in planned["days"]] == [
        ("2025-11-05", "wait"),
        ("2025-11-06", "start"),
        ("2025-11-07", "wait"),
        ("2025-11-08", "start"),
        ("2025-11-09", "wait"),
    ]
    done = lake.json("run", "orders", *WINDOW, code=0)
    assert (done["missing"], done["coverage_pct"], done["ready"]) == ([], 100.0, True)
    assert lake.lines("started.txt") == HOLES


def test_a_name_that_is_too_long_for_the_disk_is_an_error_of_the_configuration(tmp_path):
    lake = AnyLake(tmp_path, CONFIG.replace("lake/sales", "x" * 5000))
    assert "has a name that is too long" in lake.run("check", "orders", *WINDOW, code=2).stderr


def test_a_database_url_whose_port_is_not_a_number_is_an_error_of_the_configuration(tmp_path):
    config = '[datasets.o]\nurl = "postgresql://me:hush@localhost:abc/db"\nadapter = "sql"\ntable = "t"\nkey_column = "d"\n'
    lake = AnyLake(tmp_path, config)
    error = lake.run("check", "o", *WINDOW, code=2).stderr
    assert "its URL is not that of a database" in error
    assert "hush" not in error


def test_one_as_of_fits_datasets_of_every_grain(tmp_path):
    table = '[datasets.GRAIN]\nurl = "lake"\nkey = "GRAIN/{start:%Y-%m-%dT%H}"\ngrain = "GRAIN"\nadapter = "files"\n'
    lake = AnyLake(
        tmp_path, "".join(table.replace("GRAIN", grain) for grain in ("hour", "day", "week", "month"))
    )
    for as_of in ("2025-11-12", "2025-11-12T00"):
        status = lake.json("status", "--last", "1", "--as-of", as_of, code=1)
        assert {name: each["as_of"] for name, each in status["datasets"].items()} == {
            "hour": "2025-11-12T00",
            "day": "2025-11-12",
            "week": "2025-11-10",
            "month": "2025-11-01",
        }
    assert "--as-of: 'soon' is not" in lake.run("status", "--as-of", "soon", code=2).stderr


def test_a_saved_plan_starts_no_run_that_it_does_not_name(tmp_path):
    """A partition that settles too small is run by `run`, and not by `apply` of a plan that waited for it."""
    lake = AnyLake(tmp_path)
    lake.take_away("2025-11-08")
    half = next((lake.orders / "dt=2025-11-06").glob("*.parquet"))
    half.write_bytes(half.read_bytes()[:50])
    lake.run("plan", "orders", *WINDOW, "-o", "plan.json", code=0)
    apply = subprocess.Popen(
        [*COMMAND, "apply", "plan.json", "--json"], cwd=lake.folder, stdout=subprocess.PIPE, text=True
    )
    wait_for(lambda: lake.lines("started.txt") == ["2025-11-08"])
    # The file settles now.
    os.utime(half, (OLD, OLD))
    output, _ = apply.communicate()
    done = json.loads(output)
    assert apply.returncode == 1
    assert [run["day"] for run in done["runs_started"]] == ["2025-11-08"]
    assert done["missing"] == ["2025-11-06"]
    assert lake.lines("started.txt") == ["2025-11-08"]
    lake.run("run", "orders", *WINDOW, code=0)
    assert lake.lines("started.txt") == ["2025-11-06", "2025-11-08"]


def test_a_dataset_that_cannot_be_checked_does_not_hide_the_others_from_status(tmp_path):
    broken = '[datasets.tables]\nurl = "duckdb:///none.db"\nadapter = "sql"\ntable = "t"\nkey_column = "d"\n'
    lake = AnyLake(tmp_path, CONFIG + broken)
    done = lake.run("status", "--last", "5", "--as-of", "2025-11-10", code=3)
    assert "expected 5, available 5" in done.stdout
    assert done.stderr.startswith("error: tables: ")
    document = lake.json("status", "--last", "5", "--as-of", "2025-11-10", code=3)
    assert (document["ready"], list(document["errors"]), list(document["datasets"])) == (
        False,
        ["tables"],
        ["orders"],
    )


@pytest.mark.slow
def test_a_run_says_for_which_keys_it_no_longer_waits(lake):
    etl = lake.folder / "etl.py"
    etl.write_text("import time\ntime.sleep(4)\n" + etl.read_text())
    done = lake.run("run", "orders", *WINDOW, "--timeout", "0.5", code=1)
    assert [line for line in done.stderr.splitlines() if line.startswith("still in flight")] == [
        "still in flight: Thursday 6 November 2025: no end after 0.5 s",
        "still in flight: Saturday 8 November 2025: no end after 0.5 s",
    ]
    lake.run("run", "orders", *WINDOW, code=0)
    assert lake.lines("started.txt") == HOLES


def modules_of_a_check(folder):
    """The modules that a new process has imported after a check."""
    code = (
        "import sys\nfrom smart_orchestrator.cli.app import run_command\n"
        f"run_command(['check', 'orders', *{WINDOW!r}, '--json'])\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


def test_a_check_of_parquet_imports_neither_polars_nor_rich_nor_what_only_runs_need(lake):
    heavy = [
        "polars",
        "rich",
        "httpx2",
        "obstore",
        "sqlalchemy",
        "asyncio",
        "concurrent.futures",
        "email.utils",
        "importlib.metadata",
        "statistics",
        "tempfile",
        "zoneinfo",
    ]
    layer = ["contract.rows", "backfilling.loop", "model.freshness", "model.signal", "upstream.configured"]
    heavy += [f"smart_orchestrator.{name}" for name in layer]
    assert not modules_of_a_check(lake.folder) & set(heavy)


def test_a_check_of_a_complete_window_imports_few_modules(tmp_path):
    modules = modules_of_a_check(AnyLake(tmp_path).folder)
    kinds = {"config.airflow_runner", "config.function_runner", "runners.command", "runners.airflow"}
    assert not modules & {f"smart_orchestrator.{name}" for name in kinds}
    # Each module costs time before the first result. A module that every check needs may raise the number.
    assert sum(name.startswith("smart_orchestrator") for name in modules) <= 68
