"""The `[runners.NAME]` tables of the configuration file.

A table describes a runner of one of three kinds. The kind follows from the option that the table has: `command` (a program),
`function` (a Python function), or `dag_id` (a DAG in Airflow). No table contains a secret: the options for the token, the user
and the password are names of environment variables.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smart_orchestrator.config.runner_options import RunnerConfig, parse_attempts, parse_jobs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.config.tables import ConfigTable


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


def parse_runner(name: str, table: ConfigTable) -> RunnerConfig:
    """Parse a `[runners.NAME]` table.

    Raises:
        ConfigError: a value is invalid, or the table does not describe exactly one kind of runner.
    """
    runner: RunnerConfig
    if table.has("function"):
        from smart_orchestrator.config.function_runner import parse_function

        runner = parse_function(name, table)
    elif table.has("dag_id"):
        from smart_orchestrator.config.airflow_runner import parse_airflow

        runner = parse_airflow(name, table)
    else:
        runner = _parse_command(name, table)
    table.reject_unknown_options()
    return runner


def _parse_command(name: str, table: ConfigTable) -> CommandConfig:
    runner = CommandConfig(
        name=name,
        command=tuple(table.texts("command")),
        jobs=parse_jobs(table),
        attempts=parse_attempts(table),
        timeout=table.optional_seconds("timeout"),
        env=table.text_table("env"),
    )
    table.reject_unknown_options()
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
