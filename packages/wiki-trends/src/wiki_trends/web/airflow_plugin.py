"""The dashboard in Airflow's UI, mounted in Airflow's api-server, under Airflow's own rights.

Airflow does not authenticate the apps that a plugin mounts, so the guard authenticates each request. Without a valid token of
Airflow, the response is 401. Users who may see the runs of the pipeline's DAG may see the pages. Users who may trigger the DAG
may start backfills. A state-changing request must come from the same site (`Origin`, `Sec-Fetch-Site`), or have a valid
bearer token. Airflow's UI shows the page in a frame.

The entry point `airflow.plugins` of this package installs the plugin, which needs the extra `web`. The plugin reads the
settings (`WIKI_TRENDS_…`) and the keys of the lake from the environment of the api-server. It uses the connections
`wiki_trends_lake`, `wiki_trends_warehouse` and `wiki_trends_airflow_api`, as the DAGs do, and starts runs as the user of
`wiki_trends_airflow_api`. The first request creates the app. If creating the app fails, the response is 503, and Airflow
itself is not affected.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

from smart_orchestrator.airflow.completeness_page.access import airflow_user, is_authorized
from wiki_trends.web.auth.guard import Visitor

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
    from fastapi import APIRouter, FastAPI
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from wiki_trends.config.settings import Settings

logger = logging.getLogger(__name__)
PREFIX = "/data-completeness"
RUN_NOTE = "Started from the page Data completeness"


class AirflowGuard:
    """Identifies Airflow's users, and derives their rights in the dashboard from their rights to one DAG."""

    hosts = None
    public = ()

    def __init__(self, dag_id: str) -> None:
        self._dag_id = dag_id

    async def visitor(self, request: Request) -> Visitor:
        """Return the user of the bearer token or the session cookie, with the user's rights to the runs of the DAG."""
        from fastapi import HTTPException

        try:
            user = await airflow_user(request)
        except HTTPException:
            return Visitor()
        may_see, may_act = await asyncio.to_thread(self._rights, user)
        # `airflow_user` ignores the cookie if the request has this header.
        by_token = "authorization" in request.headers
        return Visitor(user.get_name(), may_see=may_see, may_act=may_see and may_act, by_token=by_token)

    def _rights(self, user: BaseUser) -> tuple[bool, bool]:
        """Return whether the user may see the runs of the DAG, and whether the user may trigger the DAG."""
        return is_authorized(user, "GET", self._dag_id), is_authorized(user, "POST", self._dag_id)

    def sign_in_url(self, _: Request) -> None:
        """Return None, because users sign in to Airflow."""

    def router(self) -> APIRouter | None:
        """Return None, because this guard has no routes."""
        return None


def create_dashboard(settings: Settings) -> FastAPI:
    """Create the dashboard over the lake, the warehouse and the runs that the DAGs use.

    Raises:
        RunsError: the connection to Airflow's API is missing.
    """
    from smart_orchestrator.airflow import Orchestration, postgres_url
    from smart_orchestrator.airflow.connections import aws_environment
    from wiki_trends.config.layers import layers
    from wiki_trends.web import create_app

    for name, value in aws_environment("wiki_trends_lake").items():
        os.environ.setdefault(name, value)
    settings = replace(settings, warehouse=postgres_url("wiki_trends_warehouse") or settings.warehouse)
    orchestration = Orchestration(
        layers(settings).diamond,
        settings.airflow_dag,
        lag=settings.max_lag,
        poll_seconds=settings.airflow_poll,
        api_conn_id="wiki_trends_airflow_api",
    )
    runs = orchestration.runner(RUN_NOTE)
    return create_app(settings, guard=AirflowGuard(settings.airflow_dag), runs=runs, framed=True)


class LazyApp:
    """An ASGI app that creates the dashboard at the first request. After a failure, the next request tries again."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request. The status of the response is 503 if the dashboard cannot be created."""
        from starlette.responses import PlainTextResponse

        try:
            dashboard = await self._dashboard()
        except Exception:
            # An error of the dashboard must not reach Airflow.
            logger.exception("the dashboard cannot be shown")
            text = "The page cannot be shown; see the api-server's log.\n"
            await PlainTextResponse(text, 503)(scope, receive, send)
            return
        await dashboard(scope, receive, send)

    async def _dashboard(self) -> ASGIApp:
        async with self._lock:
            if self._app is None:
                from wiki_trends.config.settings import load

                self._app = await asyncio.to_thread(lambda: create_dashboard(load()))
            return self._app


class DataCompletenessPlugin(AirflowPlugin):
    """Mounts the dashboard. The page "Data completeness" of smart-orchestrator links to it as the details of Wikipedia's dataset."""

    name = "data_completeness"
    fastapi_apps: list[Any] = [{"app": LazyApp(), "url_prefix": PREFIX, "name": "Wikipedia trends"}]  # noqa: RUF012 - Airflow's form
