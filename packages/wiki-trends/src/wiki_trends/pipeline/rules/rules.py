"""Decides the category and the place of a page by rules, and explains the decision.

The rules are data: phrases that name a category (`categories.toml`) or a type of place (`places.toml`), and names of countries
(`countries.toml`). phrases.py and countries.py describe the files. A user's file overlays the first. A page to which no rule
applies has the documented defaults: `Other`, `General`, `No specific location`. See `docs/categories.md`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from smart_orchestrator.foreign import one_line
from wiki_trends.errors import SettingError
from wiki_trends.pipeline.rules.countries import NOT_A_COUNTRY, country_names, name_of
from wiki_trends.pipeline.rules.phrases import (
    NO_LABEL,
    Phrases,
    TableError,
    load_tables,
    overlay,
    shipped_table,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wiki_trends.pipeline.rules.phrases import Table
    from wiki_trends.wikimedia import PageFacts

DEFAULT_CATEGORY = "Other"
DEFAULT_LOCATION_TYPE = "General"
DEFAULT_LOCATION = "No specific location"

CATEGORIES = (
    "Autos and vehicles",
    "Beauty and fashion",
    "Business and finance",
    "Climate",
    "Entertainment",
    "Food and drink",
    "Games",
    "Health",
    "Hobbies and leisure",
    "Jobs and education",
    "Law and government",
    "Pets and animals",
    "Politics",
    "Science",
    "Shopping",
    "Sports",
    "Technology",
    "Travel and transportation",
    DEFAULT_CATEGORY,
)
LOCATION_TYPES = ("City", "Country", "Region", "Landmark", "Person", "Event", DEFAULT_LOCATION_TYPE)

# Types in coordinates, https://www.mediawiki.org/wiki/Extension:GeoData; other types are ignored.
_PLACE_TYPES = {
    "city": "City",
    "country": "Country",
    "adm1st": "Region",
    "adm2nd": "Region",
    "adm3rd": "Region",
    "airport": "Landmark",
    "edu": "Landmark",
    "forest": "Landmark",
    "glacier": "Landmark",
    "isle": "Landmark",
    "landmark": "Landmark",
    "mountain": "Landmark",
    "pass": "Landmark",
    "railwaystation": "Landmark",
    "river": "Landmark",
    "waterbody": "Landmark",
    "event": "Event",
}
_PLACES = ("City", "Country", "Region", "Landmark")

# Factors of the weights in a text: of the first label in it, and of the labels after it. The description is one line by the
# wiki's authors, so it counts more than one of many categories, and its first label counts most.
_DESCRIPTION_FACTORS = (4.0, 2.0)
_TITLE_FACTORS = (3.0, 3.0)
_CATEGORY_FACTORS = (1.0, 1.0)
# If a page names several countries, a country with a lower score is often incidental, such as a participant or a host.
_LEAST_OF_SEVERAL_COUNTRIES = 2.0
_ENGLISH = "en"
_PAGES_CACHED = 4096
_IN_PARENTHESES = re.compile(r"\(([^()]+)\)$")


class Text(NamedTuple):
    """A text about a page, its source, and the factors of its first label and of the labels after it."""

    source: str
    text: str
    factors: tuple[float, float]


class Place(NamedTuple):
    """The place of a page: one of `LOCATION_TYPES`, and the name of a country or another place, or the default."""

    type: str
    name: str


class Labels(NamedTuple):
    """The category and the place of a page, as in gold and diamond."""

    category: str
    place: Place


class Match(NamedTuple):
    """A rule that applied: its label and score, the phrase that matched, and the source and the text with the phrase."""

    label: str
    score: float
    phrase: str
    source: str
    text: str


class Decision(NamedTuple):
    """The outcome, the score of each candidate, and the rules that applied."""

    outcome: str
    scores: dict[str, float]
    matches: tuple[Match, ...]


class Explanation(NamedTuple):
    """Why a page has its category and its place; gold and diamond have `category.outcome` and `place`."""

    category: Decision
    location_type: Decision
    location: Decision
    place: Place


class Rules:
    """The rules of one language, with the English rules for pages to which none of them applies."""

    def __init__(self, language: str, extra: dict[str, Table] | None = None) -> None:
        languages = dict.fromkeys((language, _ENGLISH))
        self._categories = [
            Phrases(overlay(shipped_table("categories.toml", code) or {}, (extra or {}).get(code, {})))
            for code in languages
        ]
        self._types = [Phrases(shipped_table("places.toml", code) or {}) for code in languages]
        self._countries = [country_names(code) for code in languages]
        # A page is labelled when its facts arrive, and again in step 4.
        self.labels = lru_cache(_PAGES_CACHED)(self._labels)

    @staticmethod
    def load(language: str, file: str = "") -> Rules:
        """The rules of a language, overlaid with a user's file; the file is read again when it has changed.

        Raises:
            SettingError: the file cannot be read, or is not of the documented form.
        """
        try:
            changed = Path(file).stat().st_mtime_ns if file else 0
            return _load(language, file, changed)
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            raise SettingError(
                name="categories_file",
                value=file,
                origin="WIKI_TRENDS_CATEGORIES_FILE",
                problem=f"cannot be used: {one_line(reason)}",
                fix='Name a TOML file with sections such as [en."Sports"]; docs/categories.md shows one.',
            ) from None

    def _labels(self, page: str, facts: PageFacts) -> Labels:
        """The category, and the type and name of the place of a page.

        The category is one of the 19. It follows from the page's categories, its description, and the parentheses in its
        title. The type of the place follows from the coordinates, else from the same texts; coordinates without a type give
        `Landmark`. The name is the English name of the country. A city, a region or a landmark without a country has its own
        name.
        """
        texts = _texts(page, facts)
        category = _decide(self._categories, texts).outcome or DEFAULT_CATEGORY
        kind = self._type(facts, texts).outcome
        return Labels(category, Place(kind, self._location(page, facts, texts, kind).outcome))

    def explain(self, page: str, facts: PageFacts) -> Explanation:
        """The category and the place of a page, with the scores and the rules that applied."""
        texts = _texts(page, facts)
        category = _decide(self._categories, texts, explain=True)
        kind = self._type(facts, texts, explain=True)
        location = self._location(page, facts, texts, kind.outcome, explain=True)
        return Explanation(
            category._replace(outcome=category.outcome or DEFAULT_CATEGORY),
            kind,
            location,
            Place(kind.outcome, location.outcome),
        )

    def _type(self, facts: PageFacts, texts: Sequence[Text], *, explain: bool = False) -> Decision:
        kind = _PLACE_TYPES.get(facts.place_type or "")
        if kind is not None:
            return _certain(kind, f"type:{facts.place_type}")
        decision = _decide(self._types, texts, explain=explain)
        if decision.outcome:
            return decision
        if facts.latitude is not None:
            return _certain("Landmark", "coordinates without a type")
        return decision._replace(outcome=DEFAULT_LOCATION_TYPE)

    def _location(
        self, page: str, facts: PageFacts, texts: Sequence[Text], kind: str, *, explain: bool = False
    ) -> Decision:
        country = name_of(facts.country) if facts.country else None
        if country:
            return _certain(country, f"country:{facts.country}")
        decision = _decide(self._countries, texts, explain=explain)
        least = _LEAST_OF_SEVERAL_COUNTRIES if len(decision.scores) > 1 else 0.0
        if decision.outcome and decision.scores[decision.outcome] >= least:
            return decision
        own_name = kind in _PLACES
        return decision._replace(outcome=_name_without_parentheses(page) if own_name else DEFAULT_LOCATION)


@lru_cache(maxsize=32)
def _load(language: str, file: str, changed: int) -> Rules:
    del changed  # Only a part of the cache key.
    if not file:
        return Rules(language)
    extra = load_tables(Path(file))
    for section, table in extra.items():
        unknown = [label for label in table if label not in (*CATEGORIES, NO_LABEL)]
        if unknown:
            raise TableError(one_line(f"{section}.{unknown[0]} is not one of the 19 categories"))
    return Rules(language, extra)


def _texts(page: str, facts: PageFacts) -> list[Text]:
    """The texts about a page: its description, the parentheses in its title, its categories."""
    texts = [Text("category", category, _CATEGORY_FACTORS) for category in facts.categories]
    parentheses = _IN_PARENTHESES.search(page.replace("_", " "))
    if parentheses:
        texts.insert(0, Text("title", parentheses[1], _TITLE_FACTORS))
    if facts.description:
        texts.insert(0, Text("description", facts.description, _DESCRIPTION_FACTORS))
    return texts


def _decide(tables: Sequence[Phrases], texts: Sequence[Text], *, explain: bool = False) -> Decision:
    """The best label by the first table that labels any of the texts; an empty outcome if none does."""
    for table in tables:
        scores: dict[str, float] = {}
        for _, text, factors in texts:
            factor, later_factor = factors
            for label, weight, _ in table.hits(text):
                if label != NOT_A_COUNTRY:
                    scores[label] = scores.get(label, 0.0) + weight * factor
                    factor = later_factor
        best = table.best(scores)
        if best is not None:
            return Decision(best, scores, tuple(_matches(table, texts)) if explain else ())
    return Decision("", {}, ())


def _matches(table: Phrases, texts: Iterable[Text]) -> Iterator[Match]:
    """The hits that `_decide` adds up, with their scores."""
    for source, text, factors in texts:
        hits = [hit for hit in table.hits(text) if hit.label != NOT_A_COUNTRY]
        for number, hit in enumerate(hits):
            yield Match(hit.label, hit.weight * factors[min(number, 1)], hit.phrase, source, text)


def _certain(outcome: str, reason: str) -> Decision:
    return Decision(outcome, {outcome: 1.0}, (Match(outcome, 1.0, reason, "coordinates", reason),))


def _name_without_parentheses(page: str) -> str:
    return _IN_PARENTHESES.sub("", page.replace("_", " ")).strip() or page
