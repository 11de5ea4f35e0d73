"""The commands for single days: `fetch` and `excluded`."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads annotations when it runs
from typing import Annotated

import typer

from smart_orchestrator.cli.application import create_command_group
from smart_orchestrator.cli.groups import with_groups
from smart_orchestrator.cli.printing import exit_after, out, print_json, progress_reporter
from wiki_trends.cli import options
from wiki_trends.cli.options import LakeOptions, RunOptions, settings_of
from wiki_trends.cli.output import log_to_stderr

app = create_command_group()


@app.command(
    short_help="Run the pipeline for the days you name.",
    epilog="Example: wiki-trends fetch 2025-11-05 2025-11-06",
)
@with_groups
def fetch(
    *,
    day: Annotated[
        list[str], typer.Argument(help="Days to run the pipeline for, YYYY-MM-DD.", metavar="DAY…")
    ],
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="Request the lists again, and show what has changed in the lists."),
    ] = False,
    from_dump: Annotated[
        list[Path] | None,
        typer.Option(
            help="Read the list from this daily pageview_complete file, compressed or not; repeatable.",
            metavar="FILE",
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(
            help="With --from-dump: number of pages; default 1,000.", metavar="K", min=1, max=1_000_000
        ),
    ] = None,
    runs: RunOptions,
    lake: LakeOptions,
    contact: options.Contact = None,
    as_json: options.AsJson = False,
    verbose: options.Verbose = False,
) -> None:
    """Run the pipeline for the given days, even if the lake already has them. Raw lists in bronze are kept."""
    from wiki_trends.config.window_options import days_of
    from wiki_trends.jobs.fetch import change_lines, changes_of, first_step
    from wiki_trends.jobs.main import fetch_days
    from wiki_trends.jobs.runners import limits_of

    log_to_stderr(verbose=verbose)
    settings = settings_of(runs, lake, contact=contact)
    days = days_of(day)
    limits = limits_of(settings, runs.timeout)
    with progress_reporter(
        plain=as_json or verbose, requests_per_minute=settings.requests_per_minute
    ) as reporter:
        fetch_step = first_step(
            settings,
            days,
            refresh=refresh,
            files=from_dump or (),
            top=top,
            on_progress=lambda fraction: reporter.status(f"reading the dump: {fraction:.0%}"),
        )
        outcome = fetch_days(settings, days, limits, reporter, fetch_step)
    changes = changes_of(settings, outcome) if refresh else {}
    if as_json:
        extra_keys = (
            {"changes": {str(changed_day): change for changed_day, change in changes.items()}}
            if refresh
            else {}
        )
        print_json(outcome.to_json() | extra_keys)
    else:
        out(change_lines(changes))
    exit_after(outcome, ready=not outcome.failed and not outcome.abandoned)


@app.command(
    short_help="List the rows left out of a day, and why.",
    epilog="Example: wiki-trends excluded 2025-11-05",
)
@with_groups
def excluded(
    *,
    day: Annotated[str, typer.Argument(help="A day that was fetched, YYYY-MM-DD.", metavar="DAY")],
    lake: LakeOptions,
    as_json: options.AsJson = False,
) -> None:
    """List the rows of a day's raw list that are not in the diamond layer or are suspect, with the rank of each row and the reason."""
    from wiki_trends.config.window_options import days_of
    from wiki_trends.pipeline.lists import excluded as exclusions

    settings = settings_of(lake)
    (requested_day,) = days_of([day])
    rows = exclusions.read_exclusions(requested_day, settings)
    if as_json:
        print_json(
            {
                "day": str(requested_day),
                "project": settings.project,
                "access": settings.access,
                "counts": exclusions.count_by_reason(rows),
                "excluded": [row.to_json() for row in rows],
            }
        )
    else:
        out(exclusions.exclusion_lines(rows))
