"""CSV that a spreadsheet takes for text where it is text: a title such as `=HYPERLINK(…)` is shown, not calculated."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from wiki_trends.queries.spreadsheet import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A header and the rows, CRLF after each; nothing for None. Texts that look like a formula get `'` before them."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([as_text(value) for value in row] for row in rows)
    return text.getvalue()
