"""Implements the synthetic Action API: `action=query` for titles and for `siteinfo`.

Responses have the form of MediaWiki's `formatversion=2`, with normalised titles, redirects, missing and invalid pages, and
continuation (https://www.mediawiki.org/wiki/API:Query). The response for an error has status 200 and an `error` in the body.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wiki_trends.sample.pages import Catalogue, Details, Page, catalogue
from wiki_trends.sample.pageviews import CONTINUE, add_recent_views, day_count
from wiki_trends.sample.responses import Response, json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wiki_trends.sample.pageviews import Publication
    from wiki_trends.sample.wikis import Wiki

MAX_TITLES = 50
_INVALID = re.compile(r"[\[\]{}<>|#\ufffd]|%[0-9A-Fa-f]{2}")
_PROPS = ("categories", "coordinates", "pageprops", "description", "info", "pageviews")
# The parameter that continues a property.
_CONTINUATIONS = {"categories": "clcontinue", "pageviews": CONTINUE}


class ActionApiError(Exception):
    """An error that the Action API reports to the client.

    Attributes:
        code: MediaWiki's code for the error.
        info: the message of the error.
        extra: the further values in the error object, by name.
    """

    def __init__(self, code: str, info: str, **extra: Any) -> None:
        self.code = code
        self.info = info
        self.extra = extra
        super().__init__(info)


def api_error(code: str, info: str, *, headers: dict[str, str] | None = None, **extra: Any) -> Response:
    """Make the response for an error of the Action API, with status 200 and the error in the body."""
    body = {"error": {"code": code, "info": info, **extra}, "servedby": "sample"}
    return json_response(body, headers={"MediaWiki-API-Error": code, **(headers or {})})


def respond(
    params: Mapping[str, str], seed: int, wiki: Wiki, category_limit: int, publication: Publication
) -> Response:
    """Answer a request. A continued response has at most `category_limit` categories in each piece."""
    try:
        check_parameters(params)
        if params.get("meta") == "siteinfo":
            return json_response(wiki.siteinfo())
        return json_response(_query(params, catalogue(seed, wiki), category_limit, publication))
    except ActionApiError as failure:
        return api_error(failure.code, failure.info, **failure.extra)


def check_parameters(params: Mapping[str, str]) -> None:
    """Reject a request that this API does not implement.

    Raises:
        ActionApiError: the request has another action, format or version of the format.
    """
    for name, expected in (("action", "query"), ("format", "json"), ("formatversion", "2")):
        value = params.get(name, "")
        if value != expected:
            code = "badvalue" if value else "missingparam"
            raise ActionApiError(code, f'Unrecognized value for parameter "{name}": {value}.')


def split_values(value: str) -> list[str]:
    """Split a parameter into its values at `|`, or at U+001F if the parameter begins with U+001F."""
    return value[1:].split("\x1f") if value.startswith("\x1f") else value.split("|") if value else []


def parse_titles(params: Mapping[str, str]) -> list[str]:
    """Return the requested titles without duplicates.

    Raises:
        ActionApiError: the request has more than 50 titles.
    """
    titles = list(dict.fromkeys(split_values(params.get("titles", ""))))
    if len(titles) > MAX_TITLES:
        raise ActionApiError(
            "toomanyvalues",
            f'Too many values supplied for parameter "titles". The limit is {MAX_TITLES}.',
            limit=MAX_TITLES,
            lowlimit=MAX_TITLES,
            highlimit=500,
        )
    return titles


def normalize(title: str, wiki: Wiki) -> str:
    """Normalise a title like MediaWiki: NFC, spaces for underscores, the namespace's local name, a capital first letter."""
    text = unicodedata.normalize("NFC", title)
    text = re.sub(r"[ _]+", " ", text).strip()
    namespace, rest = wiki.split_namespace(text)
    rest = rest[:1].upper() + rest[1:]
    return f"{wiki.namespaces[namespace]}:{rest}" if namespace else rest


