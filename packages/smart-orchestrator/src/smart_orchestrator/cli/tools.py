"""The commands `status`, `explain`, `wait`, `waive` and `vacuum`."""

from __future__ import annotations

import sys
import time
from pathlib import Path  # noqa: TC003 - Typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated

import typer

from smart_orchestrator.cli import options
from smart_orchestrator.cli.application import create_command_group
from smart_orchestrator.cli.exit_codes import DONE, INCOMPLETE
from smart_orchestrator.cli.groups import with_groups
from smart_orchestrator.cli.options import (
    DEFAULT_CONFIG,
    WindowOptions,
    parse_age,
    select_dataset,
    select_policy,
)

if TYPE_CHECKING:
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.project import Project

app = create_command_group()


@app.command(
    short_help="Show the state of all datasets.",
    epilog="Example: smart-orchestrator status --quiet",
)
def status(
    last: options.Last = None,
    as_of: options.AsOf = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only the datasets that are not ready.")
    ] = False,
    late: Annotated[
        bool,
        typer.Option(
            "--late",
            help="Check whether the newest partitions arrived before their deadlines, and send messages; replaces the list of states.",
        ),
    ] = False,
    config: options.ConfigFile = DEFAULT_CONFIG,
    as_json: options.AsJson = False,
) -> None:
    """Show a mark for each partition of every dataset, and the causes of missing ones. The exit code is 1 when a dataset is not ready.

    A dataset that cannot be checked is printed as an error, and the others are still shown.

    With --late, show whether the newest partitions arrived before their deadlines. The exit code is 1 when a deadline is not met.
    The messages that the configuration asks for are sent, one for each incident; with --as-of, nothing is stored or sent.
    """
    from smart_orchestrator.cli import printing
    from smart_orchestrator.cli.exit_codes import error_text
    from smart_orchestrator.cli.status_output import status_document, status_rows
    from smart_orchestrator.expected_error import ExpectedError

    project = open_project(config)
    if late:
        from smart_orchestrator.cli.late import print_late_and_exit

        if last is not None:
            raise typer.BadParameter(
                "--late judges the partitions that `complete` names, so leave out --last"
            )
        print_late_and_exit(project, as_of=options.parse_moment(as_of), quiet=quiet, as_json=as_json)
    checks = []
    upstreams = {}
    errors: dict[str, ExpectedError] = {}
    for name, dataset in project.config.datasets.items():
        window = WindowOptions(last, as_of=as_of).window(project, dataset)
        try:
            completeness = project.check(name, window, strays=False)
            checks.append((completeness, project.causes(completeness)))
            if (watch := project.upstreams.watch(name)) is not None:
                upstreams[name] = watch.status()
        except ExpectedError as error:
            errors[name] = error
    ready = all(completeness.ready for completeness, _ in checks)
    if quiet:
        checks = [(completeness, causes) for completeness, causes in checks if not completeness.ready]
    if as_json:
        texts = {name: error_text(error) for name, error in errors.items()}
        printing.print_json(status_document(checks, texts, upstreams))
    else:
        printing.reporter_on(sys.stdout).write_rows(status_rows(checks, upstreams))
    printing.err([(f"error: {name}: {error_text(error)}", "bad") for name, error in errors.items()])
    codes = [error.exit_code for error in errors.values()]
    raise typer.Exit(max([DONE if ready else INCOMPLETE, *codes]))


@app.command(
    short_help="Show the state of a partition, and its cause.",
    epilog="Example: smart-orchestrator explain orders 2025-11-06",
)
def explain(
    dataset: Annotated[str, typer.Argument(help="A dataset of the configuration.", metavar="DATASET")],
    key: Annotated[str, typer.Argument(help="A partition key.", metavar="KEY")],
    config: options.ConfigFile = DEFAULT_CONFIG,
    as_json: options.AsJson = False,
) -> None:
    """Show the state of a partition, the cause with its evidence, its runs, and the planned action."""
    from smart_orchestrator.cli import output, printing

    project = open_project(config)
    target = select_dataset(project.config, dataset)
    explanation = project.explain(target.name, options.parse_key_argument(key, target))
    if as_json:
        printing.print_json(output.explanation_document(explanation))
    else:
        printing.out(output.explanation_lines(explanation))
    raise typer.Exit(DONE if explanation.cause is None else INCOMPLETE)


@app.command(
    short_help="Wait until the window is ready.",
    epilog="Example: smart-orchestrator wait orders --last 7 --timeout 3600",
)
@with_groups
def wait(
    *,
    dataset: options.DatasetName = None,
    window_options: WindowOptions,
    min_coverage: options.MinCoverage = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT_SECONDS,
    poll: Annotated[float, typer.Option(help="Seconds between two checks.", metavar="S", min=0.1)] = 60.0,
    config: options.ConfigFile = DEFAULT_CONFIG,
    as_json: options.AsJson = False,
) -> None:
    """Check the window again and again until it is ready. No runs are started. The exit code is 1 after the time-out."""
    from smart_orchestrator.cli import output, printing
    from smart_orchestrator.text.reports import completeness_lines

    options.check_seconds("timeout", timeout)
    options.check_seconds("poll", poll)
    project = open_project(config)
    target = select_dataset(project.config, dataset)
    window = window_options.window(project, target)
    policy = select_policy(project.config, target.name, min_coverage)
    deadline = time.monotonic() + timeout
    completeness = project.check(target.name, window, policy=policy)
    with printing.progress_reporter(plain=as_json) as reporter:
        while not completeness.ready and (seconds_left := deadline - time.monotonic()) > 0:
            pause = min(poll, seconds_left)
            reporter.waiting(completeness, pause, seconds_left)
            time.sleep(pause)
            # Strays are no reason to wait, and a search for them lists the whole dataset.
            completeness = project.check(target.name, window, policy=policy, strays=False)
    if as_json:
        printing.print_json(output.check_document(completeness))
    else:
        printing.out(completeness_lines(completeness))
    raise typer.Exit(DONE if completeness.ready else INCOMPLETE)


