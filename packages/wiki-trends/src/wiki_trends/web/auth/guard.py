"""The protocol of authentication and authorisation: who may see the dashboard, and who may act in it.

The app calls the guard for every request, before any view runs. The stand-alone guard is
`wiki_trends.web.auth.sign_in.TokenGuard`; an app that mounts the dashboard passes its own.
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
        may_act: whether the visitor may start backfills.
        by_token: whether a valid bearer token in this request, not a cookie, identified the visitor.
        sign_out: the path below the app that ends the session on POST; empty if visitors sign out elsewhere.
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
        """The accepted host names, without a port; None if the surrounding server checks host names."""
        ...

    @property
    def public(self) -> Sequence[str]:
        """The paths of the guard's own routes that everybody may call, such as `/sign-in`."""
        ...

    async def visitor(self, request: Request) -> Visitor:
        """Return the visitor who made the request; without valid credentials, return a `Visitor` without rights.

        The app then refuses a state-changing request with a foreign `Origin`, unless `by_token` is set: browsers add the cookie
        to a forged request, but not a token.
        """
        ...

    def sign_in_url(self, request: Request) -> str | None:
        """Return the path of the sign-in form, which posts `token` and `next`; None if the guard has no form."""
        ...

    def router(self) -> APIRouter | None:
        """Return the guard's own routes, which the app adds to the views; None if the guard has no routes."""
        ...
