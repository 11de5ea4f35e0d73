"""Convert the name of a Wikimedia project to the canonical name, to its spellings in data, or to the host of the wiki.

In the pageviews API and the dumps, the name of a wiki is the host without `.org` and `www.`: `en.wikipedia`, `wikidata`. The
hosts of multilingual wikis begin with `www.`: `www.wikidata.org`.
Source: https://doc.wikimedia.org/generated-data-platform/aqs/analytics-api/reference/page-views.html
"""

from __future__ import annotations

import re

# The domains that have one wiki for each language or purpose.
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
# The domains that have one wiki for all languages. `wikisource` also has a wiki for each language.
SINGLE_WIKIS = ("mediawiki", "wikidata", "wikifunctions", "wikimania", "wikisource")
# The access methods that can follow the project in the name of a dataset.
_ACCESS_METHODS = (".desktop", ".mobile-app", ".mobile-web")
_DEFAULT_PROJECT = "en.wikipedia"
_HOST_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"


def canonical_project(name: str) -> str:
    """Return the name that data and folders contain: `en.wikipedia` for `en.wikipedia.org`, `wikidata` for `www.wikidata.org`."""
    return name.removesuffix(".org").removeprefix("www.")


def project_of_dataset(dataset: str) -> str:
    """Return the project that the name of a dataset contains: `fr.wikipedia` for `diamond of fr.wikipedia.desktop`.

    The default is `en.wikipedia`.
    """
    name = dataset.partition(" of ")[2] or _DEFAULT_PROJECT
    for access in _ACCESS_METHODS:
        name = name.removesuffix(access)
    return name


def host_of(project: str) -> str:
    """Return the host of a project's wiki: `en.wikipedia.org`, `www.wikidata.org`."""
    name = canonical_project(project)
    return f"{name}.org" if "." in name else f"www.{name}.org"


def spellings(project: str) -> tuple[str, ...]:
    """Return all spellings of a project in data. The name of a multilingual wiki occurs with and without `www.`."""
    name = canonical_project(project)
    return (name,) if "." in name else (name, f"www.{name}")


def parse_project(text: str) -> str:
    """Parse the name of a project in any spelling and in upper or lower case, and return the canonical name.

    The language is not checked, because only a request can show whether Wikimedia has a wiki in that language.

    Raises:
        ValueError: the text is not the name of a Wikimedia project.
    """
    name = canonical_project(text.lower())
    language, dot, family = name.rpartition(".")
    if dot:
        is_valid = family in FAMILIES and re.fullmatch(_HOST_LABEL, language) is not None
    else:
        is_valid = name in SINGLE_WIKIS
    if is_valid:
        return name
    if family in SINGLE_WIKIS and dot and family not in FAMILIES:
        msg = f"is unknown: {family} is one wiki for all languages"
    else:
        msg = "is not a Wikimedia project such as en.wikipedia or wikidata"
    raise ValueError(msg)
