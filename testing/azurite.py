"""Azurite, Microsoft's server like Azure Blob Storage, on a free port of this machine; `make test-azure` installs it.

Azurite is a package of npm and runs on the Node of a wheel. Both are in `.tools`, and no other test needs them.
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
# The account and the key that Azurite documents. They open nothing else.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
CONTAINER = "lake"
API_VERSION = "2021-08-06"
UP_WITHIN = 60.0


class AzuriteServer:
    """The port of the server, and the environment of its clients."""

    def __init__(self, port: int, folder: str = "") -> None:
        self.port = port
        self.url = f"az://{CONTAINER}/{folder}".rstrip("/")
        self.environment = {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{ACCOUNT}",
        }

    def at(self, folder: str) -> AzuriteServer:
        """The same server, with the URL of a folder of the container."""
        return AzuriteServer(self.port, folder)

    def create_container(self, name: str) -> None:
        """Create a container; obstore has no request for it."""
        date = dt.datetime.now(tz=dt.UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        headers = f"x-ms-date:{date}\nx-ms-version:{API_VERSION}\n"
        # Eleven empty standard headers, then ours; the account stands twice in the path of an emulator.
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
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status == 201, body


@contextmanager
def azurite_server(folder: Path) -> Iterator[AzuriteServer]:
    """A server with an empty container, until the block ends."""
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
        _wait_until_up(port, process, log)
        server = AzuriteServer(port)
        server.create_container(CONTAINER)
        yield server
    finally:
        process.terminate()
        process.wait()


def _wait_until_up(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + UP_WITHIN
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
