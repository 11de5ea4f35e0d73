"""Run commands of `wiki-trends` in forked processes, so that the libraries are imported only once.

Each command has its own process, working directory, environment and streams, so a command that crashes does not affect the next
command. Environment variables that the interpreter reads at its start, such as `PYTHONIOENCODING`, have no effect here.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import smart_orchestrator
import wiki_trends

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class ForkServer:
    """A client of the server process. The server process has imported the product, and forks a new process for each command."""

    def __init__(self, server: subprocess.Popen[str], folder: Path) -> None:
        self._server = server
        self._folder = folder

    def run(
        self, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `wiki-trends` with these arguments. After `timeout` seconds, SIGALRM ends the process."""
        out, err = self._folder / "stdout", self._folder / "stderr"
        request = {
            "arguments": list(arguments),
            "cwd": str(cwd),
            "env": dict(env),
            "timeout": int(timeout) or 1,
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request | {"out": str(out), "err": str(err)}) + "\n")
        self._server.stdin.flush()
        code = int(self._server.stdout.readline())
        return subprocess.CompletedProcess(list(arguments), code, out.read_bytes(), err.read_bytes())


@contextmanager
def fork_server(folder: Path) -> Iterator[ForkServer]:
    """Run a fork server during the block. The server writes stdout and stderr of the commands to files in `folder`."""
    command = [sys.executable, "-m", "testing.fork_server"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[1], stdin=pipe, stdout=pipe, text=True
    ) as server:
        yield ForkServer(server, folder)
        assert server.stdin is not None
        server.stdin.close()


def _run_request(request: dict[str, object]) -> NoReturn:
    """In the forked process: apply the folder, environment and streams of a request, run its command, and exit."""
    from wiki_trends.cli.app import main

    signal.alarm(int(str(request["timeout"])))
    os.environ.clear()
    os.environ.update(request["env"])  # type: ignore[call-overload]
    os.chdir(str(request["cwd"]))
    for descriptor, path in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
        flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        file = os.open(str(path), flags, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    sys.argv = ["wiki-trends", *request["arguments"]]  # type: ignore[misc]
    main()
    sys.exit(0)


def _import_product() -> None:
    """Import both distributions and the libraries that they import lazily. None of the imports starts a thread."""
    for library in ("duckdb", "httpx2", "obstore", "polars", "smart_orchestrator", "wiki_trends"):
        importlib.import_module(library)
    for package in (smart_orchestrator, wiki_trends):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "airflow" not in module.name and not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def _serve() -> None:
    _import_product()
    for line in sys.stdin:
        process = os.fork()
        if not process:
            _run_request(json.loads(line))
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    _serve()