@app.command(
    short_help="Record that partitions will never come.",
    epilog='Example: smart-orchestrator waive orders 2025-11-06 --reason "the shop was closed"',
)
def waive(
    dataset: Annotated[str, typer.Argument(help="A dataset of the configuration.", metavar="DATASET")],
    key: Annotated[
        list[str] | None, typer.Argument(help="Partition keys that will never come.", metavar="[KEY…]")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why they will never come.", metavar="TEXT")] = "",
    by: Annotated[str, typer.Option(help="Who recorded it.", metavar="NAME")] = "",
    until: Annotated[
        str | None, typer.Option(help="Last as-of day on which the waiver applies.", metavar="DAY")
    ] = None,
    list_waived: Annotated[bool, typer.Option("--list", help="List the waived partitions.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the waivers of these partitions.")] = False,
    config: options.ConfigFile = DEFAULT_CONFIG,
    as_json: options.AsJson = False,
) -> None:
    """Record that partitions will never come. Checks no longer expect these partitions, and list them as waived."""
    import datetime as dt

    from smart_orchestrator import waiver_store
    from smart_orchestrator.cli import printing
    from smart_orchestrator.text.spans import counted_span, group_alike

    project = open_project(config)
    target = select_dataset(project.config, dataset)
    lake = project.waiver_lake(target.name)
    if not key and not list_waived:
        raise typer.BadParameter("give a partition key, or --list")
    keys = [options.parse_key_argument(text, target) for text in key or []]
    now = dt.datetime.now(tz=dt.UTC).replace(microsecond=0)
    today = now.astimezone(target.zone).date()
    last_day = None if until is None else waiver_store.parse_until(until, today)
    for partition_key in keys:
        if remove:
            waiver_store.unwaive(target, lake, partition_key)
        else:
            waiver_store.waive(target, lake, waiver_store.Waiver(partition_key, reason, by, last_day, now))
    waivers = waiver_store.waivers(target, lake)
    if as_json:
        printing.print_json([waiver.to_json() for waiver in waivers.values()])
        return

    def reason_or_problem(waiver: waiver_store.Waiver) -> str:
        # A waiver that cannot be read has no reason, and says in `problem` why it cannot be read.
        return waiver.reason or waiver.problem

    lines = [
        (f"{counted_span(target.grain, [waiver.day for waiver in group])}: {reason_or_problem(group[0])}", "")
        for group in group_alike(waivers.values(), lambda each: each.day, reason_or_problem, target.grain)
    ]
    printing.out(lines or [("nothing is waived", "dim")])


@app.command(
    short_help="Remove the leftovers of killed writers.", epilog="Example: smart-orchestrator vacuum orders"
)
def vacuum(
    dataset: options.DatasetName = None,
    older_than: options.OlderThan = options.DEFAULT_AGE,
    dry_run: options.DryRun = False,
    config: options.ConfigFile = DEFAULT_CONFIG,
    as_json: options.AsJson = False,
) -> None:
    """Remove the files that killed writers of this program left behind. Needs a dataset with the adapter `manifest`."""
    from smart_orchestrator.cli import printing
    from smart_orchestrator.committing.cleanup import vacuum as remove_leftovers
    from smart_orchestrator.errors import OptionError

    project = open_project(config)
    target = select_dataset(project.config, dataset)
    if target.adapter != "manifest":
        raise OptionError(
            "vacuum",
            target.name,
            f"has the adapter {target.adapter}: other programs write its files, and only they can recognise leftovers",
            "Use the program that writes the files.",
        )
    removed = remove_leftovers(target, older_than=parse_age(older_than), dry_run=dry_run)
    if as_json:
        printing.print_json(removed.to_json())
    else:
        verb = "would be removed" if dry_run else "removed"
        printing.out([(f"{len(removed.keys):,} objects {verb}, {removed.size:,} bytes", "")])


def open_project(config: Path) -> Project:
    """Load the project of a configuration file."""
    from smart_orchestrator.config.loading import load_config
    from smart_orchestrator.project import Project

    return Project(load_config(config))


def write_plan(path: Path, plan: Plan) -> None:
    """Write a plan to a file that `apply` can read.

    Raises:
        OptionError: the file cannot be written.
    """
    import json

    from smart_orchestrator.backfilling.saved_plan import SavedPlan
    from smart_orchestrator.errors import OptionError

    text = json.dumps(SavedPlan.of(plan).to_json(), indent=1) + "\n"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OptionError(
            "output", path, f"cannot be written ({error.strerror})", "Name another file."
        ) from None
