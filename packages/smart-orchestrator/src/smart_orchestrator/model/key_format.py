"""Key formats: templates from which the path of a partition is built.

A path is relative to the root of the lake. A template such as `orders/dt={start:%Y-%m-%d}` formats the start of the key's span
with directives of `strftime`: `%Y %m %d %H %j %G %V`, and `%-m %-d %-H %-j %-V` without leading zeros. `{day}` is another name
for `{start}`. A template may contain several folders.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.model.grain import Grain, Key

_FIELD = re.compile(r"\{(day|start)(?::([^{}]*))?\}")
_DIRECTIVE = re.compile(r"(%-?[A-Za-z])")
# The number of digits of each directive.
_WIDTH = {"Y": 4, "G": 4, "m": 2, "d": 2, "H": 2, "V": 2, "j": 3}


def format_key(template: str, key: Key) -> str:
    """Return the path of a key's partition, relative to the root of the lake and without a slash at the end.

    Raises:
        ValueError: the template is invalid.
    """
    return "".join(_formatted(piece, key) if piece[:1] == "%" else piece for piece in _pieces(template, key))


def parse_path(template: str, grain: Grain, path: str) -> Key | None:
    """Parse the key from the path of a partition; return None if the path does not match the template."""
    pattern, directives = _pattern(template, grain.value == "hour")
    match = pattern.fullmatch(path)
    if match is None:
        return None
    numbers = {directive[-1]: int(text) for directive, text in zip(directives, match.groups(), strict=True)}
    try:
        key = _key(numbers, hourly=grain.value == "hour")
        # The comparison with `path` rejects numbers that contradict each other, such as a month and a day of the year.
        return key if key is not None and grain.is_key(key) and format_key(template, key) == path else None
    except (ValueError, OverflowError):
        return None


def fixed_folder(template: str) -> str:
    """Return the leading folders of a template that are the same for every key: `orders` for `orders/dt=…`, else empty."""
    return template.split("{", 1)[0].rpartition("/")[0]


def _pieces(template: str, key: Key) -> list[str]:
    """Split a template into directives and fixed texts, in order."""
    return _split(template, isinstance(key, dt.datetime))


@lru_cache(maxsize=64)
def _split(template: str, hourly: bool) -> list[str]:
    pieces: list[str] = []
    position = 0
    for match in _FIELD.finditer(template):
        pieces.append(_fixed(template[position : match.start()]))
        spec = match[2] or ("%Y-%m-%dT%H" if hourly else "%Y-%m-%d")
        pieces += _DIRECTIVE.split(spec)
        position = match.end()
    pieces.append(_fixed(template[position:]))
    return [piece for piece in pieces if piece]


def _fixed(text: str) -> str:
    if "{" in text or "}" in text:
        message = "a field is written {start:%Y-%m-%d}"
        raise ValueError(message)
    return text


def _formatted(directive: str, key: Key) -> str:
    """Format one directive for a key.

    This function replaces `strftime`, which on some systems does not pad years before 1000 and does not support `%-m`.
    """
    code = directive[-1]
    iso = key.isocalendar()
    number = {
        "Y": key.year,
        "m": key.month,
        "d": key.day,
        "H": key.hour if isinstance(key, dt.datetime) else 0,
        "j": key.timetuple().tm_yday,
        "G": iso.year,
        "V": iso.week,
    }.get(code)
    if number is None:
        return key.strftime(directive)
    return str(number) if directive[1] == "-" else f"{number:0{_WIDTH[code]}}"


@lru_cache(maxsize=64)
def _pattern(template: str, hourly: bool) -> tuple[re.Pattern[str], list[str]]:
    """Return the regular expression of a path, and the directive of each group."""
    pattern = ""
    directives: list[str] = []
    for piece in _split(template, hourly):
        code = piece[-1]
        if piece[0] == "%" and code in _WIDTH:
            directives.append(piece)
            pattern += f"([0-9]{{1,{_WIDTH[code]}}})" if piece[1] == "-" else f"([0-9]{{{_WIDTH[code]}}})"
        else:
            pattern += re.escape(piece)
    return re.compile(pattern), directives


def _key(numbers: Mapping[str, int], *, hourly: bool) -> Key | None:
    """Build a key from the numbers in a path; return None if the numbers do not determine a date."""
    if "Y" in numbers and "j" in numbers:
        day = dt.date(numbers["Y"], 1, 1) + dt.timedelta(days=numbers["j"] - 1)
    elif "Y" in numbers and "m" in numbers:
        day = dt.date(numbers["Y"], numbers["m"], numbers.get("d", 1))
    elif "G" in numbers and "V" in numbers:
        day = dt.date.fromisocalendar(numbers["G"], numbers["V"], 1)
    else:
        return None
    if not hourly:
        return day
    return dt.datetime(day.year, day.month, day.day, numbers.get("H", 0), tzinfo=dt.UTC)
