"""Decides the category and the place of a page by rules, and explains the decision.

The rules are data: phrases that name a category (`categories.toml`) or a type of place (`places.toml`), and names of countries
(`countries.toml`). `phrases.py` and `countries.py` describe the files. A user's file can overlay `categories.toml`. If no rule applies
to a page, the page has the documented defaults: `Other`, `General`, `No specific location`. See `docs/categories.md`.
"""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from smart_orchestrator.foreign import one_line
from wiki_trends.errors import SettingError
from wiki_trends.pipeline.rules.countries import NOT_A_COUNTRY, country_phrases, name_of
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

# The types of coordinates, from https://www.mediawiki.org/wiki/Extension:GeoData. Other types are ignored.
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
_TYPES_WITH_OWN_NAME = ("City", "Country", "Region", "Landmark")

# The factors of each kind of text. The weight of a phrase is multiplied by the first factor for the first label of a text, and by the
# second factor for all other labels. The description is one line by the wiki's authors, so it counts more than one of many categories.
# Its first label counts most.
_DESCRIPTION_FACTORS = (4.0, 2.0)
_TITLE_FACTORS = (3.0, 3.0)
_CATEGORY_FACTORS = (1.0, 1.0)
# If a page names several countries, a country with a lower score than this is often incidental, such as a host of an event.
_MIN_SCORE_OF_SEVERAL_COUNTRIES = 2.0
_ENGLISH = "en"
# The number of pages whose labels are kept until step 4 needs them.
_LABELS_CACHE_SIZE = 4096
_IN_PARENTHESES = re.compile(r"\(([^()]+)\)$")
_load_lock = threading.Lock()


class WeightedText(NamedTuple):
    """A text about a page, with its source and the factors for its first label and its other labels."""

    source: str
    text: str
    factors: tuple[float, float]


class Place(NamedTuple):
    """The place of a page.

    Attributes:
        type: one of `LOCATION_TYPES`.
        name: the name of a country or another place, or `DEFAULT_LOCATION`.
    """

    type: str
    name: str


class Labels(NamedTuple):
    """The category and the place of a page, as gold and diamond store them."""

    category: str
    place: Place


class Match(NamedTuple):
    """A rule that applied: its label and score, the matching phrase, and the text with the phrase and the source of the text."""

    label: str
    score: float
    phrase: str
    source: str
    text: str


class Decision(NamedTuple):
    """The outcome, the score of each candidate, and the rules that applied (empty unless the decision is to be explained)."""

    outcome: str
    scores: dict[str, float]
    matches: tuple[Match, ...]


class Explanation(NamedTuple):
    """The decisions behind the category and the place of a page. Gold and diamond store `category.outcome` and `place`."""

    category: Decision
    location_type: Decision
    location: Decision
    place: Place


