"""`wiki-trends`: parse, call, print. No logic lives here, and nothing heavy is imported before it is needed.

stdout is for results (`--json` gives one document), stderr for progress and logs. Exit codes: 0 done; 1 finished, but
the window is not complete or a day failed; 2 wrong usage or configuration; 3 a service that it needs is unreachable;
130 interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from wiki_trends import cli_options as options
from wiki_trends.cli_options import WindowOptions, closely_of, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from smart_orchestrator.backfill import Outcome
    from smart_orchestrator.console import Line, LineConsole

app = typer.Typer(
    name="wiki-trends",
    help="Check a daily lake of Wikipedia's most-viewed pages, backfill what is missing, analyse it when it is whole.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

DONE, INCOMPLETE, USAGE, UNREACHABLE = 0, 1, 2, 3


@app.command(epilog="Example: wiki-trends check --days 5 --as-of 2025-11-12")
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
    project: options.Project = None,
    access: options.Access = None,
    lake: options.LakeUrl = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
) -> None:
    """Say which days of the window are there, and why the others are not. Exit code 1 when it is not ready."""
    from smart_orchestrator.console import completeness_lines
    from wiki_trends.main_job import checker

    given = WindowOptions(days, as_of, start, end)
    settings = settings_of(given, lag=lag, project=project, access=access, lake=lake)
    closely = closely_of(
        min_coverage=min_coverage,
        min_days=min_days,
        allow_lag=allow_lag,
        deep=deep,
        shallow=shallow,
        strays=strays,
    )
    found = checker(settings, given.window(settings), closely)()
    if as_json:
        _print_json(found.to_json())
    else:
        _out(completeness_lines(found))
        if not found.ready and found.missing:
            _out(
                [
                    (
                        "Fill it: wiki-trends backfill, with the same options. What it would do: wiki-trends plan",
                        "dim",
                    )
                ]
            )
    if verbose:
        counts = ", ".join(f"{number} {kind}" for kind, number in found.requests.items())
        _err([(f"requests to the lake: {counts}", "dim")])
    raise typer.Exit(DONE if found.ready else INCOMPLETE)


@app.command(epilog="Example: wiki-trends plan --days 30")
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
    from smart_orchestrator.console import plan_lines
    from wiki_trends.main_job import checker, plan_of

    given = WindowOptions(days, as_of, start, end)
    settings = settings_of(given, lag=lag, project=project, access=access, lake=lake)
    made = plan_of(settings, checker(settings, given.window(settings)))
    if as_json:
        _print_json(made.to_json())
    else:
        _out(plan_lines(made, every=True))


@app.command(epilog="Example: wiki-trends backfill --start 2025-10-01 --end 2025-10-31 --jobs 8")
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
    from smart_orchestrator.backfill import Limits
    from smart_orchestrator.console import completeness_lines
    from wiki_trends.main_job import checker, fill

    _log(verbose=verbose)
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
    closely = closely_of(min_coverage=min_coverage, min_days=min_days, allow_lag=allow_lag)
    look = checker(settings, given.window(settings), closely)
    done = fill(settings, look, Limits(settings.jobs, settings.attempts, timeout), _console(sys.stderr))
    if as_json:
        _print_json(done.to_json())
    else:
        _out(completeness_lines(done.completeness))
    _exit_after(done.outcome, ready=done.completeness.ready)


@app.command(epilog="Example: wiki-trends fetch 2025-11-05 2025-11-06")
def fetch(
    day: Annotated[
        list[str], typer.Argument(help="Days to run the pipeline for, YYYY-MM-DD.", metavar="DAY…")
    ],
    jobs: options.Jobs = None,
    attempts: options.Attempts = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    project: options.Project = None,
    access: options.Access = None,
    lake: options.LakeUrl = None,
    contact: options.Contact = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
) -> None:
    """Run the pipeline for the days that are named, whatever the lake holds for them."""
    from smart_orchestrator.backfill import Limits
    from wiki_trends.main_job import days_of, fetch_days

    _log(verbose=verbose)
    settings = settings_of(
        jobs=jobs, attempts=attempts, project=project, access=access, lake=lake, contact=contact
    )
    limits = Limits(settings.jobs, settings.attempts, timeout)
    outcome = fetch_days(settings, days_of(day), limits, _console(sys.stderr))
    if as_json:
        _print_json(outcome.to_json())
    _exit_after(outcome, ready=not outcome.failed and not outcome.abandoned)


@app.command(epilog="Example: wiki-trends analyze --days 7")
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
    as_json: options.AsJson = False,
) -> None:
    """Compute the trends of a window that is ready, and publish the tables. Starts no run."""
    from wiki_trends import main_job

    given = WindowOptions(days, as_of, start, end)
    settings = settings_of(given, lag=lag, project=project, access=access, lake=lake, warehouse=warehouse)
    closely = closely_of(min_coverage=min_coverage, min_days=min_days, allow_lag=allow_lag)
    done = main_job.analyze(settings, main_job.checker(settings, given.window(settings), closely)())
    if as_json:
        _print_json(main_job.analysis_json(done))
    else:
        _out([(f"{table}: {rows:,} rows", "") for table, rows in done.rows.items()])


@app.command(epilog="Example: wiki-trends run --days 5 --contact you@example.org")
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
    project: options.Project = None,
    access: options.Access = None,
    lake: options.LakeUrl = None,
    warehouse: options.WarehouseUrl = None,
    contact: options.Contact = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
) -> None:
    """The main job: check, backfill what is due, wait, check again, analyse, publish, report."""
    from smart_orchestrator.backfill import Limits
    from wiki_trends import main_job

    _log(verbose=verbose)
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
        contact=contact,
    )
    closely = closely_of(min_coverage=min_coverage, min_days=min_days, allow_lag=allow_lag)
    limits = Limits(settings.jobs, settings.attempts, timeout)
    console = _console(sys.stderr)
    done = main_job.run(settings, given.window(settings), closely, limits, console)
    console.write(main_job.told(done))
    if as_json:
        _print_json(done.to_json())
    elif done.analysis is not None:
        _print_report(settings.warehouse)
    _exit_after(done.filled.outcome, ready=done.filled.completeness.ready)


@app.command(epilog="Example: wiki-trends report --limit 20")
def report(
    limit: Annotated[int, typer.Option(help="Rows in each list.", metavar="N", min=1)] = 10,
    warehouse: options.WarehouseUrl = None,
    as_json: options.AsJson = False,
) -> None:
    """Show the trends of the window that was published last."""
    settings = settings_of(warehouse=warehouse)
    _print_report(settings.warehouse, limit=limit, as_json=as_json)


@app.command(epilog="Example: wiki-trends sample-api --port 8899 --fault 429=0.2 --latency 50ms")
def sample_api(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 8899,
    seed: Annotated[int, typer.Option(help="Another seed is another world.")] = 0,
    latency: Annotated[str, typer.Option(help="Wait before each answer, for example 50ms or 0.1s.")] = "0",
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="KIND=PROBABILITY, repeatable: 429, 403, 500, 503, reset, timeout, truncate, maxlag."
        ),
    ] = None,
    today: Annotated[str | None, typer.Option(help="The day that counts as today.", metavar="DAY")] = None,
    publication_lag: Annotated[int, typer.Option(help="Days until a day is published.", min=0)] = 1,
    never: Annotated[
        list[str] | None, typer.Option(help="A day that never is published.", metavar="DAY")
    ] = None,
    broken_day: Annotated[
        list[str] | None, typer.Option(help="A day that answers 500.", metavar="DAY")
    ] = None,
    replay: Annotated[Path | None, typer.Option(help="Serve the recorded answers of this folder.")] = None,
    truth: Annotated[bool, typer.Option("--truth", help="Print what is planted, as JSON, and end.")] = False,
    project: Annotated[str, typer.Option(help="Project of --truth.")] = "en.wikipedia",
    start: Annotated[str | None, typer.Option(help="First day of --truth.", metavar="DAY")] = None,
    end: Annotated[str | None, typer.Option(help="Last day of --truth, included.", metavar="DAY")] = None,
) -> None:
    """Serve a synthetic Wikimedia for demos and tests; prints its address, logs a line a request to stderr."""
    from wiki_trends import sample
    from wiki_trends.sample import options as sample_options

    if truth:
        first, last = sample_options.truth_window(start, end)
        _print_json(sample.truth(seed, project, first, last))
        return
    sample.serve(
        sample_options.parse(
            host=host,
            port=port,
            seed=seed,
            latency=latency,
            faults=fault or [],
            today=today,
            publication_lag=publication_lag,
            never=never,
            broken=broken_day or [],
            replay=replay,
        )
    )


@app.command(epilog="Example: wiki-trends demo --folder /tmp/wiki-trends-demo")
def demo(
    folder: Annotated[Path, typer.Option(help="Where everything goes; made anew each time.")] = Path(
        "demo-data"
    ),
    as_json: options.AsJson = False,
) -> None:
    """The main job on synthetic data, without a network: a window with two holes becomes whole and turns into trends."""
    from wiki_trends import demo as show

    console = _console(sys.stderr)
    done = show.play(folder, console)
    if as_json:
        _print_json(done.to_json())
    else:
        _print_report(done.warehouse)
        _out(show.where_to_go(done))


@app.command(epilog="Example: wiki-trends doctor --json")
def doctor(
    show_settings: Annotated[
        bool, typer.Option("--settings", help="List every setting and its value.")
    ] = False,
    project: options.Project = None,
    lake: options.LakeUrl = None,
    warehouse: options.WarehouseUrl = None,
    contact: options.Contact = None,
    as_json: options.AsJson = False,
) -> None:
    """Say for each thing that is needed whether it is there, and what to do when it is not."""
    from wiki_trends import doctor as surgery

    settings = settings_of(project=project, lake=lake, warehouse=warehouse, contact=contact)
    if show_settings:
        listed = surgery.settings_json(settings)
        if as_json:
            _print_json(listed)
        else:
            _out([(f"{name} = {value}", "") for name, value in listed.items()])
        return
    findings = surgery.examine(settings)
    if as_json:
        _print_json([finding.to_json() for finding in findings])
    else:
        _out([finding.line() for finding in findings])
    raise typer.Exit(max((finding.exit_code for finding in findings), default=DONE))


def _exit_after(outcome: Outcome, *, ready: bool) -> NoReturn:
    from smart_orchestrator.runs import Failure

    if ready:
        raise typer.Exit(DONE)
    unreachable = any(run.failure is Failure.UNREACHABLE for run in outcome.failed)
    raise typer.Exit(UNREACHABLE if unreachable else INCOMPLETE)


def _print_report(warehouse: str, *, limit: int = 10, as_json: bool = False) -> None:
    from wiki_trends.report.build import build
    from wiki_trends.report.model import to_json
    from wiki_trends.report.terminal import write
    from wiki_trends.warehouse import open_warehouse

    made = build(open_warehouse(warehouse), limit)
    if as_json:
        _print_json(to_json(made))
    else:
        write(made, sys.stdout)


def _print_json(document: object) -> None:
    import json

    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def _console(stream: object) -> LineConsole:
    from smart_orchestrator.console import LineConsole

    return LineConsole(stream)  # type: ignore[arg-type]


def _out(lines: Iterable[Line]) -> None:
    _console(sys.stdout).write(lines)


def _err(lines: Iterable[Line]) -> None:
    _console(sys.stderr).write(lines)


def _log(*, verbose: bool) -> None:
    import logging

    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if verbose else logging.ERROR,
        format="%(asctime)s %(name)s %(message)s",
    )
    logging.getLogger("httpx2").setLevel(logging.WARNING)


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default that of the process) and return its exit code; foreseen errors are told on stderr."""
    from wiki_trends.failures import ended

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
    from wiki_trends.failures import leave

    leave(run_command())


if __name__ == "__main__":
    main()
