"""Inject faults into the synthetic API by kind and probability, reproducible for a seed.

`--fault KIND=PROBABILITY`, where KIND is 429 or 403 (Wikimedia throttles), 500 or 503 (the server fails), `reset`, `timeout` (the
connection stays open without a response) or `truncate` (the network fails), `maxlag` or `ratelimited` (errors of the Action
API). Any other kind raises `SettingError`.
"""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

from wiki_trends.errors import SettingError
from wiki_trends.sample import mediawiki
from wiki_trends.sample.answers import error_answer, text_answer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wiki_trends.sample.answers import Answer

ACTION_KINDS = ("maxlag", "ratelimited")
KINDS = ("429", "403", "500", "503", "reset", "timeout", "truncate", *ACTION_KINDS)
_ORIGIN = "--fault"


def parse_faults(texts: Iterable[str]) -> dict[str, float]:
    """The probability of each kind, from texts such as `429=0.2`.

    Raises:
        SettingError: an unknown kind, no probability, or a sum above 1.
    """
    faults: dict[str, float] = {}
    for text in texts:
        kind, _equals, number = text.partition("=")
        if kind not in KINDS:
            raise _setting_error(
                text, "names no kind of fault", f"Kinds are {', '.join(KINDS)}, for example 429=0.2."
            )
        faults[kind] = _probability(text, number)
    if sum(faults.values()) > 1 + 1e-9:
        raise _setting_error(
            dict(faults), "is more than 1 together", "Give probabilities with a sum of at most 1."
        )
    return faults


class Faults:
    """Draws a fault, or none, for each request."""

    def __init__(self, faults: Mapping[str, float], seed: int) -> None:
        self._faults = dict(faults)
        self._rng = random.Random(f"{seed}/faults")
        self._lock = threading.Lock()

    def draw(self, *, action: bool) -> str | None:
        """The kind of fault of the next request, or None. `action`: it is a request to the Action API."""
        if not self._faults:
            return None
        with self._lock:
            drawn = self._rng.random()
        for kind, probability in self._faults.items():
            if drawn < probability:
                return kind if action or kind not in ACTION_KINDS else None
            drawn -= probability
        return None


def fault_answer(kind: str, path: str) -> Answer | None:
    """The response of a fault; None for faults of the connection."""
    if kind == "429":
        return text_answer(429, "Too many requests, please slow down.\n", {"Retry-After": "1"})
    if kind == "403":
        return text_answer(403, "Too many requests. Please respect our robot policy.\n", {"Retry-After": "1"})
    if kind == "500":
        return error_answer(500, path, "internal server error")
    if kind == "503":
        return text_answer(503, "upstream connect error or disconnect/reset before headers\n")
    if kind == "maxlag":
        info = "Waiting for a database server: 6 seconds lagged."
        return mediawiki.error("maxlag", info, headers={"Retry-After": "1"}, lag=6)
    if kind == "ratelimited":
        return mediawiki.error(
            "ratelimited", "You've exceeded your rate limit. Please wait some time and try again."
        )
    return None


def _probability(text: str, number: str) -> float:
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise _setting_error(text, "has no probability between 0 and 1", "Give for example 429=0.2.")
    return value


def _setting_error(value: object, problem: str, fix: str) -> SettingError:
    return SettingError(name="fault", value=value, origin=_ORIGIN, problem=problem, fix=fix)
