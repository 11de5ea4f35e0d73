"""Injects faults into the synthetic APIs by kind and probability. A seed makes the faults reproducible.

The option is `--fault KIND=PROBABILITY`. The kinds are:

- 429 and 403: Wikimedia throttles the client;
- 500 and 503: the server fails;
- `reset`, `timeout` and `truncate`: the network fails; with `timeout`, the connection stays open without a response;
- `maxlag` and `ratelimited`: errors of the Action API.

Any other kind raises `SettingError`.
"""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

from wiki_trends.errors import SettingError
from wiki_trends.sample import mediawiki
from wiki_trends.sample.responses import error_response, text_response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wiki_trends.sample.responses import Response

ACTION_API_KINDS = ("maxlag", "ratelimited")
FAULT_KINDS = ("429", "403", "500", "503", "reset", "timeout", "truncate", *ACTION_API_KINDS)
_ORIGIN = "--fault"


def parse_faults(texts: Iterable[str]) -> dict[str, float]:
    """Parse texts such as `429=0.2` into the probabilities of the kinds.

    Raises:
        SettingError: a kind is unknown, a probability is missing or invalid, or the sum is above 1.
    """
    faults: dict[str, float] = {}
    for text in texts:
        kind, _equals, number = text.partition("=")
        if kind not in FAULT_KINDS:
            raise _setting_error(
                text, "names no kind of fault", f"Kinds are {', '.join(FAULT_KINDS)}, for example 429=0.2."
            )
        faults[kind] = _parse_probability(text, number)
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
        """Draw the kind of fault for the next request, or None. `action` is true for a request to the Action API."""
        if not self._faults:
            return None
        with self._lock:
            number = self._rng.random()
        for kind, probability in self._faults.items():
            if number < probability:
                # A fault of the Action API that was drawn for another request is dropped, so the other kinds keep their probabilities.
                return kind if action or kind not in ACTION_API_KINDS else None
            number -= probability
        return None


def fault_response(kind: str, path: str) -> Response | None:
    """Make the response of a fault; None for a fault of the network."""
    if kind == "429":
        return text_response(429, "Too many requests, please slow down.\n", {"Retry-After": "1"})
    if kind == "403":
        return text_response(
            403, "Too many requests. Please respect our robot policy.\n", {"Retry-After": "1"}
        )
    if kind == "500":
        return error_response(500, path, "internal server error")
    if kind == "503":
        return text_response(503, "upstream connect error or disconnect/reset before headers\n")
    if kind == "maxlag":
        info = "Waiting for a database server: 6 seconds lagged."
        return mediawiki.api_error("maxlag", info, headers={"Retry-After": "1"}, lag=6)
    if kind == "ratelimited":
        return mediawiki.api_error(
            "ratelimited", "You've exceeded your rate limit. Please wait some time and try again."
        )
    return None


def _parse_probability(text: str, number: str) -> float:
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise _setting_error(text, "has no probability between 0 and 1", "Give for example 429=0.2.")
    return value


def _setting_error(value: object, problem: str, fix: str) -> SettingError:
    return SettingError(name="fault", value=value, origin=_ORIGIN, problem=problem, fix=fix)
