"""The events that messages report. This module imports little, because all settings are parsed with it."""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """An event that a message can report. The values are stable, because configuration files name them."""

    READY = "ready"
    LATE = "late"
    RESTATED = "restated"
    RECOVERED = "recovered"
    PUBLISHED = "published"


ALL_EVENTS = tuple(Event)
# The choices for the runs of an orchestrator in Airflow that send a message: those that fail; those that fail or change something; all.
NOTIFY_ON = ("failure", "change", "always")
