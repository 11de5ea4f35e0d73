"""Which countries a text names: by name, by adjective, by one of their regions.

Names, adjectives and regions come from the library `countryinfo`; what it leaves open stands in `countries.toml`. Countries
have one name in every language, the usual English one, so that projects can be compared. In English a name counts only
with a capital: "turkey" is a bird. Other languages write adjectives small.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from wiki_trends.pipeline.rules.phrases import Phrases

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Label of phrases that look like a country's name and mean something else.
NOWHERE = ""
_ENGLISH = "en"
# Shorter spellings in the library are codes: `IN`, `FRA`.
_SHORTEST_SPELLING = 4


@lru_cache(maxsize=32)
def country_names(language: str) -> Phrases:
    """The countries that texts in a language name, as labels; `NOWHERE` for what only looks so."""
    ours = _ours()
    phrases: dict[str, set[str]] = {NOWHERE: set(ours["other_meanings"].get(language, []))}
    spoken: set[str] = set()
    # A name belongs to the country whose own it is, not to one that has it for a region or a former name.
    for found in (_names(language), _adjectives(language), _ours_in(language), _regions()):
        fresh: set[str] = set()
        for code, phrase in found:
            if phrase not in spoken:
                phrases.setdefault(_names_by_code()[code], set()).add(phrase)
                fresh.add(phrase)
        spoken |= fresh
    for adjective in {phrase for _, phrase in (*_adjectives(language), *_ours_in(language))}:
        phrases[NOWHERE] |= {
            f"{adjective} {word}" for word in ours["not_here_after"].get(language, []) if "(" not in adjective
        }
    table = {name: {"1": sorted(listed)} for name, listed in phrases.items()}
    return Phrases(table, capitals=language == _ENGLISH)


def name_of(code: str) -> str | None:
    """The usual English name of a country by its ISO 3166-1 alpha-2 code; None for an unknown code."""
    return _names_by_code().get(code.upper())


@lru_cache(maxsize=1)
def _names_by_code() -> dict[str, str]:
    names: dict[str, str] = {code: info["name"] for code, info in _library().items()}
    corrected: dict[str, str] = _ours()["names"]
    return names | corrected


@lru_cache(maxsize=1)
def _ours() -> dict[str, Any]:
    return tomllib.loads(
        files("wiki_trends.pipeline.rules").joinpath("countries.toml").read_text(encoding="utf-8")
    )


@lru_cache(maxsize=1)
def _library() -> dict[str, Mapping[str, Any]]:
    """What the library knows of each country, by code; of those that share one (Wales and the United Kingdom) the largest."""
    import countryinfo

    gone = set(_ours()["gone"]["codes"])
    found: dict[str, Mapping[str, Any]] = {}
    for country in countryinfo.all_countries():
        info: Mapping[str, Any] = country.info()
        code = info.get("ISO", {}).get("alpha2")
        if code and code not in gone and (code not in found or _people(info) > _people(found[code])):
            found[code] = info
    return found


def _people(info: Mapping[str, Any]) -> int:
    return int(info.get("population") or 0)


def _names(language: str) -> Iterator[tuple[str, str]]:
    for code, name in _names_by_code().items():
        yield code, name
    for code, info in _library().items():
        translated = info.get("translations", {}).get(language)
        for name in (info["name"].removeprefix("The "), translated, *info.get("altSpellings", [])):
            if name and len(name) >= _SHORTEST_SPELLING and "(" not in name:
                yield code, name


def _adjectives(language: str) -> Iterator[tuple[str, str]]:
    if language != _ENGLISH:
        return
    # Small countries share adjectives with big ones: in the library an islander of Réunion is French, too.
    owners: dict[str, str] = {}
    for code, info in sorted(_library().items(), key=lambda item: _people(item[1])):
        owners |= dict.fromkeys((info.get("demonym") or "").split(","), code)
    yield from ((code, adjective) for adjective, code in owners.items() if adjective)


def _ours_in(language: str) -> Iterator[tuple[str, str]]:
    for code, phrases in _ours().get(language, {}).items():
        for phrase in phrases:
            yield code, phrase


def _regions() -> Iterator[tuple[str, str]]:
    for code in _ours()["regions"]["codes"]:
        for region in _library()[code].get("provinces", []):
            yield code, region
