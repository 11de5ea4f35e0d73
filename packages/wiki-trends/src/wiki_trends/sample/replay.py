"""Replays recorded responses of the real APIs.

Each JSON file in the folder of recordings has one exchange: `request` (`method`, full `url`) and `response` (`status`, `headers`,
`body`). A request for a path of the REST API matches a recording of the same path. A request to the Action API matches a recording if both
parsed queries are equal, so the order and escaping of parameters do not matter.

Without a match, the response depends on the request. A path of the REST API gets a 404. A request for a wiki's `siteinfo` gets any recorded
`siteinfo` of the wiki. A title without a recording is an existing page without properties. A folder without an exchange raises
`SettingError`.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from wiki_trends.config.projects import canonical_project
from wiki_trends.errors import SettingError
from wiki_trends.sample import mediawiki
from wiki_trends.sample.responses import Response, error_response, json_response
from wiki_trends.sample.wikis import Wiki

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_REST_PATH = "/api/rest_v1"
# The endpoints of the pageviews API whose paths continue with the name of a project.
_ENDPOINTS_WITH_PROJECT = ("top", "per-article")
# These parameters change only the form of a response, so they do not matter for a match.
_FORMAT_PARAMETERS = ("maxlag", "origin", "utf8", "ascii", "curtimestamp", "servedby")
_PROPS = ("categories", "coordinates", "pageprops", "description")

# A recorded request as a dict key: the project (or host) and the parsed query.
_RequestKey = tuple[str, frozenset[tuple[str, frozenset[str]]]]


class Replay:
    """The recorded exchanges of a folder."""

    def __init__(self, folder: Path) -> None:
        self._actions: dict[_RequestKey, Response] = {}
        self._paths: dict[str, Response] = {}
        self._wikis: dict[str, Wiki] = {}
        self._siteinfo: dict[str, Response] = {}
        self._pages: dict[tuple[str, str], dict[str, Any]] = {}
        self._redirects: dict[tuple[str, str], dict[str, Any]] = {}
        count = 0
        for exchange in _read_exchanges(folder):
            self._add_exchange(exchange["request"], exchange["response"])
            count += 1
        if not count:
            raise SettingError(
                name="replay",
                value=str(folder),
                origin="--replay",
                problem="holds no recorded exchange",
                fix="Name a folder of JSON files with `request` and `response`.",
            )

    def respond_rest(self, path: str) -> Response:
        """Return the recorded response for a percent-encoded path, or the API's 404."""
        return self._paths.get(_path_key(path)) or error_response(404, path[max(path.find("/metrics/"), 0) :])

    def respond_action(self, project: str, params: Mapping[str, str]) -> Response:
        """Return the recorded response of a wiki's Action API, or make a response from other recordings."""
        recorded_response = self._actions.get(_action_key(project, params))
        if recorded_response is not None:
            return recorded_response
        try:
            mediawiki.check_parameters(params)
            if params.get("meta") == "siteinfo":
                return self._siteinfo.get(project) or mediawiki.api_error(
                    "notrecorded", f"No siteinfo of {project} recorded."
                )
            return json_response(self._query_titles(project, params))
        except mediawiki.ActionApiError as failure:
            return mediawiki.api_error(failure.code, failure.info, **failure.extra)

    def _add_exchange(self, request: dict[str, Any], response: dict[str, Any]) -> None:
        parts = urlsplit(request["url"])
        body = response["body"]
        recorded_response = json_response(body, status=response["status"])
        if isinstance(body, str):
            recorded_response = Response(
                response["status"], body.encode(), content_type="text/plain; charset=utf-8"
            )
        if not parts.path.endswith("/api.php"):
            self._paths[_path_key(parts.path)] = recorded_response
            return
        project = canonical_project(parts.hostname or "")
        params = dict(parse_qsl(parts.query, keep_blank_values=True))
        self._actions[_action_key(project, params)] = recorded_response
        if params.get("formatversion") == "2" and isinstance(body, dict) and "query" in body:
            self._add_query(project, body["query"], recorded_response)

    def _add_query(self, project: str, query: dict[str, Any], recorded_response: Response) -> None:
        if "namespaces" in query and "namespacealiases" in query:
            self._siteinfo[project] = recorded_response
            self._wikis[project] = _make_wiki(project, query)
        for page in query.get("pages", []):
            if "title" in page and "missing" not in page:
                self._pages.setdefault((project, page["title"]), {}).update(page)
        for redirect in query.get("redirects", []):
            self._redirects[project, redirect["from"]] = redirect

    def _query_titles(self, project: str, params: Mapping[str, str]) -> dict[str, Any]:
        wiki = self._wikis.get(project) or _unknown_wiki(project)
        query: dict[str, Any] = {"normalized": [], "redirects": [], "pages": []}
        pages: dict[str, dict[str, Any]] = {}
        for requested_title in mediawiki.parse_titles(params):
            title = mediawiki.normalize(requested_title, wiki)
            reason = mediawiki.invalid_reason(title)
            if reason is not None:
                pages[requested_title] = {"title": requested_title, "invalidreason": reason, "invalid": True}
                continue
            if title != requested_title:
                query["normalized"].append(mediawiki.normalized_entry(requested_title, title))
            redirect = self._redirects.get((project, title))
            if redirect is not None and "redirects" in params:
                query["redirects"].append(redirect)
                title = redirect["to"]
            pages[title] = self._page_entry(
                project, title, wiki, mediawiki.split_values(params.get("prop", ""))
            )
        query["pages"] = list(pages.values())
        return {"batchcomplete": True, "query": {name: value for name, value in query.items() if value}}

    def _page_entry(self, project: str, title: str, wiki: Wiki, props: list[str]) -> dict[str, Any]:
        page = self._pages.get((project, title))
        if page is not None:
            keys = ["pageid", "ns", "title", *(name for name in _PROPS if name in props)]
            if "info" in props:
                keys.append("lastrevid")
            return {name: page[name] for name in keys if name in page}
        namespace, _rest = wiki.split_namespace(title)
        if namespace < 0:
            return {"ns": namespace, "title": title, "special": True}
        page_id = zlib.crc32(title.encode("utf-8", "replace")) + 1
        return {"pageid": page_id, "ns": namespace, "title": title}


