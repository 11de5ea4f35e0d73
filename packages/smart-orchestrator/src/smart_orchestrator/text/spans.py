"""Write spans of partition keys as text, and group neighbours that are alike: `12–28 October 2025: 17 days absent`."""

from __future__ import annotations

import datetime as dt
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from smart_orchestrator.model.grain import Grain, key_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_Item = TypeVar("_Item")

# The names are written here because `strftime` depends on the locale.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def weekday(day: dt.date) -> str:
    """Return the English name of the weekday, independent of the locale."""
    return _WEEKDAYS[day.weekday()]


def counted(number: int, grain: Grain) -> str:
    """Return a number of keys with the noun of the grain: `1 day`, `17 days`."""
    return f"{number:,} {grain.value}" if number == 1 else f"{number:,} {grain.value}s"


def span_text(grain: Grain, first: dt.date, last: dt.date) -> str:
    """Return a span of keys: `12–28 October 2025`, `28 October – 3 November 2025`, `2025-11-05T00 – 2025-11-05T07`.

    A single day has its weekday: `Wednesday 5 November 2025`.
    """
    if grain is not Grain.DAY:
        return key_text(first) if first == last else f"{key_text(first)} – {key_text(last)}"
    end = f"{last.day} {_MONTHS[last.month - 1]} {last.year}"
    if first == last:
        return f"{weekday(first)} {end}"
    if first.year != last.year:
        return f"{first.day} {_MONTHS[first.month - 1]} {first.year} – {end}"
    if first.month != last.month:
        return f"{first.day} {_MONTHS[first.month - 1]} – {end}"
    return f"{first.day}–{end}"


def group_alike(
    items: Iterable[_Item], key: Callable[[_Item], dt.date], likeness: Callable[[_Item], object], grain: Grain
) -> list[list[_Item]]:
    """Group items of neighbouring keys that are alike. The items are sorted by key. A key without an item ends a group.

    Args:
        items: the items, oldest first.
        key: the function that returns the key of an item.
        likeness: the function whose result is equal for items that are alike.
        grain: the grain of the keys.
    """
    # `index of the key - position of the item` is the same for neighbours, and another number after a key without an item.
    numbered = ((grain.index(key(item)) - position, item) for position, item in enumerate(items))
    groups = groupby(numbered, lambda pair: (pair[0], likeness(pair[1])))
    return [[item for _, item in group] for _, group in groups]


def counted_span(grain: Grain, keys: Sequence[dt.date]) -> str:
    """Return the span of neighbouring keys, with their number if there are several: `12–28 October 2025 (17 days)`."""
    span = span_text(grain, keys[0], keys[-1])
    return span if len(keys) == 1 else f"{span} ({counted(len(keys), grain)})"


def changed_texts(reasons: Mapping[str, str]) -> list[str]:
    """Return a text for each changed day with its reason, oldest first. Neighbouring days with the same reason share a text.

    Args:
        reasons: the reason for each changed day, by its ISO date.
    """
    changes = sorted((dt.date.fromisoformat(day), reason) for day, reason in reasons.items())
    groups = group_alike(changes, lambda change: change[0], lambda change: change[1], Grain.DAY)
    return [f"{counted_span(Grain.DAY, [day for day, _ in group])}: {group[0][1]}" for group in groups]
