"""Labels a text by the phrases in it, from a table of phrases with weights.

A table is TOML. It has a section for each language and label, with phrases by weight:

    [en."Sports"]
    3 = ["footballer(s)", "world cup"]
    1 = ["season"]

Letters in parentheses are optional: `footballer(s)`, `américain(e)(s)`. Case, the Unicode form of accents, and punctuation are
ignored. Only complete words match: `bar` does not match "Barbados". Where phrases overlap, the longest one matches: a text with
"law school" does not match `law`. A phrase with a weight of 0 adds nothing, but shorter phrases do not match inside it. A text
that matches a phrase of the label `-` gets no label. A table that cannot be used raises `TableError`.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from wiki_trends.config.toml_file import TomlError, parse_toml, read_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

# Label -> weight as text -> phrases.
Table = dict[str, dict[str, list[str]]]

NO_LABEL = "-"

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_OPTIONAL = re.compile(r"\(([^()\s]+)\)")
# Each optional part doubles the number of spellings of a phrase.
_MOST_OPTIONAL_PARTS = 8
# In a file; each spelling takes memory.
MOST_SPELLINGS = 100_000
_TEXTS_CACHED = 65_536
_TEXTS_FOLDED = 1024


class TableError(ValueError):
    """A table does not have the required form; the text says where."""


class Hit(NamedTuple):
    """A label of a text, the weight of the phrase that gives it, and that phrase."""

    label: str
    weight: float
    phrase: str


class Entry(NamedTuple):
    """A phrase in the trie: whether the table has it in capitals (`US`), and the hit of a text that has the phrase."""

    in_capitals: bool
    hit: Hit


@dataclass(slots=True)
class PhraseTrie:
    """A trie of phrases with a node for each word. One walk finds all phrases that begin at a word of a text.

    Attributes:
        children: the next node for each next word of a phrase.
        entries: the phrases that end at this node.
    """

    children: dict[str, PhraseTrie] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    def add(self, words: Sequence[str], entry: Entry) -> None:
        """Add a phrase of at least one word."""
        node = self
        for word in words:
            node = node.children.setdefault(word, PhraseTrie())
        node.entries.append(entry)

    def longest_first(self, words: Sequence[str], start: int) -> Iterator[tuple[int, list[Entry]]]:
        """The phrases that begin at `words[start]`, as pairs of their number of words and their entries, longest first."""
        node: PhraseTrie | None = self
        ends: list[tuple[int, list[Entry]]] = []
        for position in range(start, len(words)):
            node = node.children.get(words[position]) if node else None
            if node is None:
                break
            if node.entries:
                ends.append((position + 1 - start, node.entries))
        return reversed(ends)


class Phrases:
    """The phrases of one language.

    Args:
        table: phrases by label and weight. Of labels with the same score, the earlier one wins.
        capitals: a phrase matches only where its first word begins with a capital in the text. A phrase that the table
            has in capitals (`US`) matches only where its first word is in capitals in the text.
    """

    def __init__(self, table: Mapping[str, Mapping[str, Iterable[str]]], *, capitals: bool = False) -> None:
        self.labels = tuple(table)
        self._capitals = capitals
        self._trie = PhraseTrie()
        for label, weights in table.items():
            for weight, phrases in weights.items():
                for phrase in phrases:
                    self._add(phrase, Hit(label, float(weight), phrase))
        # The same categories occur on many pages and days.
        self.hits = lru_cache(_TEXTS_CACHED)(self._hits)

    def best(self, scores: Mapping[str, float]) -> str | None:
        """The label with the highest score, on a tie the one that is earlier in the table; None without scores."""
        return max(scores, key=lambda label: (scores[label], -self.labels.index(label))) if scores else None

    def _add(self, phrase: str, hit: Hit) -> None:
        for spelling in _spellings(phrase):
            words = words_of(spelling)
            if not words:
                raise TableError(f"{phrase!r} of {hit.label!r} has no word in it")
            self._trie.add(words, Entry(spelling.isupper(), hit))

    def _hits(self, text: str) -> tuple[Hit, ...]:
        """The labels of a text in the order of the text, each with its heaviest phrase."""
        words = _folded(text)
        if self._trie.children.keys().isdisjoint(words):
            return ()
        unfolded = _unfolded(text) if self._capitals else words
        hits: dict[str, Hit] = {}
        # The end of the last matching phrase; phrases do not overlap.
        end = 0
        for position, word in enumerate(words):
            if position >= end and word in self._trie.children:
                length, candidates = self._longest_match(words, position, unfolded[position])
                _keep_heaviest(hits, candidates)
                end = position + length
        return () if NO_LABEL in hits else tuple([hit for hit in hits.values() if hit.weight > 0])

    def _longest_match(self, words: Sequence[str], position: int, first_word: str) -> tuple[int, list[Hit]]:
        """The number of words and the hits of the longest phrase that matches at a position; 0 and no hits if none does."""
        for length, entries in self._trie.longest_first(words, position):
            hits = [entry.hit for entry in entries if self._matches(entry, first_word)]
            if hits:
                return length, hits
        return 0, []

    def _matches(self, entry: Entry, first_word: str) -> bool:
        """Whether the first word has the capitals that the phrase requires; `first_word` is as the text has it."""
        if not self._capitals:
            return True
        return first_word.isupper() if entry.in_capitals else first_word[0].isupper()


def _keep_heaviest(hits: dict[str, Hit], candidates: Iterable[Hit]) -> None:
    """Add candidates to `hits`; of each label, the heaviest hit stays."""
    for hit in candidates:
        if hit.label not in hits or hits[hit.label].weight < hit.weight:
            hits[hit.label] = hit


def shipped_table(file: str, language: str) -> Table | None:
    """The table of a language in a file beside this module; None if the file does not have the language."""
    text = files("wiki_trends.pipeline.rules").joinpath(file).read_text(encoding="utf-8")
    return read_tables(text).get(language)


def read_tables(text: str) -> dict[str, Table]:
    """Tables by language, from TOML.

    Raises:
        TableError: the text is not TOML, or not of the form that this module describes.
    """
    try:
        return _checked(parse_toml(text.encode()))
    except TomlError as error:
        raise TableError(str(error)) from None


def load_tables(path: Path) -> dict[str, Table]:
    """Tables by language, from a user's file.

    Raises:
        TableError: the file cannot be read, is not TOML, or is not of the form that this module describes.
    """
    try:
        return _checked(read_toml(path))
    except TomlError as error:
        raise TableError(str(error)) from None


def _checked(tables: dict[str, Any]) -> dict[str, Table]:
    spellings = 0
    for language, labels in tables.items():
        for label, weights in _section(labels, language).items():
            for weight, phrases in _section(weights, f"{language}.{label}").items():
                _check(f"{language}.{label}.{weight}", weight, phrases)
                spellings += sum(2 ** len(_OPTIONAL.findall(phrase)) for phrase in phrases)
    if spellings > MOST_SPELLINGS:
        raise TableError(f"its phrases have {spellings:,} spellings, at most {MOST_SPELLINGS:,} are possible")
    return tables


def overlay(base: Table, extra: Table) -> Table:
    """Merge two tables. A phrase of `extra` replaces the same phrase under every label of `base`."""
    replaced = {
        words
        for weights in extra.values()
        for phrases in weights.values()
        for words in _words_of_all(phrases)
    }
    result: Table = {}
    for label, weights in base.items():
        result[label] = {}
        for weight, phrases in weights.items():
            result[label][weight] = [phrase for phrase in phrases if not replaced & _words_of_all([phrase])]
    for label, weights in extra.items():
        for weight, phrases in weights.items():
            result.setdefault(label, {}).setdefault(weight, []).extend(phrases)
    return result


def words_of(text: str) -> list[str]:
    """The words of a text, folded for comparison."""
    return list(_folded(text))


# Several tables label the same text in turn.
@lru_cache(_TEXTS_FOLDED)
def _folded(text: str) -> tuple[str, ...]:
    if text.isascii():
        return tuple(_WORD.findall(text.casefold()))
    # Words are folded one by one: `İ` becomes two characters, and the second one would end the word.
    return tuple([word.casefold() for word in _unfolded(text)])


def _unfolded(text: str) -> list[str]:
    """The words of a text with their capitals."""
    return _WORD.findall(unicodedata.normalize("NFC", text))


def _words_of_all(phrases: Iterable[str]) -> set[tuple[str, ...]]:
    return {tuple(words_of(spelling)) for phrase in phrases for spelling in _spellings(phrase)}


def _spellings(phrase: str) -> list[str]:
    """All spellings of a phrase, with and without its optional parts."""
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
    for phrase in phrases:
        if len(_OPTIONAL.findall(phrase)) > _MOST_OPTIONAL_PARTS:
            raise TableError(f"{name}: a phrase has more than {_MOST_OPTIONAL_PARTS} optional parts")
