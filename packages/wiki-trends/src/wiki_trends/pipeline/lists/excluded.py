"""What is in a day's list and not in its diamond partition, and why: as the layers wrote it down when they were made.

A day that silver does not have is a `ContractError` that says so.
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
    """A row that was left out, or added to another one.

    Attributes:
        rank: in the list.
        page: title as it was listed.
        views: of the day.
        reason: `placeholder`, `control_character`, `main_page`, `namespace`, `denied`, `suspect`, `leads_to_no_article`,
            or `merged`.
        desktop: of a suspect one: bounds of the part of its views that came from desktops.
        into: of a merged one: the page that its views were added to.
    """

    rank: int
    page: str
    views: int
    reason: str
    desktop: tuple[float, float] | None = None
    into: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields that say something."""
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
        """The reason for people."""
        if self.into is not None:
            return f"{self.reason} into {self.into}"
        if self.desktop is None:
            return self.reason
        low, high = (f"{100 * bound:.1f}" for bound in self.desktop)
        return f"{self.reason}: {low if low == high else f'{low} to {high}'} % from desktops"


def excluded(day: dt.date, settings: Settings) -> list[Exclusion]:
    """What was left out of a UTC day, or merged, by original rank.

    Raises:
        ContractError: silver does not have the day.
    """
    of = layers(settings)
    silver, gold = inspect(of.silver, day), inspect(of.gold, day)
    if not silver.available or silver.manifest is None:
        raise ContractError(of.silver.name, day, silver.code, [silver.reason])
    entries = list(silver.manifest.measured.get("excluded", ()))
    if gold.available and gold.manifest is not None:
        entries += gold.manifest.measured.get("excluded", ())
    found = [_exclusion(entry) for entry in entries]
    return sorted(found, key=lambda one: (one.rank, one.page))


def counts(found: Sequence[Exclusion]) -> dict[str, int]:
    """Rows by reason."""
    return dict(sorted(Counter(one.reason for one in found).items()))


def lines(found: Sequence[Exclusion]) -> list[Line]:
    """The rows and their number by reason, for people."""
    rows: list[Line] = [(f"{one.rank:>7}  {one.views:>12,}  {one.page}  ({one.text()})", "") for one in found]
    by_reason = ", ".join(f"{number} {reason}" for reason, number in counts(found).items())
    return [*rows, (f"left out or merged: {len(found)}{f' ({by_reason})' if by_reason else ''}", "strong")]


def _exclusion(entry: dict[str, Any]) -> Exclusion:
    desktop = entry.get("desktop")
    return Exclusion(**entry | ({"desktop": (desktop[0], desktop[1])} if desktop else {}))
