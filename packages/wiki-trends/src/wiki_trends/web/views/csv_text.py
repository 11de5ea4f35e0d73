"""CSV in which a spreadsheet finds no formulas: a title such as `=HYPERLINK(…)` stays text."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from wiki_trends.queries.spreadsheet import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return column names and rows as CSV.

    Lines end in CRLF. None becomes an empty field. Text that looks like a formula gets the prefix `'`.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([as_text(value) for value in row] for row in rows)
    return text.getvalue()
