"""Finds the countries that a text mentions by name, by an adjective, or by a region of the country.

The phrases come from the library `countryinfo`; `countries.toml` corrects and completes them. The result is the usual English name
of a country in every language, so that projects can be compared. In English texts, a phrase matches only with a capital first
letter, because "turkey" is a bird. In other languages, capitals are ignored, because these languages write adjectives in lower
case.
"""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from wiki_trends.pipeline.rules.phrases import Phrases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# The label of phrases that contain a country's name but mean something else.
NOT_A_COUNTRY = ""
_ENGLISH = "en"
# A shorter spelling in the library is a code, such as `IN` or `FRA`.
_MIN_SPELLING_LENGTH = 4


class CountryPhrase(NamedTuple):
    """A phrase that names a country, and the ISO 3166-1 alpha-2 code of the country."""

    code: str
    phrase: str


class PhraseSource(NamedTuple):
    """A source of phrases.

    Attributes:
        name: the name of the source.
        phrases: a function that yields the phrases of a language.
    """

    name: str
    phrases: Callable[[str], Iterator[CountryPhrase]]


@lru_cache(maxsize=32)
def country_phrases(language: str) -> Phrases:
    """Return the phrases of a language that name countries. The labels are names of countries, or `NOT_A_COUNTRY`."""
    corrections = _read_corrections()
    table: dict[str, set[str]] = {NOT_A_COUNTRY: set(corrections["other_meanings"].get(language, []))}
    earlier_phrases: set[str] = set()
    for source in SOURCES:
        # Several countries can have the same phrase in one source. A later source adds only new phrases.
        new_phrases = [item for item in source.phrases(language) if item.phrase not in earlier_phrases]
        for code, phrase in new_phrases:
            table.setdefault(_names_by_code()[code], set()).add(phrase)
        earlier_phrases.update(item.phrase for item in new_phrases)
    table[NOT_A_COUNTRY] |= _phrases_that_are_not_countries(language)
    # All phrases have the weight 1.
    weighted = {name: {"1": sorted(phrases)} for name, phrases in table.items()}
    return Phrases(weighted, capitals=language == _ENGLISH)


def _phrases_that_are_not_countries(language: str) -> set[str]:
    """Combine adjectives with the words that change their meaning: "English-language films" are not from England."""
    words = _read_corrections()["words_that_cancel_an_adjective"].get(language, [])
    adjectives = {phrase for _, phrase in (*_adjective_phrases(language), *_corrected_phrases(language))}
    # A phrase with optional letters, such as `Londoner(s)`, is a noun: it does not stand before "language" or "descent".
    return {f"{adjective} {word}" for adjective in adjectives if "(" not in adjective for word in words}


def name_of(code: str) -> str | None:
    """Return the usual English name of a country by its ISO 3166-1 alpha-2 code; None for an unknown code."""
    return _names_by_code().get(code.upper())


def country_names() -> frozenset[str]:
    """Return the usual English names of all countries."""
    return frozenset(_names_by_code().values())


@lru_cache(maxsize=1)
def _names_by_code() -> dict[str, str]:
    names: dict[str, str] = {code: info["name"] for code, info in _library_facts().items()}
    corrected: dict[str, str] = _read_corrections()["names"]
    return names | corrected


@lru_cache(maxsize=1)
def _read_corrections() -> dict[str, Any]:
    return tomllib.loads(
        files("wiki_trends.pipeline.rules").joinpath("countries.toml").read_text(encoding="utf-8")
    )


@lru_cache(maxsize=1)
def _library_facts() -> dict[str, Mapping[str, Any]]:
    """Return the library's facts about countries, by code. If countries share a code (Wales, the UK), the largest one has the code."""
    import countryinfo

    excluded_codes = set(_read_corrections()["gone"]["codes"])
    facts: dict[str, Mapping[str, Any]] = {}
    for country in countryinfo.all_countries():
        info: Mapping[str, Any] = country.info()
        code = info.get("ISO", {}).get("alpha2")
        if (
            code
            and code not in excluded_codes
            and (code not in facts or _population(info) > _population(facts[code]))
        ):
            facts[code] = info
    return facts


def _population(info: Mapping[str, Any]) -> int:
    return int(info.get("population") or 0)


def _name_phrases(language: str) -> Iterator[CountryPhrase]:
    for code, name in _names_by_code().items():
        yield CountryPhrase(code, name)
    for code, info in _library_facts().items():
        translated = info.get("translations", {}).get(language)
        for name in (info["name"].removeprefix("The "), translated, *info.get("altSpellings", [])):
            if name and len(name) >= _MIN_SPELLING_LENGTH and "(" not in name:
                yield CountryPhrase(code, name)


def _adjective_phrases(language: str) -> Iterator[CountryPhrase]:
    if language != _ENGLISH:
        return
    # Countries can share an adjective: in the library, people of Réunion are French, too. The largest country comes last and gets the
    # adjective.
    code_by_adjective: dict[str, str] = {}
    for code, info in sorted(_library_facts().items(), key=lambda item: _population(item[1])):
        code_by_adjective |= dict.fromkeys((info.get("demonym") or "").split(","), code)
    yield from (CountryPhrase(code, adjective) for adjective, code in code_by_adjective.items() if adjective)


def _corrected_phrases(language: str) -> Iterator[CountryPhrase]:
    for code, phrases in _read_corrections().get(language, {}).items():
        for phrase in phrases:
            yield CountryPhrase(code, phrase)


def _region_phrases(_language: str) -> Iterator[CountryPhrase]:
    for code in _read_corrections()["regions"]["codes"]:
        for region in _library_facts()[code].get("provinces", []):
            yield CountryPhrase(code, region)


# The order is the precedence: the first source that has a phrase decides. So a country's name wins over the same name of a region.
SOURCES = (
    PhraseSource("names of the library", _name_phrases),
    PhraseSource("adjectives of the library", _adjective_phrases),
    PhraseSource("countries.toml", _corrected_phrases),
    PhraseSource("regions of the library", _region_phrases),
)
