"""Datasets that need others, consumers of another grain, and random lakes."""

from __future__ import annotations

import datetime as dt
import os
import sys
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smart_orchestrator.backfilling.saved_plan import SavedPlan
from smart_orchestrator.config.loading import parse_config
from smart_orchestrator.errors import WindowError
from smart_orchestrator.model.cause import Cause
from smart_orchestrator.model.grain import Grain, key_text
from smart_orchestrator.model.plan import Action
from smart_orchestrator.model.window import Window
from smart_orchestrator.project import Project
from smart_orchestrator.project_errors import PlanMoved

if TYPE_CHECKING:
    from pathlib import Path

NOW = dt.datetime(2025, 11, 12, 9, 30, tzinfo=dt.UTC)
OLD = 1_700_000_000
ROWS = pl.DataFrame({"id": [1, 2, 3]})
WRITE = """
import datetime, os, shutil, sys
key, folder = sys.argv[1:]
with open("started.txt", "a") as file:
    file.write(key + "\\n")
os.makedirs(folder, exist_ok=True)
shutil.copyfile("part.parquet", folder + "/part-0.parquet")
"""

CHAIN = """
[datasets.customers]
url = "lake"
key = "customers/dt={start:%Y-%m-%d}"
adapter = "files"
format = "parquet"
CUSTOMERS

[datasets.orders]
url = "lake"
key = "orders/dt={start:%Y-%m-%d}"
adapter = "files"
format = "parquet"
needs = ["customers"]
runner = "orders"

[runners.orders]
command = ["PYTHON", "write.py", "{key}", "lake/orders/dt={key}"]

[runners.customers]
command = ["PYTHON", "write.py", "{key}", "lake/customers/dt={key}"]
"""

HOURLY = """
[datasets.logs]
url = "lake"
key = "logs/{start:%Y-%m-%d}/{start:%H}"
grain = "hour"
adapter = "files"
format = "parquet"
runner = "logs"

[runners.logs]
command = ["PYTHON", "write.py", "{start}", "lake/logs/{key}"]

[consumers.daily]
datasets = ["logs"]
grain = "day"
timezone = "Europe/Berlin"
last = 2
command = ["PYTHON", "-c", "open('consumed.txt', 'w').write('{start} {end}')"]
"""


def project(folder: Path, text: str, now: dt.datetime = NOW) -> Project:
    (folder / "write.py").write_text(WRITE)
    ROWS.write_parquet(folder / "part.parquet")
    path = folder / "smart-orchestrator.toml"
    path.write_text(text.replace("PYTHON", sys.executable))
    return Project(parse_config(path.read_bytes(), path), now=now)


def write(folder: Path, *names: str) -> None:
    """Write partitions that are old enough to be settled."""
    for name in names:
        path = folder / "lake" / name / "part-0.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        ROWS.write_parquet(path)
        os.utime(path, (OLD, OLD))


def days(*numbers: int) -> list[str]:
    return [f"2025-11-{number:02}" for number in numbers]


def window(first: int, last: int) -> Window:
    return Window.between(dt.date(2025, 11, first), dt.date(2025, 11, last), dt.date(2025, 11, 12), 1)


def test_a_key_waits_for_the_dataset_that_it_needs(tmp_path):
    chain = project(tmp_path, CHAIN.replace("CUSTOMERS", ""))
    write(tmp_path, *(f"customers/dt={day}" for day in days(5, 6)), "orders/dt=2025-11-05")
    plan = chain.plan("orders", window(5, 7))
    assert [step.action for step in plan.steps] == [Action.KEEP, Action.START, Action.WAIT]
    assert plan.steps[2].why == "needs customers 2025-11-07, which is absent (MISSING)"
    done = chain.run("orders", window(5, 7))
    assert [key_text(day) for day in done.backfill.outcome.filled] == days(6)
    assert not done.backfill.completeness.ready
    causes = chain.causes(done.backfill.completeness)
    assert causes[dt.date(2025, 11, 7)].evidence == "needs customers 2025-11-07, which is absent (MISSING)"
    assert (tmp_path / "started.txt").read_text().split() == days(6)


