"""Text that a spreadsheet shows and does not calculate: titles come from the world, and a CSV file is opened with a click.

A cell that a program would take for a formula gets an apostrophe before it, as OWASP's page on CSV injection advises.
Numbers are left alone. Whoever needs the exact titles takes Parquet or JSON.
"""

from __future__ import annotations

import re

# What may stand before a formula unseen: blanks, marks of direction, a byte order mark.
_UNSEEN = " \u00a0\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
# What begins one, or ends the cell early; with the full-width, small and raised forms that some programs fold.
_BEGINS = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207c\u208c\u207a\u208a"
PATTERN = f"^[{_UNSEEN}]*[{_BEGINS}]"
_FORMULA = re.compile(PATTERN)


def as_text(value: object) -> object:
    """The value of a cell, a text that looks like a formula with `'` before it."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value
