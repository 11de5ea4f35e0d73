"""The demo: run the main job on a synthetic lake of eight days, with two days of the window missing.

The demo starts the sample API as a separate process on a free port, and needs no network. The demo writes only to one folder.
It replaces the folder of an earlier demo, and refuses any other folder that is not empty.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from urllib.request import urlopen

from smart_orchestrator.backfilling.reporter import SilentReporter
from smart_orchestrator.model.window import Window
from wiki_trends.config.settings import FILE_NAME, Settings
from wiki_trends.errors import SettingError, WikimediaUnreachable
from wiki_trends.jobs.main import CheckOptions, MainJob, fetch_days, run_main_job
from wiki_trends.jobs.runners import limits_of
from wiki_trends.wikimedia.page_views import RECENT_VIEWS_QUERY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smart_orchestrator.text.reporter import TextReporter
    from smart_orchestrator.text.reports import Line

# The days are fixed, so that the demo always shows the same window.
AS_OF = date(2025, 11, 12)
NEWEST_DAY = date(2025, 11, 9)
MISSING_DAYS = (date(2025, 11, 5), date(2025, 11, 6))
DAYS_IN_LAKE = 8
SAMPLE_API_PORT = 8899


@dataclass(frozen=True, slots=True)
class Demo:
    """The result of a demo.

    Attributes:
        job: the result of the main job.
        folder: the folder of the demo.
        warehouse: the URL of the warehouse in the folder.
        seconds: the seconds that each phase took, by the name of the phase.
    """

    job: MainJob
    folder: Path
    warehouse: str
    seconds: dict[str, float]

    def to_json(self) -> dict[str, object]:
        """Return the document that `demo --json` prints."""
        seconds = {name: round(value, 3) for name, value in self.seconds.items()}
        return {"folder": str(self.folder), **self.job.to_json(), "seconds": seconds}


def run_demo(folder: Path, reporter: TextReporter) -> Demo:
    """Fill a lake with eight days, but without two days of the window, and run the main job on the lake.

    Raises:
        SettingError: the folder is not empty, and does not contain an earlier demo.
        WikimediaUnreachable: the sample API did not start.
    """
    demo_started_at = time.monotonic()
    _prepare_folder(folder)
    with _sample_api(folder) as address:
        api_started_at = time.monotonic()
        settings = _demo_settings(folder, address)
        reporter.write(
            [(f"A synthetic Wikimedia answers at {address}; its log is {folder / 'sample-api.log'}.", "dim")]
        )
        _fill_lake(settings)
        reporter.write(
            [
                (
                    f"A lake of {DAYS_IN_LAKE} days up to {NEWEST_DAY} is in {folder / 'lake'}. The main job starts now:",
                    "",
                )
            ]
        )
        lake_filled_at = time.monotonic()
        window = Window.of_days(settings.days, AS_OF, settings.max_lag)
        limits = limits_of(settings)
        job = run_main_job(settings, window, CheckOptions(), limits, reporter)
    seconds = {
        "sample-api": api_started_at - demo_started_at,
        "lake": lake_filled_at - api_started_at,
        **job.seconds,
    }
    return Demo(job, folder, settings.warehouse, seconds)


def next_step_lines(demo: Demo) -> list[Line]:
    """Return the paths of the files that the demo wrote, and commands to try next."""
    folder = demo.folder
    steps = [
        (f"cd {shlex.quote(str(folder))}", f"its {FILE_NAME} names this lake"),
        (f"wiki-trends sample-api --port {SAMPLE_API_PORT} --today {AS_OF} &", "the synthetic Wikimedia"),
        ("rm -r lake/diamond/diamond_final_2025_11_07.csv", "removes one day from the lake"),
        (f"wiki-trends check --as-of {AS_OF}", "shows which day is missing, and why"),
        (f"wiki-trends run --as-of {AS_OF}", "fetches only that day"),
        ("wiki-trends report --html report.html", "one HTML file to share"),
    ]
    if shutil.which("wiki-trends") is None:
        steps.insert(
            0,
            (
                f"source {shlex.quote(str(Path(sys.executable).with_name('activate')))}",
                "puts wiki-trends on the PATH",
            ),
        )
    return [
        ("", ""),
        ("The files of the demo", "strong"),
        (f"  lake       {folder}/lake/{{bronze,silver,gold,diamond}}", ""),
        (f"  warehouse  {folder}/warehouse.duckdb", ""),
        (f"  runs       {folder}/state/runs.sqlite", ""),
        ("What to try next", "strong"),
        # A comment beside a command would make its line too long for a narrow terminal. The whole block can be copied.
        *(line for command, note in steps for line in ((f"  # {note}", "dim"), (f"  {command}", "command"))),
    ]


def _prepare_folder(folder: Path) -> None:
    try:
        _replace_folder(folder)
    except OSError as error:
        raise SettingError(
            name="folder",
            value=str(folder),
            origin="--folder",
            problem=f"cannot be written ({error.strerror})",
            fix="Name a folder that you can write to.",
        ) from error


def _replace_folder(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        # Only a demo writes both files, so a folder with both can be deleted.
        if not (folder / FILE_NAME).is_file() or not (folder / "sample-api.log").is_file():
            raise SettingError(
                name="folder",
                value=str(folder),
                origin="--folder",
                problem="contains files that are not from a demo",
                fix="Name a new folder, or empty it.",
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE_NAME).write_text(
        f'lake = "lake/{{layer}}"\nwarehouse = "duckdb:///warehouse.duckdb"\nstate = "state"\n'
        f'wikimedia_url = "http://127.0.0.1:{SAMPLE_API_PORT}/api/rest_v1"\n'
        f'mediawiki_url = "http://127.0.0.1:{SAMPLE_API_PORT}/{{project}}/w/api.php"\nrate_per_minute = 1000000\n',
        encoding="utf-8",
    )


@contextmanager
def _sample_api(folder: Path) -> Iterator[str]:
    """Run a sample API during the block, and yield its address."""
    command = [sys.executable, "-m", "wiki_trends", "sample-api", "--port", "0", "--today", str(AS_OF)]
    with (
        (folder / "sample-api.log").open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        try:
            # The sample API starts while this process imports its slowest module.
            import_module("polars")
            address = process.stdout.readline().strip() if process.stdout else ""
            if not address:
                raise WikimediaUnreachable(url="the sample API", attempts=1, reason="it did not start")
            threading.Thread(target=_warm_up_sample_api, args=(address,), daemon=True).start()
            yield address
        finally:
            process.terminate()


def _warm_up_sample_api(address: str) -> None:
    """Request the slow responses of the sample API while the lake is filled, so that the sample API has cached them for the main job.

    The slow responses are the views of the last 60 days, the causes of the rises, and the views in the weeks around the same days a year
    before.
    """
    action_api, days = f"{address}/en.wikipedia/w/api.php", "daily/20241025/20241124"
    views = (
        f"{address}/api/rest_v1/metrics/pageviews/per-article/en.wikipedia/all-access/user/Main_Page/{days}"
    )
    queries = (
        {**RECENT_VIEWS_QUERY, "titles": "Main_Page"},
        {"list": "logevents", "lestart": f"{NEWEST_DAY}"},
    )
    for url in (*(f"{action_api}?{urlencode(query)}" for query in queries), views):
        # A failure does not matter: the main job sends its own requests.
        with suppress(OSError), urlopen(url) as response:  # noqa: S310 - this host
            response.read()


def _demo_settings(folder: Path, address: str) -> Settings:
    root = folder.absolute()
    return replace(
        Settings(),
        lake=f"{root}/lake/{{layer}}",
        warehouse=f"duckdb:///{root}/warehouse.duckdb",
        state=f"{root}/state",
        wikimedia_url=f"{address}/api/rest_v1",
        mediawiki_url=f"{address}/{{project}}/w/api.php",
        rate_per_minute=1_000_000,
    )


def _fill_lake(settings: Settings) -> None:
    """Fill the lake with the newest `DAYS_IN_LAKE` days other than `MISSING_DAYS`."""
    days: list[date] = []
    day = NEWEST_DAY
    while len(days) < DAYS_IN_LAKE:
        if day not in MISSING_DAYS:
            days.append(day)
        day -= timedelta(days=1)
    limits = replace(limits_of(settings), attempts=1)
    # The first day runs alone, and caches the pages that are in the lists of all days. Days that run at the same time would each request
    # these pages.
    for days_together in (days[:1], days[1:]):
        fetch_days(settings, days_together, limits, SilentReporter())
