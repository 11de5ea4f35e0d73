"""Text that is safe to show: titles are untrusted, and a terminal interprets control characters."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt

# Controls, surrogates, line and paragraph separators.
_UNSAFE = {"Cc", "Cs", "Zl", "Zp"}
# Marks that change the direction of the text after them, with which a title could rearrange its neighbours.
_TURNING = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def safe(text: str) -> str:
    """The text with every character that could control a terminal replaced by its code, as in `U+202E`."""
    return "".join(_escaped(char) if _steers(char) else char for char in text)


def counted(number: int, thing: str) -> str:
    """A number with its noun in the right form: `1 day`, `2 days`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _steers(char: str) -> bool:
    return char in _TURNING or unicodedata.category(char) in _UNSAFE


def _escaped(char: str) -> str:
    return f"<U+{ord(char):04X}>"


def shortened(text: str, length: int) -> str:
    """The text, cut with an ellipsis when it is longer than `length` characters."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def day_of_month(day: dt.date) -> str:
    """A day without its year: `9 November`."""
    return f"{day.day} {day:%B}"


def span_text(first: dt.date, last: dt.date) -> str:
    """A range of days for people: `5 to 9 November 2025`, `28 October to 3 November 2025`."""
    end = f"{day_of_month(last)} {last.year}"
    if first == last:
        return end
    if first.year != last.year:
        return f"{day_of_month(first)} {first.year} to {end}"
    return f"{first.day if first.month == last.month else day_of_month(first)} to {end}"
