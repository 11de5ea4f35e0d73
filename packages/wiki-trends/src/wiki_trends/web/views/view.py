"""Views: one query with three representations (a page, JSON, CSV), each rendered once for each state of its inputs.

`mount` adds the three routes of a view. A response is cached until the inputs of the view change; while a new one is
rendered, the old one is served.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from wiki_trends.web.auth.caller import caller
from wiki_trends.web.cache.responses import Rendered
from wiki_trends.web.cache.stale_while_revalidate import LruCache, StaleWhileRevalidate
from wiki_trends.web.problems import ProblemDocument
from wiki_trends.web.source_pool import SourcePool
from wiki_trends.web.views.csv_text import csv_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence

    from fastapi import FastAPI

    from wiki_trends.web.auth.guard import Visitor
    from wiki_trends.web.templating import Pages

HTML, JSON, CSV = "text/html; charset=utf-8", "application/json", "text/csv; charset=utf-8"
Q = TypeVar("Q", bound=BaseModel)
I = TypeVar("I")  # noqa: E741 - inputs
T = TypeVar("T")
_MAX_RESPONSES, _MAX_RESPONSES_PER_CALLER = 1024, 256
_FRESH_SECONDS = 0.5
_STALE_SECONDS = 10.0


class NoQuery(BaseModel):
    """A view without parameters."""


@dataclass(frozen=True)
class View(Generic[Q, I, T]):
    """A query with its representations.

    Attributes:
        name: name of the template, of the entry in the navigation and of the operations.
        path: path of the page; JSON and CSV have the same path with a suffix.
        summary: description in the OpenAPI document.
        query: the parameters.
        inputs: cheap to compute; the result is rendered again only if they have changed.
        make: computes the result from query and inputs; blocks.
        document: the result as JSON.
        schema: model of that document.
        table: columns and rows of the CSV.
        reads_warehouse: whether `make` reads the warehouse; otherwise it only renders.
    """

    name: str
    path: str
    summary: str
    query: type[Q]
    inputs: Callable[[Q], Awaitable[I]]
    make: Callable[[Q, I], T]
    document: Callable[[T], dict[str, Any]]
    schema: type[BaseModel]
    table: Callable[[T], tuple[Sequence[str], Iterable[Sequence[object]]]]
    reads_warehouse: bool = False

    @property
    def stem(self) -> str:
        """The path that `.json` and `.csv` are added to."""
        return self.path if self.path != "/" else f"/{self.name}"


@dataclass
class ResponseCache:
    """A cache of rendered responses, and the threads that render them."""

    pages: Pages
    renderer: SourcePool = field(default_factory=lambda: SourcePool("renderer of this page", "RENDERER"))
    warehouse: SourcePool = field(default_factory=lambda: SourcePool("warehouse", "WAREHOUSE"))
    responses: LruCache[Rendered] = field(
        default_factory=lambda: LruCache(_MAX_RESPONSES, _MAX_RESPONSES_PER_CALLER)
    )

    async def response(self, request: Request, view: View[Q, I, T], query: Q, media_type: str) -> Response:
        """The response of a view in one representation."""
        visitor: Visitor = request.state.visitor
        root = request.scope.get("root_path", "")
        variant = (visitor.may_act, bool(visitor.name)) if media_type == HTML else ()
        key: Hashable = (view.name, media_type, root, variant, query.model_dump_json())

        def render(inputs: I) -> Rendered:
            return self._render(view, query, inputs, media_type, root, visitor)

        pool = self.warehouse if view.reads_warehouse else self.renderer
        return (await self.cached(key, partial(view.inputs, query), render, pool)).response(request)

    async def cached(
        self,
        key: Hashable,
        inputs: Callable[[], Awaitable[I]],
        render: Callable[[I], Rendered],
        pool: SourcePool,
    ) -> Rendered:
        """The result of `render`, which is called again in a thread when `inputs` have changed."""

        def new() -> StaleWhileRevalidate[Rendered]:
            last: list[tuple[I, Rendered]] = []

            async def refresh() -> Rendered:
                current = await inputs()
                if not (last and last[0][0] == current):
                    last[:] = [(current, await pool.run(render, current))]
                return last[0][1]

            return StaleWhileRevalidate(refresh, fresh=_FRESH_SECONDS, stale=_STALE_SECONDS)

        return await self.responses.at(key, new, caller.get()).get()

    def _render(
        self, view: View[Q, I, T], query: Q, inputs: I, media_type: str, root: str, visitor: Visitor
    ) -> Rendered:
        result = view.make(query, inputs)
        if media_type == JSON:
            return Rendered.of(json.dumps(view.document(result), ensure_ascii=False), JSON)
        if media_type == CSV:
            return Rendered.of(csv_text(*view.table(result)), CSV)
        return Rendered.of(self.pages.page(view.name, root, visitor, query=query, result=result), HTML)


def mount(app: FastAPI, view: View[Any, Any, Any], responses: ResponseCache) -> None:
    """Add the routes of a view: page, JSON and CSV."""
    query_type = Annotated[view.query, Query()]  # type: ignore[name-defined]

    async def page(request: Request, query: query_type) -> Response:
        return await responses.response(request, view, query, HTML)

    async def document(request: Request, query: query_type) -> Response:
        return await responses.response(request, view, query, JSON)

    async def table(request: Request, query: query_type) -> Response:
        return await responses.response(request, view, query, CSV)

    for function in (page, document, table):
        function.__annotations__ = {"request": Request, "query": query_type, "return": Response}
    app.add_api_route(view.path, page, name=view.name, include_in_schema=False)
    app.add_api_route(
        f"{view.stem}.json",
        document,
        name=f"{view.name}_json",
        summary=view.summary,
        response_class=Response,
        responses={200: {"model": view.schema}, **PROBLEMS},
    )
    app.add_api_route(
        f"{view.stem}.csv",
        table,
        name=f"{view.name}_csv",
        summary=f"{view.summary}, as CSV",
        response_class=Response,
        responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **PROBLEMS},
    )


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
    503: "Warehouse, lake or runs do not answer.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text} if status == 304 else {"description": text, "model": ProblemDocument}
    for status, text in _PROBLEM_DESCRIPTIONS.items()
}
