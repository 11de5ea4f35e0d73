"""Defines the options of the synthetic APIs, and parses their texts from the command line.

An invalid text raises `SettingError` with the option, the value and the fix.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smart_orchestrator.errors import WindowError
from smart_orchestrator.model.window import MAX_KEYS, parse_day
from wiki_trends.errors import SettingError
from wiki_trends.sample.faults import parse_faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

# Wikimedia never published this day for any project.
NEVER_PUBLISHED = (dt.date(2024, 3, 31),)


@dataclass(frozen=True, slots=True)
class SampleOptions:
    """The options of the synthetic APIs.

    Attributes:
        port: the port to listen on; 0 for a free port.
        host: the address to listen on.
        seed: the seed of the data.
        latency: the time in seconds from each request to its response.
        faults: the probability of each kind of fault, see `faults.FAULT_KINDS`.
        stall: the maximum time in seconds for which the fault `timeout` keeps a connection open.
        today: the UTC day that counts as today; None for the real day.
        publication_lag: the number of days after which a day is published.
        late: the number of days by which a day is published later than the others.
        never: the days that are never published.
        broken: the days for whose lists the API responds with status 500.
        replay: the folder of recorded exchanges to serve instead of synthetic data.
        log: the file to which the server appends one line per request. With None, `serve` logs to stderr, and a
            `SampleServer` has no log.
        category_limit: the largest number of categories in one piece of a response of the Action API.
        titles_per_answer: the number of titles that one response of `prop=pageviews` answers.
    """

    port: int = 0
    host: str = "127.0.0.1"
    seed: int = 0
    latency: float = 0.0
    faults: Mapping[str, float] = field(default_factory=dict)
    stall: float = 60.0
    today: dt.date | None = None
    publication_lag: int = 1
    late: Mapping[dt.date, int] = field(default_factory=dict)
    never: tuple[dt.date, ...] = NEVER_PUBLISHED
    broken: tuple[dt.date, ...] = ()
    replay: Path | None = None
    log: Path | None = None
    category_limit: int = 240
    titles_per_answer: int = 5


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
    late: Iterable[str] = (),
    never: Iterable[str] | None = None,
    broken: Iterable[str] = (),
    replay: Path | None = None,
    log: Path | None = None,
) -> SampleOptions:
    """Parse the texts of the command line into options. The default of `never` is `NEVER_PUBLISHED`.

    Raises:
        SettingError: a text is invalid, or `replay` is not a folder.
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
        today=None if today is None else _parse_day(today, "today"),
        publication_lag=publication_lag,
        late=dict(_parse_late(text) for text in late),
        never=NEVER_PUBLISHED if never is None else tuple(_parse_day(text, "never") for text in never),
        broken=tuple(_parse_day(text, "broken-day") for text in broken),
        replay=replay,
        log=log,
    )


def parse_seconds(text: str, option: str) -> float:
    """Parse a time such as `0.1`, `0.1s` or `50ms` into seconds.

    Raises:
        SettingError: the text has another form, or the time is more than an hour.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)?", text.strip(), flags=re.ASCII)
    seconds = float(match[1]) / (1000 if match[2] == "ms" else 1) if match else -1.0
    if not 0 <= seconds <= 3600:
        raise _setting_error(
            option, text, "is not a time between 0 and an hour", "Give for example 50ms or 0.1s."
        )
    return seconds


def parse_truth_window(start: str | None, end: str | None) -> tuple[dt.date, dt.date]:
    """Parse `--start` and `--end` into the first and the last day of `--truth`. Both options are required.

    Raises:
        SettingError: an option is missing or not a day, the end is before the start, or the window has more than 3660 days.
    """
    for name, text in (("start", start), ("end", end)):
        if text is None:
            raise _setting_error(name, "", "is not given", "With --truth give --start DAY and --end DAY.")
    first, last = _parse_day(start or "", "start"), _parse_day(end or "", "end")
    if last < first:
        raise _setting_error("end", str(last), f"is before the start {first}", "Give an end on or after it.")
    if (last - first).days >= MAX_KEYS:
        raise _setting_error(
            "end", str(last), f"makes a window of more than {MAX_KEYS} days", "Give an earlier day."
        )
    return first, last


def _parse_late(text: str) -> tuple[dt.date, int]:
    """Parse a text such as `2025-11-08=2` into the day and its number of days."""
    day, _equals, number = text.partition("=")
    if not re.fullmatch(r"[0-9]{1,4}", number):
        raise _setting_error(
            "late", text, "is not a day and a number of days", "Give for example 2025-11-08=2."
        )
    return _parse_day(day, "late"), int(number)


def _parse_day(text: str, option: str) -> dt.date:
    try:
        return parse_day(text)
    except WindowError as error:
        raise _setting_error(option, text, error.problem, error.fix) from None


def _setting_error(option: str, value: object, problem: str, fix: str) -> SettingError:
    return SettingError(
        name=option.replace("-", "_"), value=value, origin=f"--{option}", problem=problem, fix=fix
    )
