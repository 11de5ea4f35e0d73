"""Reduce JSON documents to their key paths and types, and compare two surfaces."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tools.surface.subject import Surface

# Matches keys that are data: days, titles, categories and tables.
_DATA_KEY = re.compile(r"(?![a-z][a-z0-9_]*$)|wiki_.*")


def shape(documents: Iterable[object]) -> dict[str, str]:
    """Return the key paths in documents of one kind, with the types of the values.

    In a path, `[]` stands for an item of a list, and `*` for a key that is data, such as a day.
    """
    types_by_path: dict[str, set[str]] = {}
    for document in documents:
        for path, type_name in _typed_paths(document, ""):
            types_by_path.setdefault(path, set()).add(type_name)
    shapes = {}
    for path, types in types_by_path.items():
        has_children = any(
            other != path and re.match(re.escape(path) + r"[.\[]", other) for other in types_by_path
        )
        # Whether a value is null or a list is empty depends on the data, so these types count only if there is no other.
        informative_types = types - {"null"} - ({"empty list", "empty object"} if has_children else set())
        if informative_types or not has_children:
            shapes[path] = " or ".join(sorted(informative_types or types))
    return shapes


def _typed_paths(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, child in value.items():
            name = "*" if _DATA_KEY.match(str(key)) else str(key)
            yield from _typed_paths(child, f"{path}.{name}" if path else name)
    elif isinstance(value, list | tuple) and value:
        for child in value:
            yield from _typed_paths(child, f"{path}[]")
    else:
        yield path or ".", _type_name(value)


def _type_name(value: object) -> str:
    if isinstance(value, dict | list | tuple):
        return "empty object" if isinstance(value, dict) else "empty list"
    if isinstance(value, bool):
        return "boolean"
    return {"str": "text", "int": "number", "float": "number", "NoneType": "null"}.get(
        type(value).__name__, type(value).__name__
    )


def differences(before: object, now: object) -> list[str]:
    """Return one line for each lost, new or changed entry of a section. Compare the order of lists only if no entry differs."""
    old, new = dict(_entries(before, "")), dict(_entries(now, ""))
    lines = [f"lost     {path}: {old[path]}" for path in sorted(old.keys() - new.keys())]
    lines += [f"new      {path}: {new[path]}" for path in sorted(new.keys() - old.keys())]
    lines += [
        f"changed  {path}: {old[path]} -> {new[path]}"
        for path in sorted(old.keys() & new.keys())
        if old[path] != new[path]
    ]
    if not lines:
        orders = dict(_orders(now, ""))
        lines = [
            f"changed  {path}: another order, or another number of the same: {listed} -> {orders.get(path)}"
            for path, listed in _orders(before, "")
            if listed != orders.get(path)
        ]
    return lines


def _entries(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Yield the entries of a section with their paths. Each item of a list is an entry, and its position is ignored."""
    if isinstance(value, dict) and value:
        for key, child in value.items():
            yield from _entries(child, f"{path} > {key}" if path else str(key))
    elif isinstance(value, list) and value:
        for child in value:
            yield f"{path} > {json.dumps(child, ensure_ascii=False)}", "listed"
    else:
        yield path, json.dumps(value, ensure_ascii=False)


def _orders(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Yield the lists of a section with their paths, as JSON texts."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _orders(child, f"{path} > {key}" if path else str(key))
    elif isinstance(value, list):
        yield path, json.dumps(value, ensure_ascii=False)


def as_text(surface: Surface) -> str:
    """Return the surface as the text of its file, with sorted keys and one line for each entry."""
    return json.dumps(surface, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
