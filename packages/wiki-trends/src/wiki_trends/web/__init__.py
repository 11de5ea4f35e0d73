"""The dashboard: one ASGI app over the published tables and the lake, stand-alone or mounted in another server."""

from __future__ import annotations

from wiki_trends.web.app import create_app
from wiki_trends.web.auth.guard import Guard, Visitor

__all__ = ["Guard", "Visitor", "create_app"]
