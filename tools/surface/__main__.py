"""Print or write the surface of the current code: `python -m tools.surface [--airflow] [--write]`."""

from __future__ import annotations

import argparse
import functools
import os
import runpy
import sys
from unittest import mock

import typer

import tools.surface
from tools.surface import airflow, files, interfaces, names
from tools.surface.documents import as_text, shape
from tools.surface.subject import (
    AIRFLOW_FILE,
    DAG_FILES,
    EXIT_CODES,
    FILE,
    PUBLIC,
    PUBLIC_IN_AIRFLOW,
    ROOT,
    VALUES,
    Surface,
)
from tools.surface.use import Product, captured, own_folder, run_all_commands, run_failing_commands, sample


def read_surface() -> Surface:
    """Return the surface without the part that needs Airflow."""
    # Typer builds the command line again for each command, which takes a third of the time.
    cached_command = mock.patch.object(typer.main, "get_command", functools.cache(typer.main.get_command))
    with own_folder() as folder, sample() as address, cached_command:
        os.environ.update(address)
        product = Product(folder)
        title = run_all_commands(product)
        calls = names.documented_calls()
        tables = files.tables(folder)
        run_failing_commands(product)
        return {
            "commands": interfaces.commands(),
            "dashboard": interfaces.dashboard_section(title),
            "distributions": files.distributions(),
            "documented imports": names.documented_names() | calls,
            "exports": files.exports(product, tables),
            "exit codes": {**EXIT_CODES, **product.codes},
            "files in the wheel": files.wheel_files(),
            "json of the commands": {name: shape(documents) for name, documents in product.documents.items()},
            "lake": files.lake(folder),
            "public names": {name: names.public_names(name) for name in PUBLIC},
            "scripts": names.scripts(),
            "settings": interfaces.settings(),
            "tables": tables,
            "values": {name: sorted(kind) for name, kind in VALUES.items()},
        }


def read_airflow_surface() -> Surface:
    """Return the part of the surface that needs Airflow's packages (but no running Airflow): DAGs, tasks, parameters and XComs."""
    with own_folder() as folder:
        os.environ["AIRFLOW_HOME"] = str(folder / "airflow")
        paths = sorted((ROOT / DAG_FILES).glob("*.py"))
        with captured():
            dags = [runpy.run_path(str(path))["dag"] for path in paths]
            surface: Surface = {
                "dags": {dag.dag_id: airflow.describe_dag(dag) for dag in dags},
                "names in the dag files": {path.name: airflow.names_in(path) for path in paths},
                "plugins": airflow.plugins(),
                "public names": {name: names.public_names(name) for name in PUBLIC_IN_AIRFLOW},
                "xcoms": {"check_completeness": airflow.xcoms_of_check(dags)},
            }
    return surface


def main(arguments: list[str] | None = None) -> int:
    """Print the surface of the code, or write it to the file."""
    parser = argparse.ArgumentParser(prog="python -m tools.surface", description=tools.surface.__doc__)
    parser.add_argument("--write", action="store_true", help="write the file instead of printing")
    parser.add_argument(
        "--airflow",
        action="store_true",
        help="the part that needs Airflow; run with .venv-airflow/bin/python",
    )
    options = parser.parse_args(arguments)
    text = as_text(read_airflow_surface() if options.airflow else read_surface())
    if options.write:
        file = AIRFLOW_FILE if options.airflow else FILE
        file.write_text(text, encoding="utf-8")
        text = f"{file.relative_to(ROOT)} written\n"
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
