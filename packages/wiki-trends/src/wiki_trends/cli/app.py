"""The `wiki-trends` command. Each subcommand imports heavy libraries only when it runs.

A subcommand prints its result to stdout (with `--json`, one document), and progress and logs to stderr.
`smart_orchestrator.cli.exit_codes` lists the exit codes.
"""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - Typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from smart_orchestrator.cli.application import create_app, run_app, run_process
from smart_orchestrator.cli.exit_codes import DONE, INCOMPLETE
from smart_orchestrator.cli.groups import with_groups
from smart_orchestrator.cli.printing import err, exit_after, out, print_json, progress_reporter, reporter_on
from wiki_trends.cli import airflow_dags, options, receipts, rules, tools, trends
from wiki_trends.cli import fetch as fetch_commands
from wiki_trends.cli import serve as serve_command
from wiki_trends.cli.options import (
    LakeOptions,
    PolicyOptions,
    RunOptions,
    WindowOptions,
    build_check_options,
    settings_of,
)
from wiki_trends.cli.output import (
    log_to_stderr,
    print_report,
    print_to_stderr_if_stdout_failed,
    summary_lines,
    write_html_report,
)
from wiki_trends.cli.program import WIKI_TRENDS_PROGRAM

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.upstream.recheck_store import Recheck
    from smart_orchestrator.upstream.watch import UpstreamStatus
    from wiki_trends.config.settings import Settings

app = create_app(
    WIKI_TRENDS_PROGRAM,
    "Check a daily lake of Wikipedia's most-viewed pages, backfill missing days, analyse complete windows.",
)


@app.command(
    short_help="List the days of the window and their states.",
    epilog="Example: wiki-trends check --days 5 --as-of 2025-11-12",
)
@with_groups
def check(
    *,
    window: WindowOptions,
    policy: PolicyOptions,
    deep: options.Deep = False,
    shallow: options.Shallow = False,
    strays: options.Strays = False,
    volume: options.Volume = False,
    strict: options.Strict = False,
    calendar: Annotated[
        bool, typer.Option("--calendar", help="Draw a calendar with a mark for each state.")
    ] = False,
    watermark: Annotated[
        bool, typer.Option("--watermark", help="Print only the last day before the first missing day.")
    ] = False,
    changed_since_publish: Annotated[
        bool,
        typer.Option(
            "--consumed",
            help="List the days that changed since the last publish; replaces the list of states.",
        ),
    ] = False,
    late: Annotated[
        bool,
        typer.Option(
            "--late",
            help="Check whether the newest days arrived before their deadlines, and send messages; replaces the list of states.",
        ),
    ] = False,
    lake: LakeOptions,
    warehouse: options.WarehouseUrl = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
) -> None:
    """List the days of the window, each with its state and the reason. The exit code is 1 when the window is not ready.

    With --late, show whether the newest days arrived before their deadlines, which the setting `fresh` defines. The exit code is
    1 when too many are late. One message is sent for each incident; with --as-of, nothing is stored or sent.
    """
    from smart_orchestrator.cli.output import check_document
    from smart_orchestrator.cli.upstream_output import recheck_document, upstream_document
    from wiki_trends.jobs.main import checker_of_window
    from wiki_trends.jobs.upstream import known_rechecks, upstream_status

    settings = settings_of(window, lake, warehouse=warehouse)
    if changed_since_publish:
        _print_changed_days_and_exit(settings, as_json=as_json)
    if late:
        from wiki_trends.cli.late import print_late_and_exit

        print_late_and_exit(settings, window.window(settings), as_of=window.as_of, as_json=as_json)
    check_options = build_check_options(
        policy,
        deep=deep,
        shallow=shallow,
        strays=strays,
        volume=volume,
        strict=strict,
    )
    completeness = checker_of_window(settings, window.window(settings), check_options)()
    upstream = upstream_status(settings)
    rechecks = known_rechecks(settings, completeness.available) if settings.recheck else None
    if as_json:
        recheck_keys = {} if rechecks is None else recheck_document(rechecks)
        print_json({**check_document(completeness), **upstream_document(upstream), **recheck_keys})
    else:
        _print_check(completeness, upstream, rechecks, watermark=watermark, calendar=calendar)
    if verbose:
        from wiki_trends.cli.check_output import request_lines

        err(request_lines(completeness))
    raise typer.Exit(DONE if completeness.ready else INCOMPLETE)


