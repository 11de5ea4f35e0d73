"""Reads the deny lists from the shipped file (`deny.toml`) and from the user's file: titles that the pipeline leaves out.

Comparisons of titles ignore case and Unicode form, and treat spaces and underscores as equal. A user's file that cannot be read,
or does not have the required form, raises `SettingError`.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.foreign import TomlError, one_line, read_toml
from wiki_trends.errors import SettingError
from wiki_trends.wikimedia.siteinfo import folded

if TYPE_CHECKING:
    from wiki_trends.config.settings import Settings


def denied_titles(settings: Settings, language: str) -> frozenset[str]:
    """Return the denied titles for wikis of a language, folded for comparison.

    Raises:
        SettingError: the user's file cannot be used.
    """
    entries = shipped_entries()
    titles = [entry["title"] for name in ("all", language) for entry in entries.get(name, ())]
    if settings.deny:
        titles += _user_titles(settings.deny, language)
    return frozenset(folded(title) for title in titles)


def shipped_entries() -> dict[str, list[dict[str, str]]]:
    """Return the shipped entries by language (`all` for every language). Each has a `title`, a `reason`, and the reason's `source`."""
    text = files("wiki_trends.pipeline.lists").joinpath("deny.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _user_titles(file: str, language: str) -> list[str]:
    try:
        return _titles_for(read_toml(Path(file)), language)
    except TomlError as error:
        problem = f"cannot be read ({error})"
    except ValueError as error:
        problem = f"is not a list of titles ({error})"
    raise SettingError(
        name="deny",
        value=file,
        origin="WIKI_TRENDS_DENY",
        problem=problem,
        fix='Name a TOML file with all = ["Title", …], or a language code instead of all.',
    )


def _titles_for(table: dict[str, object], language: str) -> list[str]:
    """Return the titles for all wikis and the titles for a language.

    Raises:
        ValueError: an entry is not a list of texts.
    """
    titles: list[str] = []
    for name, entry in table.items():
        if not isinstance(entry, list) or not all(isinstance(title, str) for title in entry):
            message = one_line(f"{name} does not hold a list of texts")
            raise ValueError(message)
        if name in ("all", language):
            titles += entry
    return titles
