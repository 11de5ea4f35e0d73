"""The stand-alone guard: a token, exchanged for a cookie that scripts cannot read and other sites cannot use.

On a loopback address everybody may see and whoever has signed in may act; anywhere else nothing is shown to who has not
signed in. Ways to sign in: the link that `wiki-trends serve` prints, whose code holds once and for an hour; the token in
the form of `/sign-in`; and, for programs, `Authorization: Bearer TOKEN` with each request. The cookie is signed with the
token, so a new token ends all sessions and a restart with the same one ends none.
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
from wiki_trends.web.auth.rate_limit import Rate
from wiki_trends.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COOKIE = "wiki_trends_session"
PATH = "/sign-in"
OUT = "/sign-out"
SESSION_SECONDS = 7 * 86_400
CODE_SECONDS = 3600
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
ATTEMPTS_A_MINUTE = 10
_WHERE = (
    "It is what WIKI_TRENDS_WEB_TOKEN holds where the dashboard runs; without one, `wiki-trends serve` prints a link that "
    "signs in once."
)


def is_loopback(host: str) -> bool:
    """Whether a name or address can only be reached from this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class TokenGuard:
    """Knows whoever holds the token.

    Args:
        token: the secret.
        hosts: names by which the app may be called, besides those of this machine.
        sees_all: whether whoever reaches the app may see it; otherwise only who has signed in.
        clock: seconds since the epoch.
    """

    public = (PATH, OUT)

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
        self._stranger = Visitor(may_see=sees_all)
        self._codes: dict[bytes, float] = {}
        self._attempts = Rate(ATTEMPTS_A_MINUTE)

    def new_code(self) -> str:
        """A code that signs in once."""
        code = secrets.token_urlsafe(24)
        self._codes[_digest(code)] = self._clock() + CODE_SECONDS
        return code

    async def visitor(self, request: Request) -> Visitor:
        """Who made this request; see `Guard.visitor`."""
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and given:
            return _SIGNED_IN if self._try(request, given) else _NOBODY
        if self._is_session(request.cookies.get(COOKIE, "")):
            return _SIGNED_IN
        return self._stranger

    def sign_in_url(self, request: Request) -> str | None:
        """The page with the form."""
        return f"{request.scope.get('root_path', '')}{PATH}"

    def router(self) -> APIRouter:
        """The exchange of code or token for the cookie, and the way out."""
        router = APIRouter(include_in_schema=False)

        @router.get(PATH)
        async def sign_in_by_link(request: Request, once: str = "", next: str = "") -> Response:  # noqa: A002 - its name in the address
            del next  # The form takes it from the address.
            if not once:
                raise Problem(200, "SIGN_IN", "Sign in with the token.", _WHERE)
            self._attempts.check(_caller(request))
            until = self._codes.pop(_digest(once), 0.0)
            if until < self._clock():
                self._attempts.spend(_caller(request))
                raise Problem(
                    401,
                    "LINK_SPENT",
                    "This link was used already, or is too old: it holds once.",
                    _WHERE,
                )
            return self._signed_in(request, _home(request))

        @router.post(PATH)
        async def sign_in_by_token(request: Request) -> Response:
            form = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=10)
            if not self._try(request, form.get("token", [""])[0]):
                raise Problem(401, "WRONG_TOKEN", "That is not the token.", _WHERE)
            wanted = form.get("next", [""])[0]
            return self._signed_in(request, wanted if _is_ours(request, wanted) else _home(request))

        @router.post(OUT)
        async def sign_out(request: Request) -> Response:
            answer = RedirectResponse(_home(request), status_code=303)
            answer.delete_cookie(COOKIE, path=_home(request), httponly=True, samesite="strict")
            return answer

        return router

    def _signed_in(self, request: Request, to: str) -> Response:
        answer = RedirectResponse(to, status_code=303, headers={"Cache-Control": "no-store"})
        answer.set_cookie(
            COOKIE,
            self._session(int(self._clock()) + SESSION_SECONDS),
            max_age=SESSION_SECONDS,
            path=_home(request),
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return answer

    def _session(self, until: int) -> str:
        signature = hmac.new(self._token, f"session until {until}".encode(), hashlib.sha256).hexdigest()
        return f"{until}.{signature}"

    def _is_session(self, cookie: str) -> bool:
        until, _, _ = cookie.partition(".")
        if not (until.isascii() and until.isdecimal() and len(until) < 12) or int(until) < self._clock():
            return False
        return hmac.compare_digest(cookie.encode(), self._session(int(until)).encode())

    def _try(self, request: Request, given: str) -> bool:
        """Whether that is the token. Who was wrong too often is not heard for a while, right or wrong."""
        self._attempts.check(_caller(request))
        right = hmac.compare_digest(given.encode("utf-8", "surrogateescape"), self._token)
        if not right:
            self._attempts.spend(_caller(request))
        return right


_NOBODY = Visitor()
_SIGNED_IN = Visitor("token", may_see=True, may_act=True, sign_out=OUT)


def _home(request: Request) -> str:
    return f"{request.scope.get('root_path', '')}/"


def _is_ours(request: Request, path: str) -> bool:
    """Whether that is the path of a page below the app: a redirect must lead nowhere else."""
    home = _home(request)
    return path.startswith(home) and not path.startswith("//") and "\\" not in path and path.isprintable()


def _caller(request: Request) -> str:
    return request.client.host if request.client else ""


def _digest(code: str) -> bytes:
    # What is looked up is no secret any more, so the time that the look-up takes tells nothing.
    return hashlib.sha256(code.encode()).digest()
