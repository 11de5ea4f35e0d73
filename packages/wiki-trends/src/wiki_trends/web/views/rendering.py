"""Render the content of a view as a page, JSON or CSV, and cache the response until the data change.

Each view is a function with three routes, for example `/runs`, `/runs.json` and `/runs.csv`. The view returns
`renderer.response(…)`, whose main arguments are a function that computes the content, and the version of the data.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from wiki_trends.web.auth.caller import caller
from wiki_trends.web.cache.responses import RenderedBody
from wiki_trends.web.problems import ProblemDocument
from wiki_trends.web.source_pool import SourcePool
from wiki_trends.web.views.csv_text import csv_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pydantic import BaseModel
    from starlette.requests import Request

    from wiki_trends.web.auth.guard import Visitor
    from wiki_trends.web.cache.cache import Cache
    from wiki_trends.web.templating import PageTemplates

    Table = tuple[Sequence[str], Iterable[Sequence[object]]]

HTML_TYPE, JSON_TYPE, CSV_TYPE = "text/html; charset=utf-8", "application/json", "text/csv; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a view.

    Attributes:
        result: the object that the template reads as the variable `result`.
        document: a function that returns the JSON document.
        table: a function that returns the column names and the rows of the CSV.
    """

    result: object
    document: Callable[[], dict[str, Any]]
    table: Callable[[], Table]


class Renderer:
    """Renders and caches responses."""

    def __init__(self, pages: PageTemplates, cache: Cache) -> None:
        self._pages = pages
        self._cache = cache
        # The threads that render. They also compute the content of a view that reads no source.
        self._pool = SourcePool(source="renderer of this page", code="RENDERER")

    async def response(
        self,
        request: Request,
        view: str,
        query: BaseModel | None,
        compute_content: Callable[[], Content],
        *,
        version: object,
        pool: SourcePool | None = None,
    ) -> Response:
        """Return the response of a view. The suffix of the path selects the format; without a suffix, the format is HTML.

        Args:
            request: the HTTP request.
            view: the name of the view, which is also the name of the template.
            query: the parameters of the request; None if the view has none.
            compute_content: a blocking function that computes the content.
            version: the version of the data; a response cached for another version is outdated.
            pool: the threads of the source that `compute_content` reads; None stands for the threads of the renderer.
        """
        visitor: Visitor = request.state.visitor
        root = request.scope.get("root_path", "")
        media_type = _media_type(request.url.path)
        # Two visitors get different pages if only one of them may act, or only one has signed in.
        page_variant = (visitor.may_act, bool(visitor.name)) if media_type == HTML_TYPE else ()
        parameters = query.model_dump_json() if query is not None else ""

        def render(content: Content) -> RenderedBody:
            if media_type == JSON_TYPE:
                return RenderedBody.of(json.dumps(content.document(), ensure_ascii=False), JSON_TYPE)
            if media_type == CSV_TYPE:
                return RenderedBody.of(csv_text(*content.table()), CSV_TYPE)
            text = self._pages.render(view, root, visitor, query=query, result=content.result)
            return RenderedBody.of(text, HTML_TYPE)

        async def make_body() -> RenderedBody:
            if pool is None:
                # No source is read, so an unexpected exception is a bug of the app and not a `SourceFailure`.
                content = await self._pool.run(compute_content)
            else:
                content = await pool.read(compute_content)
            return await self._pool.run(render, content)

        key = (view, media_type, root, page_variant, parameters)
        body = await self._cache.get(key, make_body, charged_to=caller.get(), version=version)
        return body.response(request)


def _media_type(path: str) -> str:
    return JSON_TYPE if path.endswith(".json") else CSV_TYPE if path.endswith(".csv") else HTML_TYPE


# The keyword arguments of the HTML route of a view.
PAGE_ROUTE: dict[str, Any] = {"include_in_schema": False}


def json_route(summary: str, model: type[BaseModel]) -> dict[str, Any]:
    """Return the keyword arguments of the JSON route of a view, whose response is described by `model`."""
    return {
        "summary": summary,
        "response_class": Response,
        "responses": {200: {"model": model}, **PROBLEMS},
    }


def csv_route(summary: str) -> dict[str, Any]:
    """Return the keyword arguments of the CSV route of a view."""
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
