"""The stand-alone guard: a token, exchanged for a cookie that scripts cannot read and other sites cannot use.

On a loopback address everybody may see, and visitors who have signed in may act; on other addresses nothing is shown
without signing in. Ways to sign in: the link that `wiki-trends serve` prints, whose code is valid once and for an hour; the
token in the form of `/sign-in`; and, for programs, `Authorization: Bearer TOKEN` with each request. The cookie is signed
with the token, so a new token ends all sessions, and a restart with the same token ends none.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations when it runs
from starlette.responses import RedirectResponse, Response

from wiki_trends.web.auth.guard import Visitor
from wiki_trends.web.auth.rate_limit import RateLimiter
from wiki_trends.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COOKIE = "wiki_trends_session"
SIGN_IN_PATH = "/sign-in"
SIGN_OUT_PATH = "/sign-out"
SESSION_SECONDS = 7 * 86_400
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
    """Identifies visitors who have the token.

    Args:
        token: the secret.
        hosts: accepted host names, besides those of this machine.
        sees_all: whether visitors may see the dashboard without signing in.
        clock: seconds since the epoch.
    """

    public = (SIGN_IN_PATH, SIGN_OUT_PATH)

    def __init__(
        self,
        token: str,
        hosts: Sequence[str] = (),
        *,
        sees_all: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.hosts = (*LOCAL_HOSTS, *(host.lower() for host in hosts))
        self._token = token.encode()
        self._clock = clock
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
            return _SIGNED_IN if self._check_token(request, token) else _ANONYMOUS
        if self._is_valid_session(request.cookies.get(COOKIE, "")):
            return _SIGNED_IN
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
            if not once:
                raise Problem(200, "SIGN_IN", "Sign in with the token.", _HINT)
            self._attempts.check(_client_address(request))
            until = self._codes.pop(_digest(once), 0.0)
            if until < self._clock():
                self._attempts.spend(_client_address(request))
                raise Problem(
                    401,
                    "LINK_SPENT",
                    "This link was used already, or has expired.",
                    _HINT,
                )
            return self._signed_in(request, _home_path(request))

        @router.post(SIGN_IN_PATH)
        async def sign_in_by_token(request: Request) -> Response:
            form = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=10)
            if not self._check_token(request, form.get("token", [""])[0]):
                raise Problem(401, "WRONG_TOKEN", "That is not the token.", _HINT)
            path = form.get("next", [""])[0]
            return self._signed_in(request, path if _is_local_path(request, path) else _home_path(request))

        @router.post(SIGN_OUT_PATH)
        async def sign_out(request: Request) -> Response:
            response = RedirectResponse(_home_path(request), status_code=303)
            response.delete_cookie(COOKIE, path=_home_path(request), httponly=True, samesite="strict")
            return response

        return router

    def _signed_in(self, request: Request, target: str) -> Response:
        response = RedirectResponse(target, status_code=303, headers={"Cache-Control": "no-store"})
        response.set_cookie(
            COOKIE,
            self._session_cookie(int(self._clock()) + SESSION_SECONDS),
            max_age=SESSION_SECONDS,
            path=_home_path(request),
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    def _session_cookie(self, until: int) -> str:
        signature = hmac.new(self._token, f"session until {until}".encode(), hashlib.sha256).hexdigest()
        return f"{until}.{signature}"

    def _is_valid_session(self, cookie: str) -> bool:
        until, _, _ = cookie.partition(".")
        if not (until.isascii() and until.isdecimal() and len(until) < 12) or int(until) < self._clock():
            return False
        return hmac.compare_digest(cookie.encode(), self._session_cookie(int(until)).encode())

    def _check_token(self, request: Request, token: str) -> bool:
        """Whether the token is right. After too many wrong ones, the caller is refused for a while."""
        self._attempts.check(_client_address(request))
        is_valid = hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token)
        if not is_valid:
            self._attempts.spend(_client_address(request))
        return is_valid


_ANONYMOUS = Visitor()
_SIGNED_IN = Visitor("token", may_see=True, may_act=True, sign_out=SIGN_OUT_PATH)


def _home_path(request: Request) -> str:
    return f"{request.scope.get('root_path', '')}/"


def _is_local_path(request: Request, path: str) -> bool:
    """Whether this is a path below the app; redirects must not leave it."""
    return (
        path.startswith(_home_path(request))
        and not path.startswith("//")
        and "\\" not in path
        and path.isprintable()
    )


def _client_address(request: Request) -> str:
    return request.client.host if request.client else ""


def _digest(code: str) -> bytes:
    # The lookup uses the digest, so its duration reveals nothing about the code.
    return hashlib.sha256(code.encode()).digest()
