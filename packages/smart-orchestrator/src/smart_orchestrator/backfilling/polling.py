"""When the runs in flight are polled: soon after their start, and less often the longer they take."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_POLL_SECONDS = 10.0


def poll_pauses(interval: float, first: float = FIRST_POLL_SECONDS) -> Iterator[float]:
    """Seconds to wait before each poll, without end.

    Args:
        interval: the longest pause.
        first: the first pause. The default polls 10, 15, 22, 33 … s after the start, until the pauses reach `interval`.
    """
    yield first
    elapsed = first
    while True:
        pause = min(elapsed / 2, interval)
        yield pause
        elapsed += pause
