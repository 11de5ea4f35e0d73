"""Checks that involve several tables of a configuration file: names, needs, grains, time zones and duplicates."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from smart_orchestrator.config.tables import unknown_name_error
from smart_orchestrator.model.dataset import PATH_ADAPTERS
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.spans import has_whole_hours
from smart_orchestrator.project_errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.config.runner_options import RunnerConfig
    from smart_orchestrator.config.values import ConsumerConfig
    from smart_orchestrator.model.dataset import Dataset


def topological_order(path: str, datasets: Mapping[str, Dataset]) -> list[str]:
    """Return the names of the datasets, every dataset after its needs.

    Raises:
        ConfigError: a need is not the name of a dataset, or datasets need each other in a circle.
    """
    for name, dataset in datasets.items():
        for need in dataset.needs:
            if need not in datasets:
                raise unknown_name_error(path, f"datasets.{name}.needs", need, datasets)
    try:
        return list(
            TopologicalSorter({name: dataset.needs for name, dataset in datasets.items()}).static_order()
        )
    except CycleError as error:
        # In the list of the error, each dataset comes before a dataset that needs it.
        cycle = " needs ".join(reversed(error.args[1]))
        raise ConfigError(
            path, "datasets", f"{cycle}: a circular dependency", "Remove one of these needs."
        ) from None


def check_hourly_time_zones(
    path: str, datasets: Mapping[str, Dataset], consumers: Mapping[str, ConsumerConfig]
) -> None:
    """Reject a dataset or a consumer that reads hourly datasets in a time zone whose days do not consist of complete UTC hours.

    Raises:
        ConfigError: there is such a dataset or consumer.
    """
    readers = [(f"datasets.{name}", dataset.timezone, dataset.needs) for name, dataset in datasets.items()]
    readers += [
        (f"consumers.{name}", consumer.timezone, consumer.datasets) for name, consumer in consumers.items()
    ]
    for table, timezone, names in readers:
        if timezone is None or not any(datasets[name].grain is Grain.HOUR for name in names):
            continue
        if not has_whole_hours(timezone):
            raise ConfigError(
                path,
                f"{table}.timezone",
                f"{timezone!r} has an offset from UTC that is not a whole number of hours, so a day there does not consist of hourly partitions",
                "Use a time zone with an offset of whole hours, or datasets of a coarser grain.",
            )


def check_duplicates(path: str, datasets: Mapping[str, Dataset]) -> None:
    """Reject two datasets with the same partitions, because runs of one would count as runs of the other.

    Raises:
        ConfigError: there are two such datasets.
    """
    names_by_location: dict[tuple[object, ...], str] = {}
    for name, dataset in datasets.items():
        # A file belongs to the same key in every time zone. A row of a table can belong to different days in different time zones.
        zone = None if dataset.adapter in PATH_ADAPTERS else dataset.timezone
        table = (dataset.table, dataset.query, dataset.key_column, zone)
        location = (dataset.lake.rstrip("/"), dataset.key_format, dataset.grain, *table)
        if names_by_location.setdefault(location, name) != name:
            raise ConfigError(
                path,
                f"datasets.{name}",
                f"has the same partitions as datasets.{names_by_location[location]}",
                "Remove one of them, or correct its url, its key or its table.",
            )


def check_grains_of_dags(
    path: str, datasets: Mapping[str, Dataset], runners: Mapping[str, RunnerConfig]
) -> None:
    """Reject a runner with a DAG for a dataset whose grain is not a day.

    Raises:
        ConfigError: a dataset has such a runner.
    """
    for name, dataset in datasets.items():
        if dataset.grain is Grain.DAY or dataset.runner is None:
            continue
        from smart_orchestrator.config.airflow_runner import AirflowConfig

        if isinstance(runners.get(dataset.runner), AirflowConfig):
            raise ConfigError(
                path,
                f"datasets.{name}.runner",
                f"a DAG runs days, and the grain of the dataset is {dataset.grain}",
                "Use a runner with a command that starts the run.",
            )
