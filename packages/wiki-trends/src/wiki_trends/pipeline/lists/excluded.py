"""Reads the rows of a day's list that were left out, merged or flagged, with the reasons, from the manifests of silver and gold.

If silver does not have the day, `read_exclusions` raises `ContractError`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from smart_orchestrator.adapters.manifest import inspect
from smart_orchestrator.errors import ContractError
from wiki_trends.config.layers import layers

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from smart_orchestrator.text.reports import Line
    from wiki_trends.config.settings import Settings

# The reason of rows with an unusual desktop share, and the name of the list of these rows in the manifests.
SUSPECT = "suspect"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A row that was left out, merged into another row, or kept but flagged.

    Attributes:
        rank: the rank of the row in the list.
        page: the title of the row in the list.
        views: the views on the day.
        reason: the name of the reason: `placeholder`, `control_character`, `main_page`, `namespace`, `denied`, `suspect`,
            `leads_to_no_article` or `merged`.
        desktop: the smallest and the largest possible share of views from desktops, 0 to 1; only for a suspect row. The exact
            share is unknown for a page outside the day's desktop list.
        into: the title of the page to which the views of a merged row were added. Other rows have None.
        kept: whether the row stayed in the list. Only suspect rows stay.
    """

    rank: int
    page: str
    views: int
    reason: str
    desktop: tuple[float, float] | None = None
    into: str | None = None
    kept: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the fields that have a value, as the JSON object for manifests and `--json`."""
        result: dict[str, Any] = {
            "rank": self.rank,
            "page": self.page,
            "views": self.views,
            "reason": self.reason,
        }
        if self.desktop is not None:
            result["desktop"] = list(self.desktop)
        if self.into is not None:
            result["into"] = self.into
        return result | {"kept": True} if self.kept else result

    def text(self) -> str:
        """Return the reason as text, with the details."""
        if self.into is not None:
            return f"{self.reason} into {self.into}"
        if self.desktop is None:
            return self.reason
        low, high = (f"{100 * bound:.1f}" for bound in self.desktop)
        kept = ", kept" if self.kept else ""
        return f"{self.reason}{kept}: {low if low == high else f'{low} to {high}'} % from desktops"


def read_exclusions(day: dt.date, settings: Settings) -> list[Exclusion]:
    """Read the rows of a UTC day that were left out, merged or flagged, ordered by rank.

    Raises:
        ContractError: silver does not have the day.
    """
    datasets = layers(settings)
    silver, gold = inspect(datasets.silver, day), inspect(datasets.gold, day)
    if not silver.available or silver.manifest is None:
        raise ContractError(datasets.silver.name, day, silver.code, [silver.reason])
    entries = list(silver.manifest.measured.get("excluded", ()))
    if gold.available and gold.manifest is not None:
        entries += gold.manifest.measured.get("excluded", ())
    exclusions = [_parse_exclusion(entry) for entry in entries]
    flagged = silver.manifest.measured.get(SUSPECT, ())
    exclusions += [replace(_parse_exclusion(entry), kept=True) for entry in flagged]
    return sorted(exclusions, key=lambda row: (row.rank, row.page))


def count_by_reason(exclusions: Sequence[Exclusion]) -> dict[str, int]:
    """Count the rows for each reason."""
    return dict(sorted(Counter(row.reason for row in exclusions).items()))


def exclusion_lines(exclusions: Sequence[Exclusion]) -> list[Line]:
    """Return a line of text for each row, and a last line with the number of rows for each reason."""
    rows: list[Line] = [
        (f"{row.rank:>7}  {row.views:>12,}  {row.page}  ({row.text()})", "") for row in exclusions
    ]
    removed = [row for row in exclusions if not row.kept]
    by_reason = ", ".join(f"{number} {reason}" for reason, number in count_by_reason(removed).items())
    kept = f"; kept, but suspect: {len(exclusions) - len(removed)}" if len(removed) < len(exclusions) else ""
    return [
        *rows,
        (f"left out or merged: {len(removed)}{f' ({by_reason})' if by_reason else ''}{kept}", "strong"),
    ]


def _parse_exclusion(entry: dict[str, Any]) -> Exclusion:
    desktop = entry.get("desktop")
    return Exclusion(**entry | ({"desktop": (desktop[0], desktop[1])} if desktop else {}))
