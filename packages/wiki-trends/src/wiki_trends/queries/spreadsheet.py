"""Escape text that a spreadsheet would run as a formula: titles are untrusted, and a CSV file is opened with a click.

A cell that a program would take for a formula gets an apostrophe before it, as OWASP's page on CSV injection advises.
Numbers are unchanged. Parquet and JSON hold the exact titles.
"""

from __future__ import annotations

import re

# Invisible characters that may precede a formula: blanks, marks of direction, a byte order mark.
_UNSEEN = " \u00a0\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
# Characters that begin a formula or end the cell, with the full-width, small and raised forms that some programs fold.
_BEGINS = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207c\u208c\u207a\u208a"
PATTERN = f"^[{_UNSEEN}]*[{_BEGINS}]"
_FORMULA = re.compile(PATTERN)


def as_text(value: object) -> object:
    """The value of a cell; a text that looks like a formula gets `'` before it."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value
