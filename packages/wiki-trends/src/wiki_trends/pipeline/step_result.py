"""What the steps share: their result, a stopwatch, and the project's canonical name."""

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
    """Result of one step for one day.

    Attributes:
        name: the step's name, as in the pipeline's Dag.
        rows_in: rows read.
        rows_out: rows committed, or pages in the cache afterwards.
        seconds: duration until just before the commit, because the commit writes it into the manifest.
        requests: requests to Wikimedia, including repeats.
        retries: how many of the requests were repeats.
        cache_hits: pages that needed no request.
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
        """The document for manifests and `--json`."""
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
        """The inverse of `to_json`."""
        return cls(data["step"], **{name: value for name, value in data.items() if name != "step"})


class Stopwatch:
    """Measures elapsed time from its creation on."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    def seconds(self) -> float:
        """Seconds since the stopwatch was created."""
        return time.perf_counter() - self._started


def project_of(settings: Settings) -> str:
    """The canonical name of the settings' project: `en.wikipedia` for `en.wikipedia.org`, `wikidata` for `www.wikidata`."""
    return canonical_project(settings.project)
