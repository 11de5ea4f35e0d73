"""`wiki-trends`: parse, call, print. No logic lives here, and nothing heavy is imported before it is needed.

stdout is for results (`--json` gives one document), stderr for progress and logs. Exit codes: 0 done; 1 finished, but
the window is not complete or a day failed; 2 wrong usage or configuration; 3 a service that it needs is unreachable;
130 interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - Typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from wiki_trends.cli import airflow_dags, options
from wiki_trends.cli import fetch as cli_fetch
from wiki_trends.cli import rules as cli_rules
from wiki_trends.cli import serve as cli_serve
from wiki_trends.cli import tools as cli_tools
from wiki_trends.cli import trends as cli_trends
from wiki_trends.cli.options import WindowOptions, check_options, settings_of
from wiki_trends.cli.output import (
    DONE,
    INCOMPLETE,
    USAGE,
    err,
    exit_after,
    log_to_stderr,
    out,
    print_json,
    print_report,
    reporter_on,
    write_html_report,
)
from wiki_trends.jobs.progress import show_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wiki_trends.config.settings import Settings

app = typer.Typer(
    name="wiki-trends",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"wiki-trends {version('wiki-trends')}\n")
        raise typer.Exit(DONE)


@app.callback()
def program(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_show_version),
    ] = False,
) -> None:
    """Check a daily lake of Wikipedia's most-viewed pages, backfill what is missing, analyse it when it is whole."""
    del version


@app.command(
    short_help="Which days of the window are there, and why not.",
    epilog="Example: wiki-trends check --days 5 --as-of 2025-11-12",
)
def check(
    days: options.Days = None,
    as_of: options.AsOf = None,
    start: options.Start = None,
    end: options.End = None,
    lag: options.Lag = None,
    min_coverage: options.MinCoverage = 100.0,
    min_days: options.MinDays = 1,
    allow_lag: options.AllowLag = False,
    deep: options.Deep = False,
    shallow: options.Shallow = False,
    strays: options.Strays = False,
    volume: options.Volume = False,
    strict: options.Strict = False,
    calendar: Annotated[
        bool, typer.Option("--calendar", help="Draw weeks by weekdays, a mark a state.")
    ] = False,
    watermark: Annotated[
        bool, typer.Option("--watermark", help="Print only the last day up to which nothing is missing.")
    ] = False,
    consumed: Annotated[
        bool, typer.Option("--consumed", help="Say which days changed since the last publish, instead.")
    ] = False,
    project: options.Project = None,
    access: options.Access = None,
    lake: options.LakeUrl = None,
    warehouse: options.WarehouseUrl = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
) -> None:
    """Say which days of the window are there, and why the others are not. Exit code 1 when it is not ready."""
    from wiki_trends.cli import check_output as checks
    from wiki_trends.jobs.main import checker

    given = WindowOptions(days, as_of, start, end)
    settings = settings_of(given, lag=lag, project=project, access=access, lake=lake, warehouse=warehouse)
    if consumed:
        _compare_with_publish(settings, as_json=as_json)
    closely = check_options(
        min_coverage=min_coverage,
        min_days=min_days,
        allow_lag=allow_lag,
        deep=deep,
        shallow=shallow,
        strays=strays,
        volume=volume,
        strict=strict,
    )
    found = checker(settings, given.window(settings), closely)()
    if as_json:
        print_json(checks.to_json(found))
    elif watermark:
        out(checks.watermark_lines(found))
    elif calendar:
        reporter_on(sys.stdout).write_rows(checks.calendar_of(found))
    else:
        out(checks.report_lines(found))
    if verbose:
        err(checks.request_lines(found))
    raise typer.Exit(DONE if found.ready else INCOMPLETE)