def invalid_reason(title: str) -> str | None:
    """Return the reason that a title is invalid; None for a valid title."""
    match = _INVALID.search(title)
    if match is not None:
        return f'The requested page title contains invalid characters: "{match.group()}".'
    if not title:
        return "The requested page title is empty or contains only a namespace prefix."
    if len(title.encode()) > 255:
        return "The requested page title is too long. It must be no longer than 255 bytes in UTF-8 encoding."
    return None


def normalized_entry(requested: str, title: str) -> dict[str, Any]:
    """Return the entry for `normalized` that maps a requested title to its normalised form."""
    is_encoded = unicodedata.normalize("NFC", requested) != requested
    return {
        "fromencoded": is_encoded,
        "from": quote(requested, safe="") if is_encoded else requested,
        "to": title,
    }


@dataclass
class _ResolvedTitles:
    """The pages, redirects and other entries (special, missing, invalid) for the titles of a request."""

    normalized: list[dict[str, Any]] = field(default_factory=list)
    redirects: list[dict[str, str]] = field(default_factory=list)
    pages: dict[str, Page] = field(default_factory=dict)
    others: dict[str, dict[str, Any]] = field(default_factory=dict)


def _query(
    params: Mapping[str, str], pages: Catalogue, category_limit: int, publication: Publication
) -> dict[str, Any]:
    resolved = _ResolvedTitles()
    for requested in parse_titles(params):
        _resolve(requested, pages, resolved, follow="redirects" in params)
    ordered = sorted(resolved.pages.values(), key=lambda page: pages.details(page.number).page_id)
    entries = {page.number: _page_entry(page, pages.details(page.number), pages.wiki) for page in ordered}
    props = split_values(params.get("prop", ""))
    # As in MediaWiki, only the first response has the properties that are never continued.
    if not params.keys() & set(_CONTINUATIONS.values()):
        for number, entry in entries.items():
            entry.update(_properties(pages.pages[number], pages.details(number), params, props))
    markers = _add_continued(resolved, entries, pages, params, category_limit, publication)
    result: dict[str, Any] = {}
    unknown = [name for name in props if name not in _PROPS]
    if unknown:
        text = f'Unrecognized value for parameter "prop": {", ".join(unknown)}.'
        result["warnings"] = {"query": {"warnings": text}}
    if markers:
        # MediaWiki's value of `continue` names the properties that are complete.
        complete_props = "|".join(name for name in props if _CONTINUATIONS.get(name) not in markers)
        result["continue"] = {**markers, "continue": f"||{complete_props}"}
    else:
        result["batchcomplete"] = True
    query: dict[str, Any] = {}
    if resolved.normalized:
        query["normalized"] = resolved.normalized
    if resolved.redirects:
        query["redirects"] = resolved.redirects
    if resolved.pages or resolved.others:
        query["pages"] = [*resolved.others.values(), *entries.values()]
    return result | ({"query": query} if query else {})


def _add_continued(
    resolved: _ResolvedTitles,
    entries: dict[int, dict[str, Any]],
    pages: Catalogue,
    params: Mapping[str, str],
    category_limit: int,
    publication: Publication,
) -> dict[str, str]:
    """Add one piece of the properties that continue. Return the markers of the next pieces, by parameter."""
    props = split_values(params.get("prop", ""))
    is_first_piece = not params.keys() & set(_CONTINUATIONS.values())
    markers: dict[str, str | None] = {}
    for prop, name in _CONTINUATIONS.items():
        if prop not in props or not (is_first_piece or name in params):
            continue
        if prop == "categories":
            markers[name] = _add_categories(entries, pages, params, category_limit)
        else:
            if day_count(params.get("pvipdays", "60")) is None:
                raise ActionApiError("badinteger", 'The value for "pvipdays" must be between 1 and 60.')
            all_entries = [*resolved.others.values(), *entries.values()]
            markers[name] = add_recent_views(all_entries, params, pages.seed, pages.wiki, publication)
    return {name: marker for name, marker in markers.items() if marker is not None}


