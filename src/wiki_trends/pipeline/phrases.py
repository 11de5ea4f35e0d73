"""Label a text by whole words and phrases with weights, from a table kept as data.

A table is TOML: a section for each language, in it one for each label, in it phrases by weight:

    [en."Sports"]
    3 = ["footballer(s)", "world cup"]
    1 = ["season"]

`word(s)` stands for both forms. Case, accents' Unicode form and punctuation do not count, and only whole words match:
`bar` is not in "Barbados". Where phrases overlap, the longest counts: "law school" is no "law".
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_TEXTS_REMEMBERED = 65_536


class Phrases:
    """The table of one language. Labels keep the order of the file; the earlier one wins a tie."""

    def __init__(self, table: Mapping[str, Mapping[str, Iterable[str]]]) -> None:
        self.labels = tuple(table)
        self._by_first: dict[str, list[tuple[tuple[str, ...], int, float]]] = {}
        for number, label in enumerate(self.labels):
            for weight, phrases in table[label].items():
                for phrase in phrases:
                    for form in _forms(phrase):
                        words = tuple(words_of(form))
                        self._by_first.setdefault(words[0], []).append((words, number, float(weight)))
        for candidates in self._by_first.values():
            candidates.sort(key=lambda candidate: -len(candidate[0]))
        # Categories repeat from page to page and from day to day.
        self._weights = lru_cache(_TEXTS_REMEMBERED)(self._weigh)

    def best(self, texts: Iterable[tuple[str, float]]) -> str | None:
        """The label with the highest score over texts with their factors; None when no phrase is in them."""
        scores = self.scores(texts)
        return max(scores, key=lambda label: (scores[label], -self.labels.index(label))) if scores else None

    def scores(self, texts: Iterable[tuple[str, float]]) -> dict[str, float]:
        """Score of each label whose phrases are in the texts: in each text the heaviest phrase counts."""
        scores: dict[str, float] = {}
        for text, factor in texts:
            for number, weight in self._weights(text):
                label = self.labels[number]
                scores[label] = scores.get(label, 0.0) + weight * factor
        return scores

    def _weigh(self, text: str) -> tuple[tuple[int, float], ...]:
        words = words_of(text)
        found: dict[int, float] = {}
        position = 0
        while position < len(words):
            length = 0
            for phrase, number, weight in self._by_first.get(words[position], ()):
                if len(phrase) < length:
                    break
                if tuple(words[position : position + len(phrase)]) == phrase:
                    length = len(phrase)
                    found[number] = max(found.get(number, 0.0), weight)
            position += length or 1
        return tuple(found.items())


@lru_cache(maxsize=32)
def phrases(file: str, language: str) -> Phrases:
    """The table of a language out of a file beside this one; English where the file has no such language."""
    table = tomllib.loads(files("wiki_trends.pipeline").joinpath(file).read_text(encoding="utf-8"))
    return Phrases(table.get(language, table["en"]))


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared."""
    return _WORD.findall(unicodedata.normalize("NFC", text).casefold())


def _forms(phrase: str) -> list[str]:
    return [phrase.replace("(s)", ""), phrase.replace("(s)", "s")] if "(s)" in phrase else [phrase]
