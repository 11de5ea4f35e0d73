"""Key formats: templates for the path of a partition below the lake's root.

In a template such as `orders/dt={start:%Y-%m-%d}`, the field `{start}` is the start of the key's span. A field may use these
directives of `strftime`: `%Y %m %d %H %j %G %V`, and `%-m %-d %-H %-j %-V` without leading zeros. `{day}` is another name for
`{start}`. Templates may have several levels of folders.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smart_orchestrator.model.grain import Grain, Key

_FIELD = re.compile(r"\{(day|start)(?::([^{}]*))?\}")
_DIRECTIVE = re.compile(r"(%-?[A-Za-z])")
_DIGITS = {"Y": 4, "G": 4, "m": 2, "d": 2, "H": 2, "V": 2, "j": 3}
# The functions that return the number of a directive for a key.
_NUMBERS: Mapping[str, Callable[[Key], int]] = {
    "Y": lambda key: key.year,
    "m": lambda key: key.month,
    "d": lambda key: key.day,
    "H": lambda key: key.hour if isinstance(key, dt.datetime) else 0,
    "j": lambda key: key.timetuple().tm_yday,
    "G": lambda key: key.isocalendar().year,
    "V": lambda key: key.isocalendar().week,
}


class _Piece(NamedTuple):
    """A piece of a template: a directive such as `%Y`, or a fixed text. A fixed text can contain a `%`, too."""

    text: str
    is_directive: bool


def format_key(template: str, key: Key) -> str:
    """Return the path of the key's partition, relative to the lake's root and without a final slash.

    Raises:
        ValueError: the template is invalid.
    """
    pieces = _split(template, isinstance(key, dt.datetime))
    return "".join(
        _format_directive(piece.text, key) if piece.is_directive else piece.text for piece in pieces
    )


def parse_path(template: str, grain: Grain, path: str) -> Key | None:
    """Return the key whose partition has this path. Return None for any other path."""
    pattern, directives = _pattern(template, grain.value == "hour")
    match = pattern.fullmatch(path)
    if match is None:
        return None
    numbers = {directive[-1]: int(text) for directive, text in zip(directives, match.groups(), strict=True)}
    try:
        key = _key(numbers, hourly=grain.value == "hour")
        # Formatting the key again detects numbers that contradict each other. `is_key` rejects dates that do not start a span.
        return key if key is not None and grain.is_key(key) and format_key(template, key) == path else None
    except (ValueError, OverflowError):
        return None


def fixed_folder(template: str) -> str:
    """Return the folders that the paths of all keys share: `orders` for `orders/dt=…`, or empty."""
    return template.split("{", 1)[0].rpartition("/")[0]


@lru_cache(maxsize=64)
def _split(template: str, hourly: bool) -> list[_Piece]:
    """Split a template into its directives and fixed texts."""
    pieces: list[_Piece] = []
    position = 0
    for match in _FIELD.finditer(template):
        pieces.append(_check_fixed_text(template[position : match.start()]))
        format_spec = match[2] or ("%Y-%m-%dT%H" if hourly else "%Y-%m-%d")
        pieces += map(_check_field_text, _DIRECTIVE.split(format_spec))
        position = match.end()
    pieces.append(_check_fixed_text(template[position:]))
    return [piece for piece in pieces if piece.text]


def _check_field_text(text: str) -> _Piece:
    """Return a piece of a field: a directive that names a part of a key, or a fixed text."""
    if "%" in text and (text[-1] not in _DIGITS or text[-2:] in ("-Y", "-G")):
        message = f"{text} is not one of %Y %m %d %H %j %G %V %-m %-d %-H %-j %-V"
        raise ValueError(message)
    return _Piece(text, is_directive="%" in text)


def _check_fixed_text(text: str) -> _Piece:
    if "{" in text or "}" in text:
        message = "a field is written {start:%Y-%m-%d}"
        raise ValueError(message)
    return _Piece(text, is_directive=False)


def _format_directive(directive: str, key: Key) -> str:
    """Format one directive for a key.

    This function replaces `strftime`, which on some systems has no `%-m` and does not pad the years before 1000.
    """
    code = directive[-1]
    number = _NUMBERS[code](key)
    return str(number) if directive[1] == "-" else f"{number:0{_DIGITS[code]}}"


@lru_cache(maxsize=64)
def _pattern(template: str, hourly: bool) -> tuple[re.Pattern[str], list[str]]:
    """Return the regular expression for the paths of a template, and the directive of each group."""
    pattern = ""
    directives: list[str] = []
    for piece in _split(template, hourly):
        if piece.is_directive:
            directives.append(piece.text)
            digits = _DIGITS[piece.text[-1]]
            pattern += f"([0-9]{{1,{digits}}})" if piece.text[1] == "-" else f"([0-9]{{{digits}}})"
        else:
            pattern += re.escape(piece.text)
    return re.compile(pattern), directives


def _key(numbers: Mapping[str, int], *, hourly: bool) -> Key | None:
    """Return the key that the numbers in a path determine, or None. `numbers` has the letter of the directive of each number."""
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
