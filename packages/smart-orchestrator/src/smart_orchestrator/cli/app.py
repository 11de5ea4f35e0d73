"""The `smart-orchestrator` command: parse, call, print. Commands import the rest when they run.

stdout is for results (`--json` gives one document), stderr for progress. `smart_orchestrator.cli.exit_codes` lists the exit codes.
"""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - Typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from smart_orchestrator.cli import options, setup, tools
from smart_orchestrator.cli.exit_codes import DONE, INCOMPLETE, USAGE, Program
from smart_orchestrator.cli.options import DEFAULT_CONFIG, WindowOptions, dataset_of, policy_of

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = Program(
    "smart-orchestrator",
    "smart-orchestrator",
    interrupted="commands that were started go on. Run the same command again to follow them.",
)
app = typer.Typer(
    name=PROGRAM.name,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _show_version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        sys.stdout.write(f"{PROGRAM.name} {version('smart-orchestrator')}\n")
        raise typer.Exit(DONE)


@app.callback()
def program(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_show_version),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Print the traceback of an unexpected error.")
    ] = False,
) -> None:
    """Check the partitions of any lake, run the existing pipeline for the missing ones, then the consumer."""
    del version
    PROGRAM.debug = debug


@app.command(
    short_help="Which partitions of the window are available.",
    epilog="Example: smart-orchestrator check orders --start 2025-11-05 --end 2025-11-09",
)
def check(
    dataset: options.DatasetName = None,
    last: options.Last = None,
    days: options.Days = None,
    hours: options.Hours = None,
    start: options.Start = None,
    end: options.End = None,
    as_of: options.AsOf = None,
    lag: options.Lag = None,
    min_coverage: options.MinCoverage = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every row and check it against the contract.")
    ] = False,
    strays: Annotated[
        bool, typer.Option("--strays", help="Search all names beside the partitions for strays.")
    ] = False,
    config: options.ConfigFile = DEFAULT_CONFIG,
    as_json: options.AsJson = False,
) -> None:
    """List the partitions of the window, available or not, with the reason. Exit code 1 when it is not ready."""
    from smart_orchestrator.adapters.manifest import Depth, InspectOptions
    from smart_orchestrator.cli import output, printing
    from smart_orchestrator.text.reports import completeness_lines

    project = tools.open_project(config)
    described = dataset_of(project.config, dataset)
    window = WindowOptions(last, days, hours, start, end, as_of, lag).window(project, described)
    completeness = project.check(
        described.name,
        window,
        policy=policy_of(project.config, described.name, min_coverage),
        options=InspectOptions(Depth.ROWS if deep else Depth.AS_NEEDED),
        strays=strays or None,
    )
    causes = project.causes(completeness)
    if as_json:
        document = output.check_document(completeness)
        printing.print_json({**document, "causes": output.causes_document(causes)})
    else:
        printing.out(completeness_lines(completeness))
        if causes:
            printing.out([("causes:", "strong"), *output.cause_lines(completeness, causes)])
        if not completeness.ready and completeness.missing and described.runner is not None:
            printing.out(
                [(f"To fill it: {PROGRAM.name} run {described.name}, with the same options.", "dim")]
            )
    raise typer.Exit(DONE if completeness.ready else INCOMPLETE)


@app.command(
    short_help="What would be done, and why.",
    epilog="Example: smart-orchestrator plan orders --last 30 -o plan.json",
)
def plan(
    dataset: options.DatasetName = None,
    last: options.Last = None,
    days: options.Days = None,
    hours: options.Hours = None,
    start: options.Start = None,
    end: options.End = None,
    as_of: options.AsOf = None,
    lag: options.Lag = None,
    output_file: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the plan to a file, for `apply`.", metavar="FILE"),
    ] = None,
    config: options.ConfigFile = DEFAULT_CONFIG,
    as_json: options.AsJson = False,
) -> None:
    """Show what would be done with each partition, and why, without doing it."""
    from smart_orchestrator.cli import output, printing
    from smart_orchestrator.text.reports import plan_lines

    project = tools.open_project(config)
    described = dataset_of(project.config, dataset)
    window = WindowOptions(last, days, hours, start, end, as_of, lag).window(project, described)
    made = project.plan(described.name, window)
    if output_file is not None:
        tools.write_plan(output_file, made)
        printing.err([(f"written to {output_file}: {PROGRAM.name} apply {output_file}", "dim")])
    if as_json:
        printing.print_json(output.plan_document(made))
    else:
        printing.out(plan_lines(made, every=True))


