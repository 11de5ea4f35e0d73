"""Build the output about the upstreams: landing delays, the next probe, and changes of keys that have landed."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smart_orchestrator.model.grain import Key
    from smart_orchestrator.text.reports import Line
    from smart_orchestrator.upstream.recheck_store import Recheck
    from smart_orchestrator.upstream.watch import UpstreamStatus


def upstream_line(status: UpstreamStatus) -> Line:
    """Return a line with the typical and the worst landing delay, and the time of the next probe."""
    delays = status.delays
    if delays.typical is None or delays.worst is None:
        text = "no landing is known yet"
    else:
        known = f"{delays.count} landing{'s' if delays.count > 1 else ''}"
        text = f"lands after {duration(delays.typical)}, at worst {duration(delays.worst)} ({known})"
    if status.next_probe_at is not None:
        text += f"; next probe {status.next_probe_at:%Y-%m-%d %H:%M} UTC"
    return f"  upstream: {text}", "dim"


def upstream_document(status: UpstreamStatus | None) -> dict[str, object]:
    """Return the part of the document of a dataset that is about its upstream; empty for a dataset without a probe."""
    return {} if status is None else {"upstream": status.to_json()}


def recheck_line(rechecks: Mapping[Key, Recheck]) -> Line:
    """Return a line with the number of keys for each result of their last recheck, such as `3 none, 1 material`."""
    changes = [recheck.change.value for recheck in rechecks.values()]
    counts = ", ".join(f"{changes.count(change)} {change}" for change in dict.fromkeys(changes))
    return f"  changes since the first fetch: {counts or 'no recheck yet'}", "dim"


def recheck_document(rechecks: Mapping[Key, Recheck]) -> dict[str, object]:
    """Return the part of a document that is about the keys that the upstream was asked about again."""
    return {"rechecks": [recheck.to_json(key) for key, recheck in sorted(rechecks.items())]}


def duration(seconds: float) -> str:
    """Format a number of seconds as days, hours and minutes: `1d 4h`, `14h 30m`, `25m`."""
    minutes = round(dt.timedelta(seconds=seconds) / dt.timedelta(minutes=1))
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {minutes:02}m" if hours else f"{minutes}m"
