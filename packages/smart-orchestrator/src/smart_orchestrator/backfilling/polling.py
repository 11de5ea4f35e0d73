"""The pauses between the polls of a run, or between the inspections of a partition: short at first, and then longer.

A partition has settled when it has not changed for the settle time.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from smart_orchestrator.adapters.manifest import DEFAULT_SETTLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.partition import Partition

FIRST_POLL_SECONDS = 10.0
# The shortest pause before an inspection, even if a partition settles sooner.
_MIN_SETTLE_SECONDS = 0.1


def poll_pauses(interval: float, first: float = FIRST_POLL_SECONDS) -> Iterator[float]:
    """Yield the pause before each poll, in seconds. The iterator never ends.

    Args:
        interval: the longest pause, in seconds.
        first: the first pause, in seconds. By default, the polls are 10, 15, 22, 33 … s after the start, until the pauses reach
            `interval`.
    """
    yield first
    elapsed = first
    while True:
        # In proportion to the time that has passed: the end of a short run is noticed soon, and a long run is polled rarely.
        pause = min(elapsed / 2, interval)
        yield pause
        elapsed += pause


def pause_until_settled(pause: float, partitions: Iterable[Partition], dataset: Dataset) -> float:
    """Return the pause before the next inspection of partitions that are being written, in seconds.

    Args:
        pause: the longest pause.
        partitions: the results of the last inspection. The pause ends when the first of these partitions has settled.
        dataset: the dataset, which has the settle time.
    """
    now = dt.datetime.now(tz=dt.UTC)
    ages = [(now - p.newest_write).total_seconds() for p in partitions if p.newest_write is not None]
    settle = DEFAULT_SETTLE.total_seconds() if dataset.settle is None else dataset.settle
    return min([pause, *(max(settle - age, _MIN_SETTLE_SECONDS) for age in ages)])
