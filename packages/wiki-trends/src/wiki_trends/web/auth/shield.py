"""What every request passes before a view sees it, and every answer on its way out: one plain ASGI layer.

In this order: the host is one that is allowed (no DNS rebinding); the body is small; a request that changes something
comes from our own pages (`Origin`), or from a program that sends its token in a header; the visitor has the right.
Each refusal is an answer in the form that was asked for, with the reason. Every answer gets the headers that keep a
browser from running, framing or guessing anything that we did not send.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request

from wiki_trends.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from wiki_trends.web.auth.guard import Guard

logger = logging.getLogger(__name__)

MOST_BODY = 64 * 1024
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
OPEN_PATHS = ("/static/", "/health")

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src data:; "
    "connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors {framed}"
)
_BROKEN = Problem(
    500, "BROKEN", "Something went wrong that nobody foresaw.", "Look at the server's log, and report it."
)


class Shield:
    """The layer; `refusal` turns a problem into the answer for a request."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        guard: Guard,
        refusal: Callable[[Request, Problem], Response],
        framed: bool,
    ) -> None:
        self._app = app
        self._guard = guard
        self._refusal = refusal
        self._headers = {
            "content-security-policy": _POLICY.format(framed="'self'" if framed else "'none'"),
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=()",
        }
        if not framed:
            self._headers["x-frame-options"] = "DENY"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        begun = False

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
            await send(message)

        request = Request(scope, receive)
        try:
            receive = await self._let_in(request)
        except Problem as problem:
            await self._refusal(request, problem)(scope, receive, guarded)
            return
        try:
            await self._app(scope, receive, guarded)
        except Exception:
            # Nobody foresaw it: the log has the trace-back, and the visitor an answer like every other.
            logger.exception("%s %s", request.method, request.url.path)
            if not begun:
                await self._refusal(request, _BROKEN)(scope, receive, guarded)

    async def _let_in(self, request: Request) -> Receive:
        """What the view reads the body from; raises `Problem` for whoever is not let in."""
        self._from_known_host(request)
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        changes = request.method not in SAFE_METHODS
        body = await _small_body(request)
        if changes:
            _from_our_pages(request)
        if path.startswith(OPEN_PATHS):
            return body
        visitor = await self._guard.visitor(request)
        request.scope.setdefault("state", {})["visitor"] = visitor
        if path in self._guard.public:
            return body
        if visitor.may_see and (visitor.may_act or not changes):
            return body
        if visitor.name:
            raise Problem(
                403, "FORBIDDEN", f"{visitor.name} may not do this.", "Ask whoever gives the rights."
            )
        raise Problem(401, "SIGN_IN", "This needs you to sign in.", "Sign in, and try again.")

    def _from_known_host(self, request: Request) -> None:
        hosts = self._guard.hosts
        if hosts is None or _host_name(request.headers.get("host", "")) in hosts:
            return
        raise Problem(
            400,
            "UNKNOWN_HOST",
            "This server is not to be called by that name.",
            "Use its address, or add the name with --allow-host.",
        )


def _host_name(host: str) -> str:
    """The host of a `Host` header in lower case, without the port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _from_our_pages(request: Request) -> None:
    """Refuse what another site's page sends with our visitor's cookie.

    A browser sends `Origin` with each such request, and `Sec-Fetch-Site` where it is new enough. A program that
    authenticates with a header is nobody's unwitting helper: browsers add that header to no forged request.
    """
    if request.headers.get("authorization"):
        return
    origin = request.headers.get("origin", "")
    own = urlsplit(origin).netloc == request.headers.get("host") and origin != "null"
    if not own or request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise Problem(
            403,
            "FOREIGN_ORIGIN",
            "This request does not come from a page of this dashboard.",
            "Open the dashboard and use its button; a program sends its token as Authorization: Bearer.",
        )


async def _small_body(request: Request) -> Receive:
    """The body as it was received, or a refusal once it is larger than a form of ours can be."""
    too_large = Problem(
        413, "TOO_LARGE", f"The body is larger than {MOST_BODY:,} bytes.", "Send what the form sends."
    )
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > MOST_BODY:
        raise too_large
    if declared == "0" and "transfer-encoding" not in request.headers:
        return request.receive
    received = bytearray()
    async for piece in request.stream():
        received += piece
        if len(received) > MOST_BODY:
            raise too_large
    messages: Sequence[Message] = ({"type": "http.request", "body": bytes(received), "more_body": False},)
    left = list(messages)

    async def replayed() -> Message:
        return left.pop(0) if left else await request.receive()

    return replayed
