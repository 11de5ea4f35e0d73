"""Measure the HTML report of a month: 30 days of a synthetic Wikimedia with a thousand pages, and a baseline of 28 earlier days.

The duration is that of the complete command, including the start of the process. For comparison, `--version` measures only the start
of the program.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.demo import PROGRAM
from benchmarks.timing import interleaved, measure
from smart_orchestrator.backfilling.reporter import SilentReporter
from smart_orchestrator.backfilling.state import Limits
from smart_orchestrator.model.window import Window
from wiki_trends.config.settings import Settings
from wiki_trends.jobs import main as main_job
from wiki_trends.sample import SampleOptions, SampleServer

if TYPE_CHECKING:
    from pathlib import Path

LAST_DAY = dt.date(2025, 11, 9)
DAYS, BASELINE_DAYS = 30, 28
LIMIT_S, LIMIT_MB = 2.0, 2.0


def report(folder: Path, rounds: int) -> dict[str, object]:
    """Return the median durations, the size of the report in MB, and the number of Wikipedia pages in the published scores."""
    settings = _publish_month(folder)
    location_options = ["--warehouse", settings.warehouse, "--lake", settings.lake]
    target = folder / "report.html"
    commands = {
        "report --html": [PROGRAM, "report", "--html", str(target), *location_options],
        "--version": [PROGRAM, "--version"],
    }
    timings = interleaved(commands, folder, rounds)
    export = [PROGRAM, "export", "wiki_trends_scores", "--format", "json", *location_options[:2]]
    _, _, exported = measure(export, folder)
    return {
        "days": DAYS,
        "pages": len(json.loads(exported)),
        "mb": target.stat().st_size / 1e6,
        "commands": {name: timing.to_json() for name, timing in timings.items()},
    }


def _publish_month(folder: Path) -> Settings:
    """Fetch and publish the days, and return the settings of their lake and warehouse."""
    folder.mkdir(parents=True)
    with SampleServer(SampleOptions()) as server:
        settings = replace(
            Settings(),
            lake=f"{folder}/lake/{{layer}}",
            warehouse=f"duckdb:///{folder}/warehouse.duckdb",
            state=f"{folder}/state",
            wikimedia_url=server.wikimedia_url,
            mediawiki_url=server.mediawiki_url,
            rate_per_minute=1_000_000,
        )
        days = [LAST_DAY - dt.timedelta(days=offset) for offset in range(DAYS + BASELINE_DAYS)]
        main_job.fetch_days(settings, days, Limits(2, attempts=1), SilentReporter())
    window = Window.of_days(DAYS, LAST_DAY + dt.timedelta(days=settings.max_lag), settings.max_lag)
    check_window = main_job.checker_of_window(settings, window)
    main_job.analyze_window(settings, completeness=check_window(), check_window=check_window)
    return settings
