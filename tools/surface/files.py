"""The sections of the surface about files: distributions, wheels, the lake, tables and exports."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from importlib.metadata import distribution
from typing import TYPE_CHECKING

from tools.surface.documents import shape
from tools.surface.subject import DISTRIBUTIONS, ROOT, WHEEL_PATHS, Section
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import Settings, load

if TYPE_CHECKING:
    from pathlib import Path

    from tools.surface.use import Product


def distributions() -> Section:
    """Return the entry points, the extras, the Python versions and the licence of each installed distribution."""
    section: Section = {}
    for name in DISTRIBUTIONS:
        installed = distribution(name)
        for entry_point in installed.entry_points:
            if entry_point.group != "airflow.plugins":
                entry_point.load()  # Fails if the module has been moved.
        section[name] = {
            "entry points": sorted(
                f"{entry_point.group}: {entry_point.name}" for entry_point in installed.entry_points
            ),
            "extras": sorted(installed.metadata.get_all("Provides-Extra") or ()),
            "python": installed.metadata["Requires-Python"],
            "licence": installed.metadata["License-Expression"],
        }
    return section


def wheel_files() -> Section:
    """Return the first characters of the SHA-256 of each file in the wheels that is not Python code, by file name."""

    def list_files(*options: str) -> set[str]:
        command = ["git", "ls-files", "-z", "--exclude-standard", *options, "--", *WHEEL_PATHS]
        completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return set(completed.stdout.split("\0")) - {""}

    # hatchling leaves out files that match `.gitignore`, even if the repository contains them.
    paths = [ROOT / name for name in list_files("--cached", "--others") - list_files("--cached", "--ignored")]
    checksums: dict[str, list[str]] = {}
    for path in paths:
        if path.suffix != ".py" and path.is_file():
            checksums.setdefault(path.name, []).append(hashlib.sha256(path.read_bytes()).hexdigest()[:12])
    return {name: sorted(sums) for name, sums in checksums.items()}


def lake(folder: Path) -> Section:
    """Return the key formats and the columns of the layers, and the names of the files that the product has written."""
    section: Section = {"lake": load().lake}
    for name in ("bronze", "silver", "gold", "diamond"):
        dataset = getattr(layers(Settings()), name)
        section[name] = {
            "key": dataset.key_format,
            "format": dataset.format,
            "columns": [f"{column.name} {column.type}" for column in dataset.columns],
        }
    other_datasets = (
        ("fr.wikipedia", "all-access"),
        ("fr.wikipedia", "desktop"),
        ("en.wikipedia", "desktop"),
    )
    for project, access in other_datasets:
        dataset = layers(Settings(project=project, access=access)).diamond
        section[f"diamond of {project}, {access}"] = dataset.key_format
    files = {path.relative_to(folder).as_posix() for path in (folder / "data").rglob("*") if path.is_file()}
    # The state folder also contains internal files, which a later version may name differently.
    stable_names = [name for name in files if not name.startswith(("data/state/l", "data/."))]
    section["files"] = sorted({_without_variable_parts(name) for name in stable_names})
    manifest = folder / "data/lake/diamond/diamond_final_2025_11_08.csv/_SUCCESS"
    section["manifest"] = shape([json.loads(manifest.read_bytes())])
    return section


def _without_variable_parts(name: str) -> str:
    """Replace the days and the random parts in the name of a file."""
    name = re.sub(r"\d{4}_\d\d_\d\d", "DAY", name)
    return re.sub(r"[0-9a-f]{8,}(-[0-9a-f]+)*|(?<=[-/._])\d+", "N", name)


def tables(folder: Path) -> Section:
    """Return the names and types of the columns of each published table, in their order."""
    import duckdb

    with duckdb.connect(str(folder / "data/warehouse.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "SELECT table_name, column_name || ' ' || data_type FROM information_schema.columns "
            "WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"
        ).fetchall()
    columns: dict[str, list[str]] = {}
    for table, column in rows:
        columns.setdefault(table, []).append(column)
    return dict(columns)


def exports(product: Product, tables: Section) -> Section:
    """Return the names of the columns in an export of each table, in their order."""
    section: Section = {}
    for table, columns in tables.items():
        rows = json.loads(product.execute("export", table, "--format", "json")[1])
        header = product.execute("export", table, "--format", "csv")[1].partition("\n")[0]
        names = [column.partition(" ")[0] for column in columns]
        for file_format, exported in (("csv", header.split(",")), ("json", list(rows[0]))):
            section[f"{table} as {file_format}"] = (
                "the columns of the table" if exported == names else exported
            )
    return section
