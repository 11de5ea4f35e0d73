"""Allow links only to the project, to Wikidata and to Wikimedia's pageviews API. The URLs come from a lake, which can contain any text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from wiki_trends.config.projects import host_of, parse_project

if TYPE_CHECKING:
    import datetime as dt

# The pattern rejects user information and ports, because both can hide the host that a browser would connect to.
_URL = re.compile(r"https?://([a-z0-9.-]+)(?:[/?#][^\x00-\x1f\x7f]*)?", re.IGNORECASE)

_VIEWS_URL = "https://wikimedia.org/api/rest_v1/metrics/pageviews/"


def page_link(link: str, project: str) -> str | None:
    """Return `link` if it is an http or https URL on a host of the project, else None.

    Args:
        link: a URL from the lake.
        project: the name of the project, for example `en.wikipedia`, with or without `.org`.
    """
    match = _URL.fullmatch(link)
    return link if match and match[1].lower() in _hosts(project) else None


def pageviews_link(page: str, project: str, first: dt.date, last: dt.date) -> str | None:
    """Return the URL of a page's daily views in Wikimedia's Pageviews tool; None if the project is not a Wikimedia project.

    Args:
        page: the title, with underscores.
        project: the name of the project, for example `en.wikipedia`.
        first: the first day to show, UTC.
        last: the last day to show, inclusive.
    """
    try:
        host = host_of(parse_project(project))
    except ValueError:
        return None
    query = {
        "project": host,
        "platform": "all-access",
        "agent": "user",
        "redirects": "0",
        "start": first.isoformat(),
        "end": last.isoformat(),
        "pages": page,
    }
    return f"https://pageviews.wmcloud.org/?{urlencode(query, quote_via=quote)}"


def _hosts(project: str) -> set[str]:
    """Return the hosts of a project, with those of its mobile site: `en.wikipedia` has `en.wikipedia.org` and `en.m.wikipedia.org`."""
    name = project.lower().removesuffix(".org").removeprefix("www.")
    language, dot, family = name.partition(".")
    if not dot:
        return {f"{name}.org", f"www.{name}.org", f"m.{name}.org"}
    return {f"{name}.org", f"{language}.m.{family}.org"}


def evidence_link(link: str | None, project: str) -> str | None:
    """Return `link` if it is on a host of the project or of Wikidata, or a URL of Wikimedia's pageviews API; otherwise None."""
    if link is None:
        return None
    if link.startswith(_VIEWS_URL) and _URL.fullmatch(link):
        return link
    return page_link(link, project) or page_link(link, "wikidata")
