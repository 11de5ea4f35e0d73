"""The commands of `wiki-trends airflow`: print or write the Dag files."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads annotations when it runs
from typing import Annotated

import typer

from smart_orchestrator.cli.printing import out, print_json
from wiki_trends.cli import options

app = typer.Typer(
    name="airflow",
    help="Install the Dags into an existing Airflow.",
    epilog="Example: wiki-trends airflow dags --write ~/airflow/dags",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command(
    short_help="Print the three Dag files, or write them into a DAG folder.",
    epilog="Example: wiki-trends airflow dags --write ~/airflow/dags",
)
def dags(
    write: Annotated[
        Path | None,
        typer.Option(
            help="Write the files into this folder, the DAG folder of Airflow, instead of printing them.",
            metavar="DIR",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="With --write: replace existing files that have other content.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Print the three Dag files, or write them into a DAG folder.

    Existing files with the same content are not changed. If an existing file has other content, nothing is written
    unless --force is given. Airflow's environment
    also needs this package, with the extra `airflow`.
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
