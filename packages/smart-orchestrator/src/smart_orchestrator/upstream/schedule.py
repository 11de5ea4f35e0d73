"""Choose the time of the next probe of a key from the delays with which earlier keys landed.

A delay is the time from the end of a key's span to the landing of the key. The rule, with the numbers for days:

1. While fewer than 5 landings are known, the upstream is asked every 30 minutes, from the end of the span on.
2. A key is younger than the shortest known delay: the next probe is 30 minutes before the key reaches this delay. But the pause is at most
   6 hours, because the upstream may publish earlier than before.
3. The age of a key is between the shortest and the longest known delay: take the earlier keys that had not landed at this age. The next
   probe is at the age at which a tenth of them had landed. But the pause is at least 10 minutes and at most 30 minutes.
4. A key is older than the longest known delay: the pause is a tenth of the time since this delay, at least 30 minutes and at most
   6 hours. So a key that never comes causes few probes.

If the last answer of the upstream is valid longer than the pause, the next probe waits until the answer has expired.
The functions are pure. All times are in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from smart_orchestrator.model.grain import Grain

if TYPE_CHECKING:
    from collections.abc import Sequence

MIN_LANDINGS = 5
# In rule 3, a tenth of the remaining keys lands between two probes.
_SHARE = 10


@dataclass(frozen=True, slots=True)
class Pace:
    """The pauses between two probes of a key, in seconds.

    Attributes:
        shortest: the pause while keys land often.
        usual: the pause without knowledge about landings.
        longest: the pause while no landing is likely.
    """

    shortest: float
    usual: float
    longest: float


_PACES = {Grain.HOUR: Pace(shortest=100.0, usual=300.0, longest=3600.0)}
_DAILY_PACE = Pace(shortest=600.0, usual=1800.0, longest=21_600.0)


def pace_of(grain: Grain) -> Pace:
    """Return the pauses between two probes: for days, weeks and months 10 minutes, 30 minutes and 6 hours; shorter for hours."""
    return _PACES.get(grain, _DAILY_PACE)


def first_probe(delays: Sequence[float], pace: Pace) -> float:
    """Return the time of the first probe of a key, in seconds after the end of the key's span."""
    if len(delays) < MIN_LANDINGS:
        return 0.0
    return min(max(min(delays) - pace.usual, 0.0), pace.longest)


def next_probe(delays: Sequence[float], elapsed: float, pace: Pace) -> float:
    """Return the time of the next probe of a key that has not landed, in seconds after the end of the key's span.

    Args:
        delays: the delays of earlier keys.
        elapsed: the time of the last probe, in seconds after the end of the key's span.
        pace: the pauses between two probes.
    """
    if len(delays) < MIN_LANDINGS:
        return elapsed + pace.usual
    ordered = sorted(delays)
    earliest = ordered[0] - pace.usual
    if elapsed < earliest:
        return min(earliest, elapsed + pace.longest)
    later = [delay for delay in ordered if delay > elapsed]
    if not later:
        overdue = elapsed - ordered[-1]
        return elapsed + min(max(pace.usual, overdue / _SHARE), pace.longest)
    # The delays are sorted, so at this position a tenth of the later keys have landed.
    pause = later[(len(later) - 1) // _SHARE] - elapsed
    return elapsed + min(max(pause, pace.shortest), pace.usual)


@dataclass(frozen=True, slots=True)
class LandingDelays:
    """The delays with which keys landed, in seconds after the end of their spans.

    Attributes:
        count: the number of landings that are known.
        typical: the median delay; None without a landing.
        worst: the longest delay; None without a landing.
    """

    count: int
    typical: float | None
    worst: float | None

    @classmethod
    def of(cls, delays: Sequence[float]) -> LandingDelays:
        """Summarise the delays of keys."""
        if not delays:
            return cls(count=0, typical=None, worst=None)
        return cls(count=len(delays), typical=median(delays), worst=max(delays))
