"""Measure the wall time and the processor time of commands.

The runs of several commands are interleaved, so that other load on the machine affects all commands equally. A command that fails
raises `BenchmarkFailed`, because the duration of a failed command has no meaning.
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class BenchmarkFailed(Exception):
    """A measured command has failed. The message ends with the last output of the command."""


@dataclass(slots=True)
class Timed:
    """The durations of one command.

    Attributes:
        wall: the wall time of each round, in seconds.
        cpu: the processor time of the command and its children in each round, in seconds.
    """

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def to_json(self) -> dict[str, float | int]:
        """Return the median and the minimum of the wall time, the median of the processor time, and the number of rounds."""
        return {
            "rounds": len(self.wall),
            "median_s": round(median(self.wall), 4),
            "best_s": round(min(self.wall), 4),
            "cpu_s": round(median(self.cpu), 4),
        }


def interleaved(commands: Mapping[str, Sequence[str]], folder: Path, rounds: int) -> dict[str, Timed]:
    """Run each command once in every round, and return the durations by the name of the command.

    An additional first round is not measured.
    """
    timed = {name: Timed() for name in commands}
    for round_number in range(rounds + 1):
        for name, command in commands.items():
            wall, cpu, _ = measure(command, folder)
            if round_number:
                timed[name].wall.append(wall)
                timed[name].cpu.append(cpu)
    return timed


def measure(command: Sequence[str], folder: Path) -> tuple[float, float, str]:
    """Run a command in a folder, without the settings in the caller's environment.

    Returns:
        The wall time and the processor time in seconds, and the output of the command.
    """
    # An installed package has compiled modules. Without them, a command would compile its modules in every round.
    environ = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("WIKI_TRENDS_") and key != "PYTHONDONTWRITEBYTECODE"
    }
    cpu_before, started_at = _children_cpu_seconds(), time.perf_counter()
    completed = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    wall, cpu = time.perf_counter() - started_at, _children_cpu_seconds() - cpu_before
    if completed.returncode != 0:
        raise BenchmarkFailed(
            f"{' '.join(command)} ended with {completed.returncode}: {completed.stderr.strip()[-500:]}"
        )
    return wall, cpu, completed.stdout


def _children_cpu_seconds() -> float:
    """Return the processor time of all ended child processes, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