def test_a_hole_that_waits_for_a_need_keeps_its_own_evidence(tmp_path):
    chain = project(tmp_path, CHAIN.replace("CUSTOMERS", ""))
    write(tmp_path, "orders/dt=2025-11-05")
    path = tmp_path / "lake/orders/dt=2025-11-05/part-0.parquet"
    path.write_bytes(b"")
    os.utime(path, (OLD, OLD))
    (cause,) = chain.causes(chain.check("orders", window(5, 5))).values()
    assert cause.cause is Cause.INVALID
    assert cause.evidence.startswith("UNREADABLE: part-0.parquet cannot be read")
    assert cause.evidence.endswith("; needs customers 2025-11-05, which is absent (MISSING)")


def test_a_waived_need_keeps_nothing_from_running(tmp_path):
    from smart_orchestrator.waiver_store import Waiver, waive

    chain = project(tmp_path, CHAIN.replace("CUSTOMERS", ""))
    waive(
        chain.config.dataset("customers"),
        chain.waiver_lake("customers"),
        Waiver(dt.date(2025, 11, 7), "closed", "", None, NOW),
    )
    assert chain.plan("orders", window(7, 7)).days(Action.START) == (dt.date(2025, 11, 7),)


def test_needs_run_first(tmp_path):
    chain = project(tmp_path, CHAIN.replace("CUSTOMERS", 'runner = "customers"'))
    done = chain.run("orders", window(5, 6))
    assert done.backfill.completeness.ready
    assert [key_text(day) for day in done.needs["customers"].outcome.filled] == days(5, 6)
    assert sorted((tmp_path / "started.txt").read_text().split()) == sorted(days(5, 6) * 2)


def test_hours_for_local_days(tmp_path):
    logs = project(tmp_path, HOURLY, now=dt.datetime(2025, 3, 31, 9, 30, tzinfo=dt.UTC))
    hours = logs.last_window("logs")
    # 29 and 30 March in Berlin: 24 and 23 hours.
    assert (str(hours), len(hours)) == ("2025-03-28T23 .. 2025-03-30T21", 47)
    write(tmp_path, *(f"logs/{key:%Y-%m-%d}/{key:%H}" for key in hours))
    assert logs.check("logs", hours).ready
    gap = Grain.HOUR.parse("2025-03-30T01")
    (tmp_path / "lake" / "logs" / "2025-03-30" / "01" / "part-0.parquet").unlink()
    completeness = logs.check("logs", hours)
    assert completeness.missing == (gap,)
    assert completeness.to_json()["missing"] == ["2025-03-30T01"]
    assert [
        step.to_json()["day"] for step in logs.plan("logs", hours).steps if step.action is Action.START
    ] == ["2025-03-30T01"]


def test_an_hour_runs_with_its_start_and_the_consumer_with_the_window(tmp_path):
    text = HOURLY.replace("lake/logs/{key}", "lake/logs/2025-11-12/08")
    logs = project(tmp_path, text)
    hour = Grain.HOUR.parse("2025-11-12T08")
    done = logs.run(
        "logs", Window.between(hour, hour, logs.as_of(logs.config.dataset("logs")), 1, Grain.HOUR)
    )
    assert done.backfill.completeness.ready
    assert (tmp_path / "started.txt").read_text() == "2025-11-12T08:00:00Z\n"
    assert [consumer.exit_code for consumer in done.consumers] == [0]
    assert (tmp_path / "consumed.txt").read_text() == "2025-11-12T08 2025-11-12T08"


