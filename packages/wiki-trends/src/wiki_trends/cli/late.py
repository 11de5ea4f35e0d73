"""Print which days missed their deadlines: `check --late`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NoReturn

import typer

from smart_orchestrator.cli.exit_codes import DONE, INCOMPLETE
from smart_orchestrator.cli.late import late_document
from smart_orchestrator.cli.options import parse_moment
from smart_orchestrator.cli.printing import out, print_json
from smart_orchestrator.text.freshness import freshness_lines
from wiki_trends.jobs.main import checker_of_any_window
from wiki_trends.jobs.signals import announce_lateness, judge_days, write_metrics

if TYPE_CHECKING:
    from smart_orchestrator.model.window import Window
    from wiki_trends.config.settings import Settings


def print_late_and_exit(settings: Settings, window: Window, *, as_of: str | None, as_json: bool) -> NoReturn:
    """Check whether the newest days arrived in time, print the report, and end with exit code 1 if the objective is not met.

    Without `as_of`, the report is stored, the messages about incidents are sent, and the metrics of `window` are written.

    Raises:
        SettingError: the settings have no deadline.
    """
    check_window = checker_of_any_window(settings)
    now = parse_moment(as_of) or dt.datetime.now(tz=dt.UTC)
    report = judge_days(settings, check_window, now)
    if as_of is None:
        announce_lateness(settings, report)
        if settings.metrics_file:
            write_metrics(settings, check_window(window), report, now)
    if as_json:
        print_json(late_document([report], {}))
    else:
        out(freshness_lines(report))
    raise typer.Exit(DONE if report.met else INCOMPLETE)
