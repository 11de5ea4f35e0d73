"""The configuration file `smart-orchestrator.toml`: datasets, runners of their pipelines, and consumers.

The file is read once and in full. A value that cannot be used raises `ConfigError`, which names the file, the key, the value and the
fix. Relative paths are relative to the file's folder. No secret belongs in the file, except in the URL of a database.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from smart_orchestrator.config_fields import ConfigTable
from smart_orchestrator.errors import DatasetError, OptionError
from smart_orchestrator.foreign import BadDocument, parse_toml
from smart_orchestrator.model.completeness import Policy
from smart_orchestrator.model.dataset import PATH_ADAPTERS, Column, Dataset, is_time_zone
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.spans import has_whole_hours
from smart_orchestrator.project_errors import ConfigError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

FILE_NAME = "smart-orchestrator.toml"
DEFAULT_STATE = ".smart-orchestrator"
_SCHEMES_OF_URLS = "://"


@dataclass(frozen=True, slots=True)
class RunnerConfig:
    """A command that runs the pipeline of a dataset for one key.

    Attributes:
        name: of its table in the file.
        command: the arguments; `{key}`, `{start}` and `{end}` are filled in. It never passes through a shell.
        jobs: the largest number of runs at the same time.
        attempts: how many runs a backfill starts for a key that does not become complete.
        timeout: seconds after which a run is ended; None for no limit.
        env: variables that are added to the environment.
    """

    name: str
    command: tuple[str, ...]
    jobs: int = 4
    attempts: int = 3
    timeout: float | None = None
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConsumerConfig:
    """A command that runs when the windows of its datasets are ready.

    Attributes:
        name: of its table in the file.
        datasets: names of the datasets that it reads.
        last: length of the window, in grains.
        command: the arguments; `{start}` and `{end}` are the first and the last key of the window.
        policy: when a window counts as ready.
        grain: of the window; a consumer of a coarser grain than a dataset needs every partition within its keys.
        timezone: IANA name of the zone of the window's keys.
    """

    name: str
    datasets: tuple[str, ...]
    last: int
    command: tuple[str, ...]
    policy: Policy
    grain: Grain | None = None
    timezone: str | None = None

    @property
    def zone(self) -> dt.tzinfo | None:
        """The time zone of the window's keys; None for that of the dataset."""
        return ZoneInfo(self.timezone) if self.timezone else None


@dataclass(frozen=True, slots=True)
class Config:
    """The contents of a configuration file.

    Attributes:
        path: the file.
        state: the folder of runs, locks and output.
        datasets: by name, those that others need first.
        policies: when a window of a dataset counts as ready, by the dataset's name.
        waivers: URLs of the lakes that hold the waivers of tables, by the dataset's name.
        runners: by name.
        consumers: by name.
    """

    path: Path
    state: Path
    datasets: Mapping[str, Dataset]
    policies: Mapping[str, Policy]
    waivers: Mapping[str, str]
    runners: Mapping[str, RunnerConfig]
    consumers: Mapping[str, ConsumerConfig]

    def dataset(self, name: str) -> Dataset:
        """A dataset by its name.

        Raises:
            ConfigError: the file has no such dataset.
        """
        if name not in self.datasets:
            raise _unknown(str(self.path), "datasets", name, self.datasets)
        return self.datasets[name]

    def needed_by(self, name: str) -> list[str]:
        """The names of all datasets that a dataset needs, directly or not, those that others need first."""
        needed: set[str] = set()
        pending = [name]
        while pending:
            needs = self.datasets[pending.pop()].needs
            pending += [need for need in needs if need not in needed]
            needed.update(needs)
        return [dataset for dataset in self.datasets if dataset in needed]

    def consumers_of(self, name: str) -> list[ConsumerConfig]:
        """The consumers that read a dataset."""
        return [consumer for consumer in self.consumers.values() if name in consumer.datasets]


def load_config(path: str | Path = FILE_NAME) -> Config:
    """Read a configuration file.

    Raises:
        ConfigError: the file cannot be read, or a value of it cannot be used.
    """
    path = Path(path).expanduser()
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            str(path),
            "",
            "the file does not exist",
            "Write one with `smart-orchestrator init FOLDER`, or name it with --config.",
        ) from None
    except OSError as error:
        raise ConfigError(
            str(path), "", f"the file cannot be read ({error.strerror})", "Name a file that can be read."
        ) from None
    return parse_config(data, path)


