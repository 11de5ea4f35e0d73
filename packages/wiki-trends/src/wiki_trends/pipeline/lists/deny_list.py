"""Reads the deny lists: titles that are left out by name, from the shipped file (`deny.toml`) and from the user's file.

Titles are compared without regard to case, Unicode form, and spaces or underscores. A user's file that cannot be read, or
has another form, raises `SettingError`.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from smart_orchestrator.foreign import one_line
from wiki_trends.config.toml_file import TomlError, read_toml
from wiki_trends.errors import SettingError
from wiki_trends.wikimedia.siteinfo import folded

if TYPE_CHECKING:
    from wiki_trends.config.settings import Settings


def denied_titles(settings: Settings, language: str) -> frozenset[str]:
    """The denied titles for wikis of a language, folded for comparison.

    Raises:
        SettingError: the user's file cannot be used.
    """
    shipped = files("wiki_trends.pipeline.lists").joinpath("deny.toml").read_text(encoding="utf-8")
    titles = _titles(tomllib.loads(shipped), language)
    if settings.deny:
        titles += _user_titles(settings.deny, language)
    return frozenset(folded(title) for title in titles)


def _user_titles(name: str, language: str) -> list[str]:
    try:
        return _titles(read_toml(Path(name)), language)
    except TomlError as error:
        problem = f"cannot be read ({error})"
    except ValueError as error:
        problem = f"is not a list of titles ({error})"
    raise SettingError(
        name="deny",
        value=name,
        origin="WIKI_TRENDS_DENY",
        problem=problem,
        fix='Name a TOML file with all = ["Title", …], or a language code instead of all.',
    )


def _titles(table: dict[str, object], language: str) -> list[str]:
    """The titles for all wikis and for a language.

    Raises:
        ValueError: a key does not hold a list of texts.
    """
    titles: list[str] = []
    for key, value in table.items():
        if not isinstance(value, list) or not all(isinstance(title, str) for title in value):
            msg = one_line(f"{key} does not hold a list of texts")
            raise ValueError(msg)
        if key in ("all", language):
            titles += value
    return titles
