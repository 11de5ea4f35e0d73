"""The commands that read the published tables: `export`, `top` and `page`."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - Typer reads annotations when it runs
from typing import Annotated

import typer

from smart_orchestrator.cli.application import create_command_group
from smart_orchestrator.cli.printing import err, out, print_json
from wiki_trends.cli import options
from wiki_trends.cli.options import settings_of

app = create_command_group()


@app.command(
    short_help="Write a published table as CSV, Parquet or JSON.",
    epilog="Example: wiki-trends export wiki_trends_growth --format csv --output growth.csv",
)
def export(
    table: Annotated[
        str,
        typer.Argument(
            help="Name of the table, for example wiki_trends_growth, or surprises.", metavar="TABLE"
        ),
    ],
    file_format: Annotated[
        str, typer.Option("--format", help="csv, parquet or json.", metavar="FORMAT")
    ] = "csv",
    output: Annotated[
        Path | None, typer.Option(help="File to write; default stdout.", metavar="FILE")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    exact: Annotated[
        bool, typer.Option("--exact", help="Write the exact text to CSV, for joins with other data.")
    ] = False,
    warehouse: options.WarehouseUrl = None,
) -> None:
    """Write all rows of a published table to stdout or to a new file.

    The table surprises has a row for each page and day that was published: usual and expected views, surprise, evidence.

    In CSV, text that a spreadsheet would run as a formula, such as a title that begins with =, is preceded by an apostrophe.
    With --exact, no apostrophe is added. Parquet and JSON always contain the exact text.
    """
    from wiki_trends.jobs.progress import show_progress
    from wiki_trends.queries.export import export as write_table
    from wiki_trends.queries.output_file import output_stream
    from wiki_trends.warehouse import open_warehouse

    if output is None and file_format == "parquet" and sys.stdout.isatty():
        raise typer.BadParameter("Parquet cannot be written to a terminal: give --output FILE, or pipe it")
    published_tables = open_warehouse(settings_of(warehouse=warehouse).warehouse)
    if output is None:
        sys.stdout.flush()
        with show_progress():
            write_table(published_tables, table, file_format, sys.stdout.buffer, exact=exact)
        return
    with show_progress(), output_stream(output, force=force) as file:
        write_table(published_tables, table, file_format, file, exact=exact)
    size_text = f", {output.stat().st_size:,} bytes" if output.is_file() else ""
    err([(f"{output}: {table}{size_text}", "")])


@app.command(
    short_help="List the top pages by their rise, growth or views.",
    epilog="Example: wiki-trends top --by growth --category Sports",
)
def top(
    by: Annotated[
        str,
        typer.Option(
            help="Measure that orders the pages: at_least, at_most (falls), score, growth or views.",
            metavar="MEASURE",
        ),
    ] = "at_least",
    category: Annotated[str | None, typer.Option(help="Only pages of this category.", metavar="NAME")] = None,
    limit: Annotated[int, typer.Option(help="Number of pages.", metavar="N", min=1)] = 10,
    warehouse: options.WarehouseUrl = None,
    as_json: options.AsJson = False,
) -> None:
    """Show the top pages of the window that was published last, with their scores explained."""
    from wiki_trends.queries import pages
    from wiki_trends.report.lookup_text import top_lines
    from wiki_trends.warehouse import open_warehouse

    top_pages = pages.top(open_warehouse(settings_of(warehouse=warehouse).warehouse), by, category, limit)
    if as_json:
        print_json(top_pages.to_json())
    else:
        out(top_lines(top_pages))


@app.command(
    short_help="Show the days, ranks and scores of a page.",
    epilog='Example: wiki-trends page "Ada Lovelace"',
)
def page(
    title: Annotated[
        str, typer.Argument(help="Title of the page, with spaces or underscores.", metavar="TITLE")
    ],
    warehouse: options.WarehouseUrl = None,
    as_json: options.AsJson = False,
) -> None:
    """Show the days, ranks and scores of a published page, and a sparkline of its baseline and window."""
    from wiki_trends.queries import pages
    from wiki_trends.report.lookup_text import page_lines
    from wiki_trends.warehouse import open_warehouse

    page_history = pages.page_details(open_warehouse(settings_of(warehouse=warehouse).warehouse), title)
    if as_json:
        print_json(page_history.to_json())
    else:
        out(page_lines(page_history))
