"""Azurite, Microsoft's emulator of Azure Blob Storage, on a free port of this machine. `make test-azure` installs Azurite.

Azurite is a package of npm, and runs on the Node of a wheel. Both are in `.tools`, and only `make test-azure` needs them.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import http.client
import os
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TOOLS = Path(__file__).parents[1] / ".tools"
# The account and the key that Azurite documents. They are public, and valid only for Azurite.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
CONTAINER = "lake"
API_VERSION = "2021-08-06"
STARTUP_SECONDS = 60.0


class AzuriteServer:
    """The port and the URL of the server, and the environment variables of its clients."""

    def __init__(self, port: int, folder: str = "") -> None:
        self.port = port
        self.url = f"az://{CONTAINER}/{folder}".rstrip("/")
        self.environment = {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{ACCOUNT}",
        }

    def at(self, folder: str) -> AzuriteServer:
        """Return the same server, with the URL of a folder of the container."""
        return AzuriteServer(self.port, folder)

    def create_container(self, name: str) -> None:
        """Create a container. obstore has no function that does so."""
        date = dt.datetime.now(tz=dt.UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        headers = f"x-ms-date:{date}\nx-ms-version:{API_VERSION}\n"
        # The signed text contains eleven empty standard headers, and then these two. The path of an emulator contains the account
        # twice.
        text = "PUT" + "\n" * 12 + headers + f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
        signature = base64.b64encode(
            hmac.digest(base64.b64decode(KEY), text.encode(), hashlib.sha256)
        ).decode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(
            "PUT",
            f"/{ACCOUNT}/{name}?restype=container",
            headers={
                "x-ms-date": date,
                "x-ms-version": API_VERSION,
                "Content-Length": "0",
                "Authorization": f"SharedKey {ACCOUNT}:{signature}",
            },
        )
        response = connection.getresponse()
        body = response.read()
        connection.close()
        assert response.status == 201, body


@contextmanager
def azurite_server(folder: Path) -> Iterator[AzuriteServer]:
    """Run a server with an empty container during the block, with its data in `folder`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        str(TOOLS / "node" / "bin" / "node"),
        str(TOOLS / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"),
        "--blobHost=127.0.0.1", f"--blobPort={port}", f"--location={folder}", "--silent", "--disableTelemetry", "--skipApiVersionCheck",
    ]  # fmt: skip
    log = folder / "azurite.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=os.environ | {"HOME": str(folder)}
        )
    try:
        _wait_until_started(port, process, log)
        server = AzuriteServer(port)
        server.create_container(CONTAINER)
        yield server
    finally:
        process.terminate()
        process.wait()


def _wait_until_started(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
