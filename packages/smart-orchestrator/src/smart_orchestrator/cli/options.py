"""Options that several commands share, and functions that parse them."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from smart_orchestrator.errors import OptionError, WindowError
from smart_orchestrator.model.bounds import seconds_problem
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.window import Window, max_length

if TYPE_CHECKING:
    from smart_orchestrator.config.values import Config
    from smart_orchestrator.model.completeness import Policy
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.grain import Key
    from smart_orchestrator.project import Project

DatasetName = Annotated[
    str | None,
    typer.Argument(help="A dataset of the configuration; optional if there is only one.", metavar="DATASET"),
]
ConfigFile = Annotated[
    Path,
    typer.Option(
        "--config", "-c", help="The configuration file.", metavar="FILE", envvar="SMART_ORCHESTRATOR_CONFIG"
    ),
]
Last = Annotated[
    int | None,
    typer.Option(help="The last N partitions that the upstream has published.", metavar="N"),
]
Days = Annotated[
    int | None,
    typer.Option(help="The last N days; for hourly datasets, all hours of these days.", metavar="N"),
]
Hours = Annotated[int | None, typer.Option(help="The last N hours, for hourly datasets.", metavar="N")]
Start = Annotated[str | None, typer.Option(help="First key of an explicit window.", metavar="KEY")]
End = Annotated[str | None, typer.Option(help="Last key of an explicit window, included.", metavar="KEY")]
AsOf = Annotated[
    str | None,
    typer.Option(
        help="The key that counts as now, in the time zone of the dataset (UTC if it has none); default the current one.",
        metavar="KEY",
    ),
]
Lag = Annotated[
    int | None,
    typer.Option(help="The publication lag, in partitions; default the lag of the dataset.", metavar="N"),
]
MinCoverage = Annotated[
    float | None,
    typer.Option(
        help="Percent of the expected partitions that must be available for the window to be ready.",
        metavar="PCT",
        min=0,
        max=100,
    ),
]
Timeout = Annotated[float, typer.Option(help="Seconds after which waiting ends.", metavar="S", min=0.1)]
Deep = Annotated[bool, typer.Option("--deep", help="Read every row and check it against the contract.")]
OlderThan = Annotated[str, typer.Option(help="Only objects older than this: 30m, 12h, 1d.", metavar="AGE")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only list the objects that would be removed.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout.")]

DEFAULT_CONFIG = Path("smart-orchestrator.toml")
DEFAULT_TIMEOUT_SECONDS = 7200.0
DEFAULT_AGE = "1d"
_HOURS_PER_DAY = 24
_SECONDS_PER_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class _Count(NamedTuple):
    """The number of partitions that an option selects.

    Attributes:
        option: the option: `last`, `days` or `hours`.
        number: the number that the user gave.
        keys_per_unit: the number of keys that the option counts as one: 24 for `--days` of an hourly dataset, otherwise 1.
    """

    option: str
    number: int
    keys_per_unit: int = 1


class WindowOptions(NamedTuple):
    """The options that select a window. The class is a group of options; see `with_groups`."""

    last: Last = None
    days: Days = None
    hours: Hours = None
    start: Start = None
    end: End = None
    as_of: AsOf = None
    lag: Lag = None

    def window(self, project: Project, dataset: Dataset) -> Window:
        """Return the window that the options select; without options, the default window of the dataset.

        Raises:
            WindowError: two options exclude each other, or a value is invalid.
        """
        grain = dataset.grain
        as_of = project.as_of(dataset) if self.as_of is None else _parse_key("as_of", self.as_of, dataset)
        lag = project.upstreams.lag(dataset, as_of) if self.lag is None else self.lag
        count = self._count(grain)
        if self.start is not None or self.end is not None:
            if count is not None:
                field, value = ("end", self.end) if self.start is None else ("start", self.start)
                raise WindowError(field, value, "excludes --last, --days and --hours", "Give one.")
            if self.start is None or self.end is None:
                missing = "start" if self.start is None else "end"
                raise WindowError(missing, "", "is missing: an explicit window has both ends", "Give both.")
            start, end = _parse_key("start", self.start, dataset), _parse_key("end", self.end, dataset)
            return Window.between(start, end, as_of=as_of, lag=lag, grain=grain)
        if count is not None:
            return _last_window(count, as_of, lag, grain)
        if self.as_of is not None:
            project = project.at(grain.start(as_of, dataset.zone))
        window = project.last_window(dataset.name)
        # With --lag, the default window keeps its length, and ends at the newest key that this lag expects.
        return window if self.lag is None else Window.of_last(len(window), as_of, lag, grain)

    def _count(self, grain: Grain) -> _Count | None:
        """Return the number of partitions that `--last`, `--days` or `--hours` selects; None without these options."""
        counts = {
            name: getattr(self, name) for name in ("last", "days", "hours") if getattr(self, name) is not None
        }
        if len(counts) > 1:
            raise WindowError(
                next(iter(counts)),
                next(iter(counts.values())),
                f"excludes {', '.join(list(counts)[1:])}",
                "Give one.",
            )
        for name, number in counts.items():
            if name == "last" or name == f"{grain}s":
                return _Count(name, number)
            if name == "days" and grain is Grain.HOUR:
                return _Count(name, number, _HOURS_PER_DAY)
            raise WindowError(
                name, number, f"does not fit a dataset of grain {grain}", f"Give --last {number}."
            )
        return None


def _last_window(count: _Count, as_of: Key, lag: int, grain: Grain) -> Window:
    """Return the last keys of a dataset. An error about their number names the option that the user gave, and its number.

    `Window.of_last` names a wrong number after the grain instead, for example `hours`.
    """
    try:
        return Window.of_last(count.number * count.keys_per_unit, as_of, lag, grain)
    except WindowError as error:
        if error.field != f"{grain}s":
            raise
        problem = f"is not between 1 and {max_length(grain) // count.keys_per_unit}"
        raise WindowError(count.option, count.number, problem, error.fix) from None


def select_dataset(config: Config, name: str | None) -> Dataset:
    """Return the dataset called `name`; without a name, the only dataset of the file."""
    if name is None and len(config.datasets) == 1:
        return next(iter(config.datasets.values()))
    if name is None:
        raise typer.BadParameter(f"name a dataset: {', '.join(config.datasets)}")
    return config.dataset(name)


def select_policy(config: Config, name: str, min_coverage: float | None) -> Policy:
    """Return the policy of a dataset, with the minimum coverage of the command line if it is set."""
    policy = config.policies[name]
    return policy if min_coverage is None else replace(policy, min_coverage=min_coverage)


def _parse_key(field: str, text: str, dataset: Dataset) -> Key:
    """Parse the key that the option `field` gives.

    For an hourly dataset, a day means its first hour; for `--end`, its last hour. For `--as-of`, a day or an hour that is not a key of
    the dataset means the key that contains this day or hour.

    Raises:
        WindowError: the text means no key of the dataset.
    """
    grain = dataset.grain
    given = repr(text)
    if grain is Grain.HOUR and "T" not in text:
        text += "T23" if field == "end" else "T00"
    try:
        return grain.parse(text)
    except ValueError:
        # An as-of may be a day or an hour for a dataset of any grain; every other key must have the grain of the dataset.
        as_of = _containing(text, dataset) if field == "as_of" else None
        if as_of is None:
            raise WindowError(field, given, f"is not {grain.description}", "Correct it.") from None
        return as_of


def _containing(text: str, dataset: Dataset) -> Key | None:
    """Return the key of a dataset whose span contains a day or an hour; None if the text is neither.

    So `status --as-of` accepts one text for datasets of all grains.
    """
    for grain in (Grain.DAY, Grain.HOUR):
        try:
            return dataset.grain.floor(grain.start(grain.parse(text), dataset.zone), dataset.zone)
        except (ValueError, OverflowError):
            continue
    return None


def parse_moment(text: str | None) -> dt.datetime | None:
    """Parse a day or an hour in UTC as the moment at which it starts.

    Raises:
        WindowError: the text is neither a day nor an hour.
    """
    if text is None:
        return None
    grain = Grain.HOUR if "T" in text else Grain.DAY
    try:
        return grain.start(grain.parse(text))
    except ValueError:
        raise WindowError("as_of", repr(text), f"is not {grain.description}", "Correct it.") from None


def parse_key_argument(text: str, dataset: Dataset) -> Key:
    """Parse the partition key of an argument.

    Raises:
        WindowError: the text is not a key of the dataset.
    """
    return _parse_key("KEY", text, dataset)


def check_seconds(name: str, seconds: float) -> None:
    """Check the value of an option that is a number of seconds.

    Raises:
        OptionError: the value is not a number, or is too large for a timer.
    """
    if problem := seconds_problem(seconds):
        raise OptionError(f"--{name}", seconds, problem, "Give for example 60.")


def parse_age(text: str) -> dt.timedelta:
    """Parse an age, which is a number and a unit: `30m`, `12h`, `1d`.

    Raises:
        OptionError: the text is not an age.
    """
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if match is None:
        fix = "Give a number and a unit, for example 30m, 12h or 1d."
        raise OptionError("--older-than", repr(text), "is not an age", fix)
    return dt.timedelta(seconds=int(match[1]) * _SECONDS_PER_UNIT[match[2]])
