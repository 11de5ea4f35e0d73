"""The commands about Airflow: the files that put the Dags into a DAG folder."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads annotations when it runs
from typing import Annotated

import typer

from wiki_trends.cli import options
from wiki_trends.cli.output import out, print_json

app = typer.Typer(
    name="airflow",
    help="Put the Dags into an Airflow of your own.",
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

    A file that is there already with the same content stays untouched; when one has other content, nothing is written
    unless --force is given. The environment of Airflow's processes needs this package too, with its extra `airflow`.
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
