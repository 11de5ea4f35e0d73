"""Run the commands of the product in an empty folder, and record their JSON documents and exit codes."""

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

from tools.surface.subject import AS_OF, FETCHED_DAYS, PROGRAM, UNPUBLISHED_DAY
from wiki_trends.cli.app import run_command
from wiki_trends.config.settings import env_name
from wiki_trends.sample import SampleOptions, SampleServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Product:
    """Runs commands in a folder, and records the documents and exit codes.

    Attributes:
        folder: the working directory of the commands.
        documents: the JSON documents that a command printed, by the name of the command.
        codes: the exit codes of each command line, as text.
    """

    folder: Path
    documents: dict[str, list[object]] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)

    def run(self, name: str, *arguments: str) -> Any:
        """Run a command, record its exit code and its document, and return the document.

        Raises:
            RuntimeError: the command did not print a JSON document.
        """
        code, out, err = self.execute(*arguments)
        self._record_code(name if arguments[0] in ("explain", "page") else " ".join(arguments), code)
        try:
            document = json.loads(out)
        except ValueError:
            message = f"{PROGRAM} {' '.join(arguments)}: exit code {code}, no document\n{out}{err}"
            raise RuntimeError(message) from None
        self.documents.setdefault(name, []).append(document)
        return document

    def record_code(self, *arguments: str, **environ: str) -> None:
        """Run a command with settings, and record only the exit code. `environ` contains the settings by name."""
        variables = {env_name(name): value for name, value in environ.items()}
        with mock.patch.dict(os.environ, variables):
            settings = "".join(f"{name}={value} " for name, value in variables.items())
            self._record_code(settings + " ".join(arguments), self.execute(*arguments)[0])

    def execute(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command, and return its exit code, stdout and stderr."""
        with captured() as streams:
            code = run_command(arguments)
        out, err = streams
        return code, out, err

    def _record_code(self, command: str, code: int) -> None:
        before = self.codes.get(command, "")
        self.codes[command] = f"{before}, {code}" if before and before != str(code) else str(code)


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """Change to an empty working directory during the block, without the caller's settings in the environment."""
    environ = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("WIKI_TRENDS_", "AWS_", "AIRFLOW_"))
    }
    # The layout of the help depends on the width of the terminal.
    environ["COLUMNS"] = "100"
    with (
        tempfile.TemporaryDirectory(prefix="surface-") as folder,
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, environ, clear=True),
    ):
        yield Path(folder)


@contextlib.contextmanager
def sample(latency: float = 0.0) -> Iterator[dict[str, str]]:
    """Serve a synthetic Wikimedia during the block, and yield the environment variables with its addresses."""
    with SampleServer(SampleOptions(today=AS_OF, never=(UNPUBLISHED_DAY,), latency=latency)) as server:
        yield {
            env_name("wikimedia_url"): server.wikimedia_url,
            env_name("mediawiki_url"): server.mediawiki_url,
            env_name("rate_per_minute"): "1000000",
        }


@contextlib.contextmanager
def captured() -> Iterator[list[str]]:
    """Capture stdout and stderr during the block. After the block, the yielded list contains both texts."""
    texts: list[str] = []
    # The streams need a buffer for bytes, because exports write bytes.
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        yield texts
    for stream in streams:
        stream.seek(0)
        texts.append(stream.read())


def run_all_commands(product: Product) -> str:
    """Run every command that prints a JSON document. Return the title of a page in the lake."""
    as_of = ("--as-of", AS_OF.isoformat())
    thorough_options = ("--strays", "--deep", "--volume")
    run = product.run
    run("fetch", "fetch", *FETCHED_DAYS, "--json")
    (product.folder / "data/lake/diamond/diamond_final_2025_13_01.csv").mkdir()
    (product.folder / "data/lake/diamond/diamond_final_2025_13_01.csv/part-0.csv").touch()
    run("check", "check", *as_of, *thorough_options, "--json")
    run("plan", "plan", *as_of, "--json")
    run(
        "backfill",
        "backfill",
        "--start",
        UNPUBLISHED_DAY.isoformat(),
        "--end",
        "2025-10-31",
        *as_of,
        "--json",
    )
    run("plan", "plan", "--start", UNPUBLISHED_DAY.isoformat(), "--end", "2025-11-03", *as_of, "--json")
    run("run", "run", "--start", UNPUBLISHED_DAY.isoformat(), "--end", "2025-11-01", *as_of, "--json")
    run("analyze", "analyze", "--days", "3", *as_of, "--json")
    run("run", "run", *as_of, "--json")
    run("check", "check", *as_of, *thorough_options, "--json")
    run("fetch --refresh", "fetch", "--refresh", "2025-11-05", "--json")
    run("check --consumed", "check", "--consumed", "--json")
    # Remove a published day, so that the next comparison finds a change.
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
    waived = ("waive", UNPUBLISHED_DAY.isoformat())
    run("waive", *waived, "--reason", "never", "--by", "me", "--until", "2027-01-01", "--json")
    run("check", "check", "--start", UNPUBLISHED_DAY.isoformat(), "--end", "2025-11-10", *as_of, "--json")
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


def run_failing_commands(product: Product) -> None:
    """Run commands that fail, and record their exit codes and the document of an abandoned day."""
    as_of = ("--as-of", AS_OF.isoformat())
    unreachable_url = "http://127.0.0.1:9"
    product.record_code()
    product.record_code("--help")
    product.record_code("--version")
    product.record_code("no-such-command")
    product.record_code("check", "--no-such-option")
    product.record_code("check", "--days", "none")
    product.record_code("check", "--days", "1", *as_of)
    product.record_code("check", lake="ftp://{layer}")
    product.record_code("check", laek="data")
    product.record_code("plan", *as_of, runner="airflow", airflow_url=unreachable_url)
    product.record_code("fetch", "2025-11-09", wikimedia_url="https://wikimedia.org/api/rest_v1")
    product.record_code("fetch", "--refresh", "2025-11-09", wikimedia_url=unreachable_url, deadline="0.2")
    product.record_code("report", warehouse="duckdb:///none.duckdb")
    product.record_code("report", warehouse="postgresql://user:secret@127.0.0.1:9/none")
    product.record_code("analyze", "--start", UNPUBLISHED_DAY.isoformat(), "--end", "2025-11-01", *as_of)
    product.record_code("page", "No such page")
    product.record_code("export", "no_such_table")
    product.record_code("airflow", "dags", "--write", "no-such-folder")
    with sample(latency=0.3) as address, mock.patch.dict(os.environ, address):
        product.run("fetch", "fetch", "--refresh", "2025-11-01", "--timeout", "0.1", "--json")
        # The run continues after the time-out of the command. This command waits for the run, before the folder is removed.
        product.execute("fetch", "2025-11-01")
