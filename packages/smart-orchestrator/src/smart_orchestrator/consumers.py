"""Run the command of a consumer."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smart_orchestrator.model.grain import key_text

if TYPE_CHECKING:
    from pathlib import Path

    from smart_orchestrator.config import ConsumerConfig
    from smart_orchestrator.model.window import Window

# The exit code that shells give a command that cannot be started.
_NOT_STARTED = 127


@dataclass(frozen=True, slots=True)
class ConsumerResult:
    """The result of one consumer.

    Attributes:
        name: the consumer's name.
        exit_code: of its command; None when it was not started, because a window is not ready.
        reason: why it was not started, or why it failed; empty otherwise.
    """

    name: str
    exit_code: int | None
    reason: str = ""

    def to_json(self) -> dict[str, object]:
        """The result as a JSON object."""
        return {"consumer": self.name, "exit_code": self.exit_code, "reason": self.reason}


def run_consumer(consumer: ConsumerConfig, window: Window, folder: Path) -> ConsumerResult:
    """Run the command of a consumer for a window that is ready, in `folder`, and wait for its end.

    The command is a list of arguments and never passes through a shell. Its output goes to stderr, since stdout is for the
    result of the orchestrator.
    """
    values = {"{start}": key_text(window.start), "{end}": key_text(window.last)}
    command = list(consumer.command)
    for field, value in values.items():
        command = [text.replace(field, value) for text in command]
    try:
        done = subprocess.run(command, cwd=folder, stdout=sys.stderr, check=False)
    except OSError as error:
        return ConsumerResult(
            consumer.name, _NOT_STARTED, f"{command[0]} cannot be started ({error.strerror})"
        )
    reason = f"its command ended with exit code {done.returncode}" if done.returncode else ""
    return ConsumerResult(consumer.name, done.returncode, reason)
