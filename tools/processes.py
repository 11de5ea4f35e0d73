"""Processes that are started, killed and started again, each with its log; and nothing of them left at the end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# A process that was asked to end gets so many seconds to do it.
GRACE = 4.0


@dataclass
class Component:
    """One long-running program.

    Attributes:
        name: what it is called in messages.
        command: how it is started.
        environment: all of it.
        log: where its output is appended.
        sessions: of each time it was started; what it has started is in one of them, or in its environment.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    sessions: list[int] = field(default_factory=list, repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        """Its process, None while it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start it, with a process group of its own."""
        if self.pid is not None:
            return
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.sessions.append(self._process.pid)

    def kill(self) -> None:
        """SIGKILL for the process itself; what it started lives on, as it does when a machine runs out of memory."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    def ask_to_end(self) -> None:
        """SIGTERM, without waiting."""
        if self.pid is not None and self._process is not None:
            self._process.terminate()

    def tail(self, characters: int = 2000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""


def end(components: Sequence[Component], mark: str) -> None:
    """End them all, and whatever they have started.

    That is every process of their sessions, and every other one with `mark` in its environment.
    """
    for component in components:
        component.ask_to_end()
    deadline = time.monotonic() + GRACE
    while time.monotonic() < deadline and any(component.pid for component in components):
        time.sleep(0.05)
    for component in components:
        component.kill()
    sessions = {number for component in components for number in component.sessions}
    for _ in range(20):
        left = _left(sessions, mark)
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


def _left(sessions: set[int], mark: str) -> list[int]:
    import psutil

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            # Some of Airflow's processes write their title over their environment.
            if os.getsid(process.pid) in sessions or mark in process.environ().values():
                found.append(process.pid)
    return found


def program(name: str) -> str:
    """A program of the environment that this runs in."""
    return str(Path(sys.executable).with_name(name))


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
