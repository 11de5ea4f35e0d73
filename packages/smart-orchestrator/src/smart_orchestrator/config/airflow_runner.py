"""The `[runners.NAME]` table of a DAG in Airflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smart_orchestrator.config.runner_options import RunnerConfig, parse_attempts, parse_jobs

if TYPE_CHECKING:
    from smart_orchestrator.config.tables import ConfigTable
    from smart_orchestrator.project_errors import ConfigError

DEFAULT_POLL_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AirflowConfig(RunnerConfig):
    """A DAG that runs the pipeline of a dataset for one day, reached through Airflow's REST API.

    Attributes:
        url: the address of Airflow, such as `http://localhost:8080`.
        dag_id: the id of the DAG.
        token_variable: the name of the environment variable with the token; empty if a user and a password are used instead.
        user_variable: the name of the environment variable with the user; empty if a token is used.
        password_variable: the name of the environment variable with the password; empty if a token is used.
        poll_seconds: the longest pause between two polls of the runs, in seconds.
    """

    url: str
    dag_id: str
    token_variable: str = ""
    user_variable: str = ""
    password_variable: str = ""
    poll_seconds: float = DEFAULT_POLL_SECONDS


def parse_airflow(name: str, table: ConfigTable) -> AirflowConfig:
    """Parse the table of a DAG.

    Raises:
        ConfigError: the address or the names of the variables with the credentials are invalid.
    """
    runner = AirflowConfig(
        name=name,
        url=table.url("url"),
        dag_id=table.text("dag_id"),
        token_variable=table.text("token_variable", ""),
        user_variable=table.text("user_variable", ""),
        password_variable=table.text("password_variable", ""),
        jobs=parse_jobs(table),
        attempts=parse_attempts(table),
        poll_seconds=table.optional_seconds("poll_seconds") or DEFAULT_POLL_SECONDS,
    )
    if (problem := _url_problem(runner.url)) is not None:
        raise table.error("url", problem, 'Write url = "http://localhost:8080", for example.')
    # Either a token or both a user and a password must be named.
    if bool(runner.token_variable) == bool(runner.user_variable and runner.password_variable):
        raise _credentials_error(table)
    return runner


def _url_problem(url: str) -> str | None:
    """Return why a URL is not the address of an Airflow. The text does not contain the URL, which may hold a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "is not an http or https URL"
    return "contains credentials" if parts.username or parts.password else None


def _credentials_error(table: ConfigTable) -> ConfigError:
    return table.error(
        "token_variable",
        "Airflow needs a token, or a user and a password, from environment variables",
        'Write token_variable = "AIRFLOW_TOKEN", or user_variable and password_variable.',
    )
