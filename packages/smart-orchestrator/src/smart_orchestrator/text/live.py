"""Show the progress of a backfill or a wait on a terminal, below the lines that a reporter writes.

The display has the number of finished keys, the requests in the last minute against the limit, the time left, and a row for each
key in flight with its step. It is drawn again four times a second, never wider than the terminal, and erased at the end. Without a
terminal that can move its cursor, `TextReporter` writes plain lines instead; see `has_live_display`.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, TextIO

from smart_orchestrator.extras import extra
from smart_orchestrator.model.grain import key_text
from smart_orchestrator.model.partition import Code
from smart_orchestrator.model.plan import Action
from smart_orchestrator.text.reporter import TextReporter, printable_line
from smart_orchestrator.text.reports import completeness_lines, summary_line

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import RenderableType
    from rich.live import Live

    from smart_orchestrator.model.completeness import Completeness
    from smart_orchestrator.model.partition import Partition
    from smart_orchestrator.model.plan import Plan
    from smart_orchestrator.model.run import Run

REFRESHES_PER_SECOND = 4
MAX_ROWS = 8
_MINUTE = 60.0
_FOLLOWED = "run by another process"
_BEING_WRITTEN = "being written by another process"


def has_live_display(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether a stream can have a live display: a terminal whose cursor can be moved, outside of CI, and without `NO_COLOR`."""
    is_plain = environment.get("TERM", "dumb") in ("dumb", "unknown")
    is_ci = environment.get("CI", "").lower() not in ("", "0", "false")
    return stream.isatty() and not (is_plain or is_ci or environment.get("NO_COLOR"))


@dataclass(slots=True)
class _Row:
    """A key in flight: a text about its run, and the time of the start on the clock of the reporter."""

    text: str
    since: float


