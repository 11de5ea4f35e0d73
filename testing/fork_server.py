"""Run commands of the two programs in forked processes, so that the libraries are imported only once.

Each command has its own process, working directory, environment and streams, so a command that crashes does not affect the next
command. A command writes to two files or, with `run_in_terminal`, to a pseudo-terminal. Environment variables that the interpreter reads at its start, such as `PYTHONIOENCODING`, have no effect here.
"""

from __future__ import annotations

import errno
import fcntl
import importlib
import json
import os
import pkgutil
import signal
import struct
import subprocess
import sys
import termios
import threading
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
        request = {"arguments": ["wiki-trends", *arguments], "cwd": str(cwd), "env": dict(env)}
        code = self._exit_code(request | {"timeout": int(timeout) or 1, "out": str(out), "err": str(err)})
        return subprocess.CompletedProcess(list(arguments), code, out.read_bytes(), err.read_bytes())

    def run_in_terminal(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        columns: int,
        timeout: float = 60,
    ) -> tuple[int, str]:
        """Run a program, the first of the arguments, in a pseudo-terminal. Return its exit code and its output."""
        controller, terminal = os.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        output: list[bytes] = []
        reader = threading.Thread(target=_read_until_closed, args=(controller, output))
        reader.start()
        name = os.ttyname(terminal)
        request = {"arguments": list(arguments), "cwd": str(cwd), "env": dict(env), "timeout": int(timeout)}
        code = self._exit_code(request | {"out": name, "err": name})
        os.close(terminal)
        reader.join()
        os.close(controller)
        return code, b"".join(output).decode().replace("\r\n", "\n")

    def _exit_code(self, request: dict[str, object]) -> int:
        """Send a request to the server, wait until its command ends, and return the exit code."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return int(self._server.stdout.readline())


def _read_until_closed(controller: int, output: list[bytes]) -> None:
    """Read what is written to a pseudo-terminal, until no process has the terminal open."""
    while True:
        try:
            output.append(os.read(controller, 65536))
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return


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
    from smart_orchestrator.cli import app as smart_orchestrator_app
    from wiki_trends.cli import app as wiki_trends_app

    signal.alarm(int(str(request["timeout"])))
    os.environ.clear()
    os.environ.update(request["env"])  # type: ignore[call-overload]
    os.chdir(str(request["cwd"]))
    for descriptor, path in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
        flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOCTTY
        file = os.open(str(path), flags, 0o600)
        os.dup2(file, descriptor)
        os.close(file)
    sys.argv = list(request["arguments"])  # type: ignore[call-overload]
    if sys.argv[0] == "wiki-trends":
        wiki_trends_app.main()
    smart_orchestrator_app.main()
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
