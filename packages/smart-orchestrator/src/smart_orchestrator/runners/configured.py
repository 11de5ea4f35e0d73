"""Create the runner that a table of the configuration file describes.

A key has at most one run in flight. What guarantees this depends on the option in the table of the runner:

| option | guarantee |
|---|---|
| `command` | a lock of the key on this machine, which the command holds until it ends, even if `smart-orchestrator` is killed |
| `function` | a lock of the key on this machine, which the process of the function holds until the function ends |
| `dag_id` | Airflow, which refuses a second run with the same id, for all machines |
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from smart_orchestrator.checking import is_complete
from smart_orchestrator.config.airflow_runner import AirflowConfig
from smart_orchestrator.config.function_runner import FunctionConfig
from smart_orchestrator.config.functions import load_function
from smart_orchestrator.config.runners import CommandConfig
from smart_orchestrator.model.dataset import PATH_ADAPTERS
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.project_errors import ConfigError
from smart_orchestrator.runners.airflow import AirflowRunner
from smart_orchestrator.runners.airflow_client import AirflowApi, AirflowOptionNames
from smart_orchestrator.runners.command import CommandRunner
from smart_orchestrator.runners.local import LocalRunner
from smart_orchestrator.store.urls import redacted_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smart_orchestrator.config.runner_options import RunnerConfig
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.grain import Key
    from smart_orchestrator.runners.base import RecordingRunner


def create_runner(config: RunnerConfig, dataset: Dataset, path: Path, state: Path) -> RecordingRunner:
    """Create the runner of a dataset.

    Args:
        config: the table of the runner.
        dataset: the dataset that the runs write.
        path: the path of the configuration file. Commands run in the folder of this file, and functions are imported from this
            folder.
        state: the folder of the ledger, the locks and the output.

    Raises:
        ConfigError: an environment variable that the table names is not set.
    """
    if isinstance(config, AirflowConfig):
        return _airflow_runner(config, dataset, path)
    identity = _identity(dataset)
    if isinstance(config, FunctionConfig):
        return FunctionRunner(config, dataset, path, state, identity)
    assert isinstance(config, CommandConfig)
    runner = CommandRunner(
        config.command,
        state_dir=state,
        jobs=config.jobs,
        attempts=config.attempts,
        timeout=config.timeout,
        cwd=path.absolute().parent,
        env=config.env,
        identity=identity,
        span=dataset.span,
        # `runner` is assigned before this function is called.
        is_complete=lambda key: is_complete(dataset, key, runner.latest([key]).get(key)),
    )
    return runner


class FunctionRunner(LocalRunner):
    """A `LocalRunner` for a function that the configuration names. The function is imported when it is first needed."""

    def __init__(
        self, config: FunctionConfig, dataset: Dataset, path: Path, state: Path, identity: str
    ) -> None:
        super().__init__(dataset, self._run, state, identity=identity)
        self._config = config
        self._path = path

    def capacity(self) -> int:
        """Return the maximum number of parallel runs.

        Raises:
            ConfigError: the function cannot be imported.
        """
        # Import the function now, so that a wrong name fails before the first run starts.
        _ = self.function
        return self._config.jobs

    @cached_property
    def function(self) -> Callable[[Key], object]:
        """The function.

        Raises:
            ConfigError: the function cannot be imported.
        """
        return load_function(self._config.function, self._path, f"runners.{self._config.name}.function")

    def _run(self, key: Key) -> object:
        return self.function(key)


def _airflow_runner(config: AirflowConfig, dataset: Dataset, path: Path) -> AirflowRunner:
    def variable(option: str) -> str:
        name: str = getattr(config, option)
        if not name:
            return ""
        if not os.environ.get(name):
            raise ConfigError(
                str(path),
                f"runners.{config.name}.{option}",
                f"the environment variable {name} is not set",
                "Set it.",
            )
        return os.environ[name]

    prefix = f"runners.{config.name}"
    api = AirflowApi(
        config.url,
        user=variable("user_variable"),
        password=variable("password_variable"),
        token=variable("token_variable"),
        # The names of what an error tells the user to change.
        option_names=AirflowOptionNames(
            url=f"{prefix}.url",
            user=config.user_variable or f"{prefix}.user_variable",
            password=config.password_variable or f"{prefix}.password_variable",
            token=config.token_variable or f"{prefix}.token_variable",
            dag=f"{prefix}.dag_id",
        ),
    )
    return AirflowRunner(dataset, api, config.dag_id, lag=dataset.lag, poll_seconds=config.poll_seconds)


def _identity(dataset: Dataset) -> str:
    """Return the name under which the ledger records the runs of a dataset. Datasets with the same data have the same name.

    Two datasets can describe the same data with different grains, and the same table also with different key columns or time zones. The same
    key then means different rows. So the name contains the grain (unless it is a day) and, for a table, the key column and the time zone.
    """
    lake = redacted_url(dataset.lake).rstrip("/")
    parts = [] if dataset.grain is Grain.DAY else [dataset.grain.value]
    if dataset.adapter in PATH_ADAPTERS:
        return "/".join([lake, dataset.key_format, *parts])
    parts += [part for part in (dataset.key_column, dataset.timezone) if part]
    return "/".join([lake, dataset.table or dataset.name, *parts])
