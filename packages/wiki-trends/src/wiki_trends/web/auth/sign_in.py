"""The stand-alone guard: visitors exchange a token for a cookie that scripts cannot read and other sites cannot send.

On a loopback address everybody may see, and visitors who have signed in may act; on other addresses nothing is shown
without signing in. Ways to sign in: the link that `wiki-trends serve` prints, whose code is valid once and for an hour; the
token in the form of `/sign-in`; and, for programs, `Authorization: Bearer TOKEN` with each request. Signing out
ends the session on the server; see `sessions`. Sign-ins and refusals are logged, never the token.

Attempts with a wrong token are limited for each address. The correct token is always accepted, so nobody can lock out
others behind the same address. Tokens have at least 16 characters, so they cannot be guessed.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations when it runs
from starlette.responses import RedirectResponse, Response

from wiki_trends.web.auth.caller import client_address, home_path, is_local_path
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
CODE_SECONDS = 3600
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
ATTEMPTS_A_MINUTE = 10
_HINT = (
    "The token is the value of WIKI_TRENDS_WEB_TOKEN on the server; if it is not set, use the link that "
    "`wiki-trends serve` prints, which signs in once."
)


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only be reached from this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class TokenGuard:
    """Identifies visitors by the token, or by the cookie that they got for it.

    Args:
        token: the secret.
        hosts: accepted host names, besides those of this machine.
        sees_all: whether visitors may see the dashboard without signing in.
        revoked_file: stores revoked sessions; None: they are kept in memory only.
        clock: seconds since the epoch.
    """

    public = (SIGN_IN_PATH, SIGN_OUT_PATH)

    def __init__(
        self,
        token: str,
        hosts: Sequence[str] = (),
        *,
        sees_all: bool = True,
        revoked_file: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.hosts = (*LOCAL_HOSTS, *(host.lower() for host in hosts))
        self._token = token.encode()
        self._clock = clock
        self.sessions = Sessions(self._token, revoked_file, clock)
        self._default_visitor = Visitor(may_see=sees_all)
        self._codes: dict[bytes, float] = {}
        self._attempts = RateLimiter(ATTEMPTS_A_MINUTE)

    def new_code(self) -> str:
        """Create a code that signs in once."""
        code = secrets.token_urlsafe(24)
        self._codes[_digest(code)] = self._clock() + CODE_SECONDS
        return code

    async def visitor(self, request: Request) -> Visitor:
        """The visitor who made this request; see `Guard.visitor`."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            return _BY_TOKEN if self._check_token(request, token) else _ANONYMOUS
        if self.sessions.is_valid(request.cookies.get(COOKIE, "")):
            return _BY_COOKIE
        return self._default_visitor

    def sign_in_url(self, request: Request) -> str | None:
        """Path of the sign-in form."""
        return f"{request.scope.get('root_path', '')}{SIGN_IN_PATH}"

    def router(self) -> APIRouter:
        """The routes that exchange a code or the token for the cookie, and the one that signs out."""
        router = APIRouter(include_in_schema=False)

        @router.get(SIGN_IN_PATH)
        async def sign_in_by_link(request: Request, once: str = "", next: str = "") -> Response:  # noqa: A002 - the name in the URL
            del next  # The form reads it from the URL.
            if not once or getattr(request.state, "head", False):
                raise Problem(200, "SIGN_IN", "Sign in with the token.", _HINT)
            until = self._codes.pop(_digest(once), 0.0)
            if until < self._clock():
                self._count_failure(request, "a used or expired link")
                raise Problem(
                    401,
                    "LINK_SPENT",
                    "This link has already been used, or has expired.",
                    _HINT,
                )
            return self._signed_in(request, home_path(request))

        @router.post(SIGN_IN_PATH)
        async def sign_in_by_token(request: Request) -> Response:
            form = _form(await request.body())
            path = form.get("next", "")
            request.state.return_path = path
            if not self._check_token(request, form.get("token", "")):
                raise Problem(401, "WRONG_TOKEN", "The token is not correct.", _HINT)
            return self._signed_in(request, path if is_local_path(request, path) else home_path(request))

        @router.post(SIGN_OUT_PATH)
        async def sign_out(request: Request) -> Response:
            self.sessions.revoke(request.cookies.get(COOKIE, ""))
            logger.info("signed out, from %s", client_address(request))
            response = RedirectResponse(home_path(request), status_code=303)
            response.delete_cookie(COOKIE, path=home_path(request), httponly=True, samesite="strict")
            return response

        return router

    def _signed_in(self, request: Request, target: str) -> Response:
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
        """Whether the token is correct; a wrong one counts against the caller's limit."""
        if hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token):
            return True
        self._count_failure(request, "a wrong token")
        return False

    def _count_failure(self, request: Request, failure: str) -> None:
        """Log a failed attempt; raises `Problem` with status 429 after too many of them."""
        address = client_address(request)
        self._attempts.check(address)
        self._attempts.spend(address)
        logger.warning("refused %s, from %s", failure, address)


_ANONYMOUS = Visitor()
_BY_COOKIE = Visitor("token", may_see=True, may_act=True, sign_out=SIGN_OUT_PATH)
_BY_TOKEN = Visitor("token", may_see=True, may_act=True, by_token=True, sign_out=SIGN_OUT_PATH)


def _form(body: bytes) -> dict[str, str]:
    """The fields of a posted form; empty for a body that cannot be parsed."""
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10)
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _digest(code: str) -> bytes:
    # The lookup uses the digest, so its duration reveals nothing about the code.
    return hashlib.sha256(code.encode()).digest()
