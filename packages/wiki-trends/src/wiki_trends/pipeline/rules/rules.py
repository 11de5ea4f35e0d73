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
from wiki_trends.pipeline.rules.countries import NOWHERE, country_names, name_of
from wiki_trends.pipeline.rules.phrases import NOTHING, Phrases, TableError, laid_over, read_tables, table_of

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
_TITLE_FACTORS = (3.0, 3.0)
_CATEGORY_FACTORS = (1.0, 1.0)
# Where several countries are named, one that a single category names can be an accident (who took part, who was met).
_LEAST_OF_SEVERAL_COUNTRIES = 2.0
_ENGLISH = "en"
_PAGES_REMEMBERED = 4096
_IN_PARENTHESES = re.compile(r"\(([^()]+)\)$")


class Text(NamedTuple):
    """Words about a page: from where, and the factors of the first label that they name and of the ones after it."""

    source: str
    text: str
    factors: tuple[float, float]


class Place(NamedTuple):
    """`type` is one of `LOCATION_TYPES`, `name` a country, another place or the default."""

    type: str
    name: str


class Labels(NamedTuple):
    """What the layers hold of a page."""

    category: str
    place: Place


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
        # A page is looked at when its facts come, and again when its day is written.
        self.labels = lru_cache(_PAGES_REMEMBERED)(self._labels)

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

    def _labels(self, page: str, facts: PageFacts) -> Labels:
        """Category, and type and name of the place of a page.

        The category is one of the 19, from the page's categories, description and what its title has in parentheses. The
        type is that of its coordinates; without it that of its words; with coordinates alone `Landmark`. The name is
        the country, in English; of a city, a region or a landmark without one its own name.
        """
        texts = _texts(page, facts)
        category = _decide(self._categories, texts).outcome or DEFAULT_CATEGORY
        kind = self._type(facts, texts).outcome
        return Labels(category, Place(kind, self._location(page, facts, texts, kind).outcome))

    def explain(self, page: str, facts: PageFacts) -> Explanation:
        """The same, with scores and the rules that applied."""
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
        found = _decide(self._types, texts, explain=explain)
        if found.outcome:
            return found
        if facts.latitude is not None:
            return _certain("Landmark", "coordinates without a type")
        return found._replace(outcome=DEFAULT_LOCATION_TYPE)

    def _location(
        self, page: str, facts: PageFacts, texts: Sequence[Text], kind: str, *, explain: bool = False
    ) -> Decision:
        coded = name_of(facts.country) if facts.country else None
        if coded:
            return _certain(coded, f"country:{facts.country}")
        found = _decide(self._countries, texts, explain=explain)
        least = _LEAST_OF_SEVERAL_COUNTRIES if len(found.scores) > 1 else 0.0
        if found.outcome and found.scores[found.outcome] >= least:
            return found
        own_name = kind in _PLACES
        return found._replace(outcome=_name_without_parentheses(page) if own_name else DEFAULT_LOCATION)


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


def _texts(page: str, facts: PageFacts) -> list[Text]:
    """What is known of a page in words."""
    texts = [Text("category", category, _CATEGORY_FACTORS) for category in facts.categories]
    parentheses = _IN_PARENTHESES.search(page.replace("_", " "))
    if parentheses:
        texts.insert(0, Text("title", parentheses[1], _TITLE_FACTORS))
    if facts.description:
        texts.insert(0, Text("description", facts.description, _DESCRIPTION_FACTORS))
    return texts


def _decide(tables: Sequence[Phrases], texts: Sequence[Text], *, explain: bool = False) -> Decision:
    """The best label of the first table that has one; the outcome is empty without any."""
    for table in tables:
        scores: dict[str, float] = {}
        for _, text, factors in texts:
            factor, following = factors
            for label, weight, _ in table.hits(text):
                if label != NOWHERE:
                    scores[label] = scores.get(label, 0.0) + weight * factor
                    factor = following
        best = table.best(scores)
        if best is not None:
            return Decision(best, scores, tuple(_matches(table, texts)) if explain else ())
    return Decision("", {}, ())


def _matches(table: Phrases, texts: Iterable[Text]) -> Iterator[Match]:
    """The same hits one by one, with what they are worth."""
    for source, text, factors in texts:
        hits = [hit for hit in table.hits(text) if hit.label != NOWHERE]
        for number, hit in enumerate(hits):
            yield Match(hit.label, hit.weight * factors[min(number, 1)], hit.phrase, source, text)


def _certain(outcome: str, why: str) -> Decision:
    return Decision(outcome, {outcome: 1.0}, (Match(outcome, 1.0, why, "coordinates", why),))


def _name_without_parentheses(page: str) -> str:
    return _IN_PARENTHESES.sub("", page.replace("_", " ")).strip() or page
