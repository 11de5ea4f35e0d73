"""Make untrusted titles safe to print on a terminal, and shorten texts."""

from __future__ import annotations

import unicodedata

# Unicode categories: control characters, surrogates, line and paragraph separators.
_UNSAFE_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
# These characters change the direction of the text that follows, so a title with one could reorder the text around it.
_DIRECTION_MARKS = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def safe(text: str) -> str:
    """Replace each character that could control a terminal with its code, such as `<U+202E>`."""
    return "".join(_code_of(char) if _is_unsafe(char) else char for char in text)


def _is_unsafe(char: str) -> bool:
    return char in _DIRECTION_MARKS or unicodedata.category(char) in _UNSAFE_CATEGORIES


def _code_of(char: str) -> str:
    return f"<U+{ord(char):04X}>"


def shortened(text: str, length: int) -> str:
    """Shorten a text to at most `length` characters, the last one an ellipsis; return a short text unchanged."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
