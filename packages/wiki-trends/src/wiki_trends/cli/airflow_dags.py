"""The commands about Airflow: print or write the Dag files."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads annotations when it runs
from typing import Annotated

import typer

from wiki_trends.cli import options
from wiki_trends.cli.output import out, print_json

app = typer.Typer(
    name="airflow",
    help="Install the Dags into an existing Airflow.",
    epilog="Example: wiki-trends airflow dags --write ~/airflow/dags",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command(
    short_help="The three Dag files: print them, or write them into a DAG folder.",
    epilog="Example: wiki-trends airflow dags --write ~/airflow/dags",
)
def dags(
    write: Annotated[
        Path | None,
        typer.Option(help="Write them into this folder, Airflow's DAG folder, instead.", metavar="DIR"),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="With --write: replace files with other content.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Print the three Dag files, or write them into a DAG folder.

    Existing files with the same content are not changed. If an existing file has other content, nothing is written
    unless --force is given. Airflow's own environment needs this package too, with the extra `airflow`.
    """
    from wiki_trends.airflow.dag_files import DAG_FILES, install_dag_files

    if write is None:
        if as_json:
            print_json({"folder": None, "files": [file.to_json() for file in DAG_FILES]})
        else:
            texts = [f"# {file.name}\n{file.text}" for file in DAG_FILES]
            out([(line, "") for text in texts for line in text.split("\n")])
        return
    installed = install_dag_files(write, force=force)
    if as_json:
        print_json({"folder": str(write), "files": [file.to_json() for file in installed]})
    else:
        out([(f"{file.path}: {file.action}", "") for file in installed])
