"""The synthetic Action API: `action=query` for titles and for `siteinfo`.

Responses have the form of MediaWiki's `formatversion=2`, with normalised titles, redirects, missing and invalid pages, and
continuation (https://www.mediawiki.org/wiki/API:Query). An error has status 200 and an `error` in its body.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wiki_trends.sample.answers import Answer, json_answer
from wiki_trends.sample.pages import Catalogue, Details, Page, catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wiki_trends.sample.wikis import Wiki

MOST_TITLES = 50
_INVALID = re.compile(r"[\[\]{}<>|#\ufffd]|%[0-9A-Fa-f]{2}")
_PROPS = ("categories", "coordinates", "pageprops", "description", "info")


class ActionApiError(Exception):
    """The API responds with an error.

    Attributes:
        code: MediaWiki's code of the error.
        info: the message of the error.
        extra: further keys of the error.
    """

    def __init__(self, code: str, info: str, **extra: Any) -> None:
        self.code = code
        self.info = info
        self.extra = extra
        super().__init__(info)


def error(code: str, info: str, *, headers: dict[str, str] | None = None, **extra: Any) -> Answer:
    """The response for an error of the Action API, which has status 200 and the error in its body."""
    body = {"error": {"code": code, "info": info, **extra}, "servedby": "sample"}
    return json_answer(body, headers={"MediaWiki-API-Error": code, **(headers or {})})


def answer(params: Mapping[str, str], seed: int, wiki: Wiki, category_limit: int) -> Answer:
    """The response to a request; a piece of a continued response has at most `category_limit` categories."""
    try:
        check(params)
        if params.get("meta") == "siteinfo":
            return json_answer(wiki.siteinfo())
        return json_answer(_query(params, catalogue(seed, wiki), category_limit))
    except ActionApiError as failure:
        return error(failure.code, failure.info, **failure.extra)


def check(params: Mapping[str, str]) -> None:
    """Reject requests that this API does not implement.

    Raises:
        ActionApiError: another action, format or version of the format.
    """
    for name, expected in (("action", "query"), ("format", "json"), ("formatversion", "2")):
        value = params.get(name, "")
        if value != expected:
            code = "badvalue" if value else "missingparam"
            raise ActionApiError(code, f'Unrecognized value for parameter "{name}": {value}.')


def split_values(value: str) -> list[str]:
    """The values of a parameter with several values, separated by `|`, or by U+001F if the parameter begins with it."""
    return value[1:].split("\x1f") if value.startswith("\x1f") else value.split("|") if value else []


def requested_titles(params: Mapping[str, str]) -> list[str]:
    """The requested titles, each once.

    Raises:
        ActionApiError: more than 50.
    """
    titles = list(dict.fromkeys(split_values(params.get("titles", ""))))
    if len(titles) > MOST_TITLES:
        raise ActionApiError(
            "toomanyvalues",
            f'Too many values supplied for parameter "titles". The limit is {MOST_TITLES}.',
            limit=MOST_TITLES,
            lowlimit=MOST_TITLES,
            highlimit=500,
        )
    return titles


def normalized(title: str, wiki: Wiki) -> str:
    """A title as MediaWiki normalises it: NFC, spaces for underscores, the namespace's local name, a capital first letter."""
    text = unicodedata.normalize("NFC", title)
    text = re.sub(r"[ _]+", " ", text).strip()
    number, rest = wiki.namespace(text)
    rest = rest[:1].upper() + rest[1:]
    return f"{wiki.namespaces[number]}:{rest}" if number else rest


def invalid_reason(title: str) -> str | None:
    """Why a title is invalid; None when it is valid."""
    invalid = _INVALID.search(title)
    if invalid is not None:
        return f'The requested page title contains invalid characters: "{invalid.group()}".'
    if not title:
        return "The requested page title is empty or contains only a namespace prefix."
    if len(title.encode()) > 255:
        return "The requested page title is too long. It must be no longer than 255 bytes in UTF-8 encoding."
    return None


def normalization(requested: str, title: str) -> dict[str, Any]:
    """The entry in `normalized` that maps a requested title to its normalised form."""
    encoded = unicodedata.normalize("NFC", requested) != requested
    return {"fromencoded": encoded, "from": quote(requested, safe="") if encoded else requested, "to": title}


