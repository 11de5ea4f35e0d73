"""The messages about events, and the channels that receive them. Pure values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from smart_orchestrator.model.event import ALL_EVENTS, Event

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True, slots=True)
class Channel:
    """A group of addresses that receive messages about some events.

    Attributes:
        name: the name of the channel in messages about failures.
        urls: the addresses, as URLs of Apprise. They contain secrets.
        events: the events that the channel receives.
        datasets: the names of the datasets whose events the channel receives; empty for all datasets.
    """

    name: str
    urls: tuple[str, ...] = field(repr=False)
    events: Collection[Event] = ALL_EVENTS
    datasets: Collection[str] = ()

    def receives(self, event: Event, dataset: str) -> bool:
        """Return whether the channel receives an event of a dataset."""
        return event in self.events and (not self.datasets or dataset in self.datasets)


class Message(NamedTuple):
    """A message about an event of a dataset."""

    event: Event
    dataset: str
    title: str
    text: str
