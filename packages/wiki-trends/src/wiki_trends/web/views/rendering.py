"""Renders the content of a view as a page, as JSON or as CSV, and caches the response until the data behind it change.

Each view is a function with three routes, such as `/runs`, `/runs.json` and `/runs.csv`. It returns
`await renderer.response(…)` with a function that computes its content, and the version of the data that it depends on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from wiki_trends.web.auth.caller import caller
from wiki_trends.web.cache.responses import Rendered
from wiki_trends.web.problems import ProblemDocument
from wiki_trends.web.source_pool import SourcePool
from wiki_trends.web.views.csv_text import csv_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pydantic import BaseModel
    from starlette.requests import Request

    from wiki_trends.web.auth.guard import Visitor
    from wiki_trends.web.cache.cache import Cache
    from wiki_trends.web.templating import Pages

    Table = tuple[Sequence[str], Iterable[Sequence[object]]]

HTML, JSON, CSV = "text/html; charset=utf-8", "application/json", "text/csv; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a view.

    Attributes:
        result: the variable `result` of the template.
        document: returns the JSON document.
        table: returns the columns and rows of the CSV.
    """

    result: object
    document: Callable[[], dict[str, Any]]
    table: Callable[[], Table]


class Renderer:
    """Renders and caches responses."""

    def __init__(self, pages: Pages, cache: Cache) -> None:
        self._pages = pages
        self._cache = cache
        self._pool = SourcePool("renderer of this page", "RENDERER")

    async def response(
        self,
        request: Request,
        view: str,
        query: BaseModel | None,
        content: Callable[[], Content],
        *,
        version: object,
        pool: SourcePool | None = None,
    ) -> Response:
        """The response of a view, in the form that the suffix of the path names.

        Args:
            request: the request.
            view: name of the template, and of the entry in the navigation.
            query: the parameters.
            content: computes the content; blocks.
            version: the version of the data; another version makes a cached response outdated.
            pool: the threads in which `content` is computed, if it reads a source; default: those of the renderer.
        """
        visitor: Visitor = request.state.visitor
        root = request.scope.get("root_path", "")
        media_type = _media_type(request.url.path)
        variant = (visitor.may_act, bool(visitor.name)) if media_type == HTML else ()
        parameters = query.model_dump_json() if query is not None else ""

        def render(computed: Content) -> Rendered:
            if media_type == JSON:
                return Rendered.of(json.dumps(computed.document(), ensure_ascii=False), JSON)
            if media_type == CSV:
                return Rendered.of(csv_text(*computed.table()), CSV)
            text = self._pages.page(view, root, visitor, query=query, result=computed.result)
            return Rendered.of(text, HTML)

        async def make() -> Rendered:
            computed = await (self._pool.run(content) if pool is None else pool.read(content))
            return await self._pool.run(render, computed)

        key = (view, media_type, root, variant, parameters)
        rendered = await self._cache.get(key, make, owner=caller.get(), version=version)
        return rendered.response(request)


def _media_type(path: str) -> str:
    return JSON if path.endswith(".json") else CSV if path.endswith(".csv") else HTML


# Keywords of the three routes of a view.
PAGE_ROUTE: dict[str, Any] = {"include_in_schema": False}


def json_route(summary: str, schema: type[BaseModel]) -> dict[str, Any]:
    """Keywords of the JSON route of a view: its summary and the model of its document, for the OpenAPI document."""
    return {
        "summary": summary,
        "response_class": Response,
        "responses": {200: {"model": schema}, **PROBLEMS},
    }


def csv_route(summary: str) -> dict[str, Any]:
    """Keywords of the CSV route of a view."""
    return {
        "summary": f"{summary}, as CSV",
        "response_class": Response,
        "responses": {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **PROBLEMS},
    }


_PROBLEM_DESCRIPTIONS = {
    304: "Not modified.",
    400: "The host name is not accepted.",
    401: "Not signed in: sign in, or send the token.",
    403: "Signed in, but without the right.",
    404: "Not found.",
    409: "Not possible in the current state.",
    413: "The body is too large.",
    422: "A parameter has an invalid value.",
    429: "Too many requests.",
    503: "The warehouse, the lake or the runner does not answer, or cannot be read.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text} if status == 304 else {"description": text, "model": ProblemDocument}
    for status, text in _PROBLEM_DESCRIPTIONS.items()
}
