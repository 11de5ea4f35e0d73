"""CSV whose formulas a spreadsheet does not run: a title such as `=HYPERLINK(…)` stays text."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from wiki_trends.queries.spreadsheet import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return the columns and rows as CSV. Lines end in CRLF, None is empty, and text like a formula gets the prefix `'`."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([as_text(value) for value in row] for row in rows)
    return text.getvalue()
