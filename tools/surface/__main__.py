"""Prints or writes the surface of the current code: `python -m tools.surface [--airflow] [--write]`."""

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
from tools.surface.use import Product, captured, own_folder, sample, use, use_broken


def recorded() -> Surface:
    """Return the surface without the part that needs Airflow."""
    # Without this cache, Typer would build the command line again for each command, which takes a third of the time.
    cached = mock.patch.object(typer.main, "get_command", functools.cache(typer.main.get_command))
    with own_folder() as folder, sample() as address, cached:
        os.environ.update(address)
        product = Product(folder)
        title = use(product)
        calls = names.documented_calls()
        tables = files.tables(folder)
        use_broken(product)
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


def recorded_with_airflow() -> Surface:
    """Return the surface in Airflow: DAGs, tasks, parameters, XComs. This needs Airflow's packages, but no running Airflow."""
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
        help="use the part that needs Airflow; run with .venv-airflow/bin/python",
    )
    options = parser.parse_args(arguments)
    text = as_text(recorded_with_airflow() if options.airflow else recorded())
    if options.write:
        file = AIRFLOW_FILE if options.airflow else FILE
        file.write_text(text, encoding="utf-8")
        text = f"{file.relative_to(ROOT)} written\n"
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
