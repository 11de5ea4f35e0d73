"""Backfills that visitors requested on a page of the dashboard, and their results.

Each requested backfill has a window of one day. Its plan and its attempts follow the same rules as on the command line. The page of the day
shows why the backfill of the day failed. The runner stores the runs. This module stores, in memory, the backfills that were requested since
the process started.
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
    from collections.abc import Callable, Sequence

    from smart_orchestrator.model.plan import PlanStep
    from smart_orchestrator.model.run import Run
    from smart_orchestrator.runners.base import Runner
    from wiki_trends.web.data import Sources

logger = logging.getLogger(__name__)

# The maximum number of backfills in progress.
MAX_IN_PROGRESS = 400
# The maximum number of backfills whose results are kept; the backfill that changed least recently is dropped first.
MAX_KEPT = 1000


@dataclass(frozen=True, slots=True)
class RequestedBackfill:
    """The backfill of a day that a visitor requested.

    Attributes:
        day: the UTC day.
        requested_by: the name of the visitor.
        requested_at: the time of the request, in UTC.
        state: the state, `waiting`, `running`, `filled` or `failed`.
        message: why the day is complete, or why the backfill failed; empty while the backfill is in progress.
        cancelled_by: the name of the visitor who cancelled the backfill; empty without a cancellation.
    """

    day: dt.date
    requested_by: str
    requested_at: dt.datetime
    state: str = "waiting"
    message: str = ""
    cancelled_by: str = ""

    @property
    def in_progress(self) -> bool:
        """Whether the backfill is waiting or running."""
        return self.state in ("waiting", "running")


class Backfills:
    """Runs requested backfills in threads, and keeps the results. Thread-safe."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._lock = threading.Lock()
        self._backfills: OrderedDict[dt.date, RequestedBackfill] = OrderedDict()
        self._queue: SimpleQueue[dt.date] = SimpleQueue()
        self._thread_count = 0
        self.version = 0

    def recent(self) -> Sequence[RequestedBackfill]:
        """Return the requested backfills, the most recently changed first."""
        with self._lock:
            return tuple(reversed(self._backfills.values()))

    def get(self, day: dt.date) -> RequestedBackfill | None:
        """Return the requested backfill of a day; None if no backfill of the day was requested."""
        with self._lock:
            return self._backfills.get(day)

    def window(self, day: dt.date) -> Window:
        """Return a window that contains only `day`.

        Raises:
            WindowError: the upstream cannot have published the day.
        """
        today = self._sources.today()
        days_of([day.isoformat()], today)  # Raises the error.
        return Window.between(day, day, as_of=today, lag=self._sources.settings.max_lag)

    def start(self, day: dt.date, requested_by: str, step: PlanStep) -> RequestedBackfill:
        """Queue the backfill of a day, or return the backfill of the day that is already in progress.

        Args:
            day: the UTC day.
            requested_by: the name of the visitor.
            step: the step of the plan for the day.

        Raises:
            Problem: the step neither starts nor follows a run, or too many backfills are in progress.
        """
        current = self.get(day)
        if current is not None and current.in_progress:
            return current
        if step.action not in (Action.START, Action.FOLLOW):
            raise Problem(
                409,
                "NOTHING_TO_START",
                f"{day} is not started: {step.why}.",
                _NOTHING_TO_START_FIX,
            )
        return self._enqueue(RequestedBackfill(day, requested_by, dt.datetime.now(tz=dt.UTC)))

    def cancel(self, day: dt.date, cancelled_by: str) -> bool:
        """Cancel the backfill of a day. Return whether a backfill was waiting; this backfill does not start.

        A backfill that is already running ends when its run ends. So the caller must also end the run.
        """
        with self._lock:
            current = self._backfills.get(day)
            if current is None or not current.in_progress:
                return False
            was_waiting = current.state == "waiting"
            cancelled = replace(current, cancelled_by=cancelled_by)
            self._store(_failed(cancelled, "") if was_waiting else cancelled)
            return was_waiting

    def _enqueue(self, new_backfill: RequestedBackfill) -> RequestedBackfill:
        with self._lock:
            previous = self._backfills.get(new_backfill.day)
            if previous is not None and previous.in_progress:
                return previous
            if sum(1 for queued in self._backfills.values() if queued.in_progress) >= MAX_IN_PROGRESS:
                raise Problem(
                    429,
                    "TOO_MANY",
                    f"{MAX_IN_PROGRESS} backfills are already in progress.",
                    "Wait until some of them have ended.",
                    retry_after=60,
                )
            self._store(new_backfill)
            self._queue.put(new_backfill.day)
            if self._thread_count < limits_of(self._sources.settings).jobs:
                self._thread_count += 1
                # A daemon thread may be interrupted at the end of the process. This is safe, because an interrupted run commits nothing.
                threading.Thread(
                    target=self._run_worker, name=f"backfill {self._thread_count}", daemon=True
                ).start()
        logger.info("backfill of %s requested by %s", new_backfill.day, new_backfill.requested_by)
        return new_backfill

    def _run_worker(self) -> None:
        while True:
            day = self._queue.get()
            waiting = self.get(day)
            if waiting is None or waiting.state != "waiting":
                continue  # Cancelled while it waited.
            self._update(day, "running", "")
            try:
                result = self._run_backfill(day)
            except Problem as refusal:
                logger.warning("backfill of %s: %s", day, refusal)
                self._update(day, "failed", f"{refusal.message} {refusal.fix}")
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
        check_window = main_job.checker_of_window(settings, self.window(day))
        limits = replace(limits_of(settings), jobs=1)
        # If visitors can cancel runs, a cancelled backfill must not start another run. The same check works for a runner that the app passed.
        # Otherwise `fill` makes the runner that the settings name, whose runs cannot be cancelled.
        runner = sources.runs if sources.can_cancel else sources.configured_runner
        if runner is not None:
            stoppable = _StoppableRunner(runner, self._refuse_cancelled)
            return backfill(sources.dataset, check_window, stoppable, limits=limits)
        return main_job.fill(settings, check_window, limits, SilentReporter())

    def _refuse_cancelled(self, day: dt.date) -> None:
        current = self.get(day)
        if current is not None and current.cancelled_by:
            raise Problem(
                409, "CANCELLED", f"The backfill of {day} was cancelled.", "Start it again if it is needed."
            )

    def _update(self, day: dt.date, state: str, message: str) -> None:
        with self._lock:
            message = self._sources.public_text.clean(message)
            current = self._backfills[day]
            self._store(
                _failed(current, message)
                if state == "failed"
                else replace(current, state=state, message=message)
            )

    def _store(self, new_backfill: RequestedBackfill) -> None:
        self._backfills[new_backfill.day] = new_backfill
        self._backfills.move_to_end(new_backfill.day)
        while len(self._backfills) > MAX_KEPT:
            self._backfills.popitem(last=False)
        self.version += 1


