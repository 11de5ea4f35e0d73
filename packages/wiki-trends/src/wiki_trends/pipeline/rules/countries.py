"""Finds the countries that a text names: by a name, an adjective, or a region.

Names, adjectives and regions come from the library `countryinfo`; `countries.toml` corrects and completes them. The result is
the usual English name of a country whatever the language of the text, so that projects can be compared. In English a name
must begin with a capital, because "turkey" is a bird. Other languages write adjectives in lower case.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from wiki_trends.pipeline.rules.phrases import Phrases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# The label of phrases that look like a country's name but mean something else.
NOT_A_COUNTRY = ""
_ENGLISH = "en"
# Shorter spellings in the library are codes, such as `IN` and `FRA`.
_SHORTEST_SPELLING = 4


class CountryPhrase(NamedTuple):
    """A phrase that names a country, and the ISO 3166-1 alpha-2 code of the country."""

    code: str
    phrase: str


class Source(NamedTuple):
    """A source of phrases for each language."""

    name: str
    phrases: Callable[[str], Iterator[CountryPhrase]]


@lru_cache(maxsize=32)
def country_names(language: str) -> Phrases:
    """The phrases that name countries in a language, with the countries as labels, and those labelled `NOT_A_COUNTRY`."""
    corrections = _corrections()
    table: dict[str, set[str]] = {NOT_A_COUNTRY: set(corrections["other_meanings"].get(language, []))}
    earlier_phrases: set[str] = set()
    for source in SOURCES:
        # Countries can share a phrase of one source; a later source adds only new phrases.
        new = [item for item in source.phrases(language) if item.phrase not in earlier_phrases]
        for code, phrase in new:
            table.setdefault(_names_by_code()[code], set()).add(phrase)
        earlier_phrases.update(item.phrase for item in new)
    table[NOT_A_COUNTRY] |= _phrases_that_are_not_countries(language)
    weighted = {name: {"1": sorted(phrases)} for name, phrases in table.items()}
    return Phrases(weighted, capitals=language == _ENGLISH)


def _phrases_that_are_not_countries(language: str) -> set[str]:
    """Adjectives with a word that changes their meaning: "English-language films" are not from England."""
    words = _corrections()["not_here_after"].get(language, [])
    adjectives = {phrase for _, phrase in (*_adjectives(language), *_corrected(language))}
    return {f"{adjective} {word}" for adjective in adjectives if "(" not in adjective for word in words}


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
    """The library's facts about each country, by code. Of countries that share a code (Wales, the United Kingdom), the largest."""
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
    # Countries can share an adjective: in the library, people of Réunion are French, too. The largest country gets it.
    codes: dict[str, str] = {}
    for code, info in sorted(_library().items(), key=lambda item: _population(item[1])):
        codes |= dict.fromkeys((info.get("demonym") or "").split(","), code)
    yield from (CountryPhrase(code, adjective) for adjective, code in codes.items() if adjective)


def _corrected(language: str) -> Iterator[CountryPhrase]:
    for code, phrases in _corrections().get(language, {}).items():
        for phrase in phrases:
            yield CountryPhrase(code, phrase)


def _regions(_language: str) -> Iterator[CountryPhrase]:
    for code in _corrections()["regions"]["codes"]:
        for region in _library()[code].get("provinces", []):
            yield CountryPhrase(code, region)


# In order of precedence: the first source that has a phrase decides. The name of a country comes before a region of another one.
SOURCES = (
    Source("names of the library", _names),
    Source("adjectives of the library", _adjectives),
    Source("countries.toml", _corrected),
    Source("regions of the library", _regions),
)