@pytest.mark.parametrize(
    ("grain", "template", "lag", "text"),
    [
        ("week", "{start:%G-W%V}", 1, "2025-10-13 .. 2025-11-03"),
        ("week", "{start:%G-W%V}", 0, "2025-10-20 .. 2025-11-10"),
        ("month", "{start:%Y-%m}", 1, "2025-08-01 .. 2025-10-01"),
        ("hour", "{start:%Y-%m-%d/%H}", 2, "2025-11-11T08 .. 2025-11-12T07"),
    ],
)
def test_the_default_window_of_every_grain(tmp_path, grain, template, lag, text):
    config = (
        f'[datasets.a]\nurl = "lake"\nkey = "{template}"\ngrain = "{grain}"\nlag = {lag}\nadapter = "files"\n'
    )
    assert str(project(tmp_path, config).last_window("a")) == text


KINDS = st.sampled_from(["complete", "absent", "empty", "unreadable", "short", "fresh", "waived"])
STARTED = {"absent", "empty", "unreadable", "short"}


@pytest.mark.parametrize("lakes", [25, pytest.param(500, marks=pytest.mark.long)])
def test_a_plan_starts_what_an_independent_oracle_expects(tmp_path_factory, lakes):
    @given(kinds=st.lists(KINDS, min_size=1, max_size=6), lag=st.integers(0, 3), history=st.integers(1, 8))
    @settings(max_examples=lakes, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def one_lake(kinds, lag, history):
        compare_with_oracle(tmp_path_factory.mktemp("lake"), kinds, lag, history)

    one_lake()


def compare_with_oracle(folder, kinds, lag, history):
    """The keys with action `start` of a random lake; a saved plan holds until the lake moves."""
    text = f"""
[datasets.a]
url = "lake"
key = "{{start:%Y-%m-%d}}"
adapter = "files"
format = "parquet"
lag = {lag}
min_rows = 2
settle = 600
history_start = 2025-11-{history:02}
runner = "r"
[runners.r]
command = ["true"]
"""
    lake = project(folder, text, now=dt.datetime(2025, 11, 7, tzinfo=dt.UTC))
    expected = []
    for number, kind in enumerate(kinds, 3):
        name = f"2025-11-{number:02}"
        arrange(folder, lake, name, kind)
        if kind in STARTED and number >= history and 7 - number >= lag:
            expected.append(name)
    keys = Window.between(dt.date(2025, 11, 3), dt.date(2025, 11, 2 + len(kinds)), dt.date(2025, 11, 7), lag)
    plan = lake.plan("a", keys)
    assert [key_text(day) for day in plan.days(Action.START)] == expected
    saved = SavedPlan.of(plan)
    assert saved.changes_since(lake.plan("a", keys)) == []
    write(folder, "2025-11-03")
    moved = saved.changes_since(lake.plan("a", keys))
    assert [change[:10] for change in moved] == ([] if kinds[0] == "complete" else ["2025-11-03"])


def arrange(folder: Path, lake: Project, name: str, kind: str) -> None:
    """Bring a partition into one state."""
    from smart_orchestrator.waiver_store import Waiver, waive

    path = folder / "lake" / name / "part-0.parquet"
    if kind == "waived":
        waive(
            lake.config.dataset("a"),
            lake.waiver_lake("a"),
            Waiver(dt.date.fromisoformat(name), "closed", "", None, NOW),
        )
    if kind in ("waived", "absent"):
        return
    write(folder, name)
    if kind == "empty":
        ROWS.clear().write_parquet(path)
    elif kind == "unreadable":
        path.write_bytes(b"PAR1 not Parquet PAR1")
    elif kind == "short":
        ROWS.head(1).write_parquet(path)
    if kind != "fresh":
        os.utime(path, (OLD, OLD))
    else:
        os.utime(path)


def test_a_plan_that_has_moved_names_the_changes(tmp_path):
    chain = project(tmp_path, CHAIN.replace("CUSTOMERS", ""))
    write(tmp_path, "customers/dt=2025-11-05")
    saved = SavedPlan.of(chain.plan("orders", window(5, 5)))
    path = tmp_path / "plan.json"
    import json

    path.write_text(json.dumps(saved.to_json()))
    assert SavedPlan.read(path) == saved
    write(tmp_path, "orders/dt=2025-11-05")
    with pytest.raises(PlanMoved) as caught:
        chain.apply_saved(path)
    assert caught.value.changes == ("2025-11-05 was MISSING (start), and is OK (keep)",)
    assert caught.value.exit_code == 5


def test_the_default_window_at_another_instant_keeps_to_the_days_of_the_consumer(tmp_path):
    from smart_orchestrator.cli.options import WindowOptions

    logs = project(tmp_path, HOURLY)
    window = WindowOptions(as_of="2025-03-31T09").window(logs, logs.config.dataset("logs"))
    assert str(window) == "2025-03-28T23 .. 2025-03-30T21"
    assert window.as_of == Grain.HOUR.parse("2025-03-31T09")


@pytest.mark.parametrize("days", [0, 100_000])
def test_a_wrong_number_of_days_of_an_hourly_dataset_is_an_error_about_the_days(tmp_path, days):
    from smart_orchestrator.cli.options import WindowOptions

    logs = project(tmp_path, HOURLY)
    with pytest.raises(WindowError) as caught:
        WindowOptions(days=days).window(logs, logs.config.dataset("logs"))
    assert (caught.value.field, caught.value.value) == ("days", days)
    largest = int(caught.value.problem.rpartition(" ")[2])
    longest = WindowOptions(days=largest).window(logs, logs.config.dataset("logs"))
    assert len(longest) == 24 * largest
    with pytest.raises(WindowError):
        WindowOptions(days=largest + 1).window(logs, logs.config.dataset("logs"))


def test_a_saved_plan_holds_when_the_same_files_have_become_old_enough(tmp_path):
    chain = project(tmp_path, CHAIN.replace("CUSTOMERS", "settle = 600"))
    write(tmp_path, "customers/dt=2025-11-05", "customers/dt=2025-11-06")
    path = tmp_path / "lake" / "customers" / "dt=2025-11-06" / "part-0.parquet"
    os.utime(path)
    saved = SavedPlan.of(chain.plan("customers", window(5, 6)))
    assert saved.steps["2025-11-06"]["code"] == "STILL_WRITING"
    settled = project(tmp_path, CHAIN.replace("CUSTOMERS", "settle = 0"))
    assert saved.changes_since(settled.plan("customers", window(5, 6))) == []

    ROWS.head(2).write_parquet(path)
    assert saved.changes_since(settled.plan("customers", window(5, 6))) == [
        "2025-11-06 was STILL_WRITING (wait), and is OK (keep)"
    ]


@pytest.mark.slow
def test_a_need_without_a_runner_is_waited_for_while_its_files_settle(tmp_path):
    chain = project(tmp_path, CHAIN.replace("CUSTOMERS", "settle = 4"))
    write(tmp_path, "customers/dt=2025-11-05", "customers/dt=2025-11-06", "orders/dt=2025-11-05")
    os.utime(tmp_path / "lake" / "customers" / "dt=2025-11-06" / "part-0.parquet")
    assert [key_text(day) for day in chain.plan("orders", window(5, 6)).days(Action.WAIT)] == days(6)
    done = chain.run("orders", window(5, 6), timeout=60)
    assert [key_text(run.day) for run in done.backfill.outcome.started] == days(6)
    assert done.backfill.completeness.ready


@pytest.mark.slow
def test_a_dataset_without_a_runner_is_waited_for_while_its_files_settle(tmp_path):
    chain = project(tmp_path, CHAIN.replace("CUSTOMERS", "settle = 4"))
    write(tmp_path, "customers/dt=2025-11-05", "customers/dt=2025-11-06")
    os.utime(tmp_path / "lake" / "customers" / "dt=2025-11-06" / "part-0.parquet")
    assert chain.run("customers", window(5, 6), timeout=60).backfill.completeness.ready
    os.utime(tmp_path / "lake" / "customers" / "dt=2025-11-06" / "part-0.parquet")
    assert not chain.run("customers", window(5, 6), timeout=0.1).backfill.completeness.ready
