"""Backfills that were started from a page, and their results.

Each request is one `backfill` of a window of one day, so planning and attempts work as on the command line. The page of the
day shows its error. The runner records its runs; this module remembers the requests since the start of the process.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from queue import SimpleQueue
from typing import TYPE_CHECKING

from smart_orchestrator.backfilling.loop import Backfill, backfill
from smart_orchestrator.backfilling.reporter import SilentReporter
from smart_orchestrator.model.plan import Action
from smart_orchestrator.model.window import Window
from wiki_trends.config.window_options import days_of
from wiki_trends.jobs import main as main_job
from wiki_trends.jobs.runners import limits_of
from wiki_trends.web.problems import Problem, problem_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smart_orchestrator.model.plan import PlanStep
    from smart_orchestrator.model.run import Run
    from wiki_trends.web.data import Sources

logger = logging.getLogger(__name__)

# The most requests in progress at the same time, and the most that are remembered.
MAX_QUEUED = 400
MAX_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class BackfillRequest:
    """A request to backfill a day.

    Attributes:
        day: the UTC day.
        by: name of the visitor who asked.
        asked_at: UTC.
        state: `waiting`, `running`, `filled` or `failed`.
        message: the result, or why it failed.
    """

    day: dt.date
    by: str
    asked_at: dt.datetime
    state: str = "waiting"
    message: str = ""

    @property
    def in_progress(self) -> bool:
        """Whether the request is waiting or running."""
        return self.state in ("waiting", "running")


class Backfills:
    """Runs requested backfills in threads and remembers the results. Thread-safe."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._lock = threading.Lock()
        self._requests: OrderedDict[dt.date, BackfillRequest] = OrderedDict()
        self._queue: SimpleQueue[dt.date] = SimpleQueue()
        self._threads = 0
        self.version = 0

    def recent(self) -> Sequence[BackfillRequest]:
        """The requests, newest first."""
        with self._lock:
            return tuple(reversed(self._requests.values()))

    def get(self, day: dt.date) -> BackfillRequest | None:
        """The request for a day."""
        with self._lock:
            return self._requests.get(day)

    def window(self, day: dt.date) -> Window:
        """The window of one day.

        Raises:
            WindowError: the upstream cannot have the day.
        """
        days_of([day.isoformat()], self._sources.today())
        return Window.between(day, day, self._sources.today(), self._sources.settings.lag)

    def start(self, day: dt.date, by: str, step: PlanStep) -> BackfillRequest:
        """Queue the backfill of a day; if one is already in progress, return that one. `step` is the day's step of the plan.

        Raises:
            Problem: there is nothing to start, or too many requests are waiting.
        """
        request = self.get(day)
        if request is not None and request.in_progress:
            return request
        if step.action not in (Action.START, Action.FOLLOW):
            raise Problem(
                409,
                "NOTHING_TO_START",
                f"{day} is not started: {step.why}.",
                _NOTHING_TO_START_FIX,
            )
        return self._enqueue(BackfillRequest(day, by, dt.datetime.now(tz=dt.UTC)))

    def _enqueue(self, request: BackfillRequest) -> BackfillRequest:
        with self._lock:
            previous = self._requests.get(request.day)
            if previous is not None and previous.in_progress:
                return previous
            if sum(1 for queued in self._requests.values() if queued.in_progress) >= MAX_QUEUED:
                raise Problem(
                    429,
                    "TOO_MANY",
                    f"{MAX_QUEUED} backfills are already in progress.",
                    "Wait until some of them have ended.",
                    60,
                )
            self._store(request)
            self._queue.put(request.day)
            if self._threads < limits_of(self._sources.settings).jobs:
                self._threads += 1
                # Daemon threads: a run that the end of the process interrupts has committed nothing.
                threading.Thread(
                    target=self._run_worker, name=f"backfill {self._threads}", daemon=True
                ).start()
        logger.info("backfill of %s requested by %s", request.day, request.by)
        return request

    def _run_worker(self) -> None:
        while True:
            day = self._queue.get()
            self._update(day, "running", "")
            try:
                result = self._run_backfill(day)
            except Exception as error:
                logger.exception("backfill of %s", day)
                problem = problem_of(error)
                message = (
                    f"{problem.message} {problem.fix}"
                    if problem
                    else "Unexpected error; see the server's log."
                )
                self._update(day, "failed", message)
            else:
                state, message = _final_state(result)
                if state == "failed":
                    logger.warning("the backfill of %s failed: %s", day, message)
                self._update(day, state, message)

    def _run_backfill(self, day: dt.date) -> Backfill:
        sources, settings = self._sources, self._sources.settings
        run_check = main_job.checker(settings, self.window(day))
        limits = replace(limits_of(settings), jobs=1)
        if sources.configured_runner is not None:
            return backfill(sources.dataset, run_check, sources.configured_runner, limits=limits)
        return main_job.fill(settings, run_check, limits, SilentReporter())

    def _update(self, day: dt.date, state: str, message: str) -> None:
        with self._lock:
            self._store(
                replace(self._requests[day], state=state, message=self._sources.public.clean(message))
            )

    def _store(self, request: BackfillRequest) -> None:
        self._requests[request.day] = request
        self._requests.move_to_end(request.day)
        while len(self._requests) > MAX_REMEMBERED:
            self._requests.popitem(last=False)
        self.version += 1


_NOTHING_TO_START_FIX = (
    "Open the day to see its state; `wiki-trends fetch` fetches a day regardless of its state."
)


def _final_state(result: Backfill) -> tuple[str, str]:
    if result.outcome.failed:
        run = result.outcome.failed[0]
        return "failed", f"{run.failure}: {run.message}"
    if result.completeness.complete:
        return "filled", result.completeness.partitions[0].reason
    return "failed", "; ".join(why for _, why in result.outcome.abandoned) or "The day is not complete."


@dataclass(frozen=True, slots=True)
class RunListing:
    """The latest runs and the requested backfills, newest first."""

    runs: tuple[Run, ...]
    requests: tuple[BackfillRequest, ...]

    @property
    def in_flight(self) -> tuple[Run, ...]:
        """The queued and running ones."""
        return tuple(run for run in self.runs if run.in_flight)
