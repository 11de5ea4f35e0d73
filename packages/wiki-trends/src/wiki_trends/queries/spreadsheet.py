"""Escape text that a spreadsheet would run as a formula, because titles are untrusted.

The escaped text has an apostrophe in front, as OWASP's page on CSV injection advises. Numbers are unchanged.
"""

from __future__ import annotations

import re

# Invisible characters that may precede a formula: blanks, direction marks, a byte order mark.
_INVISIBLE = " \u00a0\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
# Characters that start a formula or end the cell, and their full-width, small, superscript and subscript forms, which some
# programs treat in the same way.
_FORMULA_STARTS = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207c\u208c\u207a\u208a"
FORMULA_PATTERN = f"^[{_INVISIBLE}]*[{_FORMULA_STARTS}]"
_FORMULA = re.compile(FORMULA_PATTERN)


def as_text(value: object) -> object:
    """Return the value for a cell: text that a spreadsheet would run as a formula gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value