@app.command(
    short_help="Show what a backfill would do, and why.",
    epilog="Example: wiki-trends plan --days 30",
)
@with_groups
def plan(
    *,
    window: WindowOptions,
    lake: LakeOptions,
    as_json: options.AsJson = False,
) -> None:
    """Show what a backfill would do with each day, and why. No runs are started."""
    from smart_orchestrator.text.reports import plan_lines
    from wiki_trends.jobs.main import checker_of_window, plan_of

    settings = settings_of(window, lake)
    backfill_plan = plan_of(settings, checker_of_window(settings, window.window(settings)))
    if as_json:
        print_json(backfill_plan.to_json())
    else:
        out(plan_lines(backfill_plan, every=True))


@app.command(
    short_help="Run the pipeline for the days that need it.",
    epilog="Example: wiki-trends backfill --start 2025-10-01 --end 2025-10-31 --jobs 8",
)
@with_groups
def backfill(
    *,
    window: WindowOptions,
    runs: RunOptions,
    policy: PolicyOptions,
    lake: LakeOptions,
    contact: options.Contact = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
) -> None:
    """Run the pipeline once for each day of the window that needs it, and wait."""
    from smart_orchestrator.text.reports import completeness_lines
    from wiki_trends.jobs.main import checker_of_window, fill
    from wiki_trends.jobs.runners import limits_of

    log_to_stderr(verbose=verbose)
    settings = settings_of(window, runs, lake, contact=contact)
    check_options = build_check_options(policy)
    check_window = checker_of_window(settings, window.window(settings), check_options)
    limits = limits_of(settings, runs.timeout)
    with progress_reporter(
        plain=as_json or verbose, requests_per_minute=settings.requests_per_minute
    ) as reporter:
        result = fill(settings, check_window, limits, reporter)
    if as_json:
        print_json(result.to_json())
    else:
        out(completeness_lines(result.completeness))
    exit_after(result.outcome, ready=result.completeness.ready)


@app.command(
    short_help="Publish the trends of a window that is ready.",
    epilog="Example: wiki-trends analyze --days 7",
)
@with_groups
def analyze(
    *,
    window: WindowOptions,
    policy: PolicyOptions,
    lake: LakeOptions,
    warehouse: options.WarehouseUrl = None,
    engine: options.Engine = None,
    no_history: options.NoHistory = False,
    no_evidence: options.NoEvidence = False,
    as_json: options.AsJson = False,
) -> None:
    """Compute the trends of a window that is ready, and publish the tables. No runs are started."""
    from wiki_trends.jobs.main import analyze_window, checker_of_window
    from wiki_trends.jobs.progress import show_progress

    settings = settings_of(
        window,
        lake,
        warehouse=warehouse,
        engine=engine,
        history="off" if no_history else None,
        evidence="off" if no_evidence else None,
    )
    check_options = build_check_options(policy)
    check_window = checker_of_window(settings, window.window(settings), check_options)
    with show_progress():
        analysis = analyze_window(settings, completeness=check_window(), check_window=check_window)
    lines = [(f"{table}: {row_count:,} rows", "") for table, row_count in analysis.rows.items()]
    if as_json:
        print_json(analysis.to_json())
    else:
        out(lines)
    print_to_stderr_if_stdout_failed([("published:", ""), *lines])


