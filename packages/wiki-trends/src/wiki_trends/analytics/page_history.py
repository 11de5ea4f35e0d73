"""The exact daily views of pages, as an input of an analysis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wiki_trends.warehouse.base import ArrowStream


@dataclass(frozen=True, slots=True)
class PageHistory:
    """The exact daily views of pages that the lake has for a window.

    Attributes:
        rows: a row for each page and day, with the columns of `declarations.HISTORY_TYPES`; None without rows.
        fingerprints: the fingerprint of each partition that was read, by ISO day. If the history was requested, and the lake has no
            partition for the last day of the window, this day has an empty fingerprint, which records the request.
        pages: the number of pages in the rows.
        problem: the error that ended the requests or the reading; empty without an error.
    """

    rows: ArrowStream | None = None
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    pages: int = 0
    problem: str = ""

    @property
    def partitions(self) -> dict[str, str]:
        """The fingerprint of each partition, by ISO day, without empty fingerprints."""
        return {day: fingerprint for day, fingerprint in self.fingerprints.items() if fingerprint}

    def to_json(self) -> dict[str, object]:
        """Return the document for the results of a job."""
        return {"partitions": self.partitions, "pages": self.pages, "problem": self.problem}
