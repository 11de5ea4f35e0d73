"""Which countries a text names: by name, by adjective, or by one of their regions.

Names, adjectives and regions come from the library `countryinfo`; `countries.toml` corrects and completes them. A country
has one name in every language, the usual English one, so that projects can be compared. In English a name counts only
with a capital: "turkey" is a bird. Other languages write adjectives in lower case.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from wiki_trends.pipeline.rules.phrases import Phrases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# Label of phrases that look like a country's name and mean something else.
NOWHERE = ""
_ENGLISH = "en"
# Shorter spellings in the library are codes: `IN`, `FRA`.
_SHORTEST_SPELLING = 4


class CountryPhrase(NamedTuple):
    """A phrase of a country, and the ISO 3166-1 alpha-2 code of the country."""

    code: str
    phrase: str


class Source(NamedTuple):
    """A source of countries' phrases in a language."""

    name: str
    phrases: Callable[[str], Iterator[CountryPhrase]]


@lru_cache(maxsize=32)
def country_names(language: str) -> Phrases:
    """The countries that texts in a language name, as labels; `NOWHERE` for other meanings of their names."""
    corrections = _corrections()
    table: dict[str, set[str]] = {NOWHERE: set(corrections["other_meanings"].get(language, []))}
    taken: set[str] = set()
    for source in SOURCES:
        added: set[str] = set()
        for code, phrase in source.phrases(language):
            if phrase not in taken:
                table.setdefault(_names_by_code()[code], set()).add(phrase)
                added.add(phrase)
        taken |= added
    # "English-language films" are not from England.
    adjectives = {phrase for _, phrase in (*_adjectives(language), *_corrected(language))}
    for word in corrections["not_here_after"].get(language, []):
        table[NOWHERE] |= {f"{adjective} {word}" for adjective in adjectives if "(" not in adjective}
    weighted = {name: {"1": sorted(phrases)} for name, phrases in table.items()}
    return Phrases(weighted, capitals=language == _ENGLISH)


def name_of(code: str) -> str | None:
    """The usual English name of a country by its ISO 3166-1 alpha-2 code; None for an unknown code."""
    return _names_by_code().get(code.upper())


@lru_cache(maxsize=1)
def _names_by_code() -> dict[str, str]:
    names: dict[str, str] = {code: info["name"] for code, info in _library().items()}
    corrected: dict[str, str] = _corrections()["names"]
    return names | corrected


@lru_cache(maxsize=1)
def _corrections() -> dict[str, Any]:
    return tomllib.loads(
        files("wiki_trends.pipeline.rules").joinpath("countries.toml").read_text(encoding="utf-8")
    )


@lru_cache(maxsize=1)
def _library() -> dict[str, Mapping[str, Any]]:
    """The library's facts about each country, by code; of those that share a code (Wales, the United Kingdom) the largest."""
    import countryinfo

    gone = set(_corrections()["gone"]["codes"])
    facts: dict[str, Mapping[str, Any]] = {}
    for country in countryinfo.all_countries():
        info: Mapping[str, Any] = country.info()
        code = info.get("ISO", {}).get("alpha2")
        if code and code not in gone and (code not in facts or _population(info) > _population(facts[code])):
            facts[code] = info
    return facts


def _population(info: Mapping[str, Any]) -> int:
    return int(info.get("population") or 0)


def _names(language: str) -> Iterator[CountryPhrase]:
    for code, name in _names_by_code().items():
        yield CountryPhrase(code, name)
    for code, info in _library().items():
        translated = info.get("translations", {}).get(language)
        for name in (info["name"].removeprefix("The "), translated, *info.get("altSpellings", [])):
            if name and len(name) >= _SHORTEST_SPELLING and "(" not in name:
                yield CountryPhrase(code, name)


def _adjectives(language: str) -> Iterator[CountryPhrase]:
    if language != _ENGLISH:
        return
    # Small countries share adjectives with large ones: in the library, an islander of Réunion is French, too.
    owners: dict[str, str] = {}
    for code, info in sorted(_library().items(), key=lambda item: _population(item[1])):
        owners |= dict.fromkeys((info.get("demonym") or "").split(","), code)
    yield from (CountryPhrase(code, adjective) for adjective, code in owners.items() if adjective)


def _corrected(language: str) -> Iterator[CountryPhrase]:
    for code, phrases in _corrections().get(language, {}).items():
        for phrase in phrases:
            yield CountryPhrase(code, phrase)


def _regions(_language: str) -> Iterator[CountryPhrase]:
    for code in _corrections()["regions"]["codes"]:
        for region in _library()[code].get("provinces", []):
            yield CountryPhrase(code, region)


# A phrase belongs to the first source that has it: a country's own name comes before another country's region.
SOURCES = (
    Source("names of the library", _names),
    Source("adjectives of the library", _adjectives),
    Source("countries.toml", _corrected),
    Source("regions of the library", _regions),
)
