"""Parse a wiki's site information (`meta=siteinfo`): its namespaces with all their names, and its main page.

The names come from the wiki itself, in its language. A response without them raises `ContractBroken`.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wiki_trends.errors import ContractBroken

if TYPE_CHECKING:
    from wiki_trends.wikimedia.answers import Json


def folded(text: str) -> str:
    """A title or prefix normalised for comparison: spaces for underscores, case-folded, NFC."""
    return " ".join(unicodedata.normalize("NFC", text).replace("_", " ").casefold().split())


@dataclass(frozen=True)
class SiteInfo:
    """Namespaces and main page of a wiki.

    Attributes:
        main_page: title with spaces, with its namespace if it has one.
        namespaces: all names of each namespace (local, English, aliases) by its number, without the articles' namespace.
    """

    main_page: str
    namespaces: dict[int, tuple[str, ...]]

    @cached_property
    def _prefixes(self) -> dict[str, int]:
        return {folded(name): number for number, names in self.namespaces.items() for name in names}

    @cached_property
    def _main_page(self) -> str:
        return folded(self.main_page)

    def is_main_page(self, title: str) -> bool:
        """Whether a title, with spaces or underscores, is the wiki's main page."""
        return folded(title) == self._main_page

    def namespace(self, title: str) -> int:
        """Number of the namespace of a title; 0 for an article, even if its title has a colon."""
        prefix, colon, _rest = title.lstrip(": _").partition(":")
        return self._prefixes.get(folded(prefix), 0) if colon else 0

    def to_json(self) -> dict[str, Any]:
        """A document for the cache; `from_json` reads it back."""
        return {
            "main_page": self.main_page,
            "namespaces": {str(k): list(v) for k, v in self.namespaces.items()},
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SiteInfo:
        """The inverse of `to_json`."""
        return cls(data["main_page"], {int(k): tuple(v) for k, v in data["namespaces"].items()})


def parse_siteinfo(answer: Json, *, url: str) -> SiteInfo:
    """SiteInfo from an answer to `meta=siteinfo` in `formatversion` 1 or 2.

    Raises:
        ContractBroken: the answer lacks main page or namespaces.
    """
    try:
        query = answer["query"]
        names: dict[int, list[str]] = {}
        for key, space in query["namespaces"].items():
            names[int(key)] = [text for text in (_name(space), space.get("canonical")) if text]
        for alias in query["namespacealiases"]:
            names.setdefault(int(alias["id"]), []).append(alias.get("alias") or alias["*"])
        main_page = query["general"]["mainpage"]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ContractBroken(
            what=f"site information from {url}", problem=f"{type(error).__name__} {error}"
        ) from None
    names.pop(0, None)
    return SiteInfo(str(main_page), {number: tuple(dict.fromkeys(texts)) for number, texts in names.items()})


def _name(space: dict[str, Any]) -> str | None:
    """A namespace's name in the wiki's language; `*` is its key in `formatversion=1`."""
    name = space.get("name", space.get("*"))
    return name if isinstance(name, str) else None
