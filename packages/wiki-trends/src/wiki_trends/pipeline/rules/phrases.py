"""Labels a text by the phrases in it, from a table of phrases with weights.

A table is TOML. It has a section for each language and label, with phrases by weight:

    [en."Sports"]
    3 = ["footballer(s)", "world cup"]
    1 = ["season"]

Letters in parentheses are optional: `footballer(s)`, `américain(e)(s)`. The matching ignores case, the Unicode form of accents, and
punctuation. Only complete words match: `bar` does not match "Barbados". If phrases overlap, the one that begins first matches; if they begin
at the same word, the longest: a text with "law school" does not match `law`. A phrase with a weight of 0 adds no score, but prevents the match of a shorter phrase inside it.
A text that matches a phrase of the label `-` gets no label. A table that cannot be used raises `TableError`.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from smart_orchestrator.foreign import TomlError, parse_toml, read_toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

# Maps labels to weights (as text), and weights to phrases.
Table = dict[str, dict[str, list[str]]]

# A text with a phrase of this label gets no label at all.
NO_LABEL = "-"

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_OPTIONAL = re.compile(r"\(([^()\s]+)\)")
# Each optional part doubles the number of spellings of a phrase.
_MAX_OPTIONAL_PARTS = 8
# The limit for a file, because each spelling takes memory.
MAX_SPELLINGS = 100_000
_HITS_CACHE_SIZE = 65_536
_FOLDED_CACHE_SIZE = 1024


class TableError(ValueError):
    """A table does not have the required form. The message names the place in the table."""


class Hit(NamedTuple):
    """A label of a text, with the matching phrase and its weight."""

    label: str
    weight: float
    phrase: str


class Entry(NamedTuple):
    """A phrase in the trie.

    Attributes:
        is_in_capitals: whether the table has the phrase in capitals (`US`).
        hit: the hit of a text that has the phrase.
    """

    is_in_capitals: bool
    hit: Hit


@dataclass(slots=True)
class PhraseTrie:
    """A trie of phrases with a node for each word. One pass finds all phrases that begin at a word of a text.

    Attributes:
        children: the next nodes by the next word of a phrase.
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
        """Yield (number of words, entries) of the phrases that begin at `words[start]`, the longest first."""
        node: PhraseTrie | None = self
        matches: list[tuple[int, list[Entry]]] = []
        for position in range(start, len(words)):
            node = node.children.get(words[position]) if node else None
            if node is None:
                break
            if node.entries:
                matches.append((position + 1 - start, node.entries))
        return reversed(matches)


class Phrases:
    """The phrases of one language.

    Args:
        table: the phrases by label and weight. If labels have the same score, the first label in the table wins.
        capitals: whether capitals matter. If so, a phrase matches only where its first word begins with a capital letter in the text; a
            phrase that the table has in capitals (`US`), only where its first word is in capitals.
    """

    def __init__(self, table: Mapping[str, Mapping[str, Iterable[str]]], *, capitals: bool = False) -> None:
        self.labels = tuple(table)
        self._capitals = capitals
        self._trie = PhraseTrie()
        for label, weights in table.items():
            for weight, phrases in weights.items():
                for phrase in phrases:
                    self._add(phrase, Hit(label, float(weight), phrase))
        # The cache saves time because many pages and days have the same categories.
        self.hits = lru_cache(_HITS_CACHE_SIZE)(self._find_hits)

    def best_label(self, scores: Mapping[str, float]) -> str | None:
        """Return the label with the highest score, on a tie the first label in the table; None without scores."""
        return max(scores, key=lambda label: (scores[label], -self.labels.index(label))) if scores else None

    def _add(self, phrase: str, hit: Hit) -> None:
        for spelling in _expand(phrase):
            words = words_of(spelling)
            if not words:
                raise TableError(f"{phrase!r} of {hit.label!r} has no word in it")
            self._trie.add(words, Entry(spelling.isupper(), hit))

    def _find_hits(self, text: str) -> tuple[Hit, ...]:
        """Find the labels of a text, each with its phrase of the highest weight, in the order of the text."""
        words = _fold_words(text)
        if self._trie.children.keys().isdisjoint(words):
            return ()
        original_words = _split_words(text) if self._capitals else words
        hits: dict[str, Hit] = {}
        # Matches must not overlap, so the next match begins at or after the end of the last one.
        end = 0
        for position, word in enumerate(words):
            if position >= end and word in self._trie.children:
                length, candidates = self._longest_match(words, position, original_words[position])
                _keep_heaviest(hits, candidates)
                end = position + length
        return () if NO_LABEL in hits else tuple([hit for hit in hits.values() if hit.weight > 0])

    def _longest_match(self, words: Sequence[str], position: int, first_word: str) -> tuple[int, list[Hit]]:
        """Return the number of words and the hits of the longest phrase that matches at a position, or (0, [])."""
        for length, entries in self._trie.longest_first(words, position):
            hits = [entry.hit for entry in entries if self._matches(entry, first_word)]
            if hits:
                return length, hits
        return 0, []

    def _matches(self, entry: Entry, first_word: str) -> bool:
        """Return whether `first_word`, spelled as in the text, has the capitals that the phrase requires."""
        if not self._capitals:
            return True
        return first_word.isupper() if entry.is_in_capitals else first_word[0].isupper()


