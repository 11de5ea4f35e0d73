"""Measures wall and processor time of commands, interleaved, so that a busy machine slows all of them alike.

A command that fails raises `BenchmarkFailed`: the figure of a failure means nothing.
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
    """A measured command failed; the text ends with its last output."""


@dataclass(slots=True)
class Timed:
    """Seconds of each round of one command: wall clock, and processor time of it and its children."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def to_json(self) -> dict[str, float | int]:
        """Median and best of the wall clock, median of the processor time, number of rounds."""
        return {
            "rounds": len(self.wall),
            "median_s": round(median(self.wall), 4),
            "best_s": round(min(self.wall), 4),
            "cpu_s": round(median(self.cpu), 4),
        }


def interleaved(commands: Mapping[str, Sequence[str]], folder: Path, rounds: int) -> dict[str, Timed]:
    """Run each command once a round, one after the other, after a round that does not count."""
    timed = {name: Timed() for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            wall, cpu, _ = measure(command, folder)
            if number:
                timed[name].wall.append(wall)
                timed[name].cpu.append(cpu)
    return timed


def measure(command: Sequence[str], folder: Path) -> tuple[float, float, str]:
    """Run a command in a folder, without settings from outside: wall seconds, processor seconds, its output."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("WIKI_TRENDS_")}
    before, began = _children(), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    wall, cpu = time.perf_counter() - began, _children() - before
    if done.returncode != 0:
        raise BenchmarkFailed(
            f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()[-500:]}"
        )
    return wall, cpu, done.stdout


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
