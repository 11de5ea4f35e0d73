"""The options that several commands share, and the windows and policies made from them."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from smart_orchestrator.errors import OptionError, WindowError
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.window import Window

if TYPE_CHECKING:
    from smart_orchestrator.config import Config
    from smart_orchestrator.model.completeness import Policy
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.grain import Key
    from smart_orchestrator.project import Project

DatasetName = Annotated[
    str | None,
    typer.Argument(
        help="A dataset of the configuration; may be left out if there is only one.", metavar="DATASET"
    ),
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
    int | None, typer.Option(help="The last N days; for hourly datasets all of their hours.", metavar="N")
]
Hours = Annotated[int | None, typer.Option(help="The last N hours, for hourly datasets.", metavar="N")]
Start = Annotated[str | None, typer.Option(help="First key of an explicit window.", metavar="KEY")]
End = Annotated[str | None, typer.Option(help="Last key of an explicit window, included.", metavar="KEY")]
AsOf = Annotated[
    str | None,
    typer.Option(
        help="The key that counts as now, UTC or local to the dataset's time zone; default now.",
        metavar="KEY",
    ),
]
Lag = Annotated[
    int | None,
    typer.Option(
        help="Partitions until the upstream publishes one; default that of the dataset.", metavar="N"
    ),
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
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout.")]

DEFAULT_CONFIG = Path("smart-orchestrator.toml")
DEFAULT_TIMEOUT = 7200.0
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """The options that give a window."""

    last: int | None = None
    days: int | None = None
    hours: int | None = None
    start: str | None = None
    end: str | None = None
    as_of: str | None = None
    lag: int | None = None

    def window(self, project: Project, dataset: Dataset) -> Window:
        """The window that the options name; without options that of the dataset's consumers.

        Raises:
            WindowError: they exclude each other, or a value cannot be used.
        """
        grain = dataset.grain
        lag = dataset.lag if self.lag is None else self.lag
        as_of = project.as_of(dataset) if self.as_of is None else _key("as_of", self.as_of, dataset)
        count = self._count(grain)
        if self.start is not None or self.end is not None:
            if count is not None:
                raise WindowError(
                    "start", self.start or "", "excludes --last, --days and --hours", "Give one."
                )
            if self.start is None or self.end is None:
                missing = "start" if self.start is None else "end"
                raise WindowError(missing, "", "is missing: an explicit window has both ends", "Give both.")
            start, end = _key("start", self.start, dataset), _key("end", self.end, dataset)
            return Window.between(start, end, as_of, lag, grain)
        if count is not None:
            return Window.of_last(count, as_of, lag, grain)
        if self.as_of is not None:
            project = project.at(grain.start(as_of, dataset.zone))
        window = project.last_window(dataset.name)
        return window if self.lag is None else Window.of_last(len(window), as_of, lag, grain)

    def _count(self, grain: Grain) -> int | None:
        """The number of partitions that the options name."""
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
                return int(number)
            if name == "days" and grain is Grain.HOUR:
                return int(number) * 24
            raise WindowError(
                name, number, f"does not fit a dataset of grain {grain}", f"Give --last {number}."
            )
        return None


def dataset_of(config: Config, name: str | None) -> Dataset:
    """The dataset that an argument names; without one the only dataset of the file."""
    if name is None and len(config.datasets) == 1:
        return next(iter(config.datasets.values()))
    if name is None:
        raise typer.BadParameter(f"name a dataset: {', '.join(config.datasets)}")
    return config.dataset(name)


def policy_of(config: Config, name: str, min_coverage: float | None) -> Policy:
    """The policy of a dataset, with the coverage of the command line."""
    policy = config.policies[name]
    return policy if min_coverage is None else replace(policy, min_coverage=min_coverage)


def _key(field: str, text: str, dataset: Dataset) -> Key:
    """The key that a text names. A day names its first hour, and as an end its last one."""
    grain = dataset.grain
    if grain is Grain.HOUR and "T" not in text:
        text += "T23" if field == "end" else "T00"
    try:
        return grain.parse(text)
    except ValueError:
        raise WindowError(field, repr(text), f"is not {grain.description}", "Correct it.") from None


def parse_key_argument(text: str, dataset: Dataset) -> Key:
    """The partition key of an argument.

    Raises:
        WindowError: the text does not name a key of the dataset.
    """
    return _key("KEY", text, dataset)


def parse_until(text: str | None) -> dt.date | None:
    """The last as-of day of a waiver.

    Raises:
        WindowError: it is not a day.
    """
    from smart_orchestrator.model.window import parse_day

    return None if text is None else parse_day(text, "until")


def parse_age(text: str) -> dt.timedelta:
    """The age that an option gives as a number and a unit: `30m`, `12h`, `1d`.

    Raises:
        OptionError: it is not an age.
    """
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if match is None:
        fix = "Give a number and a unit, for example 30m, 12h or 1d."
        raise OptionError("--older-than", repr(text), "is not an age", fix)
    return dt.timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