@dataclass(slots=True)
class _State:
    """The values that the display shows.

    `done` and `total` count keys. `steps` has the last step that each run reported. `seconds` has the duration of each finished run. A wait
    sets `lines`, the days that are not available, and the times of its next check and of its time-out on the clock of the reporter.
    """

    done: int = 0
    total: int = 0
    rows: dict[dt.date, _Row] = field(default_factory=dict)
    steps: dict[dt.date, str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    status: str = ""
    lines: Sequence[str] = ()
    next_check_at: float | None = None
    ends_at: float = 0.0


class LiveReporter(TextReporter):
    """A `TextReporter` that also shows what is in flight. Use it as a context manager, whose exit erases the display.

    Thread-safe: the methods `step` and `requested` are called from the threads of the runs.

    Args:
        stream: a terminal.
        requests_per_minute: the limit of the requests that the runs send; None if the runs report no requests.
        clock: the function that returns seconds.
    """

    def __init__(
        self,
        stream: TextIO,
        requests_per_minute: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(stream)
        self._limit = requests_per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._state = _State()
        self._requests: deque[float] = deque()
        self._live: Live | None = None
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._is_closed = True
        self._stop()

    def checked(self, completeness: Completeness) -> None:
        """Write the completeness report of the window, and forget the keys of an earlier backfill."""
        self._stop()
        super().checked(completeness)

    def planned(self, plan: Plan) -> None:
        """Write the plan, and show the keys that other processes are writing."""
        super().planned(plan)
        waiting = set(plan.days(Action.WAIT))
        being_written = [
            partition.day
            for partition in plan.completeness.partitions
            if partition.code is Code.STILL_WRITING and partition.day in waiting
        ]
        for key in being_written:
            self._show(key, _BEING_WRITTEN)
        if being_written:
            self._start()

    def started(self, run: Run, progress: tuple[int, int]) -> None:
        """Show a run that this process started."""
        self._show(run.day, "running" if run.attempt < 2 else f"running, attempt {run.attempt}", progress)
        self._start()

    def followed(self, run: Run, progress: tuple[int, int]) -> None:
        """Show a run of another process."""
        self._show(run.day, _FOLLOWED, progress)
        self._start()

    def step(self, key: dt.date, text: str) -> None:
        """Show the step of a run."""
        # The thread of a run can report its first step before the run itself is reported.
        with self._lock:
            self._state.steps[key] = text

    def requested(self) -> None:
        """Count a request for the rate."""
        with self._lock:
            self._requests.append(self._clock())

    def filled(self, partition: Partition, run: Run | None, progress: tuple[int, int]) -> None:
        """Write that a key is complete, and show it no longer."""
        self._end(partition.day, progress)
        super().filled(partition, run, progress)
        self._stop_if_finished()

    def failed(self, run: Run, progress: tuple[int, int], *, again: bool) -> None:
        """Write that a run failed, and show it no longer."""
        self._end(run.day, progress)
        super().failed(run, progress, again=again)
        self._stop_if_finished()

    def status(self, text: str) -> None:
        """Show what this process does now, in place of its last status."""
        with self._lock:
            self._state.status = text
        self._start()

    def waiting(self, completeness: Completeness, seconds_to_check: float, seconds_left: float) -> None:
        """Show the keys that are not available, and the time until the next check and until the time-out."""
        summary = summary_line(completeness)
        missing = [
            line[0] for line in completeness_lines(completeness) if line[1] == "bad" and line != summary
        ]
        with self._lock:
            now = self._clock()
            self._state.status = summary[0]
            self._state.lines = missing
            self._state.next_check_at, self._state.ends_at = now + seconds_to_check, now + seconds_left
        self._start()

    def display(self) -> RenderableType:
        """Return what the terminal shows now."""
        with extra("console"):
            from rich.table import Table
            from rich.text import Text

        with self._lock:
            heading, rows, more = self._heading(), self._row_texts(), self._more()
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column(no_wrap=True, justify="right")
        for key, step, elapsed in rows:
            table.add_row(f"  {key}", Text(step), Text(elapsed, style="dim"))
        outer = Table.grid()
        outer.add_column(no_wrap=True, overflow="ellipsis")
        for text in heading:
            outer.add_row(Text(text, style="bold"))
        if rows:
            outer.add_row(table)
        for text in more:
            outer.add_row(Text(text, style="dim"))
        return outer

    def _heading(self) -> list[str]:
        """Return the line about all keys and requests; no line before the first of them."""
        state = self._state
        counter = f"[{state.done}/{state.total}] " if state.total else ""
        parts = []
        rate = self._rate()
        if self._limit is not None and (rate or state.total):
            parts.append(f"{rate:,} of {self._limit:,} requests a minute")
        seconds = seconds_left(state.seconds, self._elapsed(), state.total - state.done - len(state.rows))
        if seconds is not None:
            parts.append(f"about {duration_text(seconds)} left")
        line = f"{counter}{', '.join(parts)}".rstrip()
        return [line] if line else []

    def _row_texts(self) -> list[tuple[str, str, str]]:
        """Return the key, the step and the elapsed time of the rows that are shown, oldest key first."""
        now = self._clock()
        rows = sorted(self._state.rows.items())[:MAX_ROWS]
        steps = self._state.steps
        return [
            (key_text(key), printable_line(steps.get(key, row.text)), duration_text(now - row.since))
            for key, row in rows
        ]

    def _more(self) -> list[str]:
        """Return the lines below the rows: rows that are not shown, the status, and the time until the next check."""
        state = self._state
        lines = [*state.lines[:MAX_ROWS]]
        # A backfill has only rows, and a wait has only lines.
        hidden = max(len(state.rows), len(state.lines)) - MAX_ROWS
        if hidden > 0:
            lines.append(f"  … and {hidden} more")
        if state.status:
            lines.append(printable_line(state.status))
        if state.next_check_at is not None:
            check, end = (max(0.0, at - self._clock()) for at in (state.next_check_at, state.ends_at))
            lines.append(f"next check in {duration_text(check)}, time-out in {duration_text(end)}")
        return lines

    def _rate(self) -> int:
        """Return the number of requests in the last minute."""
        oldest = self._clock() - _MINUTE
        while self._requests and self._requests[0] < oldest:
            self._requests.popleft()
        return len(self._requests)

    def _elapsed(self) -> list[float]:
        now = self._clock()
        return [now - row.since for row in self._state.rows.values()]

    def _show(self, key: dt.date, text: str, progress: tuple[int, int] | None = None) -> None:
        with self._lock:
            self._state.rows[key] = _Row(text, self._clock())
            if progress is not None:
                self._state.done, self._state.total = progress

    def _end(self, key: dt.date, progress: tuple[int, int]) -> None:
        with self._lock:
            row = self._state.rows.pop(key, None)
            self._state.steps.pop(key, None)
            self._state.done, self._state.total = progress
            if row is not None and row.text not in (_FOLLOWED, _BEING_WRITTEN):
                self._state.seconds.append(self._clock() - row.since)

    def _start(self) -> None:
        """Start to draw. The caller must not hold `_lock`.

        The thread that draws holds Rich's lock and then acquires `_lock`. In the opposite order, the two threads would block each other.
        """
        if self._live is not None or self._terminal is None or self._is_closed:
            return
        with extra("console"):
            from rich.live import Live

        self._live = Live(
            console=self._terminal,
            get_renderable=self.display,
            refresh_per_second=REFRESHES_PER_SECOND,
            transient=True,
            redirect_stdout=False,
        )
        self._live.start(refresh=True)

    def _stop_if_finished(self) -> None:
        """Erase the display when every key is finished, so that consumers can write to the terminal."""
        if self._state.done == self._state.total:
            self._stop()

    def _stop(self) -> None:
        """Erase the display, and forget what it showed."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()
        with self._lock:
            self._state = _State()


def seconds_left(finished: Sequence[float], in_flight: Sequence[float], queued: int) -> float | None:
    """Estimate the seconds until all runs have ended; None before the first run has ended, and when no run is left.

    A run is expected to take as long as the mean of the finished runs, and as many runs stay in flight as now.

    Args:
        finished: the duration of each finished run.
        in_flight: the elapsed time of each run in flight.
        queued: the number of runs that have not started.
    """
    if not finished or not (in_flight or queued):
        return None
    mean = sum(finished) / len(finished)
    work = queued * mean + sum(max(0.0, mean - elapsed) for elapsed in in_flight)
    return work / max(1, len(in_flight))


def duration_text(seconds: float) -> str:
    """Format a duration with its two largest units: `42 s`, `4 min 5 s`, `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest and minutes < 10 else f"{minutes} min"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