def parse_config(data: bytes, path: Path) -> Config:
    """The configuration in the bytes of a file at `path`.

    Raises:
        ConfigError: a value cannot be used.
    """
    try:
        document = parse_toml(data, what=str(path))
    except BadDocument as error:
        raise ConfigError(str(path), "", error.problem, "Correct the file.") from None
    root = ConfigTable(str(path), "", document)
    folder = path.absolute().parent
    state = folder / Path(root.text("state", DEFAULT_STATE)).expanduser()
    dataset_tables = root.tables("datasets")
    runners = {name: _runner(name, table) for name, table in root.tables("runners").items()}
    parsed = {name: _dataset(name, table, folder) for name, table in dataset_tables.items()}
    datasets = {
        name: parsed[name][0] for name in _ordered(str(path), {n: d for n, (d, _, _) in parsed.items()})
    }
    for name, dataset in datasets.items():
        if dataset.runner is not None and dataset.runner not in runners:
            raise _unknown(str(path), f"datasets.{name}.runner", dataset.runner, runners)
    consumers = {name: _consumer(name, table, datasets) for name, table in root.tables("consumers").items()}
    root.refuse_others()
    _check_hours(str(path), datasets, consumers)
    if not datasets:
        raise ConfigError(
            str(path), "datasets", "the file describes no dataset", "Add a table [datasets.NAME]."
        )
    return Config(
        path=path,
        state=state,
        datasets=datasets,
        policies={name: policy for name, (_, policy, _) in parsed.items()},
        waivers={
            name: waivers or str(state / "waivers" / name)
            for name, (dataset, _, waivers) in parsed.items()
            if waivers or dataset.adapter not in PATH_ADAPTERS
        },
        runners=runners,
        consumers=consumers,
    )


def _dataset(name: str, table: ConfigTable, folder: Path) -> tuple[Dataset, Policy, str | None]:
    """The dataset of a table, its policy, and the URL of its waivers."""
    grain = Grain(table.choice("grain", "day", [grain.value for grain in Grain]))
    waivers = table.optional_text("waivers")
    adapter = table.text("adapter", "manifest")
    policy = _policy(table)
    fields: dict[str, Any] = {
        "name": name,
        "lake": _resolved(table.url("url"), folder),
        "key_format": table.text("key") if adapter in PATH_ADAPTERS else table.text("key", ""),
        "grain": grain,
        "adapter": adapter,
        "format": table.text("format", "csv"),
        "columns": tuple(_column(column) for column in table.list_of_tables("columns")),
        "lag": table.integer("lag", 1),
        "history_start": table.key("history_start", grain),
        "needs": tuple(table.texts("needs", ())),
    }
    for key in (
        "timezone",
        "glob",
        "compression",
        "table",
        "query",
        "key_column",
        "change_column",
        "runner",
        "volume_column",
    ):
        fields[key] = table.optional_text(key)
    for key in ("settle", "timeout", "backoff"):
        fields[key] = table.optional_number(key)
    for key in ("min_rows", "min_files", "retries"):
        fields[key] = table.optional_integer(key)
    for key in ("header", "outside_links"):
        fields[key] = table.optional_boolean(key)
    table.refuse_others()
    try:
        dataset = Dataset(**{key: value for key, value in fields.items() if value is not None})
    except DatasetError as error:
        raise ConfigError(table.path, table.prefix, error.problem, "Correct it.") from None
    return dataset, policy, None if waivers is None else _resolved(waivers, folder)


def _column(table: ConfigTable) -> Column:
    fields: dict[str, Any] = {"name": table.text("name"), "type": table.text("type", "string")}
    fields |= {key: table.optional_boolean(key) for key in ("nullable", "unique")}
    fields |= {key: table.optional_number(key) for key in ("low", "high")}
    table.refuse_others()
    try:
        return Column(**{key: value for key, value in fields.items() if value is not None})
    except DatasetError as error:
        raise ConfigError(table.path, table.prefix, error.problem, "Correct it.") from None


