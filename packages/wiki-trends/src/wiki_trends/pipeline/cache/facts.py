"""Facts about a page from a cached document, which somebody else may have written."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from wiki_trends.wikimedia.pages import PageFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Half a character: JSON can hold one, UTF-8 cannot.
_SURROGATE = re.compile("[\ud800-\udfff]")


def facts_from_json(document: object) -> PageFacts | None:
    """The facts that `PageFacts.to_json` wrote; None for a document with a missing, unknown or impossible value."""
    if not isinstance(document, dict) or "title" not in document:
        return None
    if not all(name in _VALID and _VALID[name](value) for name, value in document.items()):
        return None
    return PageFacts.from_json(document)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and _SURROGATE.search(value) is None


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_texts(value: object) -> bool:
    # A tuple where this process has written the facts itself.
    return isinstance(value, list | tuple) and all(_is_text(text) for text in value)


def _is_degrees(most: float) -> Callable[[Any], bool]:
    def valid(value: object) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and math.isfinite(value) and -most <= value <= most  # type: ignore[arg-type,operator]

    return valid


_VALID: Mapping[str, Callable[[Any], bool]] = {
    "title": _is_text,
    "namespace": _is_integer,
    "missing": _is_flag,
    "redirected": _is_flag,
    "categories": _is_texts,
    "latitude": _is_degrees(90.0),
    "longitude": _is_degrees(180.0),
    "place_type": _is_text,
    "country": _is_text,
    "description": _is_text,
    "wikidata_id": _is_text,
    "image": _is_text,
    "disambiguation": _is_flag,
    "lastrevid": _is_integer,
}
