"""Names of Wikimedia projects: the canonical spelling in data, and the host of the wiki.

The pageviews API and the dumps name a wiki by its host without `.org` and without `www.`: `en.wikipedia`, `wikidata`. A
wiki for all languages has a host that begins with `www.`: `www.wikidata.org`.
Source: https://doc.wikimedia.org/generated-data-platform/aqs/analytics-api/reference/page-views.html
"""

from __future__ import annotations

import re

# Domains with one wiki for each language or purpose, and domains with a single wiki.
FAMILIES = (
    "wikibooks",
    "wikimedia",
    "wikinews",
    "wikipedia",
    "wikiquote",
    "wikisource",
    "wikiversity",
    "wikivoyage",
    "wiktionary",
)
SINGLE_WIKIS = ("mediawiki", "wikidata", "wikifunctions", "wikimania", "wikisource")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def canonical_project(name: str) -> str:
    """The spelling in data and folders: `en.wikipedia` for `en.wikipedia.org`, `wikidata` for `www.wikidata.org`."""
    return name.removesuffix(".org").removeprefix("www.")


def host_of(project: str) -> str:
    """The host of a project's wiki: `en.wikipedia.org`, `www.wikidata.org`."""
    name = canonical_project(project)
    return f"{name}.org" if "." in name else f"www.{name}.org"


def spellings(project: str) -> tuple[str, ...]:
    """All spellings of a project that occur in data: for a wiki for all languages with and without `www.`."""
    name = canonical_project(project)
    return (name,) if "." in name else (name, f"www.{name}")


def parse_project(text: str) -> str:
    """The canonical name of a project in any spelling, in upper or lower case.

    Raises:
        ValueError: Wikimedia has no such project. Whether it has the language is only known once it is asked.
    """
    name = canonical_project(text.lower())
    language, dot, family = name.rpartition(".")
    if name in SINGLE_WIKIS if not dot else family in FAMILIES and _LABEL.fullmatch(language):
        return name
    if family in SINGLE_WIKIS and dot and family not in FAMILIES:
        msg = f"is unknown: {family} is one wiki for all languages"
    else:
        msg = "is not a Wikimedia project such as en.wikipedia or wikidata"
    raise ValueError(msg)
