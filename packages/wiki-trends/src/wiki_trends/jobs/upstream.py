"""Ask Wikimedia whether it has the list of a day (`WIKI_TRENDS_LAG=auto`), and whether it has changed a list (`WIKI_TRENDS_RECHECK`).

The answers are stored in the folder `_upstream` of the diamond layer. So the command line and the dashboard of all machines share them.
Wikimedia is asked only at the times of the probe schedule, and never before the last answer expires.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from smart_orchestrator.model.window import Window
from wiki_trends.config.layers import layers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smart_orchestrator.upstream.recheck_store import Recheck
    from smart_orchestrator.upstream.rechecks import Rechecks
    from smart_orchestrator.upstream.watch import UpstreamStatus, UpstreamWatch
    from wiki_trends.config.settings import Settings


def upstream_watch(settings: Settings, *, ask: bool = True) -> UpstreamWatch | None:
    """Return the watch of Wikimedia's list; None for a fixed lag. Without `ask`, no request is sent, and stored answers are used."""
    if settings.lag != "auto":
        return None
    from smart_orchestrator.store.opening import lake_of
    from smart_orchestrator.upstream.configured import create_watch
    from wiki_trends.wikimedia.list_probe import ListProbe

    dataset = replace(layers(settings).diamond, lag=settings.max_lag)
    probe = ListProbe(settings) if ask else None
    return create_watch(dataset, probe, lake_of(dataset), is_lag_automatic=True, in_dataset=True)


def create_rechecks(settings: Settings, *, ask: bool = True) -> Rechecks | None:
    """Return the object that asks the upstream again about published lists. Return None if `recheck` is empty or `ask` is false."""
    if not settings.recheck or not ask:
        return None
    from wiki_trends.pipeline.lists.recheck import list_rechecks

    return list_rechecks(settings)


def known_rechecks(settings: Settings, days: Sequence[dt.date]) -> Mapping[dt.date, Recheck]:
    """Return the last recheck of each day that was rechecked; empty without the setting `recheck`.

    Raises:
        LakeError: the stored rechecks in the lake cannot be read.
    """
    rechecks = create_rechecks(settings)
    return {} if rechecks is None else rechecks.known(days)


def baseline_window(window: Window) -> Window | None:
    """Return the days before a window that its scores use; None if there are no such days in the calendar."""
    from wiki_trends.analytics.tables.history import BASELINE_DAYS

    if window.start.toordinal() <= BASELINE_DAYS:
        return None
    first = window.start - dt.timedelta(days=BASELINE_DAYS)
    return Window.between(first, window.start - dt.timedelta(days=1), as_of=window.as_of, lag=window.lag)


def lag_at(settings: Settings, as_of: dt.date, *, ask: bool = True) -> int:
    """Return the publication lag: the fixed lag, or the number of days from the newest day that Wikimedia has to `as_of`.

    Raises:
        ContactMissing: Wikimedia must be asked, and no contact is set.
        LakeError: the stored answers in the lake cannot be read or written.
    """
    watch = upstream_watch(settings, ask=ask)
    return settings.max_lag if watch is None else watch.lag(as_of)


def upstream_status(settings: Settings) -> UpstreamStatus | None:
    """Return what is known about the publication of Wikimedia's lists; None for a fixed lag. No request is sent.

    Raises:
        LakeError: the stored answers in the lake cannot be read.
    """
    watch = upstream_watch(settings, ask=False)
    return None if watch is None else watch.status()