@app.command(
    short_help="Start exactly the runs of a saved plan.",
    epilog="Example: smart-orchestrator apply plan.json",
)
def apply(
    plan_file: Annotated[Path, typer.Argument(help="A file that `plan -o` wrote.", metavar="PLAN")],
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    config: options.ConfigFile = DEFAULT_CONFIG,
    as_json: options.AsJson = False,
) -> None:
    """Start exactly the runs of a plan, wait for them, and check the window again.

    The plan is refused with exit code 5 when the lake or the runs are no longer as when it was made.
    """
    from smart_orchestrator.cli import output, printing
    from smart_orchestrator.text.reports import completeness_lines

    project = tools.open_project(config)
    done = project.apply_saved(plan_file, timeout=timeout, reporter=printing.reporter_on(sys.stderr))
    if as_json:
        printing.print_json(output.backfill_document(done))
    else:
        printing.out(completeness_lines(done.completeness))
    printing.exit_after(done.outcome, ready=done.completeness.ready)


@app.command(
    short_help="Plan, apply, verify, then the consumer's command.",
    epilog="Example: smart-orchestrator run orders --start 2025-11-05 --end 2025-11-09",
)
def run(
    dataset: options.DatasetName = None,
    last: options.Last = None,
    days: options.Days = None,
    hours: options.Hours = None,
    start: options.Start = None,
    end: options.End = None,
    as_of: options.AsOf = None,
    lag: options.Lag = None,
    min_coverage: options.MinCoverage = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT,
    config: options.ConfigFile = DEFAULT_CONFIG,
    as_json: options.AsJson = False,
) -> None:
    """Run the pipeline once for each partition that needs it, check again, and run the consumers when they are ready."""
    from smart_orchestrator.cli import output, printing
    from smart_orchestrator.text.reports import completeness_lines

    project = tools.open_project(config)
    described = dataset_of(project.config, dataset)
    window = WindowOptions(last, days, hours, start, end, as_of, lag).window(project, described)
    done = project.run(
        described.name,
        window,
        policy=policy_of(project.config, described.name, min_coverage),
        timeout=timeout,
        reporter=printing.reporter_on(sys.stderr),
    )
    if as_json:
        printing.print_json(output.run_document(done))
    else:
        printing.out(completeness_lines(done.backfill.completeness))
    printing.err(output.consumer_lines(done.consumers))
    failed = any(consumer.exit_code != 0 for consumer in done.consumers)
    ready = done.backfill.completeness.ready and not failed
    printing.exit_after(done.backfill.outcome, ready=ready)


app.add_typer(tools.app)
app.add_typer(setup.app)


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: that of the process) and return its exit code; expected errors go to stderr."""
    words = sys.argv[1:] if arguments is None else arguments
    return PROGRAM.run(lambda: _run_typer(arguments), words)


def _run_typer(arguments: Sequence[str] | None) -> int:
    try:
        app(arguments, prog_name=PROGRAM.name)
    except SystemExit as end:
        # Typer ends every command this way, and turns Ctrl-C into code 130.
        return end.code if isinstance(end.code, int) else USAGE
    return DONE


def main() -> NoReturn:
    """The entry point of `smart-orchestrator`."""
    from smart_orchestrator.cli.exit_codes import exit_process
    from smart_orchestrator.cli.streams import install_streams

    install_streams()
    exit_process(run_command())


if __name__ == "__main__":
    main()
