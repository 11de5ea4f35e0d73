"""Label a text by whole words and phrases with weights, from a table kept as data.

A table is TOML: a section for each language, in it one for each label, in it phrases by weight:

    [en."Sports"]
    3 = ["footballer(s)", "world cup"]
    1 = ["season"]

What stands in parentheses inside a word may be there or not: `footballer(s)`, `américain(e)(s)`. Case, accents' Unicode
form and punctuation do not count, and only whole words match: `bar` is not in "Barbados". Where phrases overlap, the
longest counts: "law school" is no "law"; with a weight of 0 it hides the words in it and says nothing itself. A text with a
phrase of the label `-` says nothing at all. A table that cannot be used raises `TableError`.
"""

from __future__ import annotations

import itertools
import re
import tomllib
import unicodedata
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Label -> weight as text -> phrases.
Table = dict[str, dict[str, list[str]]]

NOTHING = "-"

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_OPTIONAL = re.compile(r"\(([^()\s]+)\)")
_TEXTS_REMEMBERED = 65_536


class TableError(ValueError):
    """A table does not have the form that it must have; the text says where."""


class Hit(NamedTuple):
    """A label that a text names: by which phrase, and how heavy that is."""

    label: str
    weight: float
    phrase: str


class Phrases:
    """The table of one language.

    Args:
        table: phrases by label and weight. Labels keep this order; the earlier one wins a tie.
        capitals: the first word of a phrase has to begin with a capital in the text, and one that is written in capitals
            in the table (`US`) has to be so in the text.
    """

    def __init__(self, table: Mapping[str, Mapping[str, Iterable[str]]], *, capitals: bool = False) -> None:
        self.labels = tuple(table)
        self._capitals = capitals
        self._by_first: dict[str, list[tuple[tuple[str, ...], bool, Hit]]] = {}
        for label, weights in table.items():
            for weight, phrases in weights.items():
                for phrase in phrases:
                    self._add(phrase, Hit(label, float(weight), phrase))
        for candidates in self._by_first.values():
            candidates.sort(key=lambda candidate: -len(candidate[0]))
        # Categories repeat from page to page and from day to day.
        self.hits = lru_cache(_TEXTS_REMEMBERED)(self._hits)

    def best(self, scores: Mapping[str, float]) -> str | None:
        """The label with the highest score, the earlier one of the table on a tie; None when there is none."""
        return max(scores, key=lambda label: (scores[label], -self.labels.index(label))) if scores else None

    def _add(self, phrase: str, hit: Hit) -> None:
        for form in _forms(phrase):
            words = tuple(words_of(form))
            if not words:
                raise TableError(f"{phrase!r} of {hit.label!r} has no word in it")
            self._by_first.setdefault(words[0], []).append((words, form.isupper(), hit))

    def _hits(self, text: str) -> tuple[Hit, ...]:
        """The labels that a text names, in the order in which it does; of one label the heaviest phrase."""
        text = unicodedata.normalize("NFC", text)
        spoken = _WORD.findall(text)
        words = [word.casefold() for word in spoken]
        found: dict[str, Hit] = {}
        position = 0
        while position < len(words):
            length = 0
            for phrase, exact, hit in self._by_first.get(words[position], ()):
                if len(phrase) < length:
                    break
                if (len(phrase) == 1 or tuple(words[position : position + len(phrase)]) == phrase) and (
                    not self._capitals or _in_capitals(spoken[position], exact=exact)
                ):
                    length = len(phrase)
                    if hit.label not in found or found[hit.label].weight < hit.weight:
                        found[hit.label] = hit
            position += length or 1
        return () if NOTHING in found else tuple(hit for hit in found.values() if hit.weight > 0)


def table_of(file: str, language: str) -> Table | None:
    """The table of a language out of a file beside this one; None where the file has no such language."""
    return read_tables(files("wiki_trends.pipeline").joinpath(file).read_text(encoding="utf-8")).get(language)


def read_tables(text: str) -> dict[str, Table]:
    """Tables by language, out of TOML.

    Raises:
        TableError: it is not TOML, or not of the form that this module describes.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"it is not TOML ({error})") from None
    for language, labels in tables.items():
        for label, weights in _section(labels, language).items():
            for weight, phrases in _section(weights, f"{language}.{label}").items():
                _check(f"{language}.{label}.{weight}", weight, phrases)
    return tables


def laid_over(base: Table, extra: Table) -> Table:
    """Two tables as one. A phrase of `extra` stands instead of the same phrase under any label of `base`."""
    spoken = {
        form for weights in extra.values() for listed in weights.values() for form in _all_words(listed)
    }
    result: Table = {
        label: {
            weight: [phrase for phrase in listed if not spoken & _all_words([phrase])]
            for weight, listed in weights.items()
        }
        for label, weights in base.items()
    }
    for label, weights in extra.items():
        for weight, listed in weights.items():
            result.setdefault(label, {}).setdefault(weight, []).extend(listed)
    return result


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared."""
    return _WORD.findall(unicodedata.normalize("NFC", text).casefold())


def _in_capitals(word: str, *, exact: bool) -> bool:
    return word.isupper() if exact else word[0].isupper()


def _all_words(phrases: Iterable[str]) -> set[tuple[str, ...]]:
    return {tuple(words_of(form)) for phrase in phrases for form in _forms(phrase)}


def _forms(phrase: str) -> list[str]:
    """All spellings that a phrase stands for."""
    parts = _OPTIONAL.split(phrase)
    choices = [(part,) if number % 2 == 0 else ("", part) for number, part in enumerate(parts)]
    return ["".join(chosen) for chosen in itertools.product(*choices)]


def _section(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TableError(f"{name} is not a section")
    return value


def _check(name: str, weight: str, phrases: Any) -> None:
    try:
        usable = 0 <= float(weight) < 1000
    except ValueError:
        usable = False
    if not usable:
        raise TableError(f"{name}: the weight is not a number from 0 to 1000")
    if not isinstance(phrases, list) or not all(
        isinstance(phrase, str) and words_of(phrase) for phrase in phrases
    ):
        raise TableError(f"{name} is not a list of phrases")
