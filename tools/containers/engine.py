"""A container engine of its own for the tests: Debian's `docker.io`, with a data folder and a socket that nothing else uses.

The engine runs in a namespace of processes and of mounts. When its first process ends, the kernel ends all containers and removes
all mounts. Its bridges and its rules of the firewall are removed at the end.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tools.debian import install, may_install

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

PACKAGES = ("docker.io", "docker-compose", "debootstrap", "iptables")
PROGRAMS = ("dockerd", "docker-compose", "debootstrap", "iptables")
# Debian's client fits Debian's engine: a newer client elsewhere on the path needs a plug-in for builds.
CLIENT = "/usr/bin/docker"
BRIDGE = "docker0"
IP_FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
START_SECONDS = 60.0
STOP_SECONDS = 60.0


class NoEngine(RuntimeError):
    """No container engine can run here. The message says why."""


def require() -> None:
    """Install the engine if it is missing.

    Raises:
        NoEngine: this process may not install or run an engine.
    """
    if os.geteuid() != 0:
        msg = "it needs root: an engine mounts file systems and creates networks. Run it as root on Debian or Ubuntu."
        raise NoEngine(msg)
    if all(shutil.which(program) for program in PROGRAMS) and Path(CLIENT).exists():
        return
    if not may_install():
        msg = f"it needs {', '.join(PACKAGES)}, packages of Debian and Ubuntu, and this system has no apt."
        raise NoEngine(msg)
    try:
        install(PACKAGES)
    except subprocess.CalledProcessError as error:
        msg = f"apt could not install {', '.join(PACKAGES)}: {error}"
        raise NoEngine(msg) from error


class Engine:
    """A running engine. Leaving the context stops its containers and removes its networks.

    Attributes:
        folder: the folder of the images, volumes and logs of the engine.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._socket = folder / "docker.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self._interfaces = _interfaces()
        self._forwarding = IP_FORWARDING.read_text()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of clients of this engine. It has no variable of the caller except the path."""
        return {
            "PATH": f"{Path(CLIENT).parent}:{os.environ.get('PATH', '')}",
            "HOME": str(self.folder),
            "DOCKER_HOST": f"unix://{self._socket}",
            "DOCKER_BUILDKIT": "1",
            "COMPOSE_DOCKER_CLI_BUILD": "1",
            "BUILDKIT_PROGRESS": "plain",
        }

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._socket.unlink(missing_ok=True)
        (self.folder / "docker.pid").unlink(missing_ok=True)
        namespaces = [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ]
        paths = {"data-root": "data", "exec-root": "exec", "pidfile": "docker.pid"}
        command = [*namespaces, "dockerd", "--host", f"unix://{self._socket}"]
        command += [f"--{option}={self.folder / name}" for option, name in paths.items()]
        with (self.folder / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while self.client("version", check=False).returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._stop()
                msg = f"dockerd did not start:\n{(self.folder / 'dockerd.log').read_text()[-2000:]}"
                raise NoEngine(msg)
            time.sleep(0.5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def client(
        self,
        *arguments: str,
        check: bool = True,
        seconds: float = 600,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker` with these arguments.

        Raises:
            CommandFailed: the exit code is not 0, and `check` is true.
        """
        return run(
            ["docker", *arguments], self.environment | dict(environment or {}), check=check, seconds=seconds
        )

    def _stop(self) -> None:
        process = self._process
        if process is None:
            return
        # `unshare` ignores signals; its only child is the engine.
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        for pid in children.read_text().split() if process.poll() is None else ():
            os.kill(int(pid), signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None
        for name in _interfaces() - self._interfaces:
            if name == BRIDGE or name.startswith("br-"):
                subprocess.run(["ip", "link", "delete", name], check=False)
        _remove_firewall_rules()
        IP_FORWARDING.write_text(self._forwarding)


class CommandFailed(RuntimeError):
    """A command has failed. The message contains the command, its exit code and the end of its output."""


def run(
    command: Sequence[str], environment: Mapping[str, str], *, check: bool = True, seconds: float = 600
) -> subprocess.CompletedProcess[str]:
    """Run a command with the lowest priority but one, and return its output.

    Raises:
        CommandFailed: the exit code is not 0, and `check` is true; or the time is over.
    """
    try:
        result = subprocess.run(
            ["nice", "-n", "15", *command],
            env=dict(environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        msg = f"`{' '.join(command)}` did not end within {seconds:g} s"
        raise CommandFailed(msg) from error
    if check and result.returncode:
        msg = f"`{' '.join(command)}` exited with {result.returncode}:\n{(result.stdout + result.stderr)[-4000:]}"
        raise CommandFailed(msg)
    return result


def _interfaces() -> set[str]:
    return {path.name for path in Path("/sys/class/net").iterdir()}


def _remove_firewall_rules() -> None:
    """Remove the chains of the engine and the rules that jump to them, and let packets pass again."""
    subprocess.run(["iptables", "-P", "FORWARD", "ACCEPT"], check=False)
    for table in ("filter", "nat"):
        rules = subprocess.run(
            ["iptables", "-t", table, "-S"], capture_output=True, text=True, check=False
        ).stdout.splitlines()
        own = [rule for rule in rules if "DOCKER" in rule or BRIDGE in rule or "br-" in rule]
        for action in ("-A", "-N"):
            for rule in own:
                if rule.startswith(action):
                    removal = rule.replace(action, {"-A": "-D", "-N": "-X"}[action], 1)
                    with contextlib.suppress(OSError):
                        subprocess.run(
                            ["iptables", "-t", table, *removal.split()], check=False, capture_output=True
                        )
