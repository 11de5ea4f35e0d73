"""Query the published evidence: why pages rose in the window that was published last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wiki_trends.config.projects import project_of_dataset
from wiki_trends.queries.links import evidence_link
from wiki_trends.warehouse.base import EVIDENCE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wiki_trends.queries.published import Row
    from wiki_trends.warehouse.base import Reader, RunRecord

_COLUMNS = "kind, rule, strength, text, source, date"
FLAG = "an unusual share of its views came from desktops, which can be automated traffic"


def read_evidence(reader: Reader, run: RunRecord, page: str) -> list[Row]:
    """Return the rows of a page in the table of the evidence, strongest first: the evidence, or the reason why there is none.

    The result is empty when the run requested no evidence about the page.
    """
    if EVIDENCE not in run.rows:
        return []
    rows = reader.rows(f"SELECT {_COLUMNS} FROM {EVIDENCE} WHERE page = ? ORDER BY place", page)  # noqa: S608 - constants
    # The warning about a flagged page is shown once, beside its strongest evidence.
    return [
        _displayed(row, run, is_flagged=page in run.flagged and not place) for place, row in enumerate(rows)
    ]


def read_why(reader: Reader, run: RunRecord, pages: Iterable[str]) -> dict[str, Row]:
    """Return the row with the strongest evidence for a page, or with the reason why there is none, by page.

    The result contains only those of `pages` about which the run requested evidence: the most important pages that certainly rose.
    """
    if EVIDENCE not in run.rows:
        return {}
    wanted = set(pages)
    # A row without evidence also has place 1.
    rows = reader.rows(f"SELECT page, {_COLUMNS} FROM {EVIDENCE} WHERE place = 1 ORDER BY page")  # noqa: S608 - constants
    flagged = set(run.flagged)
    return {
        page: _displayed(row, run, is_flagged=page in flagged)
        for row in rows
        if (page := row.pop("page")) in wanted
    }


def _displayed(row: Row, run: RunRecord, *, is_flagged: bool) -> Row:
    """Return the row with a safe link, and with a warning in the text of a page that was flagged."""
    text = f"{row['text']}; {FLAG}" if is_flagged else row["text"]
    return row | {"text": text, "source": evidence_link(row["source"], project_of_dataset(run.dataset))}
