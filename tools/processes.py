"""Start, kill and restart long-running programs with log files, and end the programs with all their child processes."""

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

# The seconds between SIGTERM and SIGKILL.
GRACE_SECONDS = 4.0


@dataclass
class Component:
    """One long-running program.

    Attributes:
        name: the name of the program in messages.
        command: the command that starts the program.
        environment: the complete environment of the process.
        log: the file to which the output is appended.
        sessions: the session id of each start of the program. `end` uses the ids to find the child processes.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    sessions: list[int] = field(default_factory=list, repr=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int | None:
        """The process id; None if the program does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start the program in a new session, unless it runs already."""
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
        """Send SIGKILL to the process, but not to its children, as the kernel does when memory runs out."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Kill the process and start the program again."""
        self.kill()
        self.start()

    def terminate(self) -> None:
        """Send SIGTERM to the process, without waiting for its end."""
        if self.pid is not None and self._process is not None:
            self._process.terminate()

    def tail(self, characters: int = 2000) -> str:
        """Return the last characters of the log."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""


def end(components: Sequence[Component], mark: str) -> None:
    """End all components and their children.

    The children are all processes in the sessions of the components, and all processes with an environment variable whose value
    is `mark`.
    """
    for component in components:
        component.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline and any(component.pid for component in components):
        time.sleep(0.05)
    for component in components:
        component.kill()
    sessions = {session for component in components for session in component.sessions}
    for _ in range(20):
        survivors = _survivors(sessions, mark)
        if not survivors:
            return
        for pid in survivors:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


def _survivors(sessions: set[int], mark: str) -> list[int]:
    import psutil

    survivors = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            # Some of Airflow's processes overwrite their environment with their title, so `mark` alone would not find them.
            if os.getsid(process.pid) in sessions or mark in process.environ().values():
                survivors.append(process.pid)
    return survivors


def program(name: str) -> str:
    """Return the path of a program in the Python environment of this process."""
    return str(Path(sys.executable).with_name(name))


def free_port() -> int:
    """Return an unused port of this machine."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
