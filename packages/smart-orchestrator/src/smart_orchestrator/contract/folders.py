"""Read the columns that Hive and Spark write into folder names, such as `country=US`."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

# Hive and Spark write a null in a folder name as this text.
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


def folder_columns(name: str) -> dict[str, str | None]:
    """Return the columns and values in the folder names of a path, such as `country=US/part-0.csv`."""
    pairs = [folder.split("=", 1) for folder in name.split("/")[:-1] if "=" in folder]
    return {unquote(key): None if value == HIVE_NULL else unquote(value) for key, value in pairs}


def folders_problem(names: Iterable[str]) -> str:
    """Return a text about different columns in the folder names of parts, which are then not one table; empty for the same columns."""
    columns = sorted({", ".join(folder_columns(name)) or "no column" for name in names})
    return (
        f"the folders of the parts have different columns ({'; '.join(columns)})" if len(columns) > 1 else ""
    )
