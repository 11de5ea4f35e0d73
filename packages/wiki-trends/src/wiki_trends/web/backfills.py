"""Days whose backfill was started from a page: carried out by the layer, a few at a time, and what became of them.

Each day is one `backfill` of a window of one day, so that planning, attempts and judging are those of the command line.
What it raises is told beside the day. Runs are recorded by whatever runs them; what is kept here is only what was asked
for since the start of this process.
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
from wiki_trends.web.problems import Problem, problem_of, without_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wiki_trends.web.data import Sources

logger = logging.getLogger(__name__)

# Days that may wait at the same time, and days that are remembered.
MOST_WAITING = 400
MOST_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """A day whose backfill was asked for here.

    Attributes:
        day: the UTC day.
        by: who asked.
        asked_at: UTC.
        state: `waiting`, `running`, `filled` or `failed`.
        message: why it failed, or how it went.
    """

    day: dt.date
    by: str
    asked_at: dt.datetime
    state: str = "waiting"
    message: str = ""

    @property
    def under_way(self) -> bool:
        """Whether it has not come to its end."""
        return self.state in ("waiting", "running")


class Backfills:
    """Starts days and knows what became of them. Safe from several threads."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._lock = threading.Lock()
        self._asked: OrderedDict[dt.date, Asked] = OrderedDict()
        self._queue: SimpleQueue[dt.date] = SimpleQueue()
        self._threads = 0
        self.version = 0

    def known(self) -> Sequence[Asked]:
        """What was asked for, newest first."""
        with self._lock:
            return tuple(reversed(self._asked.values()))

    def of(self, day: dt.date) -> Asked | None:
        """What was asked for a day."""
        with self._lock:
            return self._asked.get(day)

    def start(self, day: dt.date, by: str) -> Asked:
        """Start the backfill of a day; one that is under way already comes back instead.

        Raises:
            Problem: there is nothing to start, with the reason; or too many are waiting.
            WindowError: the source cannot have the day.
            LakeError, RunsError: the day cannot be looked at.
        """
        days_of([day.isoformat()], self._sources.today())
        under_way = self.of(day)
        if under_way is not None and under_way.under_way:
            return under_way
        step = self._sources.calendar(self._window(day)).days[0].step
        if step.action not in (Action.START, Action.FOLLOW):
            raise Problem(409, "NOTHING_TO_START", f"{day} is not started: {without_paths(step.why)}.", _FIX)
        return self._enqueue(Asked(day, by, dt.datetime.now(tz=dt.UTC)))

    def _enqueue(self, asked: Asked) -> Asked:
        with self._lock:
            before = self._asked.get(asked.day)
            if before is not None and before.under_way:
                return before
            if sum(1 for one in self._asked.values() if one.under_way) >= MOST_WAITING:
                raise Problem(
                    429,
                    "TOO_MANY",
                    f"{MOST_WAITING} days are waiting already.",
                    "Wait until some are done.",
                    60,
                )
            self._put(asked)
            self._queue.put(asked.day)
            if self._threads < limits_of(self._sources.settings).jobs:
                self._threads += 1
                # They end with the process: what they have not committed is not visible.
                threading.Thread(target=self._work, name=f"backfill {self._threads}", daemon=True).start()
        logger.info("backfill of %s asked for by %s", asked.day, asked.by)
        return asked

    def _work(self) -> None:
        while True:
            day = self._queue.get()
            self._became(day, "running", "")
            try:
                done = self._carried_out(day)
            except Exception as error:
                logger.exception("backfill of %s", day)
                problem = problem_of(error)
                told = (
                    f"{problem.message} {problem.fix}" if problem else "It failed; the server's log says how."
                )
                self._became(day, "failed", told)
            else:
                self._became(day, *_end(done))

    def _carried_out(self, day: dt.date) -> Backfill:
        sources, settings = self._sources, self._sources.settings
        look = main_job.checker(settings, self._window(day))
        limits = replace(limits_of(settings), jobs=1)
        if sources.given_runs is not None:
            return backfill(sources.dataset, look, sources.given_runs, limits=limits)
        return main_job.fill(settings, look, limits, SilentReporter())

    def _window(self, day: dt.date) -> Window:
        return Window.between(day, day, self._sources.today(), self._sources.settings.lag)

    def _became(self, day: dt.date, state: str, message: str) -> None:
        with self._lock:
            self._put(replace(self._asked[day], state=state, message=message))

    def _put(self, asked: Asked) -> None:
        self._asked[asked.day] = asked
        self._asked.move_to_end(asked.day)
        while len(self._asked) > MOST_REMEMBERED:
            self._asked.popitem(last=False)
        self.version += 1


_FIX = "Look at the day; `wiki-trends fetch` runs a day whatever its state."


def _end(done: Backfill) -> tuple[str, str]:
    if done.outcome.failed:
        run = done.outcome.failed[0]
        return "failed", without_paths(f"{run.failure}: {run.message}")
    if done.completeness.whole:
        return "filled", without_paths(done.completeness.days[0].reason)
    return "failed", "; ".join(
        without_paths(why) for _, why in done.outcome.abandoned
    ) or "The day is not whole."
