"""Reads from the manifests of silver and gold which rows of a day's list are not in its diamond partition, and why.

A day that silver does not have raises `ContractError`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from smart_orchestrator.adapters.manifest import inspect
from smart_orchestrator.errors import ContractError
from wiki_trends.config.layers import layers

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from smart_orchestrator.text.reports import Line
    from wiki_trends.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A row that was left out, or merged into another row.

    Attributes:
        rank: rank in the list.
        page: title in the list.
        views: views of the day.
        reason: `placeholder`, `control_character`, `main_page`, `namespace`, `denied`, `suspect`, `leads_to_no_article`,
            or `merged`.
        desktop: for a suspect row, bounds of the share of its views that came from desktops.
        into: for a merged row, the page to which its views were added.
    """

    rank: int
    page: str
    views: int
    reason: str
    desktop: tuple[float, float] | None = None
    into: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The document for manifests and `--json`: the fields that have a value."""
        result: dict[str, Any] = {
            "rank": self.rank,
            "page": self.page,
            "views": self.views,
            "reason": self.reason,
        }
        if self.desktop is not None:
            result["desktop"] = list(self.desktop)
        return result if self.into is None else result | {"into": self.into}

    def text(self) -> str:
        """The reason as text."""
        if self.into is not None:
            return f"{self.reason} into {self.into}"
        if self.desktop is None:
            return self.reason
        low, high = (f"{100 * bound:.1f}" for bound in self.desktop)
        return f"{self.reason}: {low if low == high else f'{low} to {high}'} % from desktops"


def excluded(day: dt.date, settings: Settings) -> list[Exclusion]:
    """The rows of a UTC day that were left out or merged, ordered by rank.

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
    exclusions = (_exclusion(entry) for entry in entries)
    return sorted(exclusions, key=lambda row: (row.rank, row.page))


def counts(exclusions: Sequence[Exclusion]) -> dict[str, int]:
    """The number of rows for each reason."""
    return dict(sorted(Counter(row.reason for row in exclusions).items()))


def lines(exclusions: Sequence[Exclusion]) -> list[Line]:
    """A line for each row, and one with the number of rows for each reason."""
    rows: list[Line] = [
        (f"{row.rank:>7}  {row.views:>12,}  {row.page}  ({row.text()})", "") for row in exclusions
    ]
    by_reason = ", ".join(f"{number} {reason}" for reason, number in counts(exclusions).items())
    return [
        *rows,
        (f"left out or merged: {len(exclusions)}{f' ({by_reason})' if by_reason else ''}", "strong"),
    ]


def _exclusion(entry: dict[str, Any]) -> Exclusion:
    desktop = entry.get("desktop")
    return Exclusion(**entry | ({"desktop": (desktop[0], desktop[1])} if desktop else {}))
