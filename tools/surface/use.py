"""Uses the product in an empty folder, and records the documents and exit codes of its commands."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from tools.surface.subject import AS_OF, HERE, NEVER, PROGRAM
from wiki_trends.cli.app import run_command
from wiki_trends.config.settings import env_name
from wiki_trends.sample import SampleOptions, SampleServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Product:
    """The product in a folder of its own: runs commands, and records their documents and exit codes."""

    folder: Path
    documents: dict[str, list[object]] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)

    def run(self, name: str, *words: str) -> Any:
        """Run a command and record its document as one more example of those of this name.

        Raises:
            RuntimeError: it did not print a document.
        """
        code, out, err = self.execute(*words)
        self._note(name if words[0] in ("explain", "page") else " ".join(words), code)
        try:
            document = json.loads(out)
        except ValueError:
            message = f"{PROGRAM} {' '.join(words)}: exit code {code}, no document\n{out}{err}"
            raise RuntimeError(message) from None
        self.documents.setdefault(name, []).append(document)
        return document

    def record_code(self, *words: str, **environ: str) -> None:
        """Run a command with these settings, and record only its exit code."""
        variables = {env_name(name): value for name, value in environ.items()}
        with mock.patch.dict(os.environ, variables):
            settings = "".join(f"{name}={value} " for name, value in variables.items())
            self._note(settings + " ".join(words), self.execute(*words)[0])

    def execute(self, *words: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a command."""
        with captured() as streams:
            code = run_command(words)
        out, err = streams
        return code, out, err

    def _note(self, command: str, code: int) -> None:
        before = self.codes.get(command, "")
        self.codes[command] = f"{before}, {code}" if before and before != str(code) else str(code)


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """An empty working directory, without settings from outside."""
    environ = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("WIKI_TRENDS_", "AWS_", "AIRFLOW_"))
    }
    # Help is laid out for the width of a terminal.
    environ["COLUMNS"] = "100"
    with (
        tempfile.TemporaryDirectory(prefix="surface-") as folder,
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, environ, clear=True),
    ):
        yield Path(folder)


@contextlib.contextmanager
def sample(latency: float = 0.0) -> Iterator[dict[str, str]]:
    """Serve a synthetic Wikimedia; the settings that lead to it."""
    with SampleServer(SampleOptions(today=AS_OF, never=(NEVER,), latency=latency)) as server:
        yield {
            env_name("wikimedia_url"): server.wikimedia_url,
            env_name("mediawiki_url"): server.mediawiki_url,
            env_name("rate_per_minute"): "1000000",
        }


@contextlib.contextmanager
def captured() -> Iterator[list[str]]:
    """Capture stdout and stderr; the list has both texts after the block."""
    printed: list[str] = []
    # Exports write bytes.
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        yield printed
    for stream in streams:
        stream.seek(0)
        printed.append(stream.read())


def use(product: Product) -> str:
    """Run every command that has a document, in a lake with holes that are filled; a title of the lake."""
    as_of = ("--as-of", AS_OF.isoformat())
    thorough = ("--strays", "--deep", "--volume")
    run = product.run
    run("fetch", "fetch", *HERE, "--json")
    (product.folder / "data/lake/diamond/diamond_final_2025_13_01.csv").mkdir()
    (product.folder / "data/lake/diamond/diamond_final_2025_13_01.csv/part-0.csv").touch()
    run("check", "check", *as_of, *thorough, "--json")
    run("plan", "plan", *as_of, "--json")
    run("backfill", "backfill", "--start", NEVER.isoformat(), "--end", "2025-10-31", *as_of, "--json")
    run("plan", "plan", "--start", NEVER.isoformat(), "--end", "2025-11-03", *as_of, "--json")
    run("run", "run", "--start", NEVER.isoformat(), "--end", "2025-11-01", *as_of, "--json")
    run("analyze", "analyze", "--days", "3", *as_of, "--json")
    run("run", "run", *as_of, "--json")
    run("check", "check", *as_of, *thorough, "--json")
    run("fetch --refresh", "fetch", "--refresh", "2025-11-05", "--json")
    run("check --consumed", "check", "--consumed", "--json")
    # The lake no longer has what was published.
    shutil.rmtree(product.folder / "data/lake/diamond/diamond_final_2025_11_07.csv")
    run("check --consumed", "check", "--consumed", "--json")
    run("report", "report", "--json")
    run("report --html", "report", "--html", "report.html", "--json")
    for measure in ("score", "growth", "views"):
        top = run("top", "top", "--by", measure, "--limit", "25", "--json")
    titles = [page["page"] for page in top["pages"]]
    for title in titles[:10]:
        run("explain", "explain", title, "--json")
    for title in titles[:5]:
        run("page", "page", title, "--json")
    run("excluded", "excluded", "2025-11-08", "--json")
    waived = ("waive", NEVER.isoformat())
    run("waive", *waived, "--reason", "never", "--by", "me", "--until", "2027-01-01", "--json")
    run("check", "check", "--start", NEVER.isoformat(), "--end", "2025-11-10", *as_of, "--json")
    run("waive --list", "waive", "--list", "--json")
    run("waive --remove", *waived, "--remove", "--json")
    (product.folder / "data/lake/silver/cleaned_2025_11_08.parquet/part-left.parquet").touch()
    run("vacuum", "vacuum", "--older-than", "0m", "--dry-run", "--json")
    run("vacuum", "vacuum", "--older-than", "0m", "--json")
    run("doctor", "doctor", "--json")
    run("doctor --settings", "doctor", "--settings", "--json")
    run("demo", "demo", "--json")
    run("airflow dags", "airflow", "dags", "--json")
    run("airflow dags --write", "airflow", "dags", "--write", ".", "--json")
    run("sample-api --truth", "sample-api", "--truth", "--start", "2025-11-08", "--end", "2025-11-09")
    return str(titles[0])


def use_broken(product: Product) -> None:
    """Cause failures, for the exit codes and for the document of a day that is given up."""
    as_of = ("--as-of", AS_OF.isoformat())
    unreachable = "http://127.0.0.1:9"
    product.record_code()
    product.record_code("--help")
    product.record_code("--version")
    product.record_code("no-such-command")
    product.record_code("check", "--no-such-option")
    product.record_code("check", "--days", "none")
    product.record_code("check", "--days", "1", *as_of)
    product.record_code("check", lake="ftp://{layer}")
    product.record_code("check", laek="data")
    product.record_code("plan", *as_of, runner="airflow", airflow_url=unreachable)
    product.record_code("fetch", "2025-11-09", wikimedia_url="https://wikimedia.org/api/rest_v1")
    product.record_code("fetch", "--refresh", "2025-11-09", wikimedia_url=unreachable, deadline="0.2")
    product.record_code("report", warehouse="duckdb:///none.duckdb")
    product.record_code("report", warehouse="postgresql://user:secret@127.0.0.1:9/none")
    product.record_code("analyze", "--start", NEVER.isoformat(), "--end", "2025-11-01", *as_of)
    product.record_code("page", "No such page")
    product.record_code("export", "no_such_table")
    product.record_code("airflow", "dags", "--write", "no-such-folder")
    with sample(latency=0.3) as address, mock.patch.dict(os.environ, address):
        product.run("fetch", "fetch", "--refresh", "2025-11-01", "--timeout", "0.1", "--json")
        # The run continues after the command has timed out: wait for it, so that the lake stays until it ends.
        product.execute("fetch", "2025-11-01")
