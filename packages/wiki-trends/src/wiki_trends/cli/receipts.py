"""The commands that prove a published window: `receipt` and `verify`."""

from __future__ import annotations

from typing import Annotated

import typer

from smart_orchestrator.cli.application import create_command_group
from smart_orchestrator.cli.exit_codes import DONE, INCOMPLETE
from smart_orchestrator.cli.groups import with_groups
from smart_orchestrator.cli.printing import out, print_json
from wiki_trends.cli import options
from wiki_trends.cli.options import LakeOptions, settings_of

app = create_command_group()

PublishedWindow = Annotated[
    str | None,
    typer.Argument(
        help="First and last day of a published window as START..END; default the newest.", metavar="WINDOW"
    ),
]


@app.command(
    short_help="Show what a published window was made from.",
    epilog="Example: wiki-trends receipt 2025-11-05..2025-11-11",
)
@with_groups
def receipt(
    window: PublishedWindow = None,
    *,
    lake: LakeOptions,
    warehouse: options.WarehouseUrl = None,
    as_json: options.AsJson = False,
) -> None:
    """Show what a publish read (fingerprints), checked (verdicts and waivers) and decided (policy), and its version."""
    from wiki_trends.jobs.receipt import published_run, receipt_json, receipt_lines

    run = published_run(settings_of(lake, warehouse=warehouse), window)
    if as_json:
        print_json(receipt_json(run))
    else:
        out(receipt_lines(run))


@app.command(
    short_help="Recompute a published window and compare.",
    epilog="Example: wiki-trends verify 2025-11-05..2025-11-11",
)
@with_groups
def verify(
    window: PublishedWindow = None,
    *,
    lake: LakeOptions,
    warehouse: options.WarehouseUrl = None,
    engine: options.Engine = None,
    as_json: options.AsJson = False,
) -> None:
    """Recompute a published window from the same partitions, and compare the tables. The warehouse is not changed.

    All tables of the newest window are compared; of an earlier window, the scores. The exit code is 1 when a partition has
    changed or a table differs.
    """
    from wiki_trends.jobs.progress import show_progress
    from wiki_trends.jobs.verify import verification_lines
    from wiki_trends.jobs.verify import verify as verify_window

    settings = settings_of(lake, warehouse=warehouse, engine=engine)
    with show_progress():
        verification = verify_window(settings, window)
    if as_json:
        print_json(verification.to_json())
    else:
        out(verification_lines(verification))
    raise typer.Exit(DONE if verification.equal else INCOMPLETE)
