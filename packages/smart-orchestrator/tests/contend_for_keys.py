"""Processes that contend for the same keys, and are killed at random: python contend_for_keys.py RUNNER FOLDER TRIALS CONTENDERS URL.

Each trial has a folder of its own. Its contenders start runs until every key is complete. All but the first are killed at random
moments; `killed` in the folder lists their process ids. The contenders are forks, so that a trial costs no imports.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import httpx2  # noqa: F401 - imported once, before the contenders are forked
from contended_run import run_key

from smart_orchestrator.adapters.base import inspect_key
from smart_orchestrator.runners.airflow import AirflowRunner
from smart_orchestrator.runners.airflow_client import AirflowApi
from smart_orchestrator.runners.command import CommandRunner
from smart_orchestrator.runners.local import LocalRunner
from testing.airflow_server import DAG_ID, TOKEN
from testing.lakes import WINDOW, plain

RUN = str(Path(__file__).with_name("contended_run.py"))
KEYS = list(WINDOW)[:3]


def runner_of(kind, folder: Path, dataset, url):
    if kind == "local":
        return LocalRunner(
            dataset, lambda day: run_key(str(folder), dataset.lake, str(day)), folder / "state"
        )
    if kind == "command":
        return CommandRunner(
            [sys.executable, "-I", "-S", RUN, str(folder), dataset.lake, "{key}"],
            state_dir=folder / "state",
            identity="contended",
            is_complete=lambda day: inspect_key(dataset, day).available,
        )
    return AirflowRunner(dataset, AirflowApi(url, token=TOKEN), DAG_ID)


def contend(kind, folder: Path, url) -> None:
    dataset = plain(str(folder / "lake"))
    runner = runner_of(kind, folder, dataset, url)
    while keys := [day for day in KEYS if not inspect_key(dataset, day).available]:
        runs = [runner.start(day) for day in keys]
        while any(run.in_flight for run in runs):
            runner.wait(0.02)
            runs = runner.poll(runs)
    # A key becomes complete a moment before its run ends.
    while any(run.in_flight for run in runner.latest(KEYS).values()):
        runner.wait(0.02)


def fork(kind, folder: Path, url) -> int:
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        contend(kind, folder, url)
        code = 0
    finally:
        os._exit(code)


def main(kind, folder, trials, contenders, url) -> None:
    chance = random.Random(f"{kind} 20251105")
    for trial in range(int(trials)):
        live = Path(folder, str(trial))
        live.mkdir()
        Path(folder, "current").write_text(str(trial))
        processes = [fork(kind, live, url) for _ in range(int(contenders))]
        for process in processes[1:]:
            time.sleep(chance.random() * 0.3 * 3 / (int(contenders) - 1))
            os.kill(process, signal.SIGKILL)
        codes = [os.waitpid(process, 0)[1] for process in processes]
        (live / "killed").write_text(" ".join(map(str, processes[1:])))
        assert codes[0] == 0, (trial, codes)


if __name__ == "__main__":
    main(*sys.argv[1:6])
