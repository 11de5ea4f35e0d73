"""The `smart-orchestrator` command and its commands `check`, `plan`, `apply` and `run`.

Results go to stdout (one JSON document with `--json`), progress goes to stderr. The module `exit_codes` lists the exit codes. Modules
that a command needs are imported when the command runs, so that `--help` is fast.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads annotations when it runs
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from smart_orchestrator.cli import options, setup, tools
from smart_orchestrator.cli.application import create_app, run_app, run_process
from smart_orchestrator.cli.exit_codes import DONE, INCOMPLETE, Program
from smart_orchestrator.cli.groups import with_groups
from smart_orchestrator.cli.next_command import next_command
from smart_orchestrator.cli.options import DEFAULT_CONFIG, WindowOptions, select_dataset, select_policy

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = Program(
    "smart-orchestrator",
    "smart-orchestrator",
    interrupted="commands that were started go on. Run the same command again to follow them.",
)
app = create_app(
    PROGRAM,
    "Check the partitions of any lake, run the existing pipeline for missing partitions, and then run the consumers.",
)


@app.command(
    short_help="List the partitions of the window.",
    epilog="Example: smart-orchestrator check orders --start 2025-11-05 --end 2025-11-09",
)
@with_groups
def check(
    *,
    dataset: options.DatasetName = None,
    window_options: WindowOptions,
    min_coverage: options.MinCoverage = None,
    deep: options.Deep = False,
    strays: Annotated[
        bool,
        typer.Option("--strays", help="Search the whole lake for names that are not the key of a partition."),
    ] = False,
    config: options.ConfigFile = DEFAULT_CONFIG,
    as_json: options.AsJson = False,
) -> None:
    """List the partitions of the window, and why each is available or not. The exit code is 1 when the window is not ready."""
    from smart_orchestrator.adapters.manifest import Depth, InspectOptions
    from smart_orchestrator.cli import output, printing

    project = tools.open_project(config)
    target = select_dataset(project.config, dataset)
    window = window_options.window(project, target)
    completeness = project.check(
        target.name,
        window,
        policy=select_policy(project.config, target.name, min_coverage),
        options=InspectOptions(Depth.ROWS if deep else Depth.AS_NEEDED),
        strays=strays or None,
    )
    causes = project.causes(completeness)
    if as_json:
        document = output.check_document(completeness)
        printing.print_json({**document, "causes": output.causes_document(causes)})
    else:
        from smart_orchestrator.text.reports import completeness_lines

        printing.out(completeness_lines(completeness))
        if causes:
            printing.out([("causes:", "strong"), *output.cause_lines(completeness, causes)])
        if not completeness.ready and completeness.missing and target.runner is not None:
            printing.out([("To fill it:", "dim"), next_command(PROGRAM, "run")])
    raise typer.Exit(DONE if completeness.ready else INCOMPLETE)


@app.command(
    short_help="Show what a run would do, and why.",
    epilog="Example: smart-orchestrator plan orders --last 30 -o plan.json",
)
@with_groups
def plan(
    *,
    dataset: options.DatasetName = None,
    window_options: WindowOptions,
    output_file: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the plan to a file, for `apply`.", metavar="FILE"),
    ] = None,
    config: options.ConfigFile = DEFAULT_CONFIG,
    as_json: options.AsJson = False,
) -> None:
    """Show what a run would do with each partition, and why. No runs are started."""
    from smart_orchestrator.cli import output, printing
    from smart_orchestrator.text.reports import plan_lines

    project = tools.open_project(config)
    target = select_dataset(project.config, dataset)
    window = window_options.window(project, target)
    new_plan = project.plan(target.name, window)
    if output_file is not None:
        tools.write_plan(output_file, new_plan)
        printing.err([(f"The plan was written to {output_file}. To start its runs:", "dim")])
        printing.err([next_command(PROGRAM, "apply", plan_file=output_file)])
    if as_json:
        printing.print_json(output.plan_document(new_plan))
    else:
        printing.out(plan_lines(new_plan, every=True))


@app.command(
    short_help="Start exactly the runs of a saved plan.",
    epilog="Example: smart-orchestrator apply plan.json",
)
def apply(
    plan_file: Annotated[Path, typer.Argument(help="A file that `plan -o` wrote.", metavar="PLAN")],
    timeout: options.Timeout = options.DEFAULT_TIMEOUT_SECONDS,
    config: options.ConfigFile = DEFAULT_CONFIG,
    as_json: options.AsJson = False,
) -> None:
    """Start exactly the runs of a plan, wait until they end, and check the window again.

    The command fails with exit code 5 when the lake or the runs have changed since the plan was made.
    """
    from smart_orchestrator.cli import output, printing
    from smart_orchestrator.text.reports import completeness_lines, unfinished_lines

    options.check_seconds("timeout", timeout)
    project = tools.open_project(config)
    with printing.progress_reporter(plain=as_json) as reporter:
        backfill = project.apply_saved(plan_file, timeout=timeout, reporter=reporter)
    if as_json:
        printing.print_json(output.backfill_document(backfill))
    else:
        printing.out(completeness_lines(backfill.completeness))
    grain = backfill.completeness.window.grain
    printing.err(unfinished_lines(backfill.outcome.abandoned, grain))
    printing.exit_after(backfill.outcome, ready=backfill.completeness.ready)


@app.command(
    short_help="Plan, apply, check again, then run the consumers.",
    epilog="Example: smart-orchestrator run orders --start 2025-11-05 --end 2025-11-09",
)
@with_groups
def run(
    *,
    dataset: options.DatasetName = None,
    window_options: WindowOptions,
    min_coverage: options.MinCoverage = None,
    timeout: options.Timeout = options.DEFAULT_TIMEOUT_SECONDS,
    config: options.ConfigFile = DEFAULT_CONFIG,
    as_json: options.AsJson = False,
) -> None:
    """Run the pipeline for each missing partition, check the window again, and run the consumers whose windows are ready."""
    from smart_orchestrator.cli import output, printing
    from smart_orchestrator.project_signals import send_messages_and_write_metrics
    from smart_orchestrator.text.reports import completeness_lines, unfinished_lines

    options.check_seconds("timeout", timeout)
    project = tools.open_project(config)
    target = select_dataset(project.config, dataset)
    window = window_options.window(project, target)
    policy = select_policy(project.config, target.name, min_coverage)
    with printing.progress_reporter(plain=as_json) as reporter:
        result = project.run(target.name, window, policy=policy, timeout=timeout, reporter=reporter)
    if as_json:
        printing.print_json(output.run_document(result))
    else:
        printing.out(completeness_lines(result.backfill.completeness))
    printing.err(unfinished_lines(result.backfill.outcome.abandoned, window.grain))
    printing.err(output.consumer_lines(result.consumers))
    send_messages_and_write_metrics(project, result)
    failed = any(consumer.exit_code != 0 for consumer in result.consumers)
    is_ready = result.backfill.completeness.ready and not failed
    printing.exit_after(result.backfill.outcome, ready=is_ready)


app.add_typer(tools.app)
app.add_typer(setup.app)


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (by default, the arguments of the process) and return its exit code."""
    return run_app(app, PROGRAM, arguments)


def main() -> NoReturn:
    """Run the command line of the process, and exit with its exit code."""
    run_process(run_command)


if __name__ == "__main__":
    main()
