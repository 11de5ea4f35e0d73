"""What is done to the lake by hand: waiving days, and removing what killed writers left."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from smart_orchestrator.committing.cleanup import Vacuumed
from smart_orchestrator.committing.cleanup import vacuum as clean
from smart_orchestrator.model.window import parse_day
from smart_orchestrator.store.opening import lake_of
from smart_orchestrator.waiver_store import Waiver
from smart_orchestrator.waiver_store import unwaive as take_back
from smart_orchestrator.waiver_store import waive as record
from smart_orchestrator.waiver_store import waivers as recorded
from wiki_trends.config.layers import layers
from wiki_trends.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.text.reports import Line
    from wiki_trends.config.settings import Settings

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def waive(settings: Settings, days: Sequence[str], *, reason: str, by: str, until: str | None) -> None:
    """Waive days of the diamond layer.

    Raises:
        WindowError: one is not a day.
        WaiverError: one is waived already, or there is no reason.
    """
    dataset = layers(settings).diamond
    last = parse_day(until, "until") if until else None
    now = dt.datetime.now(tz=dt.UTC)
    for day in [parse_day(text, "DAY") for text in days]:
        record(dataset, lake_of(dataset), Waiver(day, reason, by, last, now))


def unwaive(settings: Settings, days: Sequence[str]) -> None:
    """Take waivers back.

    Raises:
        WindowError: one is not a day.
        WaiverError: one is not waived.
    """
    dataset = layers(settings).diamond
    for day in [parse_day(text, "DAY") for text in days]:
        take_back(dataset, lake_of(dataset), day)


def waivers(settings: Settings) -> list[Waiver]:
    """All waivers of the diamond layer, oldest day first."""
    dataset = layers(settings).diamond
    return list(recorded(dataset, lake_of(dataset)).values())


def waiver_lines(known: Sequence[Waiver]) -> list[Line]:
    """A line a waived day."""
    if not known:
        return [("no day is waived", "")]
    return [(_waiver_text(waiver), "") for waiver in known]


def _waiver_text(waiver: Waiver) -> str:
    by = f", by {waiver.by}" if waiver.by else ""
    until = f", until {waiver.until}" if waiver.until else ""
    return f"{waiver.day}  {waiver.reason}  (since {waiver.waived_at:%Y-%m-%d}{by}{until})"


def vacuum(settings: Settings, *, older_than: str, dry_run: bool) -> dict[str, Vacuumed]:
    """Remove what nothing names from every layer, by the layer's name.

    Raises:
        SettingError: `older_than` is not an age.
    """
    every = layers(settings)
    age = _age(older_than)
    return {
        dataset.name: clean(dataset, older_than=age, dry_run=dry_run)
        for dataset in (every.bronze, every.silver, every.gold, every.diamond)
    }


def vacuum_lines(done: Mapping[str, Vacuumed]) -> list[Line]:
    """A line an object, and the sums."""
    lines: list[Line] = []
    for layer_name, removed in done.items():
        verb = "would remove" if removed.dry_run else "removed"
        lines += [(f"  {key}", "") for key in removed.keys]
        lines.append((f"{layer_name}: {verb} {len(removed.keys)} objects, {removed.size:,} bytes", ""))
    return lines


def _age(text: str) -> dt.timedelta:
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if match is None:
        raise SettingError(
            name="older_than",
            value=text,
            origin="--older-than",
            problem="is not an age",
            fix="Give a number and a unit, for example 30m, 12h or 1d.",
        )
    return dt.timedelta(seconds=int(match[1]) * _UNITS[match[2]])
