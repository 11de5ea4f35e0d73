"""Parse facts about pages from responses of the Action API (`action=query`).

A response comes in pieces (`continue`), in another order than the requested titles, and under normalised and redirected
titles. `Pages` merges the pieces and maps each requested title to its page. A response of another form raises
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

BATCH = 50
# A pipe separates titles in a request, and a leading U+001F would change the separator. No valid title holds either.
_FORBIDDEN = ("|", "\x1f")

QUERY = {
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

# Requests only the id of each page's current revision.
REVISIONS = {
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
        title: canonical, with spaces, after normalisation and redirects.
        namespace: its number; 0 for articles, -1 for special pages.
        missing: the page does not exist, or the title is invalid.
        redirected: the requested title is a redirect to this page.
        categories: without hidden ones and without the namespace's name.
        latitude: in degrees, on Earth; None without.
        longitude: in degrees, on Earth; None without.
        place_type: as in the coordinates, for example `city` or `landmark`.
        country: code of the country in the coordinates, ISO 3166-1 alpha-2.
        description: short description in the wiki's language.
        wikidata_id: for example `Q42`.
        image: file name of its free image.
        disambiguation: the page lists other pages of the same name.
        lastrevid: id of the page's current revision; None for a missing page.
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
        """The fields that differ from their defaults; `from_json` reads them back."""
        values = {name: getattr(self, name) for name in _DEFAULTS}
        return {"title": self.title} | {
            name: value for name, value in values.items() if value != _DEFAULTS[name]
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PageFacts:
        """The inverse of `to_json`."""
        if "categories" in data:
            data = data | {"categories": tuple(data["categories"])}
        return cls(**data)


_DEFAULTS = {item.name: item.default for item in fields(PageFacts) if item.name != "title"}


def is_requestable(title: str) -> bool:
    """Whether a title can be sent in a request for several titles."""
    return bool(title.strip("_ ")) and not any(char in title for char in _FORBIDDEN)


class Pages:
    """Collects the pieces of the response to one batch of titles."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pages: dict[str, dict[str, Any]] = {}
        self._normalized: dict[str, str] = {}
        self._redirects: dict[str, str] = {}

    def add(self, answer: Json) -> dict[str, str] | None:
        """Add one piece; returns the parameters that request the next piece, or None after the last one."""
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
        """The facts of each requested title."""
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
            title = _normalised(title)
        followed = set()
        while title in self._redirects and title not in followed:
            followed.add(title)
            title = self._redirects[title]
        page = self._pages.get(title)
        if page is None:
            # A title that names another wiki (`fr:Foo`) is not among the pages of the response.
            return PageFacts(title=_normalised(requested), missing=True, redirected=bool(followed))
        try:
            return _facts_of(page, redirected=bool(followed))
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ContractBroken(
                what=f"the page {title!r} from {self._url}", problem=f"{type(error).__name__} {error}"
            ) from None


def missing_page(title: str) -> PageFacts:
    """The facts of an invalid title, for which no request is needed."""
    return PageFacts(title=_normalised(title), missing=True)


def _normalised(title: str) -> str:
    """The title with single spaces, which MediaWiki makes of underscores and runs of spaces."""
    return " ".join(title.replace("_", " ").split()) or title


def _facts_of(page: dict[str, Any], *, redirected: bool) -> PageFacts:
    coordinates = _primary_coordinates(page.get("coordinates", []))
    props = page.get("pageprops", {})
    # Flags are booleans in formatversion 2, and empty strings in 1.
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
        place_type=_text(coordinates.get("type")),
        country=_text(coordinates.get("country")),
        description=_text(page.get("description")),
        wikidata_id=_text(props.get("wikibase_item")),
        image=_text(props.get("page_image_free")),
        disambiguation="disambiguation" in props,
        lastrevid=page.get("lastrevid") if type(page.get("lastrevid")) is int else None,
    )


def _primary_coordinates(coordinates: list[dict[str, Any]]) -> dict[str, Any]:
    """The primary coordinates, or empty; coordinates that are not on Earth or out of range are ignored."""
    for place in coordinates:
        latitude, longitude = place.get("lat"), place.get("lon")
        if place.get("globe", "earth") != "earth" or place.get("primary", True) is False:
            continue
        if _within(latitude, 90) and _within(longitude, 180):
            return place | {"lat": float(place["lat"]), "lon": float(place["lon"])}
    return {}


def _within(value: Json, limit: float) -> bool:
    return isinstance(value, (int, float)) and -limit <= value <= limit


def _without_namespace(title: str) -> str:
    return title.partition(":")[2] or title


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None
