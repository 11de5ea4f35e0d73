"""The guard of `wiki-trends serve`: visitors exchange a token for a cookie that scripts cannot read and other sites cannot send.

If the server listens on a loopback address, everybody may see the dashboard, and visitors who have signed in may start
backfills. On any other address, only visitors who have signed in may see the dashboard. There are three ways to sign in:

- the link that `wiki-trends serve` prints, whose code can be used once, within an hour;
- the token, in the form at `/sign-in`;
- for programs, `Authorization: Bearer TOKEN` with each request.

Signing out ends the session on the server; see `sessions`. The log has an entry for each sign-in and each refusal, but never
contains the token.

The number of attempts with an incorrect token is limited for each address. The correct token is always accepted, so an
attacker cannot lock out other visitors with the same address.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import secrets
import time
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations when it runs
from starlette.responses import RedirectResponse, Response

from wiki_trends.web.auth.caller import client_address, home_path, is_local_path
from wiki_trends.web.auth.form import parse_form
from wiki_trends.web.auth.guard import Visitor
from wiki_trends.web.auth.rate_limit import RateLimiter
from wiki_trends.web.auth.sessions import SESSION_SECONDS, Sessions
from wiki_trends.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)
COOKIE = "wiki_trends_session"
SIGN_IN_PATH = "/sign-in"
SIGN_OUT_PATH = "/sign-out"
METRICS_PATH = "/metrics"
LINK_CODE_SECONDS = 3600
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
FAILED_ATTEMPTS_PER_MINUTE = 10
_SIGN_IN_HINT = (
    "The token is the value of WIKI_TRENDS_WEB_TOKEN on the server; if it is not set, use the link that "
    "`wiki-trends serve` prints, which signs in once."
)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a host name or address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class TokenGuard:
    """Identifies visitors by the token, or by the cookie that they received for the token.

    Args:
        token: the secret token.
        hosts: the accepted host names, besides the names of this machine.
        visible_to_all: whether visitors may see the dashboard without signing in.
        metrics_token: a second token, which only reads `/metrics`; empty for none.
        revoked_file: the file that keeps the list of revoked sessions; see `Sessions`.
        clock: returns the seconds since the epoch.
    """

    public = (SIGN_IN_PATH, SIGN_OUT_PATH)

    def __init__(
        self,
        token: str,
        hosts: Sequence[str] = (),
        *,
        visible_to_all: bool = True,
        metrics_token: str = "",
        revoked_file: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.hosts = (*LOCAL_HOSTS, *(host.lower() for host in hosts))
        self._token = token.encode()
        self._metrics_token = metrics_token.encode()
        self._clock = clock
        self.sessions = Sessions(self._token, revoked_file, clock)
        self._default_visitor = Visitor(may_see=visible_to_all)
        self._code_expiries: dict[bytes, float] = {}
        self._failed_attempts = RateLimiter(FAILED_ATTEMPTS_PER_MINUTE)

    def new_code(self) -> str:
        """Create and return a code with which a visitor can sign in once."""
        code = secrets.token_urlsafe(24)
        self._code_expiries[_digest(code)] = self._clock() + LINK_CODE_SECONDS
        return code

    async def visitor(self, request: Request) -> Visitor:
        """Return the visitor who made the request; see `Guard.visitor`."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            if self._reads_metrics(request, token):
                return _METRICS_VISITOR
            return _TOKEN_VISITOR if self._check_token(request, token) else _ANONYMOUS_VISITOR
        if self.sessions.is_valid(request.cookies.get(COOKIE, "")):
            return _COOKIE_VISITOR
        return self._default_visitor

    def _reads_metrics(self, request: Request, token: str) -> bool:
        """Return whether the request reads `/metrics` with the token for metrics."""
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        is_token = hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._metrics_token)
        return bool(self._metrics_token) and path == METRICS_PATH and is_token

    def sign_in_url(self, request: Request) -> str | None:
        """Return the path of the sign-in form."""
        return f"{request.scope.get('root_path', '')}{SIGN_IN_PATH}"

    def router(self) -> APIRouter:
        """Return the two routes that exchange a code or the token for the cookie, and the route that signs the visitor out."""
        router = APIRouter(include_in_schema=False)

        @router.get(SIGN_IN_PATH)
        async def sign_in_by_link(request: Request, once: str = "", next: str = "") -> Response:  # noqa: A002 - the name in the URL
            del next  # `return_path` reads `next` from the URL.
            if not once or getattr(request.state, "head", False):
                # The page of a problem has the sign-in form. With the status 200, it is the sign-in page.
                raise Problem(200, "SIGN_IN", "Sign in with the token.", _SIGN_IN_HINT)
            expires_at = self._code_expiries.pop(_digest(once), 0.0)
            if expires_at < self._clock():
                self._count_failure(request, "a used or expired link")
                raise Problem(
                    401,
                    "LINK_SPENT",
                    "This link has already been used, or has expired.",
                    _SIGN_IN_HINT,
                )
            return self._sign_in_response(request, home_path(request))

        @router.post(SIGN_IN_PATH)
        async def sign_in_by_token(request: Request) -> Response:
            form = parse_form(await request.body())
            path = form.get("next", "")
            # The page that reports a wrong token shows the form again, with this path in its field `next`; see `return_path`.
            request.state.return_path = path
            if not self._check_token(request, form.get("token", "")):
                raise Problem(401, "WRONG_TOKEN", "The token is not correct.", _SIGN_IN_HINT)
            return self._sign_in_response(
                request, path if is_local_path(request, path) else home_path(request)
            )

        @router.post(SIGN_OUT_PATH)
        async def sign_out(request: Request) -> Response:
            self.sessions.revoke(request.cookies.get(COOKIE, ""))
            logger.info("signed out, from %s", client_address(request))
            response = RedirectResponse(home_path(request), status_code=303)
            response.delete_cookie(COOKIE, path=home_path(request), httponly=True, samesite="strict")
            return response

        return router

    def _sign_in_response(self, request: Request, target: str) -> Response:
        logger.info("signed in, from %s", client_address(request))
        response = RedirectResponse(target, status_code=303, headers={"Cache-Control": "no-store"})
        response.set_cookie(
            COOKIE,
            self.sessions.create(),
            max_age=SESSION_SECONDS,
            path=home_path(request),
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    def _check_token(self, request: Request, token: str) -> bool:
        """Return whether the token is correct. Count and log an incorrect token; see `_count_failure`."""
        if hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token):
            return True
        self._count_failure(request, "a wrong token")
        return False

    def _count_failure(self, request: Request, failure: str) -> None:
        """Log a failed attempt, or raise a `Problem` with status 429 if the address has failed too often."""
        address = client_address(request)
        self._failed_attempts.check(address)
        self._failed_attempts.spend(address)
        logger.warning("refused %s, from %s", failure, address)


_ANONYMOUS_VISITOR = Visitor()
_COOKIE_VISITOR = Visitor("token", may_see=True, may_act=True, sign_out=SIGN_OUT_PATH)
_METRICS_VISITOR = Visitor("metrics", may_see=True, by_token=True)
_TOKEN_VISITOR = Visitor("token", may_see=True, may_act=True, by_token=True, sign_out=SIGN_OUT_PATH)


def _digest(code: str) -> bytes:
    # A lookup by the digest takes a time that reveals nothing about the code.
    return hashlib.sha256(code.encode()).digest()
