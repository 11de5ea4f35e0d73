"""Which category and which place a page has, by rules kept as data, and why.

The data: `categories.toml` (phrases that name a category), `places.toml` (phrases that name a type of place) and
`countries.toml`; see phrases.py and countries.py. A user's file is laid over the first. A page of which nothing is known
has the documented defaults: `Other`, `General`, `No specific location`. `docs/categories.md` tells all of it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from wiki_trends.errors import SettingError
from wiki_trends.pipeline.countries import NOWHERE, country_names, name_of
from wiki_trends.pipeline.phrases import NOTHING, Phrases, TableError, laid_over, read_tables, table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from wiki_trends.pipeline.phrases import Table
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

# Types in coordinates, https://www.mediawiki.org/wiki/Extension:GeoData; those that are not here say nothing.
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

# What the wiki's authors wrote in one line says more than one category of many, and what they named first says most.
_DESCRIPTION_FACTORS = (4.0, 2.0)
_TITLE_FACTOR = 3.0
_CATEGORY_FACTOR = 1.0
# Where several countries are named, one that a single category names can be an accident (who took part, who was met).
_LEAST_OF_SEVERAL_COUNTRIES = 2.0
_ENGLISH = "en"
_IN_PARENTHESES = re.compile(r"\(([^()]+)\)$")


class Place(NamedTuple):
    """`type` is one of `LOCATION_TYPES`, `name` a country, another place or the default."""

    type: str
    name: str


class Match(NamedTuple):
    """A rule that applied: what it says, how much that counts, by which phrase in which text of which kind."""

    label: str
    score: float
    phrase: str
    source: str
    text: str


class Decision(NamedTuple):
    """What was decided, the score of each possible outcome from best to worst, and the rules that applied."""

    outcome: str
    scores: dict[str, float]
    matches: tuple[Match, ...]


class Explanation(NamedTuple):
    """How a page came to its category and its place; `category.outcome`, `place` are what the layers hold."""

    category: Decision
    location_type: Decision
    location: Decision
    place: Place


class Rules:
    """The rules of one language, with English ones for pages of which its own say nothing."""

    def __init__(self, language: str, extra: dict[str, Table] | None = None) -> None:
        languages = dict.fromkeys((language, _ENGLISH))
        self._categories = [
            Phrases(laid_over(table_of("categories.toml", one) or {}, (extra or {}).get(one, {})))
            for one in languages
        ]
        self._types = [Phrases(table_of("places.toml", one) or {}) for one in languages]
        self._countries = [country_names(one) for one in languages]

    @staticmethod
    def load(language: str, file: str = "") -> Rules:
        """The rules of a language, a user's file laid over them; read again when the file has changed.

        Raises:
            SettingError: the file cannot be read, or is not of the documented form.
        """
        try:
            changed = Path(file).stat().st_mtime_ns if file else 0
            return _load(language, file, changed)
        except (OSError, UnicodeDecodeError, TableError) as error:
            raise SettingError(
                name="categories_file",
                value=file,
                origin="WIKI_TRENDS_CATEGORIES_FILE",
                problem=f"cannot be used: {error}",
                fix='Name a TOML file with sections such as [en."Sports"]; docs/categories.md shows one.',
            ) from None

    def category(self, page: str, facts: PageFacts) -> str:
        """One of the 19 categories, from the page's categories, description and what its title has in parentheses."""
        return self._decide(self._categories, _matches, page, facts).outcome or DEFAULT_CATEGORY

    def place(self, page: str, facts: PageFacts) -> Place:
        """Type and name of the place of a page.

        The type is that of its coordinates; without it that of its words; with coordinates alone `Landmark`. The name is
        the country, in English; of a city, a region or a landmark without one its own name.
        """
        kind = self._type(page, facts).outcome
        return Place(kind, self._location(page, facts, kind).outcome)

    def explain(self, page: str, facts: PageFacts) -> Explanation:
        """The same, with scores and the rules that applied."""
        category = self._decide(self._categories, _matches, page, facts)
        kind = self._type(page, facts)
        location = self._location(page, facts, kind.outcome)
        return Explanation(
            category._replace(outcome=category.outcome or DEFAULT_CATEGORY),
            kind,
            location,
            Place(kind.outcome, location.outcome),
        )

    def _type(self, page: str, facts: PageFacts) -> Decision:
        kind = _PLACE_TYPES.get(facts.place_type or "")
        if kind is not None:
            return _certain(kind, f"type:{facts.place_type}")
        found = self._decide(self._types, _matches, page, facts)
        if found.outcome:
            return found
        if facts.latitude is not None:
            return _certain("Landmark", "coordinates without a type")
        return found._replace(outcome=DEFAULT_LOCATION_TYPE)

    def _location(self, page: str, facts: PageFacts, kind: str) -> Decision:
        coded = name_of(facts.country) if facts.country else None
        if coded:
            return _certain(coded, f"country:{facts.country}")
        found = self._decide(self._countries, _country_matches, page, facts)
        least = _LEAST_OF_SEVERAL_COUNTRIES if len(found.scores) > 1 else 0.0
        if found.outcome and found.scores[found.outcome] >= least:
            return found
        own_name = kind in _PLACES
        return found._replace(outcome=_name_without_parentheses(page) if own_name else DEFAULT_LOCATION)

    def _decide(
        self,
        tables: Sequence[Phrases],
        matches_of: Callable[[Phrases, str, PageFacts], Iterable[Match]],
        page: str,
        facts: PageFacts,
    ) -> Decision:
        """The best label of the first table that has one; the outcome is empty without any."""
        decision = Decision("", {}, ())
        for table in tables:
            matches = tuple(matches_of(table, page, facts))
            scores: dict[str, float] = {}
            for match in matches:
                scores[match.label] = scores.get(match.label, 0.0) + match.score
            best = table.best(scores)
            if best is not None:
                return Decision(best, scores, matches)
            decision = decision if decision.matches else Decision("", scores, matches)
        return decision