def _keep_heaviest(hits: dict[str, Hit], candidates: Iterable[Hit]) -> None:
    """Add candidates to `hits`, and keep only the heaviest hit of each label."""
    for hit in candidates:
        if hit.label not in hits or hits[hit.label].weight < hit.weight:
            hits[hit.label] = hit


def shipped_table(file: str, language: str) -> Table | None:
    """Read the table of a language from a file of this package; None if the file does not have the language."""
    text = files("wiki_trends.pipeline.rules").joinpath(file).read_text(encoding="utf-8")
    return read_tables(text).get(language)


def read_tables(text: str) -> dict[str, Table]:
    """Parse TOML into tables by language.

    Raises:
        TableError: the text is not TOML, or does not have the form that this module describes.
    """
    try:
        return _validate_tables(parse_toml(text.encode()))
    except TomlError as error:
        raise TableError(str(error)) from None


def load_tables(path: Path) -> dict[str, Table]:
    """Read tables by language from a user's file.

    Raises:
        TableError: the file cannot be read, is not TOML, or does not have the form that this module describes.
    """
    try:
        return _validate_tables(read_toml(path))
    except TomlError as error:
        raise TableError(str(error)) from None


def _validate_tables(tables: dict[str, Any]) -> dict[str, Table]:
    spellings = 0
    for language, labels in tables.items():
        for label, weights in _require_section(labels, language).items():
            for weight, phrases in _require_section(weights, f"{language}.{label}").items():
                _check_phrases(f"{language}.{label}.{weight}", weight, phrases)
                spellings += sum(2 ** len(_OPTIONAL.findall(phrase)) for phrase in phrases)
    if spellings > MAX_SPELLINGS:
        raise TableError(f"its phrases have {spellings:,} spellings, at most {MAX_SPELLINGS:,} are possible")
    return tables


def overlay(base: Table, extra: Table) -> Table:
    """Merge two tables. A phrase of `extra` replaces each phrase of `base`, under any label, with which it has a spelling in common."""
    replaced_phrases = {
        words
        for weights in extra.values()
        for phrases in weights.values()
        for words in _words_of_all(phrases)
    }
    result: Table = {}
    for label, weights in base.items():
        result[label] = {}
        for weight, phrases in weights.items():
            result[label][weight] = [
                phrase for phrase in phrases if not replaced_phrases & _words_of_all([phrase])
            ]
    for label, weights in extra.items():
        for weight, phrases in weights.items():
            result.setdefault(label, {}).setdefault(weight, []).extend(phrases)
    return result


def words_of(text: str) -> list[str]:
    """Split a text into words, folded for comparison."""
    return list(_fold_words(text))


# The cache saves time, because several tables label the same text one after another.
@lru_cache(_FOLDED_CACHE_SIZE)
def _fold_words(text: str) -> tuple[str, ...]:
    if text.isascii():
        return tuple(_WORD.findall(text.casefold()))
    # Split first, then fold: folding turns `İ` into `i` and a combining dot, and `_WORD` would end the word at the dot.
    return tuple([word.casefold() for word in _split_words(text)])


def _split_words(text: str) -> list[str]:
    """Split a text into words that keep their capitals."""
    return _WORD.findall(unicodedata.normalize("NFC", text))


def _words_of_all(phrases: Iterable[str]) -> set[tuple[str, ...]]:
    return {tuple(words_of(spelling)) for phrase in phrases for spelling in _expand(phrase)}


def _expand(phrase: str) -> list[str]:
    """Return all spellings of a phrase, with and without its optional parts."""
    # `re.split` with one group returns the fixed parts and the optional parts in turn: every second part is optional.
    parts = _OPTIONAL.split(phrase)
    choices = [(part,) if number % 2 == 0 else ("", part) for number, part in enumerate(parts)]
    return ["".join(chosen) for chosen in itertools.product(*choices)]


def _require_section(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TableError(f"{name} is not a section")
    return value


def _check_phrases(name: str, weight: str, phrases: Any) -> None:
    try:
        is_valid_weight = 0 <= float(weight) < 1000
    except ValueError:
        is_valid_weight = False
    if not is_valid_weight:
        raise TableError(f"{name}: the weight is not a number that is at least 0 and below 1000")
    if not isinstance(phrases, list) or not all(
        isinstance(phrase, str) and words_of(phrase) for phrase in phrases
    ):
        raise TableError(f"{name} is not a list of phrases")
    for phrase in phrases:
        if len(_OPTIONAL.findall(phrase)) > _MAX_OPTIONAL_PARTS:
            raise TableError(f"{name}: a phrase has more than {_MAX_OPTIONAL_PARTS} optional parts")
