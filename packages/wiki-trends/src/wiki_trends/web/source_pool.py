"""Threads for one source (lake, warehouse, runs), with a deadline for each call.

Each source has its own threads, so a source that does not answer does not delay the others. A call without a result in time
raises `SourceTimeout`; its thread continues, and ends with the process. While as many calls are overdue as there are regular
threads, one call at a time tries again, and the others are refused immediately.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import threading
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from wiki_trends.web.problems import KNOWN_ERRORS, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
logger = logging.getLogger(__name__)

# Seconds for a call, by the name of the source.
DEADLINES = {"lake": 30.0, "warehouse": 30.0, "runner of the pipeline": 30.0, "renderer of this page": 60.0}
_REGULAR_THREADS = 4
_MAX_THREADS = 16
_MAX_OUTSTANDING = 256
_IDLE_SECONDS = 60.0


class SourceTimeout(Problem):
    """A source did not answer in time.

    Attributes:
        source: its name, as in the message.
        since: when the oldest unanswered call began, UTC.
    """

    def __init__(self, source: str, code: str, since: dt.datetime) -> None:
        self.source = source
        self.since = since
        message = f"The {source} has not answered since {since:%Y-%m-%d %H:%M:%S} UTC."
        super().__init__(503, code, message, "Check that it can be reached; then try again.", 5)


class UnexpectedFailure(RuntimeError):
    """A reader failed with a `BaseException`, such as a panic of a native library."""


class SourceFailure(Problem):
    """A source failed with an exception that its reader does not expect, for example because its data are damaged."""

    def __init__(self, source: str, code: str, error: BaseException) -> None:
        if isinstance(error, UnexpectedFailure) and error.__cause__ is not None:
            error = error.__cause__
        kind = type(error).__name__
        super().__init__(
            503,
            code,
            f"The {source} cannot be read: unexpected error ({kind}).",
            "See the server's log, and report the error with the traceback there.",
            5,
        )


class SourcePool:
    """Runs the blocking calls of one source.

    Args:
        source: its name for messages, a key of `DEADLINES`.
        code: the stable code of its problems.
    """

    def __init__(self, source: str, code: str) -> None:
        self.source = source
        self._code = code
        self._lock = threading.Lock()
        self._queue: SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = SimpleQueue()
        self._started: dict[Future[Any], dt.datetime] = {}
        self._threads = 0

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        """The result of a blocking function.

        Raises:
            SourceTimeout: there was no result in time, or too many earlier calls are overdue.
        """
        call = asyncio.wrap_future(self._submit(work, arguments))
        call.add_done_callback(_retrieve_exception)
        done, _ = await asyncio.wait({call}, timeout=DEADLINES[self.source])
        if not done:
            raise self.timeout()
        return call.result()

    async def read(self, work: Callable[..., T], *arguments: Any) -> T:
        """The result of a blocking function that reads the source. Every exception of it becomes a known error.

        Raises:
            SourceTimeout: as in `run`.
            SourceFailure: the function raised an unexpected exception; the log has the traceback.
        """
        try:
            return await self.run(work, *arguments)
        except KNOWN_ERRORS:
            raise
        except Exception as error:
            logger.exception("the %s cannot be read", self.source)
            raise SourceFailure(self.source, self._code, error) from error

    def timeout(self) -> SourceTimeout:
        """The problem to raise while this source does not answer."""
        with self._lock:
            since = min(self._started.values(), default=_now())
        return SourceTimeout(self.source, self._code, since)

    def is_overdue(self, seconds: float) -> bool:
        """Whether a call has been waiting for this many seconds."""
        limit = _now() - dt.timedelta(seconds=seconds)
        with self._lock:
            return any(started <= limit for started in self._started.values())

    def _submit(self, work: Callable[..., T], arguments: tuple[Any, ...]) -> Future[T]:
        future: Future[T] = Future()
        with self._lock:
            limit = _now() - dt.timedelta(seconds=DEADLINES[self.source])
            overdue = sum(1 for started in self._started.values() if started <= limit)
            waiting = len(self._started) - overdue
            refused = overdue >= _REGULAR_THREADS and (waiting or overdue >= _MAX_THREADS)
            if not refused and waiting < _MAX_OUTSTANDING:
                self._started[future] = _now()
                self._queue.put((future, work, arguments))
                if self._threads < min(_MAX_THREADS, _REGULAR_THREADS + overdue, len(self._started)):
                    self._threads += 1
                    # Daemon threads: a call that never returns does not keep the process from ending.
                    threading.Thread(target=self._run_worker, name=self.source, daemon=True).start()
                return future
        raise self.timeout()

    def _run_worker(self) -> None:
        while True:
            try:
                future, work, arguments = self._queue.get(timeout=_IDLE_SECONDS)
            except Empty:
                with self._lock:
                    if self._queue.empty():
                        self._threads -= 1
                        return
                continue
            self._run_call(future, work, arguments)

    def _run_call(self, future: Future[T], work: Callable[..., T], arguments: tuple[Any, ...]) -> None:
        result: T | None = None
        failure: BaseException | None = None
        try:
            if future.set_running_or_notify_cancel():
                result = work(*arguments)
        except BaseException as error:  # noqa: BLE001 - raised to the caller
            failure = error
            if not isinstance(error, Exception):
                # A bare `BaseException` would end the event loop.
                failure = UnexpectedFailure(f"{type(error).__name__}: {error}")
                failure.__cause__ = error
        with self._lock:
            del self._started[future]
        if future.cancelled():
            return
        if failure is None:
            future.set_result(result)  # type: ignore[arg-type]
        else:
            future.set_exception(failure)


def _now() -> dt.datetime:
    return dt.datetime.now(tz=dt.UTC)


def _retrieve_exception(call: asyncio.Future[Any]) -> None:
    # A caller that has given up does not read the exception any more.
    if not call.cancelled():
        call.exception()
