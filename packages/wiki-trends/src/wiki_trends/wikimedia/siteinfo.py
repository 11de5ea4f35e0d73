"""Parse a wiki's site information (`meta=siteinfo`): the main page, and all names of the namespaces.

Every wiki has names in its own language. A response without namespaces or a main page raises `ContractBroken`.
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
    """Normalise a title or a prefix for comparison: replace underscores by spaces, fold the case, and use NFC."""
    return " ".join(unicodedata.normalize("NFC", text).replace("_", " ").casefold().split())


@dataclass(frozen=True)
class SiteInfo:
    """The namespaces and the main page of a wiki.

    Attributes:
        main_page: the title of the main page with spaces, including a namespace.
        namespaces: all names of each namespace (local name, English name, aliases), by the number of the namespace. The
            namespace of articles, 0, is not included because it has no name.
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
        """Return whether a title, with spaces or underscores, is the title of the main page."""
        return folded(title) == self._main_page

    def namespace(self, title: str) -> int:
        """Return the number of a title's namespace; 0 for an article, even if the title contains a colon."""
        prefix, colon, _rest = title.lstrip(": _").partition(":")
        return self._prefixes.get(folded(prefix), 0) if colon else 0

    def to_json(self) -> dict[str, Any]:
        """Return a JSON document for the cache. `from_json` is the inverse."""
        return {
            "main_page": self.main_page,
            "namespaces": {str(number): list(names) for number, names in self.namespaces.items()},
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SiteInfo:
        """Build the site information from a document that `to_json` returned."""
        namespaces = {int(number): tuple(names) for number, names in data["namespaces"].items()}
        return cls(data["main_page"], namespaces)


def parse_siteinfo(answer: Json, *, url: str) -> SiteInfo:
    """Parse a response to `meta=siteinfo` in `formatversion` 1 or 2.

    Raises:
        ContractBroken: the response does not contain the main page or the namespaces.
    """
    try:
        query = answer["query"]
        names: dict[int, list[str]] = {}
        for key, space in query["namespaces"].items():
            names[int(key)] = [text for text in (_local_name(space), space.get("canonical")) if text]
        for alias in query["namespacealiases"]:
            names.setdefault(int(alias["id"]), []).append(alias.get("alias") or alias["*"])
        main_page = query["general"]["mainpage"]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ContractBroken(
            what=f"site information from {url}", problem=f"{type(error).__name__} {error}"
        ) from None
    names.pop(0, None)
    return SiteInfo(str(main_page), {number: tuple(dict.fromkeys(texts)) for number, texts in names.items()})


def _local_name(space: dict[str, Any]) -> str | None:
    """Return a namespace's name in the wiki's language. In `formatversion` 1, the key of the name is `*`."""
    name = space.get("name", space.get("*"))
    return name if isinstance(name, str) else None
