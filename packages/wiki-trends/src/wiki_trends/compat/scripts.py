"""The three scripts that README.md documents: report and fetch missing days, analyse, and show the trends.

The scripts have the exit codes of the command `wiki-trends`. They print both progress and results to stdout, as one dialogue.
They ask questions and use colours only on a terminal.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import TYPE_CHECKING, NoReturn

from smart_orchestrator.backfilling.reporter import SilentReporter
from smart_orchestrator.cli.exit_codes import DONE, INCOMPLETE, UNREACHABLE, exit_process
from smart_orchestrator.cli.streams import install_streams
from wiki_trends.cli.output import print_to_stderr_if_stdout_failed
from wiki_trends.cli.program import documented_script
from wiki_trends.compat.functions import check_window, dates_to_fetch, report_lines
from wiki_trends.config.settings import load
from wiki_trends.jobs.progress import show_progress

if TYPE_CHECKING:
    import datetime as dt
    from argparse import Namespace
    from collections.abc import Callable, Sequence

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.model.run import Run
    from smart_orchestrator.model.window import Window
    from smart_orchestrator.text.reporter import TextReporter
    from smart_orchestrator.text.reports import Line
    from wiki_trends.config.settings import Settings


def check_and_fetch_data() -> NoReturn:
    """Run the script `check_and_fetch_data.py`."""
    _run_script(_check_and_fetch, "check_and_fetch_data.py")


def run_analytics() -> NoReturn:
    """Run the script `run_analytics.py`."""
    _run_script(_run_analytics, "run_analytics.py")


def show_analytics_report() -> NoReturn:
    """Run the script `show_analytics_report.py`."""
    _run_script(_show_report, "show_analytics_report.py")


def _run_script(script: Callable[[Sequence[str]], int], file: str) -> NoReturn:
    """Run a script with the arguments of the process, and end the process."""
    install_streams()
    arguments = sys.argv[1:]
    program = documented_script(file, debug="--debug" in arguments)
    exit_process(program.run(lambda: script(arguments), arguments))


def _check_and_fetch(arguments: Sequence[str]) -> int:
    parser = _make_parser(
        "Report which of the last days are in the lake, and fetch those that are not.",
        "Exit codes: 0 nothing is missing; 1 days are missing; 2 wrong usage; 3 a service is unreachable; 4 a bug in wiki-trends.",
    )
    _add_window_options(parser)
    parser.add_argument("--auto", action="store_true", help="fetch without asking")
    options = parser.parse_args(arguments)
    settings = load({"days": options.days})
    window = _window_of(settings, options)
    completeness = check_window(settings, window)
    reporter = _stdout_reporter()
    reporter.write(report_lines(settings, completeness, "They have to be fetched:"))
    if not completeness.missing:
        # Without missing days, the window can still have fewer days than the policy requires, or include a day within the lag.
        return DONE if completeness.ready else INCOMPLETE
    reporter.write(_age_lines(completeness))
    if not options.auto and not _confirm(reporter, len(completeness.missing)):
        return INCOMPLETE
    return _fetch_missing_days(settings, window, reporter)


def _fetch_missing_days(settings: Settings, window: Window, reporter: TextReporter) -> int:
    from smart_orchestrator.model.run import Failure
    from wiki_trends.jobs.main import checker_of_window, fill
    from wiki_trends.jobs.runners import limits_of

    result = fill(
        settings, checker_of_window(settings, window), limits_of(settings), _DialogueReporter(reporter)
    )
    completeness = result.completeness
    if not completeness.missing:
        reporter.write([("All dates were fetched; analytics can be run: python run_analytics.py", "good")])
        return DONE
    missing_days = ", ".join(day.isoformat() for day in reversed(completeness.missing))
    reporter.write([(f"Still missing: {missing_days}. Coverage: {completeness.coverage_pct:.1f} %.", "bad")])
    is_unreachable = any(run.failure is Failure.UNREACHABLE for run in result.outcome.failed)
    return UNREACHABLE if is_unreachable else INCOMPLETE


def _run_analytics(arguments: Sequence[str]) -> int:
    from wiki_trends.jobs.main import analyze_window, checker_of_window

    parser = _make_parser(
        "Compute the trends of the last days, when they are complete, and show them.",
        "Exit codes: 0 done; 1 days are missing; 2 wrong usage; 3 a service is unreachable; 4 a bug in wiki-trends.",
    )
    _add_window_options(parser)
    options = parser.parse_args(arguments)
    settings = load({"days": options.days})
    run_check = checker_of_window(settings, _window_of(settings, options))
    with show_progress():
        analysis = analyze_window(settings, completeness=run_check(), check_window=run_check)
    rows = analysis.rows
    lines: list[Line] = [
        (f"Combined records: {rows['wiki_trends_timeseries']:,}", ""),
        (f"Common articles: {rows['wiki_trends_growth']:,}", ""),
        ("", ""),
    ]
    _stdout_reporter().write(lines)
    print_to_stderr_if_stdout_failed(lines)
    return _print_trends(settings)


def _show_report(arguments: Sequence[str]) -> int:
    _make_parser(
        "Show the trends of the window that was published last.",
        "Exit codes: 0 done; 1 nothing has been published; 2 wrong usage; 3 a service is unreachable; 4 a bug in wiki-trends.",
    ).parse_args(arguments)
    return _print_trends(load())


def _print_trends(settings: Settings) -> int:
    from wiki_trends.report.build import build_report
    from wiki_trends.report.terminal import write
    from wiki_trends.warehouse import open_warehouse

    write(build_report(open_warehouse(settings.warehouse)), sys.stdout)
    return DONE


def _make_parser(description: str, epilog: str) -> ArgumentParser:
    parser = ArgumentParser(description=description, epilog=epilog, allow_abbrev=False)
    parser.add_argument("--debug", action="store_true", help="print the traceback of an unexpected error")
    return parser


def _add_window_options(parser: ArgumentParser) -> None:
    parser.add_argument("--days", metavar="N", help="number of days (default: WIKI_TRENDS_DAYS, 5)")
    parser.add_argument("--as-of", metavar="DAY", help="the UTC day that counts as today, YYYY-MM-DD")


def _window_of(settings: Settings, options: Namespace) -> Window:
    from functools import partial

    from wiki_trends.config.window_options import window_of
    from wiki_trends.jobs.upstream import lag_at

    return window_of(settings, as_of=options.as_of, lag_at=partial(lag_at, settings))


def _age_lines(completeness: Completeness) -> list[Line]:
    lines: list[Line] = []
    for item in dates_to_fetch(completeness):
        age = "1 day" if item["days_ago"] == 1 else f"{item['days_ago']} days"
        lines.append((f"  {item['date']}: {age} ago", ""))
    return lines


def _stdout_reporter() -> TextReporter:
    from smart_orchestrator.text.reporter import TextReporter

    return TextReporter(sys.stdout)


def _confirm(reporter: TextReporter, missing_count: int) -> bool:
    """Ask the user whether to fetch the missing days. Without a terminal, the answer is no."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        reporter.write(
            [("Nothing was fetched: there is no terminal to ask on. Add --auto to fetch.", "warn")]
        )
        return False
    dates = "this date" if missing_count == 1 else f"these {missing_count} dates"
    while True:
        try:
            answer = input(f"Fetch {dates} now? (y/n) ").strip().lower()
        except EOFError:
            answer = "n"
            reporter.write([("", "")])
        if answer in ("y", "yes"):
            return True
        if answer in ("n", "no"):
            reporter.write([("Nothing was fetched.", "warn")])
            return False


