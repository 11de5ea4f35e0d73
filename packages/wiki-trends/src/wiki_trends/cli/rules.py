"""The `explain` command: show why a page has its category and its location."""

from __future__ import annotations

from typing import Annotated

import typer

from smart_orchestrator.cli.application import create_command_group
from smart_orchestrator.cli.printing import out, print_json
from wiki_trends.cli import options
from wiki_trends.cli.options import settings_of

app = create_command_group()


@app.command(
    short_help="Explain the category and the location of a page.",
    epilog='Example: wiki-trends explain "Marie Curie" --json',
)
def explain(
    title: Annotated[
        str, typer.Argument(help="Title of the page, with spaces or underscores.", metavar="TITLE")
    ],
    project: options.Project = None,
    lake: options.LakeUrl = None,
    contact: options.Contact = None,
    as_json: options.AsJson = False,
) -> None:
    """Show a page's facts, the scores of each category and location, and the rules that applied.

    The facts come from the cache in the lake, or from Wikimedia when the cache does not have the page.
    """
    from wiki_trends.jobs.explain import explain_page, explanation_lines

    explanation = explain_page(title, settings_of(project=project, lake=lake, contact=contact))
    if as_json:
        print_json(explanation.to_json())
    else:
        out(explanation_lines(explanation))
