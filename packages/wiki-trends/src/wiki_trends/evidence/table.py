"""Choose the findings of a window from its scores, and make the table `wiki_trends_evidence`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wiki_trends.evidence.collect import MAX_FINDINGS
from wiki_trends.evidence.model import Finding

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    import polars as pl

    from wiki_trends.evidence.collect import Collected
    from wiki_trends.evidence.model import Evidence
    from wiki_trends.warehouse.base import ArrowStream

NO_EXPLANATION = "no public explanation found"
FLAT = "; a flat rise without one can be automated traffic"
# The kinds of the rows of pages without evidence.
NONE, UNAVAILABLE = "none", "unavailable"
# The maximum length of the text in the row of a page without evidence.
_MAX_REASON = 300
# More kinds than these are counted: a table of pages has no room for a dozen names beside each.
_MAX_NAMED_KINDS = 4


class _Values(NamedTuple):
    """The last columns of a row of `wiki_trends_evidence`. Only a row with evidence has values in all of them."""

    kind: str
    rule: str | None
    strength: float | None
    text: str
    source: str | None
    date: dt.date | None


def find_rises(scores: ArrowStream) -> list[Finding]:
    """Return the pages that certainly rose: the surest rise, the largest rise, the second surest, the second largest, and so on."""
    import polars as pl

    from wiki_trends.warehouse.arrow import StreamOnly

    frame = pl.DataFrame(StreamOnly(scores)).filter(pl.col("at_least") > 1)
    orders = [
        frame.sort(name, "views", "page", descending=[True, True, False], nulls_last=True).head(MAX_FINDINGS)
        for name in ("at_least", "magnitude")
    ]
    findings = [
        Finding(row["page"], row["surprise_date"], row["shape"])
        for rows in zip(*(order.iter_rows(named=True) for order in orders), strict=True)
        for row in rows
    ]
    return list(dict.fromkeys(findings))[:MAX_FINDINGS]


def evidence_table(
    findings: Sequence[Finding], collected: Collected, dataset: str, first: dt.date, last: dt.date
) -> pl.DataFrame:
    """Make `wiki_trends_evidence`: the pieces of evidence of each finding, or one row that says why a finding has none."""
    import polars as pl

    by_page: dict[str, list[Evidence]] = {}
    for piece in collected.evidence:
        by_page.setdefault(piece.page, []).append(piece)
    rows = []
    for finding in findings:
        pieces = sorted(by_page.get(finding.page, []), key=lambda piece: (-piece.strength, piece.rule))
        values = [
            _Values(piece.kind, piece.rule, piece.strength, piece.text, piece.source, piece.date)
            for piece in pieces
        ] or [_without_evidence(finding, collected)]
        rows += [
            (dataset, first, last, finding.page, place, *row) for place, row in enumerate(values, start=1)
        ]
    schema = {
        "dataset": pl.String, "window_start": pl.Date, "window_end": pl.Date, "page": pl.String, "place": pl.Int32,
        "kind": pl.String, "rule": pl.String, "strength": pl.Float64, "text": pl.String, "source": pl.String, "date": pl.Date,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _without_evidence(finding: Finding, collected: Collected) -> _Values:
    """Return the values of a finding without evidence: not all sources have answered, or no source has an explanation."""
    if collected.not_asked:
        kinds_by_reason: dict[str, list[str]] = {}
        for kind, reason in collected.not_asked.items():
            kinds_by_reason.setdefault(reason, []).append(kind)
        reasons = [f"{_named(kinds)} ({reason})" for reason, kinds in kinds_by_reason.items()]
        text = f"not asked: {'; '.join(reasons)}"
        short_text = text if len(text) <= _MAX_REASON else f"{text[: _MAX_REASON - 1]}…"
        return _Values(UNAVAILABLE, rule=None, strength=None, text=short_text, source=None, date=None)
    kinds_not_asked = [kind for kind, pages in collected.asked.items() if finding.page not in pages]
    limits = f" (not asked: {', '.join(kinds_not_asked)})" if kinds_not_asked else ""
    flat = FLAT if finding.shape == "plateau" else ""
    text = f"{NO_EXPLANATION}{limits}{flat}"
    return _Values(NONE, rule=None, strength=None, text=text, source=None, date=None)


def _named(kinds: Sequence[str]) -> str:
    return ", ".join(kinds) if len(kinds) <= _MAX_NAMED_KINDS else f"{len(kinds)} kinds of evidence"
