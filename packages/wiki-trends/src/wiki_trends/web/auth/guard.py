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
    """Who made a request, and what they may do.

    Attributes:
        name: the name for the log; empty if nobody has signed in.
        may_see: may read every view.
        may_act: may start backfills.
        by_token: authenticated by a valid bearer token of this request, not by a cookie.
        sign_out: path below the app whose POST ends the session; empty if people sign out elsewhere.
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
        """Accepted host names, without port; None if the surrounding server checks them."""
        ...

    @property
    def public(self) -> Sequence[str]:
        """Paths of the guard's own routes that everybody may call, such as `/sign-in`."""
        ...

    async def visitor(self, request: Request) -> Visitor:
        """The visitor who made this request; without valid credentials a `Visitor` without rights, not an error.

        The app then refuses state-changing requests with a foreign `Origin`, except those with `by_token`: browsers add the
        cookie to a forged request, but not a token.
        """
        ...

    def sign_in_url(self, request: Request) -> str | None:
        """Path of the sign-in form, which posts `token` and `next`; None if there is no form."""
        ...

    def router(self) -> APIRouter | None:
        """The guard's own routes, mounted beside the views; None if it has none."""
        ...
