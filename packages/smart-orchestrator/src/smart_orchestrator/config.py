"""The configuration file `smart-orchestrator.toml`: datasets, runners of their pipelines, and consumers.

The file is read once and completely. An invalid value raises `ConfigError`, which names the file, the key, the value and the fix.
Relative paths are relative to the folder of the file. The file must not contain secrets, except in the URL of a database.
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
from smart_orchestrator.model.window import max_length
from smart_orchestrator.project_errors import ConfigError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

FILE_NAME = "smart-orchestrator.toml"
DEFAULT_STATE = ".smart-orchestrator"
_URL_SCHEME_SEPARATOR = "://"


@dataclass(frozen=True, slots=True)
class RunnerConfig:
    """A command that runs the pipeline of a dataset for one key.

    Attributes:
        name: the name of the table in the file.
        command: the command as a list of arguments, in which `{key}`, `{start}` and `{end}` are replaced. No shell is used.
        jobs: the maximum number of runs at the same time.
        attempts: the maximum number of runs that a backfill starts for one key.
        timeout: the number of seconds after which a run is ended; None for no limit.
        env: the variables that are added to the environment of the command.
    """

    name: str
    command: tuple[str, ...]
    jobs: int = 4
    attempts: int = 3
    timeout: float | None = None
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConsumerConfig:
    """A command that runs when the windows of the datasets that it reads are ready.

    Attributes:
        name: the name of the table in the file.
        datasets: the names of the datasets that the command reads.
        last: the number of keys in the window; the window contains the last keys that the upstream has published.
        command: the command as a list of arguments. `{start}` and `{end}` become the first and the last key of the window.
        policy: the conditions under which a window is ready.
        grain: the grain of the window; None for the grain of the dataset. When this grain is coarser than that of a dataset,
            the command needs every partition of the dataset within the window.
        timezone: the IANA name of the time zone of the window's keys; None for the time zone of the dataset.
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
        """The time zone of the window's keys; None for the time zone of the dataset."""
        return ZoneInfo(self.timezone) if self.timezone else None


@dataclass(frozen=True, slots=True)
class Config:
    """The contents of a configuration file.

    Attributes:
        path: the path of the file.
        state: the state folder, with the ledger of runs, the locks and the output of the commands.
        datasets: the datasets by name, ordered so that every dataset follows the datasets that it needs.
        policies: the conditions under which a window is ready, by the name of the dataset.
        waiver_urls: the URLs of separate lakes for waivers, by the name of the dataset. A dataset that is missing here keeps
            its waivers in its own lake.
        runners: the runners by name.
        consumers: the consumers by name.
    """

    path: Path
    state: Path
    datasets: Mapping[str, Dataset]
    policies: Mapping[str, Policy]
    waiver_urls: Mapping[str, str]
    runners: Mapping[str, RunnerConfig]
    consumers: Mapping[str, ConsumerConfig]

    def dataset(self, name: str) -> Dataset:
        """Return the dataset called `name`.

        Raises:
            ConfigError: the file does not define this dataset.
        """
        if name not in self.datasets:
            raise _unknown_name_error(str(self.path), "datasets", name, self.datasets)
        return self.datasets[name]

    def transitive_needs(self, name: str) -> list[str]:
        """Return the names of all direct and indirect needs of a dataset, every name after the names of its own needs."""
        found_needs: set[str] = set()
        pending = [name]
        while pending:
            needs = self.datasets[pending.pop()].needs
            pending += [need for need in needs if need not in found_needs]
            found_needs.update(needs)
        return [dataset for dataset in self.datasets if dataset in found_needs]

    def consumers_of(self, name: str) -> list[ConsumerConfig]:
        """Return the consumers that read the dataset called `name`."""
        return [consumer for consumer in self.consumers.values() if name in consumer.datasets]