class Rules:
    """The rules of one language. If no rule of the language applies to a page, the English rules decide."""

    def __init__(self, language: str, extra: dict[str, Table] | None = None) -> None:
        languages = dict.fromkeys((language, _ENGLISH))
        self._categories = [
            Phrases(overlay(shipped_table("categories.toml", code) or {}, (extra or {}).get(code, {})))
            for code in languages
        ]
        self._types = [Phrases(shipped_table("places.toml", code) or {}) for code in languages]
        self._countries = [country_phrases(code) for code in languages]
        # `PagePrefetch` labels a page when its facts arrive, and step 4 labels the page again.
        self.labels = lru_cache(_LABELS_CACHE_SIZE)(self._decide_labels)

    @staticmethod
    def load(language: str, file: str = "") -> Rules:
        """Load the rules of a language, overlaid with a user's file. Each change of the file is noticed.

        Raises:
            SettingError: the file cannot be read, or does not have the documented form.
        """
        try:
            modified_ns = Path(file).stat().st_mtime_ns if file else 0
            # Days in several threads need the same rules at the same time, and only one thread loads them.
            with _load_lock:
                return _load(language, file, modified_ns)
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or error
            raise SettingError(
                name="categories_file",
                value=file,
                origin="WIKI_TRENDS_CATEGORIES_FILE",
                problem=f"cannot be used: {one_line(reason)}",
                fix='Name a TOML file with sections such as [en."Sports"]; docs/categories.md shows one.',
            ) from None

    def _decide_labels(self, page: str, facts: PageFacts) -> Labels:
        """Decide the category, and the type and name of the place of a page.

        The category is one of `CATEGORIES`. The rules decide it by the page's categories, its description, and the
        parentheses in its title. The type of the coordinates decides the type of the place. Without such a type, the rules
        decide by the same texts; if no rule applies and the page has coordinates, the type is `Landmark`. The name of the
        place is the English name of the country. A city, a region or a landmark without a country has the page's own name.
        """
        texts = _collect_texts(page, facts)
        category = _decide(self._categories, texts).outcome or DEFAULT_CATEGORY
        place_type = self._decide_type(facts, texts).outcome
        return Labels(
            category, Place(place_type, self._decide_location(page, facts, texts, place_type).outcome)
        )

    def explain(self, page: str, facts: PageFacts) -> Explanation:
        """Explain the category and the place of a page with the scores and the rules that applied."""
        texts = _collect_texts(page, facts)
        category = _decide(self._categories, texts, explain=True)
        location_type = self._decide_type(facts, texts, explain=True)
        location = self._decide_location(page, facts, texts, location_type.outcome, explain=True)
        return Explanation(
            category._replace(outcome=category.outcome or DEFAULT_CATEGORY),
            location_type,
            location,
            Place(location_type.outcome, location.outcome),
        )

    def _decide_type(
        self, facts: PageFacts, texts: Sequence[WeightedText], *, explain: bool = False
    ) -> Decision:
        place_type = _PLACE_TYPES.get(facts.place_type or "")
        if place_type is not None:
            return _decide_by_coordinates(place_type, f"type:{facts.place_type}")
        decision = _decide(self._types, texts, explain=explain)
        if decision.outcome:
            return decision
        if facts.latitude is not None:
            return _decide_by_coordinates("Landmark", "coordinates without a type")
        return decision._replace(outcome=DEFAULT_LOCATION_TYPE)

    def _decide_location(
        self,
        page: str,
        facts: PageFacts,
        texts: Sequence[WeightedText],
        place_type: str,
        *,
        explain: bool = False,
    ) -> Decision:
        country = name_of(facts.country) if facts.country else None
        if country:
            return _decide_by_coordinates(country, f"country:{facts.country}")
        decision = _decide(self._countries, texts, explain=explain)
        min_score = _MIN_SCORE_OF_SEVERAL_COUNTRIES if len(decision.scores) > 1 else 0.0
        if decision.outcome and decision.scores[decision.outcome] >= min_score:
            return decision
        has_own_name = place_type in _TYPES_WITH_OWN_NAME
        return decision._replace(
            outcome=_name_without_parentheses(page) if has_own_name else DEFAULT_LOCATION
        )


@lru_cache(maxsize=32)
def _load(language: str, file: str, modified_ns: int) -> Rules:
    del modified_ns  # Only a part of the cache key.
    if not file:
        return Rules(language)
    extra = load_tables(Path(file))
    for section, table in extra.items():
        unknown = [label for label in table if label not in (*CATEGORIES, NO_LABEL)]
        if unknown:
            raise TableError(one_line(f"{section}.{unknown[0]} is not one of the 19 categories"))
    return Rules(language, extra)


def _collect_texts(page: str, facts: PageFacts) -> list[WeightedText]:
    """Return the texts about a page: its description, the parentheses in its title, and its categories."""
    texts = [WeightedText("category", category, _CATEGORY_FACTORS) for category in facts.categories]
    parentheses = _IN_PARENTHESES.search(page.replace("_", " "))
    if parentheses:
        texts.insert(0, WeightedText("title", parentheses[1], _TITLE_FACTORS))
    if facts.description:
        texts.insert(0, WeightedText("description", facts.description, _DESCRIPTION_FACTORS))
    return texts


def _decide(tables: Sequence[Phrases], texts: Sequence[WeightedText], *, explain: bool = False) -> Decision:
    """Decide the label with the highest score in the first table that labels a text. If no table does, the outcome is empty."""
    for table in tables:
        scores: dict[str, float] = {}
        for _, text, factors in texts:
            factor, later_factor = factors
            for label, weight, _ in table.hits(text):
                if label != NOT_A_COUNTRY:
                    scores[label] = scores.get(label, 0.0) + weight * factor
                    factor = later_factor
        best = table.best_label(scores)
        if best is not None:
            return Decision(best, scores, tuple(_matches(table, texts)) if explain else ())
    return Decision("", {}, ())


def _matches(table: Phrases, texts: Iterable[WeightedText]) -> Iterator[Match]:
    """Yield the hits that `_decide` adds up, with their scores."""
    for source, text, factors in texts:
        hits = [hit for hit in table.hits(text) if hit.label != NOT_A_COUNTRY]
        for number, hit in enumerate(hits):
            yield Match(hit.label, hit.weight * factors[min(number, 1)], hit.phrase, source, text)


def _decide_by_coordinates(outcome: str, reason: str) -> Decision:
    return Decision(outcome, {outcome: 1.0}, (Match(outcome, 1.0, reason, "coordinates", reason),))


def _name_without_parentheses(page: str) -> str:
    return _IN_PARENTHESES.sub("", page.replace("_", " ")).strip() or page