@app.command(
    short_help="Run the main job: check, backfill, analyse, report.",
    epilog="Example: wiki-trends run --days 5 --contact you@example.org",
)
@with_groups
def run(
    *,
    window: WindowOptions,
    runs: RunOptions,
    policy: PolicyOptions,
    strict: options.Strict = False,
    lake: LakeOptions,
    warehouse: options.WarehouseUrl = None,
    engine: options.Engine = None,
    contact: options.Contact = None,
    no_history: options.NoHistory = False,
    no_evidence: options.NoEvidence = False,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
) -> None:
    """Run the main job: check, backfill due days, wait, check again, request page history, analyse, ask why pages rose, publish, report."""
    from wiki_trends.jobs.main import checker_of_any_window, run_main_job
    from wiki_trends.jobs.progress import show_progress
    from wiki_trends.jobs.runners import limits_of
    from wiki_trends.jobs.signals import send_messages_and_write_metrics

    log_to_stderr(verbose=verbose)
    settings = settings_of(
        window,
        runs,
        lake,
        warehouse=warehouse,
        engine=engine,
        contact=contact,
        history="off" if no_history else None,
        evidence="off" if no_evidence else None,
    )
    check_options = build_check_options(policy, strict=strict)
    limits = limits_of(settings, runs.timeout)
    with (
        progress_reporter(
            plain=as_json or verbose, requests_per_minute=settings.requests_per_minute
        ) as reporter,
        show_progress(reporter.status),
    ):
        job = run_main_job(settings, window.window(settings), check_options, limits, reporter)
    err(summary_lines(job))
    if as_json:
        print_json(job.to_json())
    elif job.published is not None:
        print_report(settings.warehouse)
    send_messages_and_write_metrics(settings, job.backfill.completeness, checker_of_any_window(settings))
    exit_after(job.backfill.outcome, ready=job.backfill.completeness.ready)


@app.command(
    short_help="Show the trends that were published last.",
    epilog="Example: wiki-trends report --html report.html",
)
@with_groups
def report(
    *,
    limit: Annotated[int, typer.Option(help="Rows in each list.", metavar="N", min=1)] = 10,
    html: Annotated[
        Path | None, typer.Option(help="Instead, write one HTML file that opens offline.", metavar="FILE")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the file even if it is not a report.")
    ] = False,
    lake: LakeOptions,
    warehouse: options.WarehouseUrl = None,
    as_json: options.AsJson = False,
) -> None:
    """Show the trends of the window that was published last, and which of its days have changed since."""
    from wiki_trends.cli import check_output
    from wiki_trends.jobs.publish_state import changes_for_report

    settings = settings_of(lake, warehouse=warehouse)
    if html is not None:
        write_html_report(settings, html, limit=limit, force=force, as_json=as_json)
        return
    reason_by_changed_day, compare_error = changes_for_report(settings)
    publish = print_report(
        settings.warehouse,
        limit=limit,
        as_json=as_json,
        extra_keys=check_output.changed_json(reason_by_changed_day, compare_error),
    )
    err(check_output.changed_lines(publish, reason_by_changed_day, compare_error))


app.add_typer(fetch_commands.app)
app.add_typer(rules.app)
app.add_typer(serve_command.app)
app.add_typer(tools.app)
app.add_typer(trends.app)
app.add_typer(receipts.app)
app.add_typer(airflow_dags.app)


def _print_check(
    completeness: Completeness,
    upstream: UpstreamStatus | None,
    rechecks: Mapping[dt.date, Recheck] | None,
    *,
    watermark: bool,
    calendar: bool,
) -> None:
    from wiki_trends.cli import check_output

    if watermark:
        out(check_output.watermark_lines(completeness))
    elif calendar:
        reporter_on(sys.stdout).write_rows(check_output.styled_calendar_rows(completeness))
    else:
        out(check_output.check_lines(completeness, upstream, rechecks))


def _print_changed_days_and_exit(settings: Settings, *, as_json: bool) -> NoReturn:
    """Print the days that changed since the last publish. The exit code is 1 if a day changed or nothing was published, otherwise 0."""
    from wiki_trends.cli import check_output
    from wiki_trends.jobs.publish_state import compare_with_publish

    comparison = compare_with_publish(settings)
    if as_json:
        print_json(check_output.consumed_json(comparison))
    else:
        out(check_output.consumed_lines(comparison))
    is_unchanged = comparison is not None and not comparison.reason_by_changed_day
    raise typer.Exit(DONE if is_unchanged else INCOMPLETE)


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run a command line, and return its exit code. Print an expected error to stderr.

    Without `arguments`, run the command line of the process.
    """
    return run_app(app, WIKI_TRENDS_PROGRAM, arguments)


def main() -> NoReturn:
    """Run the `wiki-trends` command, and end the process with its exit code."""
    run_process(run_command)


if __name__ == "__main__":
    main()
