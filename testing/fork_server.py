"""Runs the command line in forked processes: the libraries are imported once, not once a command.

Each command has a process of its own, with its own folder, environment and streams, so a fault that ends a process ends
only that one. What the interpreter reads at its start (`PYTHONIOENCODING`, for one) needs a new interpreter instead.
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
    """The process that imports the product once and forks for each command."""

    def __init__(self, server: subprocess.Popen[str], folder: Path) -> None:
        self._server = server
        self._folder = folder

    def run(
        self, words: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
    ) -> subprocess.CompletedProcess[bytes]:
        """`wiki-trends` with these words; a process that lasts longer than `timeout` seconds ends by SIGALRM."""
        out, err = self._folder / "stdout", self._folder / "stderr"
        request = {"words": list(words), "cwd": str(cwd), "env": dict(env), "timeout": int(timeout) or 1}
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request | {"out": str(out), "err": str(err)}) + "\n")
        self._server.stdin.flush()
        code = int(self._server.stdout.readline())
        return subprocess.CompletedProcess(list(words), code, out.read_bytes(), err.read_bytes())


@contextmanager
def fork_server(folder: Path) -> Iterator[ForkServer]:
    """A server that writes the streams of its commands to files in `folder`."""
    command = [sys.executable, "-m", "testing.fork_server"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=Path(__file__).parents[1], stdin=pipe, stdout=pipe, text=True
    ) as server:
        yield ForkServer(server, folder)
        assert server.stdin is not None
        server.stdin.close()


def _become(request: dict[str, object]) -> NoReturn:
    """In the forked process: take the folder, environment and streams of the request, and run the command."""
    from wiki_trends.cli.app import main

    signal.alarm(int(str(request["timeout"])))
    os.environ.clear()
    os.environ.update(request["env"])  # type: ignore[call-overload]
    os.chdir(str(request["cwd"]))
    for number, path in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
        flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        opened = os.open(str(path), flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = ["wiki-trends", *request["words"]]  # type: ignore[misc]
    main()
    sys.exit(0)


def _import_the_product() -> None:
    """Import both distributions and what they import lazily; none of it starts a thread that a command needs."""
    for library in ("duckdb", "httpx2", "obstore", "polars", "smart_orchestrator", "wiki_trends"):
        importlib.import_module(library)
    for package in (smart_orchestrator, wiki_trends):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "airflow" not in module.name and not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def _serve() -> None:
    _import_the_product()
    for line in sys.stdin:
        process = os.fork()
        if not process:
            _become(json.loads(line))
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    _serve()
