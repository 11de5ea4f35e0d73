"""Parsers of setting values: each takes the text that was given and returns the value, or raises `ValueError`.

The message of the error completes the sentence "<value> …", for example "is not between 1 and 64".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LAKE_SCHEMES = ("file", "s3", "s3a", "memory")


def integer(low: int, high: int) -> Callable[[str], int]:
    """An integer from `low` to `high`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            msg = "is not a whole number"
            raise ValueError(msg) from None
        if not low <= value <= high:
            msg = f"is not between {low} and {high}"
            raise ValueError(msg)
        return value

    return parse


def seconds(low: float, high: float) -> Callable[[str], float]:
    """A number of seconds from `low` to `high`."""
    return _number(low, high, "number of seconds", " seconds")


def fraction(low: float, high: float) -> Callable[[str], float]:
    """A number from `low` to `high`."""
    return _number(low, high, "number", "")


def _number(low: float, high: float, kind: str, unit: str) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            msg = f"is not a {kind}"
            raise ValueError(msg) from None
        if not low <= value <= high:
            msg = f"is not between {low:g} and {high:g}{unit}"
            raise ValueError(msg)
        return value

    return parse


def choice(*choices: str) -> Callable[[str], str]:
    """One of a few words."""

    def parse(text: str) -> str:
        if text not in choices:
            msg = f"is not one of {', '.join(choices)}"
            raise ValueError(msg)
        return text

    return parse


def matching(pattern: str, meaning: str) -> Callable[[str], str]:
    """A text that a regular expression matches from end to end."""

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            msg = f"is not {meaning}"
            raise ValueError(msg)
        return text

    return parse


def lake_template(text: str) -> str:
    """A URL template or a folder with `{layer}` in it."""
    matching(r"\S.*\{layer\}.*", "a URL template with {layer} in it")(text)
    scheme = text.partition("://")[0]
    if scheme != text and scheme not in LAKE_SCHEMES:
        schemes = ", ".join(f"{name}://" for name in LAKE_SCHEMES)
        msg = f"is of an unknown scheme; a folder, {schemes} can be opened"
        raise ValueError(msg)
    return text


def any_text(text: str) -> str:
    """Any text."""
    return text
