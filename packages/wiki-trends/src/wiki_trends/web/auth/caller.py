"""The identity of a request's caller, and the paths to which the app may redirect the caller."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

# The name and address of the current request's caller, for limits per caller. `shield.SecurityMiddleware` sets the value.
caller: ContextVar[str] = ContextVar("caller", default="")

_MAX_REDIRECT_PATH_LENGTH = 2000


def client_address(request: Request) -> str:
    """Return the IP address of the client; behind a proxy named with `--proxy`, the address that the proxy reports."""
    return request.client.host if request.client else ""


def home_path(request: Request) -> str:
    """Return the path of the app's first page."""
    return f"{request.scope.get('root_path', '')}/"


def is_local_path(request: Request, path: str) -> bool:
    """Return whether a path belongs to the app, so that a redirect to the path does not leave the app."""
    return (
        path.startswith(home_path(request))
        and len(path) <= _MAX_REDIRECT_PATH_LENGTH
        and not path.startswith("//")
        and "\\" not in path
        and path.isprintable()
    )


def return_path(request: Request, sign_in: str | None) -> str:
    """Return the path to show after signing in; empty if it would leave the app.

    The path is the form field `next`, which `TokenGuard` stores in `request.state`. Without this field, a request for the sign-in page or with
    a method other than GET has the path in the parameter `next` of the URL; for any other request, the path is the requested page itself.
    """
    posted_path = request.scope.get("state", {}).get("return_path")
    if posted_path is not None:
        path = str(posted_path)
    elif request.url.path == sign_in or request.method != "GET":
        path = request.query_params.get("next", "")
    else:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return path if is_local_path(request, path) else ""
