"""The pauses between the polls of a run: short after its start, and longer the longer the run takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_POLL_SECONDS = 10.0


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
        pause = min(elapsed / 2, interval)
        yield pause
        elapsed += pause
