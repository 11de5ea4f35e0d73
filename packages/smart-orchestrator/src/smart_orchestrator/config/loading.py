"""Read the configuration file `smart-orchestrator.toml`.

The file is read once and completely. An invalid value raises `ConfigError`, which names the file, the option and the fix. The error
also contains the value, unless the value may be a secret.
Relative paths are relative to the folder of the file. The file must not contain secrets, except in the URL of a database.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from smart_orchestrator.config.checks import (
    check_duplicates,
    check_grains_of_dags,
    check_hourly_time_zones,
    topological_order,
)
from smart_orchestrator.config.signals import parse_messages, parse_metrics_file, parse_objectives
from smart_orchestrator.config.tables import ConfigTable, unknown_name_error
from smart_orchestrator.config.upstream import parse_grain, parse_lag, parse_recheck, parse_upstream
from smart_orchestrator.config.values import Config, ConsumerConfig
from smart_orchestrator.errors import DatasetError, LakeUrlError, OptionError
from smart_orchestrator.foreign import MAX_INTEGER, MAX_TOML_BYTES, TomlError, parse_toml, read_regular_file
from smart_orchestrator.model.bounds import MAX_RETRIES
from smart_orchestrator.model.completeness import Policy
from smart_orchestrator.model.dataset import (
    PATH_ADAPTERS,
    Adapter,
    Column,
    ColumnType,
    Compression,
    Dataset,
    Format,
    is_time_zone,
)
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.window import max_length
from smart_orchestrator.project_errors import ConfigError
from smart_orchestrator.store.urls import parse_lake_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.config.runner_options import RunnerConfig

FILE_NAME = "smart-orchestrator.toml"
DEFAULT_STATE = ".smart-orchestrator"
# The options that only some adapters have, each with these adapters.
_ADAPTERS_OF_OPTIONS: Mapping[str, Sequence[Adapter]] = {
    "glob": ("marker", "files"),
    "min_files": ("marker", "files"),
    "header": PATH_ADAPTERS,
    "compression": PATH_ADAPTERS,
    "outside_links": PATH_ADAPTERS,
    "table": ("sql", "iceberg"),
    "query": ("sql",),
    "key_column": ("sql", "iceberg", "delta"),
    "change_column": ("sql",),
}
_OPTIONAL_TEXTS = (
    "timezone",
    "glob",
    "table",
    "query",
    "key_column",
    "change_column",
    "runner",
    "volume_column",
)


def load_config(path: str | Path = FILE_NAME) -> Config:
    """Read a configuration file.

    Raises:
        ConfigError: the file cannot be read, or contains an invalid value.
    """
    path = Path(path).expanduser()
    try:
        data = read_regular_file(path, MAX_TOML_BYTES)
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
        document = parse_toml(data)
    except TomlError as error:
        raise ConfigError(str(path), "", str(error), "Correct the file.") from None
    root = ConfigTable(str(path), "", document)
    folder = path.absolute().parent
    state = folder / Path(root.text("state", DEFAULT_STATE)).expanduser()
    dataset_tables = root.tables("datasets")
    runners = _parse_runners(root.tables("runners"))
    # Both functions must read their options before `_parse_dataset`, which rejects every option that was not read.
    objectives = parse_objectives(dataset_tables)
    upstreams = {name: parse_upstream(table, parse_grain(table)) for name, table in dataset_tables.items()}
    parsed = {name: _parse_dataset(name, table, folder) for name, table in dataset_tables.items()}
    # The state folder stores the results of rechecks, because the lake may be a database, or belong to other programs.
    datasets_in_file_order = {
        name: replace(each.dataset, recheck_lake=str(state)) if each.dataset.recheck else each.dataset
        for name, each in parsed.items()
    }
    order = topological_order(str(path), datasets_in_file_order)
    datasets = {name: datasets_in_file_order[name] for name in order}
    for name, dataset in datasets.items():
        if dataset.runner is not None and dataset.runner not in runners:
            raise unknown_name_error(str(path), f"datasets.{name}.runner", dataset.runner, runners)
    consumers = {
        name: _parse_consumer(name, table, datasets) for name, table in root.tables("consumers").items()
    }
    messages, metrics_file = parse_messages(root, datasets), parse_metrics_file(root, folder)
    root.reject_unknown_options()
    check_hourly_time_zones(str(path), datasets, consumers)
    check_duplicates(str(path), datasets)
    check_grains_of_dags(str(path), datasets, runners)
    if not datasets:
        raise ConfigError(
            str(path), "datasets", "the file describes no dataset", "Add a table [datasets.NAME]."
        )
    return Config(
        path=path,
        state=state,
        datasets=datasets,
        policies={name: each.policy for name, each in parsed.items()},
        # A dataset that is a table has no folder for waivers, so the state folder has them.
        waiver_urls={
            name: each.waiver_url or str(state / "waivers" / name)
            for name, each in parsed.items()
            if each.waiver_url or each.dataset.adapter not in PATH_ADAPTERS
        },
        runners=runners,
        consumers=consumers,
        objectives=objectives,
        messages=messages,
        metrics_file=metrics_file,
        upstreams={name: upstream for name, upstream in upstreams.items() if upstream is not None},
    )


def _parse_runners(tables: Mapping[str, ConfigTable]) -> dict[str, RunnerConfig]:
    if not tables:
        return {}
    from smart_orchestrator.config.runners import parse_runner

    return {name: parse_runner(name, table) for name, table in tables.items()}


class _DatasetTable(NamedTuple):
    """The values of a `[datasets.NAME]` table. `waiver_url` is the lake of its waivers; None if the table has no option `waivers`."""

    dataset: Dataset
    policy: Policy
    waiver_url: str | None


def _parse_dataset(name: str, table: ConfigTable, folder: Path) -> _DatasetTable:
    """Parse a `[datasets.NAME]` table, and reject the options that neither this function nor an earlier one has read."""
    if "/" in name or not name.strip("."):
        raise ConfigError(
            table.path, table.prefix, "a dataset's name has no slash and is not made of dots", "Rename it."
        )
    grain = parse_grain(table)
    adapter = table.choice("adapter", "manifest", get_args(Adapter))
    waiver_url = None if not table.has("waivers") else _lake_url(table, "waivers", folder)
    policy = _parse_policy(table)
    fields: dict[str, Any] = {
        "name": name,
        "lake": _lake_url(table, "url", folder, is_lake=adapter in (*PATH_ADAPTERS, "delta")),
        "key_format": table.text("key") if adapter in PATH_ADAPTERS else table.text("key", ""),
        "grain": grain,
        "adapter": adapter,
        "format": table.choice("format", "csv", get_args(Format)),
        "compression": table.optional_choice("compression", get_args(Compression)),
        "columns": tuple(_parse_column(column) for column in table.list_of_tables("columns")),
        "lag": parse_lag(table, grain),
        "recheck": parse_recheck(table),
        "history_start": table.key("history_start", grain),
        "needs": tuple(table.texts("needs", ())),
    }
    for option in _OPTIONAL_TEXTS:
        fields[option] = table.optional_text(option)
    for option in ("settle", "timeout", "backoff"):
        fields[option] = table.optional_seconds(option, zero=option == "settle")
    fields["min_rows"] = table.optional_integer("min_rows", high=MAX_INTEGER)
    fields["min_files"] = table.optional_integer("min_files", low=1)
    fields["retries"] = table.optional_integer("retries", high=MAX_RETRIES)
    for option in ("header", "outside_links"):
        fields[option] = table.optional_boolean(option)
    table.reject_unknown_options()
    for option, adapters in _ADAPTERS_OF_OPTIONS.items():
        if fields[option] is not None and adapter not in adapters:
            raise table.error(
                option,
                f"is not an option of the adapter {adapter}",
                f"Remove it, or use the adapter {' or '.join(adapters)}.",
            )
    # An option that is not in the file is None here, and gets the default of `Dataset`.
    try:
        dataset = Dataset(**{option: value for option, value in fields.items() if value is not None})
    except DatasetError as error:
        raise ConfigError(table.path, table.prefix, error.problem, "Correct it.") from None
    return _DatasetTable(dataset, policy, waiver_url)


def _parse_column(table: ConfigTable) -> Column:
    """Parse one entry of `columns`."""
    fields: dict[str, Any] = {
        "name": table.text("name"),
        "type": table.choice("type", "string", get_args(ColumnType)),
    }
    fields |= {option: table.optional_boolean(option) for option in ("nullable", "unique")}
    fields |= {option: table.optional_number(option) for option in ("low", "high")}
    table.reject_unknown_options()
    try:
        return Column(**{option: value for option, value in fields.items() if value is not None})
    except DatasetError as error:
        raise ConfigError(table.path, table.prefix, error.problem, "Correct it.") from None


def _parse_consumer(name: str, table: ConfigTable, datasets: Mapping[str, Dataset]) -> ConsumerConfig:
    """Parse a `[consumers.NAME]` table; `datasets` are the datasets of the file by name."""
    grain = table.optional_choice("grain", list(Grain))
    timezone = table.optional_text("timezone")
    if timezone is not None and not is_time_zone(timezone):
        raise table.error("timezone", f"{timezone!r} is not an IANA name", "Write for example Europe/Berlin.")
    if timezone is not None and grain in (None, Grain.HOUR):
        raise table.error(
            "timezone",
            f"{timezone!r} has no effect without a grain of days, weeks or months",
            'Add grain = "day", or remove timezone: a window without grain has the keys of its datasets.',
        )
    names = tuple(table.texts("datasets"))
    # `last` is bounded by the shortest maximum of the grains of the window. Unknown names of datasets are rejected below.
    grains = {Grain(grain) if grain else datasets[need].grain for need in names if need in datasets}
    consumer = ConsumerConfig(
        name=name,
        datasets=names,
        last=table.integer("last", 1, low=1, high=min(map(max_length, grains or Grain))),
        command=tuple(table.texts("command")),
        policy=_parse_policy(table),
        grain=None if grain is None else Grain(grain),
        timezone=timezone,
    )
    table.reject_unknown_options()
    for option in ("datasets", "command"):
        words = getattr(consumer, option)
        if not words or not words[0]:
            raise table.error(option, "is empty", f"Name the {option} of the consumer.")
    for dataset in consumer.datasets:
        if dataset not in datasets:
            raise unknown_name_error(table.path, f"{table.prefix}.datasets", dataset, datasets)
    return consumer


def _parse_policy(table: ConfigTable) -> Policy:
    """Parse the conditions of readiness, `min_coverage` and `min_partitions`, from a table."""
    try:
        return Policy(
            min_coverage=table.number("min_coverage", 100.0),
            min_days=table.integer("min_partitions", 1, low=1),
        )
    except OptionError as error:
        raise table.error(error.field, f"{error.value} {error.problem}", error.fix) from None


def _lake_url(table: ConfigTable, option: str, folder: Path, *, is_lake: bool = True) -> str:
    """Read a URL or a path. A relative path is joined to `folder`, unless it begins with `~`.

    With `is_lake`, the value must be the URL or the path of a lake. Otherwise, it may also be the URL of a database or a catalog.
    """
    url = table.url(option)
    resolved = url if "://" in url or url.startswith("~") else str(folder / url)
    if is_lake:
        try:
            parse_lake_url(url)
        except LakeUrlError as error:
            raise table.error(option, f"{error.lake!r}: {error.problem}", error.fix) from None
    return resolved