@app.command(
    short_help="What a backfill would do, and why.",
    epilog="Example: wiki-trends plan --days 30",
)
def plan(
    days: options.Days = None,
    as_of: options.AsOf = None,
    start: options.Start = None,
    end: options.End = None,
    lag: options.Lag = None,
    project: options.Project = None,
    access: options.Access = None,
    lake: options.LakeUrl = None,
    as_json: options.AsJson = False,
) -> None:
    """Say what a backfill would do about each day, and why, without doing it."""
    from smart_orchestrator.text.reports import plan_lines
    from wiki_trends.jobs.main import checker, plan_of

    given = WindowOptions(days, as_of, start, end)
    settings = settings_of(given, lag=lag, project=project, access=access, lake=lake)
    made = plan_of(settings, checker(settings, given.window(settings)))
    if as_json:
        print_json(made.to_json())
    else:
        out(plan_lines(made, every=True))


@app.command(
    short_help="Run the pipeline for the days that need it.",
    epilog="Example: wiki-trends backfill --start 2025-10-01 --end 2025-10-31 --jobs 8",
)
def backfill(
    days: options.Days = None,
    as_of: options.AsOf = None,
    start: options.Start = None,
    end: options.End = None,
    lag: options.Lag = None,
    jobs: options.Jobs = None,
    attempts: options.Attempts = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    min_coverage: options.MinCoverage = 100.0,
    min_days: options.MinDays = 1,
    allow_lag: options.AllowLag = False,
    project: options.Project = None,
    access: options.Access = None,
    lake: options.LakeUrl = None,
    contact: options.Contact = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
) -> None:
    """Run the pipeline for just the days of the window that need it, once each, and wait for them."""
    from smart_orchestrator.text.reports import completeness_lines
    from wiki_trends.jobs.main import checker, fill
    from wiki_trends.jobs.runners import limits_of

    log_to_stderr(verbose=verbose)
    given = WindowOptions(days, as_of, start, end)
    settings = settings_of(
        given,
        lag=lag,
        jobs=jobs,
        attempts=attempts,
        project=project,
        access=access,
        lake=lake,
        contact=contact,
    )
    closely = check_options(min_coverage=min_coverage, min_days=min_days, allow_lag=allow_lag)
    look = checker(settings, given.window(settings), closely)
    done = fill(settings, look, limits_of(settings, timeout), reporter_on(sys.stderr))
    if as_json:
        print_json(done.to_json())
    else:
        out(completeness_lines(done.completeness))
    exit_after(done.outcome, ready=done.completeness.ready)


@app.command(
    short_help="Publish the trends of a window that is ready.",
    epilog="Example: wiki-trends analyze --days 7",
)
def analyze(
    days: options.Days = None,
    as_of: options.AsOf = None,
    start: options.Start = None,
    end: options.End = None,
    lag: options.Lag = None,
    min_coverage: options.MinCoverage = 100.0,
    min_days: options.MinDays = 1,
    allow_lag: options.AllowLag = False,
    project: options.Project = None,
    access: options.Access = None,
    lake: options.LakeUrl = None,
    warehouse: options.WarehouseUrl = None,
    engine: options.Engine = None,
    as_json: options.AsJson = False,
) -> None:
    """Compute the trends of a window that is ready, and publish the tables. Starts no run."""
    from wiki_trends.jobs import main as main_job

    given = WindowOptions(days, as_of, start, end)
    settings = settings_of(
        given, lag=lag, project=project, access=access, lake=lake, warehouse=warehouse, engine=engine
    )
    closely = check_options(min_coverage=min_coverage, min_days=min_days, allow_lag=allow_lag)
    show_progress()
    done = main_job.analyze(settings, main_job.checker(settings, given.window(settings), closely)())
    if as_json:
        print_json(main_job.analysis_json(done))
    else:
        out([(f"{table}: {rows:,} rows", "") for table, rows in done.rows.items()])


