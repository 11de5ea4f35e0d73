"""The commands that set up a project: `init` and `doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smart_orchestrator.cli import options
from smart_orchestrator.cli.application import create_command_group
from smart_orchestrator.cli.exit_codes import DONE
from smart_orchestrator.cli.next_command import next_command
from smart_orchestrator.cli.options import DEFAULT_CONFIG

app = create_command_group()


@app.command(
    short_help="Propose a configuration for a lake.",
    epilog='Example: smart-orchestrator init lake --command "python etl.py --day {key}"',
)
def init(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="The lake: a folder or a URL.", metavar="URL")],
    command: Annotated[
        str,
        typer.Option(
            help="The command that makes one partition; {key} is replaced by the key.", metavar="TEXT"
        ),
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    config: options.ConfigFile = DEFAULT_CONFIG,
    as_json: options.AsJson = False,
) -> None:
    """Search a lake for partitions, and write a configuration for them. Print the evidence for it."""
    import datetime as dt
    import shlex

    from smart_orchestrator.cli import printing
    from smart_orchestrator.errors import OptionError
    from smart_orchestrator.model.grain import key_text
    from smart_orchestrator.model.window import max_length
    from smart_orchestrator.proposal import propose, to_toml
    from smart_orchestrator.store.opening import open_lake

    if config.exists() and not force:
        raise OptionError("config", config, "exists already", "Give --force to replace it.")
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise OptionError(
            "command", repr(command), f"cannot be split into words ({error})", "Correct it."
        ) from None
    if "://" not in url and not Path(url).expanduser().is_dir():
        raise OptionError(
            "URL", url, "is not a folder", "Correct the path, or give a URL such as s3://bucket/folder."
        )
    if "://" not in url and config.absolute().parent != Path.cwd():
        # The new file interprets relative paths relative to its own folder, not to the working directory.
        url = str(Path(url).expanduser().absolute())
    proposals = propose(open_lake(url), url, dt.datetime.now(tz=dt.UTC))
    if not proposals:
        raise OptionError(
            "URL",
            url,
            "has no folder with a date in its name that holds a file",
            "A partition is a folder, such as dt=2025-11-05. Check the URL, or describe the dataset by hand, see docs/any-lake.md.",
        )
    try:
        config.write_text(to_toml(proposals, arguments), encoding="utf-8")
    except OSError as error:
        raise OptionError(
            "config", config, f"cannot be written ({error.strerror})", "Name another file."
        ) from None
    if as_json:
        printing.print_json({"file": str(config), "datasets": [proposal.to_json() for proposal in proposals]})
        return
    for proposal in proposals:
        confidence = "sure" if proposal.is_sure else "not sure, please check"
        printing.out([(f"{proposal.dataset.name}  {proposal.dataset.key_format}  ({confidence})", "strong")])
        printing.out([(f"  {note}", "") for note in proposal.notes])
    example = proposals[0]
    grain = example.dataset.grain
    # `check` refuses a window longer than `max_length`, so the suggested command names only the newest keys.
    start = max(example.first, grain.key_at(grain.index(example.last) - max_length(grain) + 1))
    next_line = next_command(
        context.find_root().obj,
        "check",
        dataset=example.dataset.name,
        start=key_text(start),
        end=key_text(example.last),
    )
    printing.out(
        [
            (f"The configuration was written to {config}.", "good"),
            ("To check the first dataset:", "dim"),
            next_line,
        ]
    )


@app.command(
    short_help="Check the configuration, lakes and commands.",
    epilog="Example: smart-orchestrator doctor --json",
)
def doctor(config: options.ConfigFile = DEFAULT_CONFIG, as_json: options.AsJson = False) -> None:
    """Check the configuration, the lakes, the commands and the state folder, and say how to fix problems."""
    from smart_orchestrator.cli import printing
    from smart_orchestrator.cli.tools import open_project
    from smart_orchestrator.diagnosis import diagnose

    findings = diagnose(open_project(config))
    if as_json:
        printing.print_json([finding.to_json() for finding in findings])
    else:
        printing.out([finding.line() for finding in findings])
    raise typer.Exit(max((finding.exit_code for finding in findings), default=DONE))
