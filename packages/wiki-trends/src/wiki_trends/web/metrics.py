"""The metrics of the dashboard for Prometheus: the lake, the runs of this machine, and the requests to the server."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from smart_orchestrator.runners.ledger import Ledger
from wiki_trends.jobs.main import checker_of_any_window
from wiki_trends.jobs.signals import dataset_metrics, judge_days

if TYPE_CHECKING:
    from collections import Counter

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from smart_orchestrator.model.completeness import Completeness
    from wiki_trends.config.settings import Settings
    from wiki_trends.web.cache.dashboard_state import DashboardState


class RequestCounter:
    """ASGI middleware that counts the responses of the app, by the class of their status, such as `2xx`."""

    def __init__(self, app: ASGIApp, *, counts: Counter[str]) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""

        async def count(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._counts[f"{message['status'] // 100}xx"] += 1
            await send(message)

        await self._app(scope, receive, count)


async def metrics_response(state: DashboardState, counts: Counter[str], accept: str) -> Response:
    """Check the default window, and return its metrics in the format that the header `Accept` prefers.

    Raises:
        SourceTimeout: the lake or the runs do not answer in time.
        LakeError: the lake cannot be read.
        RunsError: the runs cannot be read.
    """
    from prometheus_client.exposition import choose_encoder

    from smart_orchestrator.telemetry.metrics import registry_of

    settings = state.sources.settings
    pools = (state.lake_pool, state.runs_pool)
    checked = await state.wait_briefly(state.checked_window(state.sources.window()), *pools)
    reading = state.lake_pool.read(_families, settings, checked.plan.completeness)
    families = await state.wait_briefly(reading, state.lake_pool)
    encode, content_type = choose_encoder(accept)
    text = encode(registry_of([*families, _request_family(counts)]))
    return Response(text, headers={"Content-Type": content_type, "Cache-Control": "no-store"})


def _families(settings: Settings, completeness: Completeness) -> list[Any]:
    """Return the metric families of a checked window and of the runs of this machine.

    With the setting `fresh`, which defines deadlines, they also tell whether the newest days arrived in time.
    """
    from smart_orchestrator.telemetry.metrics import count_runs, metric_families

    now = dt.datetime.now(tz=dt.UTC)

    check_window = checker_of_any_window(settings, ask_upstream=False)
    report = judge_days(settings, check_window, now) if settings.fresh else None
    dataset = dataset_metrics(settings, completeness, report, now)
    return list(metric_families([dataset], count_runs(Ledger(Path(settings.state)))))


def _request_family(counts: Counter[str]) -> Any:
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(
        "wiki_trends_http_requests",
        "Responses of the dashboard, by the class of their status.",
        labels=["status"],
    )
    # Every class has a time series from the start. Otherwise, Prometheus could not compute the increase of the first error.
    for status in ("2xx", "3xx", "4xx", "5xx"):
        family.add_metric([status], counts[status])
    return family
