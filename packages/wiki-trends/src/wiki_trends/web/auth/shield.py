"""The ASGI middleware for security: it checks every request before a view runs, and adds headers to every response.

The middleware accepts a request only if all these conditions hold; otherwise the response contains the reason:

- the guard accepts the host name, which prevents DNS rebinding;
- the body has at most `MAX_BODY_BYTES`;
- the visitor has the right to make the request;
- a state-changing request comes from a page of the dashboard (`Origin`), or has a valid bearer token.

The headers forbid a browser to run foreign scripts, to show a page in a foreign frame, and to guess the media type.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request

from wiki_trends.report.formats import whole
from wiki_trends.web.auth.caller import caller, client_address
from wiki_trends.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from wiki_trends.web.auth.guard import Guard, Visitor

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
PUBLIC_PATHS = ("/static/", "/health")

_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src data:; "
    "connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors {frame_ancestors}"
)
_UNEXPECTED_ERROR = Problem(500, "BROKEN", "Unexpected error.", "See the server's log, and report the error.")


class SecurityMiddleware:
    """The middleware.

    Args:
        app: the ASGI app that handles accepted requests.
        guard: the guard that identifies visitors.
        problem_response: a function that turns a problem into the response to a request.
        framed: whether pages of the same origin may show the dashboard in a frame.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        guard: Guard,
        problem_response: Callable[[Request, Problem], Response],
        framed: bool,
    ) -> None:
        self._app = app
        self._guard = guard
        self._problem_response = problem_response
        self._headers = {
            "content-security-policy": _CONTENT_SECURITY_POLICY.format(
                frame_ancestors="'self'" if framed else "'none'"
            ),
            "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=()",
        }
        if not framed:
            self._headers["x-frame-options"] = "DENY"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        response_started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal response_started
            if message["type"] == "http.response.start":
                response_started = True
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
            await send(message)

        request = Request(scope, receive)
        try:
            receive = await self._authorize(request)
        except ClientDisconnect:
            return
        except Problem as problem:
            _log_refusal(request, problem)
            await self._problem_response(request, problem)(scope, receive, send_with_headers)
            return
        try:
            # Views handle HEAD like GET; the ASGI server drops the body of a response to HEAD. Two views check `request.state.head`,
            # so that a HEAD request neither uses up a sign-in link nor opens an event stream.
            if request.method == "HEAD":
                request.state.head = True
            get_scope = {**scope, "method": "GET"} if request.method == "HEAD" else scope
            await self._app(get_scope, receive, send_with_headers)
        except Exception:
            # The traceback must not reach the visitor, so only the log contains it.
            logger.exception("%s %s", request.method, request.url.path)
            if not response_started:
                await self._problem_response(request, _UNEXPECTED_ERROR)(scope, receive, send_with_headers)

    async def _authorize(self, request: Request) -> Receive:
        """Check a request, and return the `receive` function from which the view reads the body.

        Raises:
            Problem: the request is refused.
        """
        self._check_host(request)
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        changes_state = request.method not in SAFE_METHODS
        receive_body = await _read_bounded_body(request)
        if path.startswith(PUBLIC_PATHS):
            if changes_state:
                _check_origin(request)
            return receive_body
        visitor = await self._guard.visitor(request)
        request.scope.setdefault("state", {})["visitor"] = visitor
        caller.set(f"{visitor.name}@{client_address(request)}")
        if path not in self._guard.public and not (
            visitor.may_see and (visitor.may_act or not changes_state)
        ):
            raise _access_denied(visitor)
        if changes_state and not visitor.by_token:
            _check_origin(request)
        return receive_body

    def _check_host(self, request: Request) -> None:
        hosts = self._guard.hosts
        if hosts is None or _host_name(request.headers.get("host", "")) in hosts:
            return
        raise Problem(
            400,
            "UNKNOWN_HOST",
            "This server does not accept that host name.",
            "Use the address of the server, or add the name with --allow-host.",
        )


def _access_denied(visitor: Visitor) -> Problem:
    if visitor.name:
        return Problem(
            403, "FORBIDDEN", f"{visitor.name} may not do this.", "Ask the administrator for the right."
        )
    return Problem(401, "SIGN_IN", "You need to sign in.", "Sign in, and try again.")


def _host_name(host: str) -> str:
    """Return the host of a `Host` header in lower case, without the port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _check_origin(request: Request) -> None:
    """Raise a `Problem` if a page of another site may have made the request with the visitor's cookie (CSRF).

    A browser sends `Origin` with each state-changing request; recent browsers also send `Sec-Fetch-Site`.
    """
    origin = request.headers.get("origin", "")
    try:
        is_same_origin = urlsplit(origin).netloc == request.headers.get("host") and origin != "null"
    except ValueError:  # The header is not a URL, for example `http://[`.
        is_same_origin = False
    if not is_same_origin or request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise Problem(
            403,
            "FOREIGN_ORIGIN",
            "This request does not come from a page of this dashboard.",
            "Use the button in the dashboard; a program must send its token as Authorization: Bearer.",
        )


def _log_refusal(request: Request, problem: Problem) -> None:
    """Log a refused request, except a request with a safe method from a visitor who has not signed in."""
    if problem.code != "SIGN_IN" or request.method not in SAFE_METHODS:
        logger.warning(
            "refused %s %.200r: %s, from %s",
            request.method,
            request.url.path,
            problem.code,
            client_address(request),
        )


async def _read_bounded_body(request: Request) -> Receive:
    """Read the body of a request, and return a `receive` function that returns the body to the view.

    Raises:
        Problem: the body is larger than `MAX_BODY_BYTES`.
    """
    too_large = Problem(
        413,
        "TOO_LARGE",
        f"The body is larger than {whole(MAX_BODY_BYTES)} bytes.",
        "Send only what the form sends.",
    )
    declared_length = request.headers.get("content-length", "0")
    if not declared_length.isdecimal() or int(declared_length) > MAX_BODY_BYTES:
        raise too_large
    if declared_length == "0" and "transfer-encoding" not in request.headers:
        return request.receive
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MAX_BODY_BYTES:
            raise too_large
    messages: list[Message] = [{"type": "http.request", "body": bytes(received), "more_body": False}]

    async def replay() -> Message:
        return messages.pop(0) if messages else await request.receive()

    return replay