@app.command(
    short_help="The main job: check, backfill, analyse, report.",
    epilog="Example: wiki-trends run --days 5 --contact you@example.org",
)
def run(
    days: options.Days = None,
    as_of: options.AsOf = None,
    start: options.Start = None,
    end: options.End = None,
    lag: options.Lag = None,
    jobs: options.Jobs = None,
    attempts: options.Attempts = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    min_coverage: options.MinCoverage = 100.0,
    min_days: options.MinDays = 1,
    allow_lag: options.AllowLag = False,
    strict: options.Strict = False,
    project: options.Project = None,
    access: options.Access = None,
    lake: options.LakeUrl = None,
    warehouse: options.WarehouseUrl = None,
    engine: options.Engine = None,
    contact: options.Contact = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
) -> None:
    """The main job: check, backfill what is due, wait, check again, analyse, publish, report."""
    from wiki_trends.jobs import main as main_job
    from wiki_trends.jobs.runners import limits_of

    log_to_stderr(verbose=verbose)
    given = WindowOptions(days, as_of, start, end)
    settings = settings_of(
        given,
        lag=lag,
        jobs=jobs,
        attempts=attempts,
        project=project,
        access=access,
        lake=lake,
        warehouse=warehouse,
        engine=engine,
        contact=contact,
    )
    closely = check_options(min_coverage=min_coverage, min_days=min_days, allow_lag=allow_lag, strict=strict)
    reporter = reporter_on(sys.stderr)
    limits = limits_of(settings, timeout)
    show_progress()
    done = main_job.run(settings, given.window(settings), closely, limits, reporter)
    reporter.write(main_job.told(done))
    if as_json:
        print_json(done.to_json())
    elif done.published is not None:
        print_report(settings.warehouse)
    exit_after(done.filled.outcome, ready=done.filled.completeness.ready)


@app.command(
    short_help="Show the trends that were published last.",
    epilog="Example: wiki-trends report --html report.html",
)
def report(
    limit: Annotated[int, typer.Option(help="Rows in each list.", metavar="N", min=1)] = 10,
    html: Annotated[
        Path | None, typer.Option(help="Write one HTML file, which opens offline, instead.", metavar="FILE")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file even if it is no report.")] = False,
    project: options.Project = None,
    access: options.Access = None,
    lake: options.LakeUrl = None,
    warehouse: options.WarehouseUrl = None,
    as_json: options.AsJson = False,
) -> None:
    """Show the trends of the window that was published last, and say which of its days have changed since."""
    from wiki_trends.cli import check_output as checks
    from wiki_trends.jobs.publish_state import what_changed

    settings = settings_of(project=project, access=access, lake=lake, warehouse=warehouse)
    if html is not None:
        write_html_report(settings, html, limit=limit, force=force, as_json=as_json)
        return
    changed, not_compared = what_changed(settings)
    print_report(
        settings.warehouse, limit=limit, as_json=as_json, besides=checks.changed_json(changed, not_compared)
    )
    err(checks.changed_lines(changed, not_compared))


# Its commands stand beside those above, under no name of their own.
app.add_typer(cli_fetch.app)
app.add_typer(cli_rules.app)
app.add_typer(cli_serve.app)
app.add_typer(cli_tools.app)
app.add_typer(cli_trends.app)
# A group of its own: `wiki-trends airflow …`.
app.add_typer(airflow_dags.app)


def _compare_with_publish(settings: Settings, *, as_json: bool) -> NoReturn:
    from wiki_trends.cli import check_output as checks
    from wiki_trends.jobs.publish_state import changed_since_publish

    compared = changed_since_publish(settings)
    if as_json:
        print_json(checks.consumed_json(compared))
    else:
        out(checks.consumed_lines(compared))
    raise typer.Exit(DONE if compared is not None and not compared[1] else INCOMPLETE)


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default that of the process) and return its exit code; foreseen errors are told on stderr."""
    from wiki_trends.cli.exit_codes import ended

    return ended(lambda: _typed(arguments))


def _typed(arguments: Sequence[str] | None) -> int:
    try:
        app(arguments, prog_name="wiki-trends")
    except SystemExit as end:
        # Typer ends every command so, and makes code 130 of Ctrl-C.
        return end.code if isinstance(end.code, int) else USAGE
    return DONE


def main() -> NoReturn:
    """The entry point of `wiki-trends`."""
    from wiki_trends.cli.exit_codes import leave

    leave(run_command())


if __name__ == "__main__":
    main()
