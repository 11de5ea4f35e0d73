"""The names of the product's modules, files and values that the surface needs.

After code has been moved, only this module of `tools.surface` must be changed.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smart_orchestrator import Action, Code, Failure, RunState, State
from smart_orchestrator.cli import exit_codes

if TYPE_CHECKING:
    import enum
    from collections.abc import Mapping

    from fastapi import FastAPI

    from wiki_trends.config.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
# The folders and files whose contents are in the wheels.
WHEEL_PATHS = (
    "packages/smart-orchestrator/src/smart_orchestrator",
    "packages/wiki-trends/src/wiki_trends",
    "packages/wiki-trends/LICENSE",
)
DISTRIBUTIONS = ("smart-orchestrator", "wiki-trends")
DAG_FILES = "dags"
# The package with the functions that the DAG files call.
DAG_PACKAGE = "wiki_trends.airflow"
# The packages that users import. Of `plugins.utils`, users import two modules by their documented names.
PUBLIC = ("smart_orchestrator", "wiki_trends")
PUBLIC_IN_AIRFLOW = ("smart_orchestrator.airflow", "wiki_trends.airflow")
DOCUMENTED = ("plugins.utils.date_checker", "plugins.utils.dag_trigger")
SCRIPTS = ("check_and_fetch_data.py", "run_analytics.py", "show_analytics_report.py")
VALUES: Mapping[str, type[enum.StrEnum]] = {
    "state of a day": State,
    "code of a day": Code,
    "state of a run": RunState,
    "failure of a run": Failure,
    "action of a plan": Action,
}
EXIT_CODES = {
    "done": exit_codes.DONE,
    "incomplete": exit_codes.INCOMPLETE,
    "wrong usage": exit_codes.USAGE,
    "a service is unreachable": exit_codes.UNREACHABLE,
    "interrupted": exit_codes.INTERRUPTED,
}


def dashboard(settings: Settings) -> FastAPI:
    """Create the dashboard. The imports are in this function, because the dependencies of the dashboard are optional."""
    from wiki_trends.web import create_app
    from wiki_trends.web.auth.sign_in import TokenGuard

    return create_app(settings, guard=TokenGuard(TOKEN), today=lambda: AS_OF)


FILE = ROOT / "tests" / "surface" / "surface.json"
AIRFLOW_FILE = ROOT / "tests" / "surface" / "airflow.json"
PROGRAM = "wiki-trends"
TOKEN = "a-token-of-the-surface-0123456789"  # noqa: S105
AS_OF = dt.date(2025, 11, 12)
UNPUBLISHED_DAY = dt.date(2025, 10, 30)
FETCHED_DAYS = ("2025-11-01", "2025-11-02", "2025-11-03", "2025-11-07", "2025-11-08", "2025-11-09")

Section = dict[str, Any]
Surface = dict[str, Section]
