"""The command that serves the dashboard."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from smart_orchestrator.cli.application import create_command_group
from smart_orchestrator.cli.groups import with_groups
from smart_orchestrator.cli.printing import err
from wiki_trends.cli import options
from wiki_trends.cli.options import LakeOptions, settings_of
from wiki_trends.cli.output import log_to_stderr

app = create_command_group()


@app.command(
    short_help="Serve the dashboard.",
    epilog="Example: wiki-trends serve --port 8600",
)
@with_groups
def serve(
    *,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on; an address that other machines can reach needs WIKI_TRENDS_WEB_TOKEN.",
            metavar="ADDRESS",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port; 0 takes a free one.", metavar="PORT", min=0, max=65535)
    ] = 8600,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Another host name that clients may use; repeatable.", metavar="NAME"),
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="IP address or network of a reverse proxy whose X-Forwarded-For is trusted; repeatable.",
            metavar="ADDRESS",
        ),
    ] = None,
    as_of: options.AsOf = None,
    lake: LakeOptions,
    warehouse: options.WarehouseUrl = None,
    contact: options.Contact = None,
    verbose: options.Verbose = False,
) -> None:
    """Serve the dashboard: trends, completeness, runs. The server prints its address, and a link that signs in once.

    Everyone on this machine can read the pages; starting a backfill requires the link or the token.
    """
    from smart_orchestrator.model.window import parse_day
    from wiki_trends.web.serve import serve as serve_forever

    log_to_stderr(verbose=verbose)
    settings = settings_of(lake, warehouse=warehouse, contact=contact)

    def print_address(address: str, link: str) -> None:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        err(
            [
                ("To sign in, open this link, which works once:", ""),
                (f"  {link}", "command"),
                ("Press Ctrl-C to stop the server.", "dim"),
            ]
        )

    serve_forever(
        settings,
        host=host,
        port=port,
        hosts=allow_host or [],
        proxies=proxy or [],
        as_of=parse_day(as_of, "as_of") if as_of else None,
        on_ready=print_address,
    )
