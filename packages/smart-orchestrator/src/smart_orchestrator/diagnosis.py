"""Check the configuration, the state folder, the datasets and the commands of a project, with one finding for each."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.config.runners import CommandConfig
from smart_orchestrator.expected_error import USAGE, ExpectedError
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from smart_orchestrator.project import Project
    from smart_orchestrator.text.reports import Line


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        subject: the thing that was checked, such as `dataset orders`.
        text: the description of its state, or of the problem and the fix.
        exit_code: 0 when the check succeeded, otherwise the exit code of the error.
    """

    subject: str
    text: str
    exit_code: int = 0

    def line(self) -> Line:
        """Return the finding as a line of text with a style."""
        mark, style = ("fail", "bad") if self.exit_code else ("ok", "good")
        return f"{mark:<5} {self.subject}: {self.text}", style

    def to_json(self) -> dict[str, object]:
        """Return the finding as a JSON object."""
        return {"subject": self.subject, "ok": not self.exit_code, "text": self.text}


def diagnose(project: Project) -> list[Finding]:
    """Check the configuration, the state folder, every dataset and every command of a project."""
    config = project.config
    findings = [
        Finding(
            "configuration",
            f"{config.path}: {_format_count(len(config.datasets), 'dataset')}, {_format_count(len(config.runners), 'runner')}",
        ),
        _run_check("state", lambda: f"{project.runs_recorded()} runs recorded in {config.state}"),
    ]
    findings += [
        _run_check(f"dataset {name}", _newest_partition_check(project, name)) for name in config.datasets
    ]
    return [*findings, *_check_commands(project)]


def _newest_partition_check(project: Project, name: str) -> Callable[[], str]:
    """Return a function that checks the newest expected partition of a dataset."""

    def check() -> str:
        dataset = project.config.dataset(name)
        window = Window.of_last(1, project.as_of(dataset), project.lag(dataset), dataset.grain)
        partition = project.check(name, window, strays=False).partitions[0]
        state = f"{partition.state.value} ({partition.code.value})"
        return f"the lake answers; {key_text(window.last)} is {state}"

    return check


def _check_commands(project: Project) -> Iterator[Finding]:
    """Check whether the runners and the commands of the consumers can be started."""
    config = project.config
    folder = config.path.absolute().parent
    for name, runner in config.runners.items():
        if isinstance(runner, CommandConfig):
            yield _check_program(f"runner {name}", runner.command[0], folder)
    for name, dataset in config.datasets.items():
        # Any other kind of runner is created for one dataset, so it is checked for each dataset.
        if dataset.runner and not isinstance(config.runners[dataset.runner], CommandConfig):
            yield _run_check(f"runner {dataset.runner} of {name}", partial(_runner_state, project, name))
    for name, consumer in config.consumers.items():
        yield _check_program(f"consumer {name}", consumer.command[0], folder)


def _check_program(subject: str, program: str, folder: Path) -> Finding:
    """Check whether a program can be started in a folder."""
    path = str(folder / program) if os.sep in program and not Path(program).is_absolute() else program
    if shutil.which(path) is None:
        fix = "Install the program, or write its full path in the command."
        return Finding(subject, f"{program} is not a program that can be started. {fix}", USAGE)
    return Finding(subject, f"{program} can be started")


def _runner_state(project: Project, name: str) -> str:
    """Return the capacity of the runner of a dataset. This fails if the function cannot be imported, or if the DAG is switched off."""
    return f"at most {project.runner(name).capacity()} runs in flight"


def _run_check(subject: str, check: Callable[[], str]) -> Finding:
    """Run a check, and return its text or its expected error as a finding."""
    try:
        return Finding(subject, check())
    except ExpectedError as error:
        return Finding(subject, str(error), error.exit_code)


def _format_count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
