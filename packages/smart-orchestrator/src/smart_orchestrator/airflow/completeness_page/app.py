"""The page as an ASGI app: `GET /` is HTML, and `GET /datasets.json` is the same as JSON. The app changes nothing.

A user sees the datasets of the orchestrator DAGs whose runs the user may see in Airflow. Without a valid token of Airflow, the
response is 401. The parameter `days` sets the number of days of each window.
"""

from __future__ import annotations

import asyncio
import tempfile
from typing import TYPE_CHECKING, Any
from weakref import finalize

from smart_orchestrator.airflow.completeness_page.access import airflow_user, is_authorized
from smart_orchestrator.airflow.completeness_page.datasets import DatasetReports, orchestrated_datasets
from smart_orchestrator.airflow.completeness_page.template import PAGE

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from smart_orchestrator.airflow.completeness_page.datasets import DatasetReport
    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.partition import Partition

MAX_DAYS = 366
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}


def create_page() -> Starlette:
    """Create the app. Its checks cache their results in a temporary folder, which is removed when the app is deleted."""
    from jinja2 import Environment
    from starlette.applications import Starlette
    from starlette.responses import HTMLResponse, JSONResponse
    from starlette.routing import Route

    folder = tempfile.TemporaryDirectory(prefix="data-completeness-")
    reports = DatasetReports(folder.name)
    template = Environment(autoescape=True).from_string(PAGE)

    async def html(request: Request) -> Response:
        result = await _reports(request, reports)
        if not isinstance(result, list):
            return result
        rows = [_row(report) for report in result]
        return HTMLResponse(template.render(rows=rows), headers=HEADERS)

    async def json(request: Request) -> Response:
        result = await _reports(request, reports)
        if not isinstance(result, list):
            return result
        return JSONResponse({"datasets": [report.to_json() for report in result]}, headers=HEADERS)

    app = Starlette(routes=[Route("/", html), Route("/datasets.json", json)])
    finalize(app, folder.cleanup)
    return app


async def _reports(request: Request, reports: DatasetReports) -> list[DatasetReport] | Response:
    """Return the reports that the user of the request may see, or the response to a request that is refused."""
    from fastapi import HTTPException
    from starlette.responses import PlainTextResponse

    try:
        user = await airflow_user(request)
    except HTTPException:
        return PlainTextResponse(
            "Sign in to Airflow first.\n", 401, {**HEADERS, "WWW-Authenticate": "Bearer"}
        )
    try:
        days = int(text) if (text := request.query_params.get("days")) else None
    except ValueError:
        days = 0  # This number is refused below, as any other number out of range.
    if days is not None and not 1 <= days <= MAX_DAYS:
        return PlainTextResponse(f"days must be a number from 1 to {MAX_DAYS}.\n", 422, HEADERS)
    return await asyncio.to_thread(_visible_reports, user, reports, days)


def _visible_reports(user: BaseUser, reports: DatasetReports, days: int | None) -> list[DatasetReport]:
    visible = [dataset for dataset in orchestrated_datasets() if is_authorized(user, "GET", dataset.dag_id)]
    return reports.of(visible, days)


def _row(report: DatasetReport) -> dict[str, Any]:
    """Return the values of the template for one dataset."""
    completeness = report.completeness
    orchestration = report.dataset.orchestration
    return {
        "report": report,
        "name": orchestration.dataset.name if orchestration else report.dataset.dag_id,
        "pipeline": orchestration.pipeline_dag_id if orchestration else "",
        "window": str(completeness.window) if completeness else "",
        "expected": len(completeness.expected) if completeness else 0,
        "available": len(completeness.available) if completeness else 0,
        "missing": len(completeness.missing) if completeness else 0,
        "days": []
        if completeness is None
        else [
            {
                "day": partition.day,
                "class": _css_class(partition, completeness),
                "title": f"{partition.day}: {partition.code.value}, {partition.reason}",
            }
            for partition in completeness.partitions
        ],
    }


def _css_class(partition: Partition, completeness: Completeness) -> str:
    if completeness.accepts(partition):
        return "ok"
    return "missing" if partition.day in completeness.missing else "not-expected"
