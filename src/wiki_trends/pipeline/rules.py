"""Which category and which place a page has, by rules kept as data (`categories.toml`, `places.toml`).

Pure. A page of which nothing is known has the documented defaults: `Other`, `General`, `No specific location`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from wiki_trends.pipeline.phrases import phrases

if TYPE_CHECKING:
    from collections.abc import Iterator

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
_WITH_OWN_NAME = ("City", "Country", "Region", "Landmark")

# What the wiki's authors wrote in one line says more than one category of many.
_DESCRIPTION_FACTOR = 3.0
_TITLE_FACTOR = 3.0
_CATEGORY_FACTOR = 1.0
_IN_PARENTHESES = re.compile(r"\(([^()]+)\)$")


class Place(NamedTuple):
    """`type` is one of `LOCATION_TYPES`, `name` a place or the default."""

    type: str
    name: str


def category_of(page: str, facts: PageFacts, language: str) -> str:
    """One of the 19 categories, from the page's categories, description and what its title has in parentheses."""
    return phrases("categories.toml", language).best(_texts(page, facts)) or DEFAULT_CATEGORY


def place_of(page: str, facts: PageFacts, language: str) -> Place:
    """Type and name of the place of a page.

    The type is that of its coordinates; without it that of its words; with coordinates alone `Landmark`. Cities,
    countries, regions and landmarks are their own place.
    """
    kind = _PLACE_TYPES.get(facts.place_type or "")
    if kind is None:
        kind = phrases("places.toml", language).best(_texts(page, facts))
    if kind is None:
        kind = DEFAULT_LOCATION_TYPE if facts.latitude is None else "Landmark"
    if kind in _WITH_OWN_NAME:
        return Place(kind, _IN_PARENTHESES.sub("", page.replace("_", " ")).strip() or page)
    return Place(kind, DEFAULT_LOCATION)


def _texts(page: str, facts: PageFacts) -> Iterator[tuple[str, float]]:
    for category in facts.categories:
        yield category, _CATEGORY_FACTOR
    if facts.description:
        yield facts.description, _DESCRIPTION_FACTOR
    in_parentheses = _IN_PARENTHESES.search(page.replace("_", " "))
    if in_parentheses:
        yield in_parentheses[1], _TITLE_FACTOR