@dataclass
class _Resolution:
    """The pages, redirects and other entries (special, missing, invalid) that the titles of a request resolve to."""

    normalized: list[dict[str, Any]] = field(default_factory=list)
    redirects: list[dict[str, str]] = field(default_factory=list)
    pages: dict[str, Page] = field(default_factory=dict)
    others: dict[str, dict[str, Any]] = field(default_factory=dict)


def _query(params: Mapping[str, str], pages: Catalogue, category_limit: int) -> dict[str, Any]:
    resolution = _Resolution()
    for requested in requested_titles(params):
        _resolve(requested, pages, resolution, follow="redirects" in params)
    ordered = sorted(resolution.pages.values(), key=lambda page: pages.details(page.number).page_id)
    entries = {page.number: _entry(page, pages.details(page.number), pages.wiki) for page in ordered}
    props = split_values(params.get("prop", ""))
    is_first_piece = "clcontinue" not in params
    if is_first_piece:
        for number, entry in entries.items():
            entry.update(_properties(pages.pages[number], pages.details(number), params, props))
    continuation = None
    if "categories" in props:
        continuation = _add_categories(entries, pages, params, category_limit)
    result: dict[str, Any] = {}
    unknown = [name for name in props if name not in _PROPS]
    if unknown:
        text = f'Unrecognized value for parameter "prop": {", ".join(unknown)}.'
        result["warnings"] = {"query": {"warnings": text}}
    if continuation is None:
        result["batchcomplete"] = True
    else:
        complete_props = "|".join(name for name in props if name != "categories")
        result["continue"] = {"clcontinue": continuation, "continue": f"||{complete_props}"}
    query: dict[str, Any] = {}
    if resolution.normalized:
        query["normalized"] = resolution.normalized
    if resolution.redirects:
        query["redirects"] = resolution.redirects
    if resolution.pages or resolution.others:
        query["pages"] = [*resolution.others.values(), *entries.values()]
    return result | ({"query": query} if query else {})


def _resolve(requested: str, pages: Catalogue, resolution: _Resolution, *, follow: bool) -> None:
    title = normalized(requested, pages.wiki)
    reason = invalid_reason(title)
    if reason is not None:
        resolution.others[requested] = {"title": requested, "invalidreason": reason, "invalid": True}
        return
    if title != requested:
        resolution.normalized.append(normalization(requested, title))
    number, _rest = pages.wiki.namespace(title)
    page = pages.find(title)
    if number < 0:
        resolution.others[title] = {"ns": number, "title": title, "special": True}
    elif page is None or page.title == "-":
        resolution.others[title] = {"ns": number, "title": title, "missing": True}
    elif page.target is not None and follow:
        target = pages.pages[page.target]
        entry = {"from": title, "to": target.title.replace("_", " ")}
        # Some redirects lead to a section of a page.
        resolution.redirects.append(entry | {"tofragment": "History"} if page.number % 5 == 0 else entry)
        resolution.pages[target.title] = target
    else:
        resolution.pages[page.title] = page


def _entry(page: Page, details: Details, wiki: Wiki) -> dict[str, Any]:
    title = page.title.replace("_", " ")
    return {"pageid": details.page_id, "ns": wiki.namespace(title)[0], "title": title}


def _properties(page: Page, details: Details, params: Mapping[str, str], props: list[str]) -> dict[str, Any]:
    """The requested coordinates, properties and description that the page has."""
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
    """Add one piece of the categories to the entries; returns the marker of the next piece, or None after the last one."""
    visible = slice(None, -1) if "!hidden" in split_values(params.get("clshow", "")) else slice(None)
    rows = [
        (entry["pageid"], name, entry)
        for number, entry in entries.items()
        if pages.pages[number].target is None and pages.pages[number].role != "non_article"
        for name in sorted(pages.details(number).categories[visible])
    ]
    value = params.get("cllimit", "10")
    limit = limit if value == "max" else min(limit, _positive_integer(value))
    begin = _resume_index(rows, params.get("clcontinue"))
    prefix = pages.wiki.namespaces[14]
    for _page_id, name, entry in rows[begin : begin + limit]:
        entry.setdefault("categories", []).append({"ns": 14, "title": f"{prefix}:{name}"})
    if begin + limit >= len(rows):
        return None
    page_id, name, _entry = rows[begin + limit]
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