def _resolve(requested: str, pages: Catalogue, resolved: _ResolvedTitles, *, follow: bool) -> None:
    title = normalize(requested, pages.wiki)
    reason = invalid_reason(title)
    if reason is not None:
        resolved.others[requested] = {"title": requested, "invalidreason": reason, "invalid": True}
        return
    if title != requested:
        resolved.normalized.append(normalized_entry(requested, title))
    namespace, _rest = pages.wiki.split_namespace(title)
    page = pages.find(title)
    if namespace < 0:
        resolved.others[title] = {"ns": namespace, "title": title, "special": True}
    elif page is None or page.title == "-":
        resolved.others[title] = {"ns": namespace, "title": title, "missing": True}
    elif page.target is not None and follow:
        target = pages.pages[page.target]
        entry = {"from": title, "to": target.title.replace("_", " ")}
        # Some redirects lead to a section of a page.
        resolved.redirects.append(entry | {"tofragment": "History"} if page.number % 5 == 0 else entry)
        resolved.pages[target.title] = target
    else:
        resolved.pages[page.title] = page


def _page_entry(page: Page, details: Details, wiki: Wiki) -> dict[str, Any]:
    title = page.title.replace("_", " ")
    return {"pageid": details.page_id, "ns": wiki.split_namespace(title)[0], "title": title}


def _properties(page: Page, details: Details, params: Mapping[str, str], props: list[str]) -> dict[str, Any]:
    """Return the requested properties of a page: `info`, coordinates, page properties and description."""
    result: dict[str, Any] = {}
    if page.target is not None or page.role == "non_article":
        return result
    if "info" in props:
        result["lastrevid"] = 1_000_000_000 + details.page_id
    if "coordinates" in props and details.latitude is not None:
        requested = split_values(params.get("coprop", "globe"))
        facts: dict[str, Any] = {
            "globe": "earth",
            "type": page.topic.place,
            "country": details.country.code if details.country else None,
            "region": None,
        }
        point = {"lat": details.latitude, "lon": details.longitude, "primary": True}
        result["coordinates"] = [point | {name: value for name, value in facts.items() if name in requested}]
    if "pageprops" in props:
        properties = {"wikibase_item": details.wikidata_id, "page_image_free": details.image}
        names = split_values(params.get("ppprop", "")) or list(properties)
        values = {name: value for name, value in properties.items() if name in names and value}
        if values:
            result["pageprops"] = values
    if "description" in props and details.description:
        result |= {"description": details.description, "descriptionsource": "local"}
    return result


def _add_categories(
    entries: dict[int, dict[str, Any]], pages: Catalogue, params: Mapping[str, str], limit: int
) -> str | None:
    """Add one piece of the categories to the entries. Return the marker of the next piece, or None after the last piece."""
    # The last category of a page is hidden.
    visible = slice(None, -1) if "!hidden" in split_values(params.get("clshow", "")) else slice(None)
    rows = [
        (entry["pageid"], name, entry)
        for number, entry in entries.items()
        if pages.pages[number].target is None and pages.pages[number].role != "non_article"
        for name in sorted(pages.details(number).categories[visible])
    ]
    requested_limit = params.get("cllimit", "10")
    limit = limit if requested_limit == "max" else min(limit, _positive_integer(requested_limit))
    start = _resume_index(rows, params.get("clcontinue"))
    prefix = pages.wiki.namespaces[14]
    for _page_id, name, entry in rows[start : start + limit]:
        entry.setdefault("categories", []).append({"ns": 14, "title": f"{prefix}:{name}"})
    if start + limit >= len(rows):
        return None
    page_id, name, _entry = rows[start + limit]
    return f"{page_id}|{name.replace(' ', '_')}"


def _positive_integer(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ActionApiError("badinteger", f'Invalid value "{text}" for integer parameter "cllimit".')
    return int(text)


def _resume_index(rows: list[tuple[int, str, dict[str, Any]]], marker: str | None) -> int:
    if marker is None:
        return 0
    for index, (page_id, name, _) in enumerate(rows):
        if marker == f"{page_id}|{name.replace(' ', '_')}":
            return index
    raise ActionApiError(
        "badcontinue", "Invalid continue param. You should pass the original value returned by the API."
    )
