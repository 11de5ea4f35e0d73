"""A case of the corpus of faults: the fault, the command that meets it, and the expected result.

A case runs in its own folder and forked process, on a local lake or on S3. Whatever the fault, there is no traceback, no secret in any
output, one JSON document with `--json`, and no foreign file is changed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import subprocess
import sys
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
    from collections.abc import Callable, Mapping, Sequence

    from smart_orchestrator.store.base import Lake
    from testing.fork_server import ForkServer

# Every secret of a case holds this text, and no output may.
SECRET = "s3cr3t-of-the-faults"
DAY = dt.date(2025, 11, 5)
WINDOW = ("--start", "2025-11-05", "--end", "2025-11-05", "--as-of", "2025-11-12")
FOLDER = "diamond_final_2025_11_05.csv"
HEADER = "page,page_display,views,rank,link,category,location_type,location,latitude,longitude"
ROW = "A,A,100,1,https://en.wikipedia.org/wiki/A,Other,General,No specific location,,"
CSV = f"{HEADER}\n{ROW}\n".encode()


@dataclass
class Scene:
    """A lake and a working directory of one case.

    Attributes:
        folder: the working directory.
        lake_url: URL template of the lake, with `{layer}`.
        environ: further settings of the command.
        resources: servers and the like, closed when the case has run.
    """

    folder: Path
    lake_url: str
    environ: dict[str, str] = field(default_factory=dict)
    resources: ExitStack = field(default_factory=ExitStack)

    @property
    def diamond(self) -> Lake:
        """The diamond layer, to put objects into."""
        return open_lake(self.lake_url.replace("{layer}", "diamond"))

    @property
    def path(self) -> Path:
        """The partition's folder of `DAY` in a local lake."""
        return Path(self.lake_url.replace("{layer}", "diamond")) / FOLDER

    def put(self, name: str, data: bytes, *, folder: str = FOLDER) -> None:
        """Put an object below the partition of `DAY`."""
        self.diamond.put(f"{folder}/{name}", data)

    def commit(self, pages: int = 3, day: dt.date = DAY) -> None:
        """Commit a complete partition with our own writer."""
        rows = ranked({f"Page_{number}": 1000 * number for number in range(1, pages + 1)})
        dataset = layers(Settings(lake=self.lake_url)).diamond
        write_frame(dataset, day, pl.DataFrame(rows, schema=TYPES))

    def tree(self) -> dict[str, str]:
        """Every object of the lake's layers and the digest of its bytes."""
        digests: dict[str, str] = {}
        for layer in ("bronze", "silver", "gold", "diamond"):
            lake = open_lake(self.lake_url.replace("{layer}", layer))
            for info in lake.list(""):
                digests[f"{layer}/{info.key}"] = hashlib.sha256(lake.get(info.key)[0]).hexdigest()
        return digests


@dataclass(frozen=True)
class Ended:
    """The exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def day(self) -> Mapping[str, Any]:
        """The verdict on the first day of `check --json`."""
        days: list[Mapping[str, Any]] = self.json["days"]
        return days[0]


@dataclass(frozen=True)
class Fault:
    """A case of the corpus.

    Attributes:
        name: unique; the test's id.
        kind: the kind of faults that it belongs to.
        arrange: creates the fault.
        command: the arguments; with `--json` where the command has it.
        code: the exit code.
        verdict: state and code of the partition in `check --json`; None when the command prints none.
        says: expressions that must be found in stdout or stderr.
        stores: the stores of the lake.
        expect: further assertions on the scene and the result.
        tree_stays: whether no object of the lake may be changed, removed or added.
        timeout: seconds after which the command counts as hanging.
    """

    name: str
    kind: str
    arrange: Callable[[Scene], None]
    command: tuple[str, ...] = ("check", *WINDOW, "--json")
    code: int = 1
    verdict: tuple[str, str] | None = None
    says: tuple[str, ...] = ()
    stores: tuple[str, ...] = ("local", "s3")
    expect: Callable[[Scene, Ended], None] | None = None
    tree_stays: bool = True
    timeout: float = 120.0

    def run(self, scene: Scene, server: ForkServer) -> Ended:
        """Create the fault, run the command, and assert what holds for every case."""
        with scene.resources:
            return self._run(scene, server)

    def _run(self, scene: Scene, server: ForkServer) -> Ended:
        self.arrange(scene)
        before = scene.tree() if self.tree_stays else {}
        kept = {k: v for k, v in os.environ.items() if not k.startswith("WIKI_TRENDS_")}
        settings = {"WIKI_TRENDS_LAKE": scene.lake_url, "WIKI_TRENDS_LAKE_RETRIES": "0"}
        environ = kept | settings | scene.environ
        if any(name.startswith("PYTHON") for name in scene.environ):
            done = _run_in_new_interpreter(self.command, scene.folder, environ, self.timeout)
        else:
            done = server.run(self.command, cwd=scene.folder, env=environ, timeout=self.timeout)
        ended = Ended(
            done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        )
        everything = ended.out + ended.err
        assert "Traceback" not in everything, everything
        assert "panicked" not in everything, everything
        assert SECRET not in everything, everything
        assert ended.code == self.code, everything
        if "--json" in self.command and ended.code in (0, 1) and ended.out:
            json.loads(ended.out)
        if self.verdict is not None:
            assert (ended.day["state"], ended.day["code"]) == self.verdict, ended.out
        for expression in self.says:
            assert re.search(expression, everything), everything
        if self.tree_stays:
            assert scene.tree() == before
        if self.expect is not None:
            self.expect(scene, ended)
        return ended


def _run_in_new_interpreter(
    words: Sequence[str], folder: Path, environ: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "wiki_trends", *words],
        cwd=folder,
        env=environ,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=timeout,
        check=False,
    )
