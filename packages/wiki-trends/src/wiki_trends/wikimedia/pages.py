"""Parse facts about pages from responses of the Action API (`action=query`).

The Action API splits the result of a query into several responses (`continue`). It returns the pages in any order, under normalised
and redirected titles. `Pages` merges the responses and maps each requested title to its page. A malformed response raises
`ContractBroken`. Source: https://www.mediawiki.org/wiki/API:Query
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from wiki_trends.errors import ContractBroken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wiki_trends.wikimedia.answers import Json

# The Action API accepts this many titles in one request.
TITLES_PER_REQUEST = 50
# In a request, `|` separates titles, and a U+001F at the beginning replaces this separator. No valid title contains these characters.
_FORBIDDEN_CHARACTERS = ("|", "\x1f")

PAGE_FACTS_QUERY = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "redirects": "1",
    "prop": "categories|coordinates|pageprops|description|info",
    "clshow": "!hidden",
    "cllimit": "max",
    "colimit": "max",
    "coprop": "type|country|region|globe",
    "ppprop": "disambiguation|page_image_free|wikibase_item",
    "maxlag": "5",
}

# A query that requests only the id of each page's current revision.
REVISIONS_QUERY = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "redirects": "1",
    "prop": "info",
    "maxlag": "5",
}


@dataclass(frozen=True, slots=True)
class PageFacts:
    """Facts about a page.

    Attributes:
        title: the canonical title with spaces, after normalisation and redirects.
        namespace: the number of the namespace; 0 for articles, -1 for special pages.
        missing: whether the page does not exist or the title is invalid.
        redirected: whether the requested title is a redirect to this page.
        categories: the names of the visible categories, without the name of the namespace.
        latitude: the latitude on Earth in degrees; None without coordinates.
        longitude: the longitude on Earth in degrees; None without coordinates.
        place_type: the type of object that the wiki stores with the coordinates, for example `city` or `landmark`.
        country: the ISO 3166-1 alpha-2 code of the country that the wiki stores with the coordinates.
        description: the short description in the wiki's language.
        wikidata_id: the id of the Wikidata item, for example `Q42`.
        image: the file name of the page's free image.
        disambiguation: whether the page is a disambiguation page.
        lastrevid: the id of the page's current revision; None for a missing page.
    """

    title: str
    namespace: int = 0
    missing: bool = False
    redirected: bool = False
    categories: tuple[str, ...] = ()
    latitude: float | None = None
    longitude: float | None = None
    place_type: str | None = None
    country: str | None = None
    description: str | None = None
    wikidata_id: str | None = None
    image: str | None = None
    disambiguation: bool = False
    lastrevid: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields that differ from their defaults. `from_json` is the inverse."""
        values = {name: getattr(self, name) for name in _DEFAULTS}
        return {"title": self.title} | {
            name: value for name, value in values.items() if value != _DEFAULTS[name]
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PageFacts:
        """Build the facts from a document that `to_json` returned."""
        if "categories" in data:
            data = data | {"categories": tuple(data["categories"])}
        return cls(**data)


_DEFAULTS = {item.name: item.default for item in fields(PageFacts) if item.name != "title"}


def is_requestable(title: str) -> bool:
    """Return whether a title can be sent in a request for several titles."""
    return bool(title.strip("_ ")) and not any(char in title for char in _FORBIDDEN_CHARACTERS)


class Pages:
    """The merged responses to the query for one batch of titles."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pages: dict[str, dict[str, Any]] = {}
        self._normalized: dict[str, str] = {}
        self._redirects: dict[str, str] = {}

    def add(self, answer: Json) -> dict[str, str] | None:
        """Add one response. Return the parameters that request the next response, or None after the last response."""
        try:
            query = answer.get("query", {})
            for item in query.get("normalized", []):
                original = unquote(item["from"]) if item.get("fromencoded") else item["from"]
                self._normalized[original] = item["to"]
            for item in query.get("redirects", []):
                self._redirects[item["from"]] = item["to"]
            pages = query.get("pages", [])
            for page in pages.values() if isinstance(pages, dict) else pages:
                if "title" in page:
                    self._merge(page)
            continuation = answer.get("continue")
            return None if continuation is None else {key: str(value) for key, value in continuation.items()}
        except (AttributeError, KeyError, TypeError) as error:
            raise ContractBroken(
                what=f"the pages from {self._url}", problem=f"{type(error).__name__} {error}"
            ) from None

    def facts(self, titles: Iterable[str]) -> dict[str, PageFacts]:
        """Return the facts of each requested title."""
        return {title: self._facts(title) for title in titles}

    def _merge(self, page: dict[str, Any]) -> None:
        merged = self._pages.setdefault(page["title"], {})
        for key, value in page.items():
            if isinstance(value, list):
                merged.setdefault(key, []).extend(value)
            elif isinstance(value, dict):
                merged.setdefault(key, {}).update(value)
            else:
                merged[key] = value

    def _facts(self, requested: str) -> PageFacts:
        title = self._normalized.get(requested, requested)
        if title not in self._pages and title not in self._redirects:
            # Neither the title nor its normalized form is in the response. The response has no entry in `normalized` for it, so it is
            # normalized here.
            title = _normalise_spaces(title)
        followed_titles = set()
        while title in self._redirects and title not in followed_titles:
            followed_titles.add(title)
            title = self._redirects[title]
        page = self._pages.get(title)
        if page is None:
            # The response contains no page for a title that names another wiki, such as `fr:Foo`.
            return PageFacts(
                title=_normalise_spaces(requested), missing=True, redirected=bool(followed_titles)
            )
        try:
            return _facts_of(page, redirected=bool(followed_titles))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ContractBroken(
                what=f"the page {title!r} from {self._url}", problem=f"{type(error).__name__} {error}"
            ) from None


def missing_page(title: str) -> PageFacts:
    """Return the facts of an invalid title, which needs no request."""
    return PageFacts(title=_normalise_spaces(title), missing=True)


def _normalise_spaces(title: str) -> str:
    """Replace underscores and repeated spaces in a title by single spaces, as MediaWiki does."""
    return " ".join(title.replace("_", " ").split()) or title


def _facts_of(page: dict[str, Any], *, redirected: bool) -> PageFacts:
    coordinates = _primary_coordinates(page.get("coordinates", []))
    props = page.get("pageprops", {})
    # A flag is a boolean in `formatversion` 2. In `formatversion` 1, a flag is an empty string or absent.
    missing = any(page.get(flag, False) is not False for flag in ("missing", "invalid"))
    return PageFacts(
        title=page["title"],
        namespace=int(page.get("ns", 0)),
        missing=missing,
        redirected=redirected,
        categories=tuple(
            dict.fromkeys(_without_namespace(item["title"]) for item in page.get("categories", []))
        ),
        latitude=coordinates.get("lat"),
        longitude=coordinates.get("lon"),
        place_type=_text_or_none(coordinates.get("type")),
        country=_text_or_none(coordinates.get("country")),
        description=_text_or_none(page.get("description")),
        wikidata_id=_text_or_none(props.get("wikibase_item")),
        image=_text_or_none(props.get("page_image_free")),
        disambiguation="disambiguation" in props,
        lastrevid=page.get("lastrevid") if type(page.get("lastrevid")) is int else None,
    )


def _primary_coordinates(coordinates: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the primary coordinates on Earth; empty when there are none or they are out of range."""
    for place in coordinates:
        latitude, longitude = place.get("lat"), place.get("lon")
        if place.get("globe", "earth") != "earth" or place.get("primary", True) is False:
            continue
        if _is_within(latitude, 90) and _is_within(longitude, 180):
            return place | {"lat": float(place["lat"]), "lon": float(place["lon"])}
    return {}


def _is_within(value: Json, limit: float) -> bool:
    """Return whether a value is a number from `-limit` to `limit`."""
    return isinstance(value, (int, float)) and -limit <= value <= limit


def _without_namespace(title: str) -> str:
    return title.partition(":")[2] or title


def _text_or_none(value: Json) -> str | None:
    """Return a text that is not empty; None for any other value."""
    return value if isinstance(value, str) and value else None
