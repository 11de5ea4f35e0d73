"""The commands that try out, check and maintain an installation: `sample-api`, `demo`, `doctor`, `waive`, `vacuum`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smart_orchestrator.cli.application import create_command_group
from smart_orchestrator.cli.exit_codes import DONE, UNREACHABLE, USAGE, exit_code
from smart_orchestrator.cli.groups import with_groups
from smart_orchestrator.cli.printing import err, out, print_json, progress_reporter
from wiki_trends.cli import options
from wiki_trends.cli.options import LakeOptions, settings_of
from wiki_trends.cli.output import print_report, summary_lines

app = create_command_group()


@app.command(
    short_help="Serve a synthetic Wikimedia.",
    epilog="Example: wiki-trends sample-api --port 8899 --fault 429=0.2 --latency 50ms",
)
def sample_api(
    host: Annotated[str, typer.Option(help="Address to listen on.", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port; 0 takes a free one.", metavar="PORT", min=0, max=65535)
    ] = 8899,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic data.", metavar="N")] = 0,
    latency: Annotated[
        str, typer.Option(help="Delay of each response, for example 50ms or 0.1s.", metavar="TIME")
    ] = "0",
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="A kind of fault and its probability, repeatable. Kinds: 429, 403, 500, 503, reset, timeout, truncate, maxlag, ratelimited.",
            metavar="KIND=P",
        ),
    ] = None,
    today: Annotated[str | None, typer.Option(help="The day that counts as today.", metavar="DAY")] = None,
    publication_lag: Annotated[
        int, typer.Option(help="Days until a day is published.", metavar="N", min=0)
    ] = 1,
    late: Annotated[
        list[str] | None,
        typer.Option(
            help="A day, and by how many days it is published later than others; repeatable.",
            metavar="DAY=DAYS",
        ),
    ] = None,
    never: Annotated[
        list[str] | None, typer.Option(help="A day that is never published, repeatable.", metavar="DAY")
    ] = None,
    broken_day: Annotated[
        list[str] | None, typer.Option(help="A day that answers 500, repeatable.", metavar="DAY")
    ] = None,
    stall: Annotated[
        str, typer.Option(help="How long the fault `timeout` keeps a connection open.", metavar="TIME")
    ] = "60s",
    log: Annotated[
        Path | None,
        typer.Option(
            help="File of the request log; default stderr. A line has time, method, path, status, fault, duration, requests in flight.",
            metavar="FILE",
        ),
    ] = None,
    replay: Annotated[
        Path | None, typer.Option(help="Serve the recorded responses of this folder.", metavar="DIR")
    ] = None,
    truth: Annotated[
        bool, typer.Option("--truth", help="Print the trends planted in the data, as JSON, and exit.")
    ] = False,
    project: Annotated[str, typer.Option(help="Project of --truth.", metavar="NAME")] = "en.wikipedia",
    start: Annotated[str | None, typer.Option(help="First day of --truth.", metavar="DAY")] = None,
    end: Annotated[str | None, typer.Option(help="Last day of --truth (inclusive).", metavar="DAY")] = None,
) -> None:
    """Serve a synthetic Wikimedia for demos and tests. The server prints its address, and logs each request to stderr."""
    from wiki_trends import sample
    from wiki_trends.sample import options as sample_options

    if truth:
        first, last = sample_options.parse_truth_window(start, end)
        print_json(sample.truth(seed, project, first, last))
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
            late=late or [],
            never=never,
            broken=broken_day or [],
            stall=stall,
            log=log,
            replay=replay,
        )
    )


@app.command(
    short_help="Run the main job on synthetic data, no network.",
    epilog="Example: wiki-trends demo --folder /tmp/wiki-trends-demo",
)
def demo(
    folder: Annotated[
        Path, typer.Option(help="Folder of the demo; replaced each time.", metavar="DIR")
    ] = Path("demo-data"),
    as_json: options.AsJson = False,
) -> None:
    """Run the main job on synthetic data, without a network: fill the two missing days of a window, and publish its trends."""
    from wiki_trends.jobs.demo import next_step_lines, run_demo

    with progress_reporter(plain=as_json) as reporter:
        result = run_demo(folder, reporter)
    err(summary_lines(result.job))
    if as_json:
        print_json(result.to_json())
    else:
        print_report(result.warehouse)
        out(next_step_lines(result))


@app.command(
    short_help="Check the installation, and say how to fix it.",
    epilog="Example: wiki-trends doctor --json",
)
def doctor(
    show_settings: Annotated[
        bool, typer.Option("--settings", help="List every setting and its value.")
    ] = False,
    live: Annotated[
        bool,
        typer.Option(
            "--live", help="Send one request to each of Wikimedia's services and show the response."
        ),
    ] = False,
    project: options.Project = None,
    lake: options.LakeUrl = None,
    warehouse: options.WarehouseUrl = None,
    contact: options.Contact = None,
    as_json: options.AsJson = False,
) -> None:
    """Check everything that the main job needs (lake, runs, runner, warehouse, Wikimedia), and say how to fix failures."""
    from smart_orchestrator.model.window import today_utc
    from wiki_trends.jobs.doctor import diagnose, diagnose_live, settings_json

    settings = settings_of(project=project, lake=lake, warehouse=warehouse, contact=contact)
    if show_settings:
        values = settings_json(settings)
        if as_json:
            print_json(values)
        else:
            out([(f"{name} = {value}", "") for name, value in values.items()])
        return
    if live:
        responses = diagnose_live(settings, today_utc())
        if as_json:
            print_json([response.to_json() for response in responses])
        else:
            out([line for response in responses for line in response.lines()])
        raise typer.Exit(
            max(
                (_exit_code_of_finding(response.error) for response in responses if response.error),
                default=DONE,
            )
        )
    findings = diagnose(settings)
    if as_json:
        print_json([finding.to_json() for finding in findings])
    else:
        out([finding.line() for finding in findings])
    raise typer.Exit(
        max((_exit_code_of_finding(finding.error) for finding in findings if finding.error), default=DONE)
    )


@app.command(
    short_help="Record that days will never come.",
    epilog='Example: wiki-trends waive 2024-03-31 --reason "Wikimedia has no data for this day"',
)
@with_groups
def waive(
    *,
    day: Annotated[
        list[str] | None, typer.Argument(help="Days that will never come, YYYY-MM-DD.", metavar="[DAY…]")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why the days will never come.", metavar="TEXT")] = "",
    by: Annotated[str, typer.Option(help="Who recorded the waiver.", metavar="NAME")] = "",
    until: Annotated[
        str | None, typer.Option(help="The last day on which the waiver applies.", metavar="DAY")
    ] = None,
    list_waived: Annotated[bool, typer.Option("--list", help="List the days that are waived.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the waivers of these days.")] = False,
    lake: LakeOptions,
    as_json: options.AsJson = False,
) -> None:
    """Record in the lake that days will never come: the days are no longer expected, and checks show them as waived."""
    from wiki_trends.jobs import maintenance

    settings = settings_of(lake)
    if not day and not list_waived:
        raise typer.BadParameter("give a day, or --list")
    if remove:
        maintenance.unwaive_days(settings, day or [])
    elif day:
        maintenance.waive_days(settings, day, reason=reason, by=by, until=until)
    waivers = maintenance.list_waivers(settings)
    if as_json:
        print_json([waiver.to_json() for waiver in waivers])
    else:
        out(maintenance.waiver_lines(waivers))


@app.command(
    short_help="Remove the leftovers of killed writers.",
    epilog="Example: wiki-trends vacuum --older-than 1d --dry-run",
)
@with_groups
def vacuum(
    *,
    older_than: options.OlderThan = options.DEFAULT_AGE,
    dry_run: options.DryRun = False,
    lake: LakeOptions,
    as_json: options.AsJson = False,
) -> None:
    """Remove the leftovers of killed writers from every layer.

    An object is removed under three conditions: its name has the form that this program writes, no manifest names it, and it
    is older than --older-than. Other objects are listed and kept. A lake without any manifest of this program is refused, except with --dry-run. The files of the page
    cache are merged into one.
    """
    from smart_orchestrator.cli.options import parse_age
    from wiki_trends.jobs import maintenance

    settings = settings_of(lake)
    removed = maintenance.vacuum_layers(settings, older_than=parse_age(older_than), dry_run=dry_run)
    if as_json:
        print_json({layer: result.to_json() for layer, result in removed.items()})
    else:
        out(maintenance.vacuum_lines(removed))


def _exit_code_of_finding(error: Exception) -> int:
    """Return the exit code for the error of a `doctor` finding.

    An `OSError` means that the state folder cannot be used, which counts as an unreachable service. Any other error without an exit code of
    its own counts as an invalid setting.
    """
    return UNREACHABLE if isinstance(error, OSError) else exit_code(error) or USAGE
