"""Run the command of a consumer."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.model.grain import key_text
from smart_orchestrator.telemetry.lineage import LineageRun

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from smart_orchestrator.config.values import ConsumerConfig
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.window import Window

# Shells return this exit code for a command that cannot be started.
_CANNOT_START = 127


@dataclass(frozen=True, slots=True)
class ConsumerResult:
    """The result of one consumer.

    Attributes:
        name: the name of the consumer.
        exit_code: the exit code of the command; None when a window is not ready and the command was not started.
        reason: the reason why the command was not started or failed; empty when the command succeeded.
    """

    name: str
    exit_code: int | None
    reason: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the result as a JSON object."""
        return {"consumer": self.name, "exit_code": self.exit_code, "reason": self.reason}


def run_consumer(
    consumer: ConsumerConfig,
    window: Window,
    folder: Path,
    inputs: Sequence[tuple[Dataset, Completeness]] = (),
) -> ConsumerResult:
    """Run the command of a consumer, and send the lineage events of the run.

    `inputs` are the datasets that the consumer reads, with the checks of their windows.
    """
    lineage = LineageRun.start(consumer.name, inputs)
    result = _run_command(consumer, window, folder)
    if result.exit_code == 0:
        lineage.complete()
    else:
        lineage.fail(result.reason)
    return result


def _run_command(consumer: ConsumerConfig, window: Window, folder: Path) -> ConsumerResult:
    """In the folder `folder`, run the command of a consumer for a ready window, and wait until the command ends.

    The command is a list of arguments and is run without a shell. The output of the command goes to stderr, because stdout is
    reserved for the result of the orchestrator.
    """
    placeholders = {"{start}": key_text(window.start), "{end}": key_text(window.last)}
    command = list(consumer.command)
    for placeholder, value in placeholders.items():
        command = [argument.replace(placeholder, value) for argument in command]
    try:
        process = subprocess.run(command, cwd=folder, stdout=sys.stderr, check=False)
    except OSError as error:
        return ConsumerResult(
            consumer.name, _CANNOT_START, f"{command[0]} cannot be started ({error.strerror})"
        )
    reason = f"the command ended with exit code {process.returncode}" if process.returncode else ""
    return ConsumerResult(consumer.name, process.returncode, reason)