def _read_exchanges(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.rglob("*.json")):
        try:
            document = json.loads(path.read_bytes())
        except ValueError as error:
            raise SettingError(
                name="replay",
                value=str(path),
                origin="--replay",
                problem=f"is not JSON ({error})",
                fix="Correct the file, or remove it.",
            ) from None
        if isinstance(document, dict) and {"request", "response"} <= document.keys():
            yield document


def _path_key(path: str) -> str:
    """Return the key of a path: its decoded parts from `/metrics` on, with the project in its canonical form."""
    _before, prefix, rest = path.partition(_REST_PATH)
    parts = [unquote(part) for part in (rest if prefix else path).split("/")]
    if len(parts) > 4 and parts[1:3] == ["metrics", "pageviews"] and parts[3] in _ENDPOINTS_WITH_PROJECT:
        parts[4] = canonical_project(parts[4])
    return "\0".join(parts)


def _action_key(project: str, params: Mapping[str, str]) -> _RequestKey:
    query = frozenset(
        (name, frozenset(mediawiki.split_values(value)))
        for name, value in params.items()
        if name not in _FORMAT_PARAMETERS
    )
    return project, query


def _make_wiki(project: str, query: dict[str, Any]) -> Wiki:
    spaces = query["namespaces"].values()
    names = [(int(space["id"]), space["canonical"]) for space in spaces if "canonical" in space]
    names += [(int(item["id"]), item["alias"]) for item in query["namespacealiases"]]
    general = query["general"]
    return Wiki(
        project=project,
        language=general["lang"],
        scale=0.0,
        main_page=general["mainpage"],
        local_names={int(space["id"]): space["name"] for space in spaces},
        aliases=tuple(names),
    )


def _unknown_wiki(project: str) -> Wiki:
    """Make a wiki with only English names, for a project without a recorded `siteinfo`."""
    return Wiki(project, project.partition(".")[0], 0.0, "Main Page", {}, ())
