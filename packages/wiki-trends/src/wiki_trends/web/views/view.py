"""What a view is: one question with three answers (a page, JSON, CSV), each made once for each state of its inputs.

`mount` gives a view its three addresses. An answer is kept until the view's inputs differ; while a new one is being made
the old one is served, so that a publish holds nobody up.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from wiki_trends.web.cache.responses import Rendered
from wiki_trends.web.cache.stale_while_revalidate import LruCache, StaleWhileRevalidate
from wiki_trends.web.problems import ProblemDocument
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
_THREADS = 4
_ANSWERS = 512
_FRESH_SECONDS = 0.5
_STALE_SECONDS = 10.0


class NoQuery(BaseModel):
    """A view without parameters."""


@dataclass(frozen=True)
class View(Generic[Q, I, T]):
    """One question.

    Attributes:
        name: of its template, its entry in the navigation and its operations.
        path: of the page; JSON and CSV lie beside it.
        summary: what it answers, for the API's document.
        query: its parameters.
        inputs: what the answer is made of, asked cheaply and compared with what the last answer was made of.
        make: the answer from query and inputs; blocks.
        document: the answer as JSON.
        schema: of that document.
        table: columns and rows of the CSV.
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

    @property
    def stem(self) -> str:
        """The path that `.json` and `.csv` are added to."""
        return self.path if self.path != "/" else f"/{self.name}"


@dataclass
class Answers:
    """The answers that are kept, and the threads that make them."""

    pages: Pages
    pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_THREADS, thread_name_prefix="dashboard")
    )
    shelf: LruCache[Rendered] = field(default_factory=lambda: LruCache(_ANSWERS))

    async def in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """The result of something that blocks."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, work, *arguments)

    async def answer(self, request: Request, view: View[Q, I, T], query: Q, form: str) -> Response:
        """The answer of a view in one form."""
        visitor: Visitor = request.state.visitor
        root = request.scope.get("root_path", "")
        whose = (visitor.may_act, bool(visitor.name)) if form == HTML else ()
        key: Hashable = (view.name, form, root, whose, query.model_dump_json())

        def make(inputs: I) -> Rendered:
            return self._rendered(view, query, inputs, form, root, visitor)

        return (await self.kept(key, partial(view.inputs, query), make)).answer(request)

    async def kept(
        self, key: Hashable, inputs: Callable[[], Awaitable[I]], make: Callable[[I], Rendered]
    ) -> Rendered:
        """What `make` gives, made anew in a thread when `inputs` are others than before."""

        def new() -> StaleWhileRevalidate[Rendered]:
            made: list[tuple[I, Rendered]] = []

            async def remade() -> Rendered:
                now = await inputs()
                if not (made and made[0][0] == now):
                    made[:] = [(now, await self.in_thread(make, now))]
                return made[0][1]

            return StaleWhileRevalidate(remade, fresh=_FRESH_SECONDS, stale=_STALE_SECONDS)

        return await self.shelf.at(key, new).get()

    def _rendered(
        self, view: View[Q, I, T], query: Q, inputs: I, form: str, root: str, visitor: Visitor
    ) -> Rendered:
        found = view.make(query, inputs)
        if form == JSON:
            return Rendered.of(json.dumps(view.document(found), ensure_ascii=False), JSON)
        if form == CSV:
            return Rendered.of(csv_text(*view.table(found)), CSV)
        return Rendered.of(self.pages.page(view.name, root, visitor, query=query, found=found), HTML)


def mount(app: FastAPI, view: View[Any, Any, Any], answers: Answers) -> None:
    """Give a view its page, its JSON and its CSV."""
    query_type = Annotated[view.query, Query()]  # type: ignore[name-defined]

    async def page(request: Request, query: query_type) -> Response:
        return await answers.answer(request, view, query, HTML)

    async def document(request: Request, query: query_type) -> Response:
        return await answers.answer(request, view, query, JSON)

    async def table(request: Request, query: query_type) -> Response:
        return await answers.answer(request, view, query, CSV)

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


_SAID = {
    304: "What the asker's ETag names is still so.",
    400: "The host is not one of this server.",
    401: "Nobody known: sign in, or send the token.",
    403: "Known, but without the right.",
    404: "There is no such thing in what is published.",
    409: "It cannot be done as things are.",
    413: "The body is too large.",
    422: "A parameter cannot be used.",
    429: "Asked too often.",
    503: "Warehouse, lake or runs do not answer.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text} if status == 304 else {"description": text, "model": ProblemDocument}
    for status, text in _SAID.items()
}
