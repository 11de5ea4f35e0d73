"""The Airflow plugin that mounts the page "Data completeness" in the api-server, and adds a link to the navigation.

The entry point `airflow.plugins` of this package installs the plugin. The first request creates the app. If creating the app
fails, the response is 503, and Airflow itself is not affected.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

logger = logging.getLogger(__name__)
PREFIX = "/dataset-completeness"


class LazyPage:
    """An ASGI app that creates the page with the first request; after a failure, the next request tries again."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request; the response is 503 if the page cannot be created."""
        from starlette.responses import PlainTextResponse

        try:
            if self._app is None:
                from smart_orchestrator.airflow.completeness_page.app import create_page

                self._app = create_page()
        except Exception:
            # Airflow must work without the page.
            logger.exception("Data completeness cannot be shown")
            text = "The page cannot be shown; see the api-server's log.\n"
            await PlainTextResponse(text, 503)(scope, receive, send)
            return
        await self._app(scope, receive, send)


class DatasetCompletenessPlugin(AirflowPlugin):
    """Mounts the page, and adds a link to the navigation of Airflow's UI."""

    name = "dataset_completeness"
    fastapi_apps: list[Any] = [{"app": LazyPage(), "url_prefix": PREFIX, "name": "Data completeness"}]  # noqa: RUF012 - Airflow's form
    external_views: list[Any] = [  # noqa: RUF012
        {
            "name": "Data completeness",
            "href": f"{PREFIX}/",
            "destination": "nav",
            "url_route": "data-completeness",
        }
    ]
