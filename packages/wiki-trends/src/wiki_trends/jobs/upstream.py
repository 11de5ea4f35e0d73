"""Ask Wikimedia whether it has the list of a day, for an automatic lag (`WIKI_TRENDS_LAG=auto`).

The answers are in the state folder, which the processes of this machine share. Wikimedia is asked about a day and a list at most
once within the time for which the answer may be cached, and only when the schedule of the probes says so.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from smart_orchestrator.store.opening import open_lake
from smart_orchestrator.upstream.configured import watch_of
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load

if TYPE_CHECKING:
    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.upstream.probe import Answer
    from smart_orchestrator.upstream.watch import UpstreamStatus, UpstreamWatch
    from wiki_trends.config.settings import Settings

# The function that Airflow's triggerer and workers call; see `ask_wikimedia`.
PROBE_FUNCTION = "wiki_trends.jobs.upstream:ask_wikimedia"


def diamond_dataset(settings: Settings) -> Dataset:
    """Return the diamond layer with the lag of the settings, which is the outer bound of an automatic lag."""
    return replace(layers(settings).diamond, lag=settings.max_lag)


def upstream_watch(settings: Settings, *, ask: bool = True) -> UpstreamWatch | None:
    """Return the watch of Wikimedia's list; None for a fixed lag. Without `ask`, only the remembered answers are used."""
    if settings.lag != "auto":
        return None
    from wiki_trends.wikimedia.list_probe import ListProbe

    return watch_of(
        diamond_dataset(settings),
        ListProbe(settings) if ask else None,
        open_lake(settings.state),
        is_lag_automatic=True,
        clock=_now,
    )


def lag_at(settings: Settings, as_of: dt.date, *, ask: bool = True) -> int:
    """Return the publication lag on a day that counts as today: the fixed one, or that of the newest day that Wikimedia has.

    Raises:
        ContactMissing: Wikimedia must be asked, and no contact is set.
        LakeError: the state folder cannot be used.
    """
    watch = upstream_watch(settings, ask=ask)
    return settings.max_lag if watch is None else watch.lag(as_of)


def upstream_status(settings: Settings) -> UpstreamStatus | None:
    """Return what is known about the landing delays of Wikimedia's list, without asking; None for a fixed lag.

    Raises:
        LakeError: the state folder cannot be used.
    """
    watch = upstream_watch(settings, ask=False)
    return None if watch is None else watch.status()


def ask_wikimedia(day: dt.date) -> Answer:
    """Ask Wikimedia about the list of a day, with the settings of this process.

    Raises:
        ContactMissing: no contact is set.
    """
    from wiki_trends.wikimedia.list_probe import ListProbe

    return ListProbe(load()).ask(day, _now())


def _now() -> dt.datetime:
    return dt.datetime.now(tz=dt.UTC)
