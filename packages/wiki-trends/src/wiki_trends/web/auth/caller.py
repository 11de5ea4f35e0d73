"""Facts about the caller of a request: its address, and the paths that it may be redirected to."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

# Who the current request is from, for limits per caller; set by `shield.SecurityMiddleware`.
caller: ContextVar[str] = ContextVar("caller", default="")

_MAX_PATH = 2000


def client_address(request: Request) -> str:
    """The IP address of the client; behind a proxy named with `--proxy`, the address that the proxy reports."""
    return request.client.host if request.client else ""


def home_path(request: Request) -> str:
    """The path of the app's first page."""
    return f"{request.scope.get('root_path', '')}/"


def is_local_path(request: Request, path: str) -> bool:
    """Whether a path belongs to the app; redirects must not lead out of it."""
    return (
        path.startswith(home_path(request))
        and len(path) <= _MAX_PATH
        and not path.startswith("//")
        and "\\" not in path
        and path.isprintable()
    )


def return_path(request: Request, sign_in: str | None) -> str:
    """The path to return to after signing in; empty if only the sign-in page itself was requested."""
    posted_path = request.scope.get("state", {}).get("return_path")
    if posted_path is not None:
        path = str(posted_path)
    elif request.url.path == sign_in or request.method != "GET":
        path = request.query_params.get("next", "")
    else:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return path if is_local_path(request, path) else ""
