"""A test case of the corpus of faults: a fault, a command that encounters the fault, and the expected result.

A case runs in a folder and a forked process of its own, on a local lake or on S3. Every case also asserts that the output contains
neither a traceback nor a secret, that `--json` prints one JSON document, and that no object of the lake changes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from smart_orchestrator.committing.writer import write_frame
from smart_orchestrator.store.opening import open_lake
from testing.window_data import TYPES, ranked
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.store.base import Lake
    from testing.fork_server import ForkServer

# Every secret of a case contains this text, which no output may contain.
SECRET = "s3cr3t-of-the-faults"
DAY = dt.date(2025, 11, 5)
WINDOW = ("--start", "2025-11-05", "--end", "2025-11-05", "--as-of", "2025-11-12")
# The folder, the header and a row of the partition of `DAY` in the diamond layer.
FOLDER = "diamond_final_2025_11_05.csv"
HEADER = "page,page_display,views,rank,link,category,location_type,location,latitude,longitude"
ROW = "A,A,100,1,https://en.wikipedia.org/wiki/A,Other,General,No specific location,,"
CSV = f"{HEADER}\n{ROW}\n".encode()


# Large contents are made when a case runs, because pytest imports the cases in each of its workers.
Content = bytes | Callable[[], bytes]


def bytes_of(content: Content) -> bytes:
    """Return the bytes of a part or another file of a case."""
    return content() if callable(content) else content


@dataclass
class Scene:
    """The lake and the working directory of one case.

    Attributes:
        folder: the working directory.
        lake_url: the URL template of the lake, with `{layer}`.
        environ: additional environment variables of the command.
        resources: the servers and other resources to close after the case.
    """

    folder: Path
    lake_url: str
    environ: dict[str, str] = field(default_factory=dict)
    resources: ExitStack = field(default_factory=ExitStack)

    @property
    def diamond(self) -> Lake:
        """The diamond layer of the lake."""
        return open_lake(self.lake_url.replace("{layer}", "diamond"))

    @property
    def path(self) -> Path:
        """The folder of the partition of `DAY` in a local lake."""
        return Path(self.lake_url.replace("{layer}", "diamond")) / FOLDER

    def put(self, name: str, data: bytes, *, folder: str = FOLDER) -> None:
        """Put an object into `folder` of the diamond layer, by default into the partition of `DAY`."""
        self.diamond.put(f"{folder}/{name}", data)

    def commit(self, pages: int = 3, day: dt.date = DAY) -> None:
        """Commit a complete partition with the writer of the product."""
        rows = ranked({f"Page_{number}": 1000 * number for number in range(1, pages + 1)})
        dataset = layers(Settings(lake=self.lake_url)).diamond
        write_frame(dataset, day, pl.DataFrame(rows, schema=TYPES))

    def digests(self) -> dict[str, str]:
        """Return the digest of each object of the lake, by layer and key."""
        digests: dict[str, str] = {}
        for layer in ("bronze", "silver", "gold", "diamond"):
            lake = open_lake(self.lake_url.replace("{layer}", layer))
            for info in lake.list(""):
                digests[f"{layer}/{info.key}"] = hashlib.sha256(lake.get(info.key)[0]).hexdigest()
        return digests


@dataclass(frozen=True)
class CommandResult:
    """The exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)

    @property
    def day(self) -> Mapping[str, Any]:
        """The first day in the document of `check --json`."""
        days: list[Mapping[str, Any]] = self.json["days"]
        return days[0]


@dataclass(frozen=True)
class Fault:
    """A case of the corpus.

    Attributes:
        name: the unique name of the case, which is the id of the test.
        kind: the group of faults to which the case belongs.
        arrange: a function that creates the fault.
        command: the arguments of the command, with `--json` if the command has this option.
        code: the expected exit code.
        state_and_code: the expected state and code of the partition in `check --json`; None for another command.
        output_patterns: regular expressions that stdout or stderr must match.
        stores: the kinds of lake on which the case runs.
        expect: a function with additional assertions about the scene and the result.
        lake_unchanged: whether the command must not add, change or remove an object of the lake.
        timeout: the seconds after which the command counts as hanging.
    """

    name: str
    kind: str
    arrange: Callable[[Scene], None]
    command: tuple[str, ...] = ("check", *WINDOW, "--json")
    code: int = 1
    state_and_code: tuple[str, str] | None = None
    output_patterns: tuple[str, ...] = ()
    stores: tuple[str, ...] = ("local", "s3")
    expect: Callable[[Scene, CommandResult], None] | None = None
    lake_unchanged: bool = True
    timeout: float = 120.0

    def run(self, scene: Scene, server: ForkServer) -> CommandResult:
        """Create the fault, run the command, and check the result."""
        with scene.resources:
            return self._run(scene, server)

    def _run(self, scene: Scene, server: ForkServer) -> CommandResult:
        self.arrange(scene)
        digests_before = scene.digests() if self.lake_unchanged else {}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("WIKI_TRENDS_")}
        settings = {"WIKI_TRENDS_LAKE": scene.lake_url, "WIKI_TRENDS_LAKE_RETRIES": "0"}
        environ = inherited | settings | scene.environ
        if any(name.startswith("PYTHON") for name in scene.environ):
            completed = _run_in_new_interpreter(self.command, scene.folder, environ, self.timeout)
        else:
            completed = server.run(self.command, cwd=scene.folder, env=environ, timeout=self.timeout)
        result = CommandResult(
            completed.returncode,
            completed.stdout.decode("utf-8", "replace"),
            completed.stderr.decode("utf-8", "replace"),
        )
        output = result.out + result.err
        assert "Traceback" not in output, output
        assert "panicked" not in output, output
        assert SECRET not in output, output
        assert result.code == self.code, output
        if "--json" in self.command and result.code in (0, 1) and result.out:
            json.loads(result.out)
        if self.state_and_code is not None:
            assert (result.day["state"], result.day["code"]) == self.state_and_code, result.out
        for pattern in self.output_patterns:
            assert re.search(pattern, output), output
        if self.lake_unchanged:
            assert scene.digests() == digests_before
        if self.expect is not None:
            self.expect(scene, result)
        return result


def _run_in_new_interpreter(
    arguments: Sequence[str], folder: Path, environ: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "wiki_trends", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        check=False,
    )
