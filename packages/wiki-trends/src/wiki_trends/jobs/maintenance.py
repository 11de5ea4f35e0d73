"""Maintain the lake: waive days, remove the leftovers of killed writers, and merge the page cache."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from smart_orchestrator.committing.cleanup import (
    Vacuumed,
    find_leftovers,
    refuse_unmarked,
    remove_leftovers,
)
from smart_orchestrator.model.grain import Grain
from smart_orchestrator.model.window import parse_day
from smart_orchestrator.store.opening import lake_of
from smart_orchestrator.store.urls import redacted_url
from smart_orchestrator.waiver_store import Waiver, parse_until, unwaive, waive, waivers
from wiki_trends.config.layers import layers
from wiki_trends.pipeline.cache.pages import PageCache
from wiki_trends.pipeline.step_result import project_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.text.reports import Line
    from wiki_trends.config.settings import Settings


def waive_days(settings: Settings, days: Sequence[str], *, reason: str, by: str, until: str | None) -> None:
    """Record that days of the diamond layer are no longer expected.

    Raises:
        WindowError: a text is not a day, or `until` is in the past.
        WaiverError: a day is waived already, or the reason is empty.
    """
    last_as_of = parse_until(until, dt.datetime.now(tz=dt.UTC).date()) if until is not None else None
    for day in [parse_day(text, "DAY") for text in days]:
        waive_day(settings, day, reason, by, last_as_of)


def waive_day(settings: Settings, day: dt.date, reason: str, by: str, until: dt.date | None) -> Waiver:
    """Record that a day of the diamond layer is no longer expected, and return the waiver.

    Raises:
        WaiverError: the day is waived already, or the reason is empty.
    """
    dataset = layers(settings).diamond
    waiver = Waiver(day, reason, by, until, dt.datetime.now(tz=dt.UTC))
    waive(dataset, lake_of(dataset), waiver)
    return waiver


def unwaive_days(settings: Settings, days: Sequence[str]) -> None:
    """Remove the waivers of days.

    Raises:
        WindowError: a text is not a day.
        WaiverError: a day is not waived.
    """
    dataset = layers(settings).diamond
    for day in [parse_day(text, "DAY") for text in days]:
        unwaive(dataset, lake_of(dataset), day)


def list_waivers(settings: Settings) -> list[Waiver]:
    """Return all waivers of the diamond layer, oldest day first."""
    dataset = layers(settings).diamond
    return list(waivers(dataset, lake_of(dataset)).values())


def waiver_lines(waived: Sequence[Waiver]) -> list[Line]:
    """Return the waived days, oldest first. Neighbouring days share a line if their waivers have the same text."""
    from smart_orchestrator.text.spans import counted_span, group_alike

    if not waived:
        return [("no day is waived", "")]
    groups = group_alike(waived, lambda waiver: waiver.day, _waiver_text, Grain.DAY)
    return [
        (f"{counted_span(Grain.DAY, [waiver.day for waiver in group])}: {_waiver_text(group[0])}", "")
        for group in groups
    ]


def _waiver_text(waiver: Waiver) -> str:
    by_text = f", by {waiver.by}" if waiver.by else ""
    until_text = f", until {waiver.until}" if waiver.until else ""
    if waiver.problem:
        return f"cannot be read: {waiver.problem}"
    return f"{waiver.reason} (since {waiver.waived_at:%Y-%m-%d}{by_text}{until_text})"


def vacuum_layers(settings: Settings, *, older_than: dt.timedelta, dry_run: bool) -> dict[str, Vacuumed]:
    """Remove the leftovers of killed writers from every layer, and merge the page cache.

    Returns:
        The result for each layer by the name of its dataset, and the result for the page cache by `page_cache`.

    Raises:
        VacuumRefused: no layer has a manifest of this program.
    """
    lake = layers(settings)
    datasets = (lake.bronze, lake.silver, lake.gold, lake.diamond, lake.page_history)
    leftovers = {dataset.name: find_leftovers(dataset, older_than=older_than) for dataset in datasets}
    cache = PageCache(lake_of(lake.silver), project_of(settings), keep_days=settings.cache_days)
    if dry_run:
        return leftovers | {"page_cache": cache.vacuum(older_than=older_than, dry_run=True)}
    # A lake without a manifest of this program may belong to another program.
    refuse_unmarked(redacted_url(settings.lake), list(leftovers.values()))
    removed = {
        dataset.name: remove_leftovers(lake_of(dataset), leftovers[dataset.name]) for dataset in datasets
    }
    return removed | {"page_cache": cache.vacuum(older_than=older_than)}


def vacuum_lines(results: Mapping[str, Vacuumed]) -> list[Line]:
    """Return a line for each removed or foreign object, and the totals of each layer."""
    lines: list[Line] = []
    for layer_name, result in results.items():
        verb = "would remove" if result.dry_run else "removed"
        lines += [(f"  {key}", "") for key in result.keys]
        lines += [(f"  {key}  (foreign, kept)", "") for key in result.foreign]
        lines.append((f"{layer_name}: {verb} {len(result.keys)} objects, {result.size:,} bytes", ""))
    return lines