def _runner(name: str, table: ConfigTable) -> RunnerConfig:
    runner = RunnerConfig(
        name=name,
        command=tuple(table.texts("command")),
        jobs=table.integer("jobs", 4, low=1),
        attempts=table.integer("attempts", 3, low=1),
        timeout=table.optional_number("timeout", above=0),
        env=table.text_table("env"),
    )
    table.refuse_others()
    if not runner.command:
        raise table.error(
            "command", "is empty", 'Give a list of arguments, such as ["python", "etl.py", "{key}"].'
        )
    return runner


def _consumer(name: str, table: ConfigTable, datasets: Mapping[str, Dataset]) -> ConsumerConfig:
    grain = table.optional_text("grain")
    if grain is not None and grain not in list(Grain):
        raise table.error("grain", f"{grain!r} is not one of {', '.join(Grain)}", "Correct it.")
    timezone = table.optional_text("timezone")
    if timezone is not None and not is_time_zone(timezone):
        raise table.error("timezone", f"{timezone!r} is not an IANA name", "Write for example Europe/Berlin.")
    consumer = ConsumerConfig(
        name=name,
        datasets=tuple(table.texts("datasets")),
        last=table.integer("last", 1, low=1),
        command=tuple(table.texts("command")),
        policy=_policy(table),
        grain=None if grain is None else Grain(grain),
        timezone=timezone,
    )
    table.refuse_others()
    for key in ("datasets", "command"):
        if not getattr(consumer, key):
            raise table.error(key, "is empty", f"Name the {key} of the consumer.")
    for dataset in consumer.datasets:
        if dataset not in datasets:
            raise _unknown(table.path, f"{table.prefix}.datasets", dataset, datasets)
    return consumer


def _policy(table: ConfigTable) -> Policy:
    try:
        return Policy(
            min_coverage=table.number("min_coverage", 100.0),
            min_days=table.integer("min_partitions", 1),
        )
    except OptionError as error:
        raise table.error(error.field, f"{error.value} {error.problem}", error.fix) from None


def _ordered(path: str, datasets: Mapping[str, Dataset]) -> list[str]:
    """The names of the datasets, each after those that it needs, otherwise in the order of the file."""
    for name, dataset in datasets.items():
        for need in dataset.needs:
            if need not in datasets:
                raise _unknown(path, f"datasets.{name}.needs", need, datasets)
    try:
        return list(
            TopologicalSorter({name: dataset.needs for name, dataset in datasets.items()}).static_order()
        )
    except CycleError as error:
        circle = " needs ".join(reversed(error.args[1]))
        raise ConfigError(path, "datasets", f"{circle}: a circle", "Remove one of these needs.") from None


def _check_hours(path: str, datasets: Mapping[str, Dataset], consumers: Mapping[str, ConsumerConfig]) -> None:
    """Refuse local days that would have to consist of parts of UTC hours."""
    readers = [(f"datasets.{name}", dataset.timezone, dataset.needs) for name, dataset in datasets.items()]
    readers += [(f"consumers.{name}", each.timezone, each.datasets) for name, each in consumers.items()]
    for prefix, timezone, names in readers:
        if timezone is None or not any(datasets[name].grain is Grain.HOUR for name in names):
            continue
        if not has_whole_hours(timezone):
            raise ConfigError(
                path,
                f"{prefix}.timezone",
                f"{timezone!r} is not a whole number of hours from UTC, so its days do not consist of UTC hours",
                "Use a zone of whole hours, or datasets of a coarser grain.",
            )


def _resolved(url: str, folder: Path) -> str:
    """A URL as it is; a relative path below the folder of the configuration."""
    return url if _SCHEMES_OF_URLS in url or url.startswith("~") else str(folder / url)


def _unknown(path: str, key: str, name: str, names: Iterable[str]) -> ConfigError:
    """An error for a name that the file does not define, with the closest name that it does."""
    defined = list(names)
    suggestions = difflib.get_close_matches(name, defined, 1)
    fix = f"Did you mean {suggestions[0]}?" if suggestions else f"It has {', '.join(defined) or 'none'}."
    return ConfigError(path, key, f"{name!r} is not in the file", fix)
