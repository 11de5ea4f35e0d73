"""The probe of the Dags with an automatic lag (`WIKI_TRENDS_LAG=auto`): whether Wikimedia has the list of a day.

The Dags get the name of the function `ask_wikimedia` instead of the function: the triggerer does not run Dag files, so it must import the
function by its name.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from wiki_trends.config.settings import load

if TYPE_CHECKING:
    from smart_orchestrator.upstream.probe import Answer
    from wiki_trends.config.settings import Settings


def ask_wikimedia(day: dt.date) -> Answer:
    """Ask Wikimedia for the list of a day, with one request.

    Raises:
        ContactMissing: the request would go to Wikimedia, and no contact is set.
        SettingError: a setting is invalid.
    """
    from wiki_trends.wikimedia.list_probe import ListProbe

    return ListProbe(load()).ask(day, dt.datetime.now(tz=dt.UTC))


def probe_of(settings: Settings) -> str:
    """Return the argument `probe` of the Dags; empty for a fixed lag."""
    return f"{__name__}:{ask_wikimedia.__name__}" if settings.lag == "auto" else ""
