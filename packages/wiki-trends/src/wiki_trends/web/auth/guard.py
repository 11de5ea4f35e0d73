"""The protocol of authentication and authorisation: who may see the dashboard, and who may act in it.

The app calls the guard for every request, before any view runs. `wiki-trends serve` uses the guard
`wiki_trends.web.auth.sign_in.TokenGuard`; an app that mounts the dashboard passes another implementation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import APIRouter
    from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Visitor:
    """The visitor who made a request, and the rights of the visitor.

    Attributes:
        name: the name of the visitor for the log; empty without sign-in.
        may_see: whether the visitor may read every view.
        may_act: whether the visitor may start and cancel backfills, and waive days.
        by_token: whether the request identified the visitor by a valid bearer token, not by a cookie.
        sign_out: the path of sign-out, relative to the app: a POST to it ends the session. Empty if the app has no such path.
    """

    name: str = ""
    may_see: bool = False
    may_act: bool = False
    by_token: bool = False
    sign_out: str = ""


class Guard(Protocol):
    """Identifies visitors. Every method is called on the event loop and must not block."""

    @property
    def hosts(self) -> Sequence[str] | None:
        """The accepted host names, without a port; None if the server that mounts the app checks host names."""
        ...

    @property
    def public(self) -> Sequence[str]:
        """The paths of the guard's own routes that everybody may call, such as `/sign-in`."""
        ...

    async def visitor(self, request: Request) -> Visitor:
        """Return the visitor who made the request; without valid credentials, return a `Visitor` without rights.

        Unless `by_token` is set, the app refuses a state-changing request with a foreign `Origin`. A foreign page can make a
        browser send a request with the visitor's cookie, but not with the visitor's bearer token.
        """
        ...

    def sign_in_url(self, request: Request) -> str | None:
        """Return the path of the sign-in form, which posts `token` and `next`; None if the guard has no form."""
        ...

    def router(self) -> APIRouter | None:
        """Return the guard's own routes, which the app adds to the views; None if the guard has no routes."""
        ...