class _DialogueReporter(SilentReporter):
    """A reporter that prints numbered lines about the start, the wait and the outcome of each day: `[2/5] 2024-03-30 …`.

    In each method, `progress` is the number of finished days and the number of days to run.
    """

    def __init__(self, reporter: TextReporter) -> None:
        self._reporter = reporter
        self._numbers: dict[dt.date, int] = {}

    def checked(self, completeness: Completeness) -> None:
        """Print nothing, because the script has already printed the report."""

    def planned(self, plan: Plan) -> None:
        """Print a line for each missing day that the backfill does not run."""
        from smart_orchestrator.model.plan import Action

        for step in plan.steps:
            if step.action in (Action.GIVE_UP, Action.WAIT):
                self._reporter.write([(f"{step.day}: not started, {step.why}", "warn")])

    def started(self, run: Run, progress: tuple[int, int]) -> None:
        """Print that the run has started, and that the script waits for it."""
        self._write(run.day, progress, f"started (run {run.name})")
        self._write(run.day, progress, "waiting for it to end")

    def followed(self, run: Run, progress: tuple[int, int]) -> None:
        """Print that another process runs the day, and that the script waits for this run."""
        self._write(run.day, progress, f"is run by another process, waiting for it (run {run.name})")

    def filled(self, partition: Partition, run: Run | None, progress: tuple[int, int]) -> None:
        """Print that the day is complete, and how long its run took."""
        seconds = ""
        if run is not None and run.started_at is not None and run.ended_at is not None:
            seconds = f" in {(run.ended_at - run.started_at).total_seconds():.1f} s"
        self._write(partition.day, progress, f"done, {partition.reason}{seconds}", "good")

    def failed(self, run: Run, progress: tuple[int, int], *, again: bool) -> None:
        """Print why the run failed, and whether the day will be retried."""
        next_step = "trying again" if again else "giving up"
        text = f"failed ({run.failure}): {run.message} -- {next_step}"
        self._write(run.day, progress, text, "warn" if again else "bad")

    def _write(self, day: dt.date, progress: tuple[int, int], text: str, style: str = "") -> None:
        # Days are numbered in the order in which they first appear; a retried day keeps its number.
        number = self._numbers.setdefault(day, len(self._numbers) + 1)
        _finished, total = progress
        self._reporter.write([(f"[{number}/{max(number, total)}] {day} {text}", style)])
