"""CSV that a spreadsheet takes for text where it is text: a title such as `=HYPERLINK(…)` is shown, not calculated."""

from __future__ import annotations

import csv
import io
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# What makes a spreadsheet take a cell for a formula, or end it early.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
# What such a cell may begin with unseen: blanks, marks of direction, a byte order mark.
_UNSEEN = " \u00a0\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A header and the rows, CRLF after each; nothing for None. Texts that look like a formula get `'` before them."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if not isinstance(value, str):
        return value
    # Full-width signs count too: some programs fold them.
    first = unicodedata.normalize("NFKC", value.lstrip(_UNSEEN)[:1])
    return f"'{value}" if first.startswith(_FORMULA) else value
