"""The options of the synthetic API, and a parser for their texts on the command line.

An invalid text raises `SettingError`, which names the option, the value and the fix.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smart_orchestrator.errors import WindowError
from smart_orchestrator.model.window import MAX_DAYS, parse_day
from wiki_trends.errors import SettingError
from wiki_trends.sample.faults import parse_faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

# The day that Wikimedia never published for any project.
NEVER_PUBLISHED = (dt.date(2024, 3, 31),)


@dataclass(frozen=True, slots=True)
class SampleOptions:
    """How the synthetic API behaves.

    Attributes:
        port: port to listen on; 0 for a free one.
        host: address to listen on.
        seed: determines the data.
        latency: seconds from each request to its response.
        faults: probability of each kind of fault, see `faults.KINDS`.
        stall: seconds for which the fault `timeout` keeps a connection open, unless the client closes it before.
        today: the UTC day that counts as today; None for the real one.
        publication_lag: number of days after which a day is published.
        never: days that are never published.
        broken: days for whose lists the API responds with status 500.
        replay: folder of recorded exchanges to serve instead of synthetic data.
        log: file to which one line per request is appended; None for stderr with `serve`, and for no log otherwise.
        category_limit: most categories in one piece of a response of the Action API.
    """

    port: int = 0
    host: str = "127.0.0.1"
    seed: int = 0
    latency: float = 0.0
    faults: Mapping[str, float] = field(default_factory=dict)
    stall: float = 60.0
    today: dt.date | None = None
    publication_lag: int = 1
    never: tuple[dt.date, ...] = NEVER_PUBLISHED
    broken: tuple[dt.date, ...] = ()
    replay: Path | None = None
    log: Path | None = None
    category_limit: int = 240


def parse(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seed: int = 0,
    latency: str = "0",
    stall: str = "60s",
    faults: Iterable[str] = (),
    today: str | None = None,
    publication_lag: int = 1,
    never: Iterable[str] | None = None,
    broken: Iterable[str] = (),
    replay: Path | None = None,
    log: Path | None = None,
) -> SampleOptions:
    """Options from the texts of the command line. Without `never`, the day that Wikimedia never published is missing.

    Raises:
        SettingError: an invalid text, or a folder to replay that is not a folder.
    """
    if replay is not None and not replay.is_dir():
        raise _setting_error("replay", str(replay), "is not a folder", "Name a folder of recorded exchanges.")
    return SampleOptions(
        port=port,
        host=host,
        seed=seed,
        latency=parse_seconds(latency, "latency"),
        faults=parse_faults(faults),
        stall=parse_seconds(stall, "stall"),
        today=None if today is None else _day(today, "today"),
        publication_lag=publication_lag,
        never=NEVER_PUBLISHED if never is None else tuple(_day(text, "never") for text in never),
        broken=tuple(_day(text, "broken-day") for text in broken),
        replay=replay,
        log=log,
    )


def parse_seconds(text: str, option: str) -> float:
    """Seconds from `0.1`, `0.1s` or `50ms`.

    Raises:
        SettingError: another form, or more than an hour.
    """
    matched = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)?", text.strip(), flags=re.ASCII)
    seconds = float(matched[1]) / (1000 if matched[2] == "ms" else 1) if matched else -1.0
    if not 0 <= seconds <= 3600:
        raise _setting_error(
            option, text, "is not a time between 0 and an hour", "Give for example 50ms or 0.1s."
        )
    return seconds


def truth_window(start: str | None, end: str | None) -> tuple[dt.date, dt.date]:
    """First and last day of `--truth` from the texts of `--start` and `--end`, which are both required.

    Raises:
        SettingError: one is missing or not a day, they are in the wrong order, or the window has more than 3660 days.
    """
    for name, text in (("start", start), ("end", end)):
        if text is None:
            raise _setting_error(name, "", "is not given", "With --truth give --start DAY and --end DAY.")
    first, last = _day(start or "", "start"), _day(end or "", "end")
    if last < first:
        raise _setting_error("end", str(last), f"is before the start {first}", "Give an end on or after it.")
    if (last - first).days >= MAX_DAYS:
        raise _setting_error(
            "end", str(last), f"is more than {MAX_DAYS} days after the start", "Give an earlier day."
        )
    return first, last


def _day(text: str, option: str) -> dt.date:
    try:
        return parse_day(text)
    except WindowError as error:
        raise _setting_error(option, text, error.problem, error.fix) from None


def _setting_error(option: str, value: object, problem: str, fix: str) -> SettingError:
    return SettingError(
        name=option.replace("-", "_"), value=value, origin=f"--{option}", problem=problem, fix=fix
    )
