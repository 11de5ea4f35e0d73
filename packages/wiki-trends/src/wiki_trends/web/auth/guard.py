"""Who may see the dashboard and who may act in it: the one object that differs between stand-alone and Airflow.

`create_app` asks the guard about every request before any view runs, so that no view can forget to. The stand-alone
guard is `wiki_trends.web.auth.sign_in.TokenGuard`; what mounts the app elsewhere passes one of its own.
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
        name: for the log of actions; empty when nobody has signed in.
        may_see: read every view.
        may_act: start backfills.
        sign_out: path below the app whose POST ends the session; empty when that is done elsewhere.
    """

    name: str = ""
    may_see: bool = False
    may_act: bool = False
    sign_out: str = ""


class Guard(Protocol):
    """Knows visitors. Every method is called on the event loop: nothing in it may block for long."""

    @property
    def hosts(self) -> Sequence[str] | None:
        """Names, without port, by which the app may be called; None when the server around it sees to that."""
        ...

    @property
    def public(self) -> Sequence[str]:
        """Paths of the guard's own routes that need no right, such as `/sign-in`."""
        ...

    async def visitor(self, request: Request) -> Visitor:
        """Who made this request. Nobody known is a `Visitor` without rights, not an error.

        For a request that changes something, the app has already refused every foreign `Origin`; `may_act` is looked at
        after that.
        """
        ...

    def sign_in_url(self, request: Request) -> str | None:
        """Where somebody without the right signs in, by POST of `token` and `next`; None when there is no such form."""
        ...

    def router(self) -> APIRouter | None:
        """The guard's own routes, mounted beside the views; None when it has none."""
        ...
