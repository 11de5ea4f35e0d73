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
_TEXTS_FOLDED = 1024


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
        # First word -> number of words, longest first -> words -> whether they have to be capitals, and what they say.
        self._by_first: dict[str, dict[int, dict[tuple[str, ...], list[tuple[bool, Hit]]]]] = {}
        for label, weights in table.items():
            for weight, phrases in weights.items():
                for phrase in phrases:
                    self._add(phrase, Hit(label, float(weight), phrase))
        for word, lengths in self._by_first.items():
            self._by_first[word] = dict(sorted(lengths.items(), reverse=True))
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
            of_length = self._by_first.setdefault(words[0], {}).setdefault(len(words), {})
            of_length.setdefault(words, []).append((form.isupper(), hit))

    def _hits(self, text: str) -> tuple[Hit, ...]:
        """The labels that a text names, in the order in which it does; of one label the heaviest phrase."""
        words = _folded(text)
        by_first, found, hidden = self._by_first, dict[str, Hit](), 0
        if by_first.keys().isdisjoint(words):
            return ()
        spoken = _spoken(text) if self._capitals else words
        for position, word in enumerate(words):
            if word in by_first and position >= hidden:
                for length, phrases in by_first[word].items():
                    candidates = phrases.get(words[position : position + length])
                    if candidates and self._take(candidates, spoken[position], found):
                        hidden = position + length
                        break
        return () if NOTHING in found else tuple([hit for hit in found.values() if hit.weight > 0])

    def _take(self, candidates: Iterable[tuple[bool, Hit]], spoken: str, found: dict[str, Hit]) -> bool:
        """Put what is said here into `found`; whether anything is."""
        said = False
        for exact, hit in candidates:
            if self._capitals and not (spoken.isupper() if exact else spoken[0].isupper()):
                continue
            said = True
            if hit.label not in found or found[hit.label].weight < hit.weight:
                found[hit.label] = hit
        return said


def table_of(file: str, language: str) -> Table | None:
    """The table of a language out of a file beside this one; None where the file has no such language."""
    return read_tables(files("wiki_trends.pipeline.rules").joinpath(file).read_text(encoding="utf-8")).get(
        language
    )


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
    return list(_folded(text))


# Several tables look at a text, one right after the other.
@lru_cache(_TEXTS_FOLDED)
def _folded(text: str) -> tuple[str, ...]:
    if text.isascii():
        return tuple(_WORD.findall(text.casefold()))
    # Word by word: folding `İ` as part of a text would make two words of one.
    return tuple([word.casefold() for word in _spoken(text)])


def _spoken(text: str) -> list[str]:
    """The words of a text as it has them."""
    return _WORD.findall(unicodedata.normalize("NFC", text))


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
