"""The containers of `compose.yaml` as one project: start, wait, inspect, restart, stop."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.compose_env import missing_lines
from tools.containers.engine import CommandFailed, run

if TYPE_CHECKING:
    from tools.containers.engine import Engine

ROOT = Path(__file__).parents[2]
FILES = (ROOT / "compose.yaml", ROOT / "tests" / "containers" / "override.yaml")
NAME = "wiki-trends"
HEALTHY_SECONDS = 1200.0


class Project:
    """The containers of `compose.yaml`, with passwords of their own.

    Attributes:
        engine: the container engine.
        values: the variables of the file `.env`.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.values = dict(line.split("=", 1) for line in missing_lines(""))
        self.values["WIKI_TRENDS_CONTACT"] = "tests@example.org"
        self._environment: dict[str, str] = {}
        self._options: list[str] = []

    @property
    def network(self) -> str:
        """The network of the containers."""
        return f"{NAME}_default"

    def up(self, *, celery: bool = False) -> float:
        """Build and start the containers, wait until all are healthy, and return the seconds of the wait.

        `docker-compose` 1.29 has no `--wait`, so a loop over the states of the containers stands in for it.

        Raises:
            CommandFailed: a container has ended, or is not healthy in time.
        """
        self._options = ["--profile", "celery"] if celery else []
        self._environment = {"AIRFLOW_EXECUTOR": "CeleryExecutor"} if celery else {}
        self._compose("up", "--build", "--detach", seconds=1500)
        started_at = time.monotonic()
        self.until_healthy()
        return time.monotonic() - started_at

    def down(self, *, volumes: bool = False) -> None:
        """Stop and remove the containers, and also the volumes if `volumes` is true."""
        self._compose("down", *(["--volumes"] if volumes else []))

    def until_healthy(self) -> None:
        """Wait until every container with a health check is healthy.

        Raises:
            CommandFailed: a container has ended, or is not healthy in time.
        """
        deadline = time.monotonic() + HEALTHY_SECONDS
        while True:
            waiting = [name for name, state in self.states().items() if state not in ("healthy", "running")]
            if not waiting:
                return
            if time.monotonic() > deadline:
                logs = [f"--- {name}\n{self.log(name)}" for name in waiting]
                msg = f"not healthy after {HEALTHY_SECONDS:g} s: {self.states()}\n" + "\n".join(logs)
                raise CommandFailed(msg)
            time.sleep(2)

    def states(self) -> dict[str, str]:
        """Return the state of each container by name: its health, or its status if it has no health check.

        A container that has ended with exit code 0, as `airflow-init` does, is left out.
        """
        states = {}
        for container in self._inspect():
            state = container["State"]
            health = state.get("Health", {}).get("Status")
            if state["Status"] == "exited" and state["ExitCode"] == 0:
                continue
            running = state["Status"] == "running"
            states[container["Name"].lstrip("/")] = health if health and running else state["Status"]
        return states

    def log(self, name: str, lines: int = 30) -> str:
        """Return the last lines of the output of a container."""
        result = self.engine.client("logs", "--tail", str(lines), name, check=False)
        return (result.stdout + result.stderr)[-3000:]

    def exec(
        self, line: str, *, check: bool = True, seconds: float = 1500
    ) -> subprocess.CompletedProcess[str]:
        """Run a documented line of a shell, such as `docker exec airflow-scheduler airflow dags list`."""
        return run(["sh", "-c", line], self.engine.environment, check=check, seconds=seconds)

    def restart(self, name: str) -> None:
        """Restart a container."""
        self.engine.client("restart", name)

    def published(self) -> list[tuple[str, int]]:
        """Return the address and the port of each port that a container publishes on this machine."""
        addresses = []
        for container in self._inspect():
            for bindings in (container["NetworkSettings"]["Ports"] or {}).values():
                addresses += [(item["HostIp"], int(item["HostPort"])) for item in bindings or ()]
        return sorted(addresses)

    def _inspect(self) -> list[dict[str, Any]]:
        ids = self.engine.client(
            "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={NAME}"
        ).stdout.split()
        containers: list[dict[str, Any]] = (
            json.loads(self.engine.client("inspect", *ids).stdout) if ids else []
        )
        return containers

    def _compose(self, *arguments: str, seconds: float = 600) -> None:
        file = self.engine.folder / "compose.env"
        file.write_text("".join(f"{name}={value}\n" for name, value in self.values.items()))
        file.chmod(0o600)
        command = [
            "docker-compose",
            "--project-name",
            NAME,
            "--project-directory",
            str(ROOT),
            "--env-file",
            str(file),
        ]
        for path in FILES:
            command += ["--file", str(path)]
        command += [*self._options, *arguments]
        run(command, self.engine.environment | self._environment, seconds=seconds)


def can_connect(address: str, port: int) -> bool:
    """Return whether a process listens on this address and port."""
    with socket.socket() as client:
        client.settimeout(3)
        return client.connect_ex((address, port)) == 0


def listeners(port: int) -> list[str]:
    """Return the local addresses on which processes of this machine listen on a port."""
    lines = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout.splitlines()
    addresses = [line.split()[3] for line in lines]
    return sorted(address for address in addresses if address.rpartition(":")[2] == str(port))