_NOTHING_TO_START_FIX = (
    "Open the day to see its state; `wiki-trends fetch` fetches a day regardless of its state."
)


class _StoppableRunner:
    """A runner that calls `check` before each start; an exception of `check` prevents the start."""

    def __init__(self, runner: Runner, check: Callable[[dt.date], None]) -> None:
        self._runner = runner
        self._check = check
        self.poll_seconds = runner.poll_seconds
        self.in_process = runner.in_process
        self.capacity = runner.capacity
        self.latest = runner.latest
        self.poll = runner.poll
        self.wait = runner.wait

    def start(self, day: dt.date) -> Run:
        """Start a run with the wrapped runner."""
        self._check(day)
        return self._runner.start(day)


def _failed(current: RequestedBackfill, message: str) -> RequestedBackfill:
    """Return the backfill as failed, with this message, or with the name of the visitor who cancelled it."""
    if current.cancelled_by:
        message = f"Cancelled by {current.cancelled_by}."
    return replace(current, state="failed", message=message)


def _final_state(result: Backfill) -> tuple[str, str]:
    """Return the attributes `state` and `message` of a requested backfill with this result."""
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
    backfills: tuple[RequestedBackfill, ...]

    @property
    def in_flight(self) -> tuple[Run, ...]:
        """The runs that are queued or running."""
        return tuple(run for run in self.runs if run.in_flight)
