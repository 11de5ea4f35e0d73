"""Code that all steps use: the result of a step, a stopwatch, and the canonical name of the project."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wiki_trends.config.projects import canonical_project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wiki_trends.config.settings import Settings


@dataclass(frozen=True, slots=True)
class StepResult:
    """The result of one step for one day.

    Attributes:
        name: the name of the step, as in the pipeline's Dag.
        rows_in: the number of rows that the step read.
        rows_out: the number of committed rows; for `fetch_wikipedia_categories`, which commits no rows, the number of the day's pages.
        seconds: the duration in seconds, without the commit, because the commit writes the duration into the manifest.
        requests: the number of requests to Wikimedia, including retries.
        retries: the number of retries.
        cache_hits: the number of pages whose facts were cached.
        counts: further counters of the step, by name.
    """

    name: str
    rows_in: int
    rows_out: int
    seconds: float
    requests: int = 0
    retries: int = 0
    cache_hits: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the result as the JSON object for manifests and `--json`."""
        return {
            "step": self.name,
            "rows_in": self.rows_in,
            "rows_out": self.rows_out,
            "seconds": round(self.seconds, 4),
            "requests": self.requests,
            "retries": self.retries,
            "cache_hits": self.cache_hits,
            "counts": dict(self.counts),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StepResult:
        """Parse the JSON object that `to_json` returns."""
        return cls(data["step"], **{name: value for name, value in data.items() if name != "step"})


class Stopwatch:
    """Measures the time since the stopwatch was created."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    def seconds(self) -> float:
        """Return the seconds since the stopwatch was created."""
        return time.perf_counter() - self._started


def project_of(settings: Settings) -> str:
    """Return the canonical name of the project: `en.wikipedia` for `en.wikipedia.org`, `wikidata` for `www.wikidata`."""
    return canonical_project(settings.project)
