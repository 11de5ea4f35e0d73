"""The `[runners.NAME]` tables of the configuration file.

A table describes a runner of one of three kinds. The kind follows from the option that the table has: `command` (a program),
`function` (a Python function), or `dag_id` (a DAG in Airflow). No table contains a secret: the options for the token, the user
and the password are names of environment variables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from smart_orchestrator.config.functions import parse_function_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.config.tables import ConfigTable
    from smart_orchestrator.project_errors import ConfigError

DEFAULT_JOBS, DEFAULT_ATTEMPTS, DEFAULT_POLL_SECONDS = 4, 3, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerConfig:
    """The options that all kinds of runners have.

    Attributes:
        name: the `NAME` of the table `[runners.NAME]`.
        jobs: the maximum number of runs at the same time.
        attempts: the maximum number of runs that a backfill starts for one key.
    """

    name: str
    jobs: int = DEFAULT_JOBS
    attempts: int = DEFAULT_ATTEMPTS


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandConfig(RunnerConfig):
    """A command that runs the pipeline of a dataset for one key.

    Attributes:
        command: the command as a list of arguments. `{key}` becomes the partition key; `{start}` and `{end}` become the start and
            the end of its span. No shell is used.
        timeout: the number of seconds after which a run is ended; None for no limit.
        env: the variables that are added to the environment of the command.
    """

    command: tuple[str, ...]
    timeout: float | None = None
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionConfig(RunnerConfig):
    """A Python function that runs the pipeline of a dataset for one key, in a thread of the orchestrator's process.

    Attributes:
        function: the function as `module:function`. The folder of the configuration file is searched for the module first.
    """

    function: str


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


def parse_runner(name: str, table: ConfigTable) -> RunnerConfig:
    """Parse a `[runners.NAME]` table.

    Raises:
        ConfigError: a value is invalid, or the table does not describe exactly one kind of runner.
    """
    runner: RunnerConfig
    if table.has("function"):
        runner = _parse_function(name, table)
    elif table.has("dag_id"):
        runner = _parse_airflow(name, table)
    else:
        runner = _parse_command(name, table)
    table.reject_unknown_keys()
    return runner


def _parse_command(name: str, table: ConfigTable) -> CommandConfig:
    runner = CommandConfig(
        name=name,
        command=tuple(table.texts("command")),
        jobs=_jobs(table),
        attempts=_attempts(table),
        timeout=table.optional_seconds("timeout"),
        env=table.text_table("env"),
    )
    table.reject_unknown_keys()
    if any("=" in variable or not variable for variable in runner.env) or "\0" in "".join(
        [*runner.env, *runner.env.values()]
    ):
        raise table.error("env", "has a name or a value that no environment can hold", "Correct it.")
    if not runner.command or not runner.command[0]:
        raise table.error(
            "command",
            "is empty",
            'Give a list of arguments, such as ["python", "etl.py", "{key}"].',
        )
    return runner


def _parse_function(name: str, table: ConfigTable) -> FunctionConfig:
    return FunctionConfig(
        name=name, function=parse_function_name(table), jobs=_jobs(table), attempts=_attempts(table)
    )


def _parse_airflow(name: str, table: ConfigTable) -> AirflowConfig:
    runner = AirflowConfig(
        name=name,
        url=table.url("url"),
        dag_id=table.text("dag_id"),
        token_variable=table.text("token_variable", ""),
        user_variable=table.text("user_variable", ""),
        password_variable=table.text("password_variable", ""),
        jobs=_jobs(table),
        attempts=_attempts(table),
        poll_seconds=table.optional_seconds("poll_seconds") or DEFAULT_POLL_SECONDS,
    )
    if (problem := _url_problem(runner.url)) is not None:
        raise table.error("url", problem, 'Write url = "http://localhost:8080", for example.')
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


def _jobs(table: ConfigTable) -> int:
    return table.integer("jobs", DEFAULT_JOBS, low=1)


def _attempts(table: ConfigTable) -> int:
    return table.integer("attempts", DEFAULT_ATTEMPTS, low=1)