def load_config(path: str | Path = FILE_NAME) -> Config:
    """Read a configuration file.

    Raises:
        ConfigError: the file cannot be read, or contains an invalid value.
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
    """Parse the bytes of a configuration file; relative paths are relative to the folder of `path`.

    Raises:
        ConfigError: a value is invalid.
    """
    try:
        document = parse_toml(data, what=str(path))
    except BadDocument as error:
        raise ConfigError(str(path), "", error.problem, "Correct the file.") from None
    root = ConfigTable(str(path), "", document)
    folder = path.absolute().parent
    state = folder / Path(root.text("state", DEFAULT_STATE)).expanduser()
    dataset_tables = root.tables("datasets")
    runners = {name: _parse_runner(name, table) for name, table in root.tables("runners").items()}
    parsed = {name: _parse_dataset(name, table, folder) for name, table in dataset_tables.items()}
    unordered = {name: dataset for name, (dataset, _, _) in parsed.items()}
    datasets = {name: unordered[name] for name in _topological_order(str(path), unordered)}
    for name, dataset in datasets.items():
        if dataset.runner is not None and dataset.runner not in runners:
            raise _unknown_name_error(str(path), f"datasets.{name}.runner", dataset.runner, runners)
    consumers = {
        name: _parse_consumer(name, table, datasets) for name, table in root.tables("consumers").items()
    }
    root.reject_unknown_keys()
    _check_hourly_time_zones(str(path), datasets, consumers)
    if not datasets:
        raise ConfigError(
            str(path), "datasets", "the file describes no dataset", "Add a table [datasets.NAME]."
        )
    return Config(
        path=path,
        state=state,
        datasets=datasets,
        policies={name: policy for name, (_, policy, _) in parsed.items()},
        waiver_urls={
            name: waiver_url or str(state / "waivers" / name)
            for name, (dataset, _, waiver_url) in parsed.items()
            if waiver_url or dataset.adapter not in PATH_ADAPTERS
        },
        runners=runners,
        consumers=consumers,
    )


def _parse_dataset(name: str, table: ConfigTable, folder: Path) -> tuple[Dataset, Policy, str | None]:
    """Parse a `[datasets.NAME]` table into a dataset, its policy, and the URL of the lake for its waivers."""
    if "/" in name or not name.strip("."):
        raise ConfigError(
            table.path, table.prefix, "a dataset's name has no slash and is not made of dots", "Rename it."
        )
    grain = Grain(table.choice("grain", "day", [grain.value for grain in Grain]))
    waiver_url = table.optional_text("waivers")
    adapter = table.text("adapter", "manifest")
    policy = _parse_policy(table)
    fields: dict[str, Any] = {
        "name": name,
        "lake": _resolve_url(table.url("url"), folder),
        "key_format": table.text("key") if adapter in PATH_ADAPTERS else table.text("key", ""),
        "grain": grain,
        "adapter": adapter,
        "format": table.text("format", "csv"),
        "columns": tuple(_parse_column(column) for column in table.list_of_tables("columns")),
        "lag": table.integer("lag", 1, high=max_length(grain)),
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
    table.reject_unknown_keys()
    try:
        dataset = Dataset(**{key: value for key, value in fields.items() if value is not None})
    except DatasetError as error:
        raise ConfigError(table.path, table.prefix, error.problem, "Correct it.") from None
    return dataset, policy, None if waiver_url is None else _resolve_url(waiver_url, folder)


def _parse_column(table: ConfigTable) -> Column:
    """Parse one entry of `columns`."""
    fields: dict[str, Any] = {"name": table.text("name"), "type": table.text("type", "string")}
    fields |= {key: table.optional_boolean(key) for key in ("nullable", "unique")}
    fields |= {key: table.optional_number(key) for key in ("low", "high")}
    table.reject_unknown_keys()
    try:
        return Column(**{key: value for key, value in fields.items() if value is not None})
    except DatasetError as error:
        raise ConfigError(table.path, table.prefix, error.problem, "Correct it.") from None


def _parse_runner(name: str, table: ConfigTable) -> RunnerConfig:
    """Parse a `[runners.NAME]` table."""
    runner = RunnerConfig(
        name=name,
        command=tuple(table.texts("command")),
        jobs=table.integer("jobs", 4, low=1),
        attempts=table.integer("attempts", 3, low=1),
        timeout=table.optional_number("timeout", above=0),
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


def _parse_consumer(name: str, table: ConfigTable, datasets: Mapping[str, Dataset]) -> ConsumerConfig:
    """Parse a `[consumers.NAME]` table; `datasets` are the datasets of the file by name."""
    grain = table.optional_text("grain")
    if grain is not None and grain not in list(Grain):
        raise table.error("grain", f"{grain!r} is not one of {', '.join(Grain)}", "Correct it.")
    timezone = table.optional_text("timezone")
    if timezone is not None and not is_time_zone(timezone):
        raise table.error("timezone", f"{timezone!r} is not an IANA name", "Write for example Europe/Berlin.")
    names = tuple(table.texts("datasets"))
    grains = {Grain(grain) if grain else datasets[each].grain for each in names if each in datasets}
    consumer = ConsumerConfig(
        name=name,
        datasets=names,
        last=table.integer("last", 1, low=1, high=min(map(max_length, grains or Grain))),
        command=tuple(table.texts("command")),
        policy=_parse_policy(table),
        grain=None if grain is None else Grain(grain),
        timezone=timezone,
    )
    table.reject_unknown_keys()
    for key in ("datasets", "command"):
        if not getattr(consumer, key) or "" in getattr(consumer, key)[:1]:
            raise table.error(key, "is empty", f"Name the {key} of the consumer.")
    for dataset in consumer.datasets:
        if dataset not in datasets:
            raise _unknown_name_error(table.path, f"{table.prefix}.datasets", dataset, datasets)
    return consumer


def _parse_policy(table: ConfigTable) -> Policy:
    """Parse the conditions of readiness, `min_coverage` and `min_partitions`, from a table."""
    try:
        return Policy(
            min_coverage=table.number("min_coverage", 100.0),
            min_days=table.integer("min_partitions", 1),
        )
    except OptionError as error:
        raise table.error(error.field, f"{error.value} {error.problem}", error.fix) from None


def _topological_order(path: str, datasets: Mapping[str, Dataset]) -> list[str]:
    """Return the names of the datasets, every dataset after its needs."""
    for name, dataset in datasets.items():
        for need in dataset.needs:
            if need not in datasets:
                raise _unknown_name_error(path, f"datasets.{name}.needs", need, datasets)
    try:
        return list(
            TopologicalSorter({name: dataset.needs for name, dataset in datasets.items()}).static_order()
        )
    except CycleError as error:
        cycle = " needs ".join(reversed(error.args[1]))
        raise ConfigError(
            path, "datasets", f"{cycle}: a circular dependency", "Remove one of these needs."
        ) from None


def _check_hourly_time_zones(
    path: str, datasets: Mapping[str, Dataset], consumers: Mapping[str, ConsumerConfig]
) -> None:
    """Reject a time zone in which local days do not consist of complete UTC hours, for tables that read hourly datasets.

    Raises:
        ConfigError: the offset of a time zone is not a whole number of hours.
    """
    readers = [(f"datasets.{name}", dataset.timezone, dataset.needs) for name, dataset in datasets.items()]
    readers += [(f"consumers.{name}", each.timezone, each.datasets) for name, each in consumers.items()]
    for prefix, timezone, names in readers:
        if timezone is None or not any(datasets[name].grain is Grain.HOUR for name in names):
            continue
        if not has_whole_hours(timezone):
            raise ConfigError(
                path,
                f"{prefix}.timezone",
                f"{timezone!r} has an offset from UTC that is not a whole number of hours, so a day there does not consist of hourly partitions",
                "Use a time zone with an offset of whole hours, or datasets of a coarser grain.",
            )


def _resolve_url(url: str, folder: Path) -> str:
    """Return a URL or a path with `~` unchanged, and join any other path to `folder`."""
    return url if _URL_SCHEME_SEPARATOR in url or url.startswith("~") else str(folder / url)


def _unknown_name_error(path: str, key: str, name: str, names: Iterable[str]) -> ConfigError:
    """Return the error for a name that the file does not define; the fix suggests the closest defined name."""
    defined = list(names)
    suggestions = difflib.get_close_matches(name, defined, 1)
    fix = (
        f"Did you mean {suggestions[0]}?"
        if suggestions
        else f"Defined names: {', '.join(defined) or 'none'}."
    )
    return ConfigError(path, key, f"{name!r} is not defined in the file", fix)