@lru_cache(maxsize=32)
def _load(language: str, file: str, changed: int) -> Rules:
    del changed  # Part of the key only.
    if not file:
        return Rules(language)
    extra = read_tables(Path(file).read_text(encoding="utf-8"))
    for section, table in extra.items():
        unknown = [label for label in table if label not in (*CATEGORIES, NOTHING)]
        if unknown:
            raise TableError(f"{section}.{unknown[0]} is none of the 19 categories")
    return Rules(language, extra)


def _matches(table: Phrases, page: str, facts: PageFacts) -> Iterator[Match]:
    """What a table finds in description, title and categories of a page."""
    description = facts.description or ""
    for number, hit in enumerate(table.hits(description)):
        factor = _DESCRIPTION_FACTORS[min(number, 1)]
        yield Match(hit.label, hit.weight * factor, hit.phrase, "description", description)
    parentheses = _IN_PARENTHESES.search(page.replace("_", " "))
    if parentheses:
        for hit in table.hits(parentheses[1]):
            yield Match(hit.label, hit.weight * _TITLE_FACTOR, hit.phrase, "title", parentheses[1])
    for category in facts.categories:
        for hit in table.hits(category):
            yield Match(hit.label, hit.weight * _CATEGORY_FACTOR, hit.phrase, "category", category)


def _country_matches(table: Phrases, page: str, facts: PageFacts) -> Iterator[Match]:
    return (match for match in _matches(table, page, facts) if match.label != NOWHERE)


def _certain(outcome: str, why: str) -> Decision:
    return Decision(outcome, {outcome: 1.0}, (Match(outcome, 1.0, why, "coordinates", why),))


def _name_without_parentheses(page: str) -> str:
    return _IN_PARENTHESES.sub("", page.replace("_", " ")).strip() or page
