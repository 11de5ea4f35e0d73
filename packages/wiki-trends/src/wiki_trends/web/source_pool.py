"""Threads for the calls to one source (lake, warehouse, runs), with a deadline for each call.

Each source has its own threads, so a source that does not respond does not delay the other sources. A caller whose call misses the
deadline gets a `SourceTimeout`. The thread of the call continues until the call returns or the process ends. If all regular threads are
blocked by overdue calls, one extra thread tries a new call, to find out whether the source responds again. Meanwhile, the pool refuses all
other calls immediately.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import threading
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from wiki_trends.report.formats import moment
from wiki_trends.web.problems import KNOWN_ERRORS, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
logger = logging.getLogger(__name__)

# The deadline of a call in seconds, by the name of the source.
DEADLINE_SECONDS = {
    "lake": 30.0,
    "warehouse": 30.0,
    "runner of the pipeline": 30.0,
    "renderer of this page": 60.0,
}
_REGULAR_THREADS = 4
_MAX_THREADS = 16
_MAX_CALLS_BEFORE_DEADLINE = 256
# A thread ends after this time without a call.
_IDLE_THREAD_SECONDS = 60.0


class SourceTimeout(Problem):
    """A source did not answer in time.

    Attributes:
        source: the name of the source, as in the message.
        since: the time in UTC at which the oldest unanswered call began.
    """

    def __init__(self, source: str, code: str, since: dt.datetime) -> None:
        self.source = source
        self.since = since
        message = f"The {source} has not answered since {moment(since)}."
        fix = "Check that it can be reached; then try again."
        super().__init__(503, code, message, fix, retry_after=5)


class UnexpectedFailure(RuntimeError):
    """A reader raised a `BaseException` that is not an `Exception`, such as a panic of a native library."""


class SourceFailure(Problem):
    """The reader of a source raised an unexpected exception, for example because the data of the source are damaged."""

    def __init__(self, source: str, code: str, error: BaseException) -> None:
        if isinstance(error, UnexpectedFailure) and error.__cause__ is not None:
            error = error.__cause__
        kind = type(error).__name__
        super().__init__(
            503,
            code,
            f"The {source} cannot be read: unexpected error ({kind}).",
            "See the server's log, and report the error with the traceback there.",
            retry_after=5,
        )


class SourcePool:
    """Runs the blocking calls of one source.

    Args:
        source: the name of the source, a key of `DEADLINE_SECONDS`. Messages continue it: "The lake has not answered since …".
        code: the stable error code of the problems that this pool raises.
    """

    def __init__(self, *, source: str, code: str) -> None:
        self.source = source
        self._code = code
        self._lock = threading.Lock()
        self._queue: SimpleQueue[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = SimpleQueue()
        self._started_at: dict[Future[Any], dt.datetime] = {}
        self._thread_count = 0

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a blocking function in a thread, and return its result.

        Raises:
            SourceTimeout: the function missed the deadline, or the pool refused the call because too many calls have not returned.
        """
        call = asyncio.wrap_future(self._submit(function, arguments))
        call.add_done_callback(_retrieve_exception)
        done, _ = await asyncio.wait({call}, timeout=DEADLINE_SECONDS[self.source])
        if not done:
            raise self.timeout_problem()
        return call.result()

    async def read(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a blocking function that reads the source, and turn every exception into a known error.

        Raises:
            SourceTimeout: as `run` raises it.
            SourceFailure: the function raised an unexpected exception; the log has the traceback.
        """
        try:
            return await self.run(function, *arguments)
        except KNOWN_ERRORS:
            raise
        except Exception as error:
            logger.exception("the %s cannot be read", self.source)
            raise SourceFailure(self.source, self._code, error) from error

    def timeout_problem(self) -> SourceTimeout:
        """Return a `SourceTimeout` that names the time at which the oldest unanswered call began."""
        with self._lock:
            since = min(self._started_at.values(), default=_now())
        return SourceTimeout(self.source, self._code, since)

    def has_call_older_than(self, seconds: float) -> bool:
        """Return whether an unanswered call began at least `seconds` ago."""
        cutoff = _now() - dt.timedelta(seconds=seconds)
        with self._lock:
            return any(started <= cutoff for started in self._started_at.values())

    def _submit(self, function: Callable[..., T], arguments: tuple[Any, ...]) -> Future[T]:
        future: Future[T] = Future()
        with self._lock:
            cutoff = _now() - dt.timedelta(seconds=DEADLINE_SECONDS[self.source])
            overdue_count = sum(1 for started in self._started_at.values() if started <= cutoff)
            in_time_count = len(self._started_at) - overdue_count
            # While all regular threads are blocked, only one call at a time tests whether the source answers again.
            is_refused = overdue_count >= _REGULAR_THREADS and (
                in_time_count > 0 or overdue_count >= _MAX_THREADS
            )
            if not is_refused and in_time_count < _MAX_CALLS_BEFORE_DEADLINE:
                self._started_at[future] = _now()
                self._queue.put((future, function, arguments))
                # A call needs a thread of its own, up to the regular number. An overdue call blocks its thread, so an extra thread replaces it.
                if self._thread_count < min(
                    _MAX_THREADS, _REGULAR_THREADS + overdue_count, len(self._started_at)
                ):
                    self._thread_count += 1
                    # A daemon thread, so that a call that never returns does not keep the process alive.
                    threading.Thread(target=self._run_worker, name=self.source, daemon=True).start()
                return future
        raise self.timeout_problem()

    def _run_worker(self) -> None:
        while True:
            try:
                future, function, arguments = self._queue.get(timeout=_IDLE_THREAD_SECONDS)
            except Empty:
                with self._lock:
                    if self._queue.empty():
                        self._thread_count -= 1
                        return
                continue
            self._run_call(future, function, arguments)

    def _run_call(self, future: Future[T], function: Callable[..., T], arguments: tuple[Any, ...]) -> None:
        result: T | None = None
        failure: BaseException | None = None
        try:
            if future.set_running_or_notify_cancel():
                result = function(*arguments)
        except BaseException as error:  # noqa: BLE001 - the future passes it to the caller
            failure = error
            if not isinstance(error, Exception):
                # The event loop would end on a `BaseException` that is not an `Exception`.
                failure = UnexpectedFailure(f"{type(error).__name__}: {error}")
                failure.__cause__ = error
        with self._lock:
            del self._started_at[future]
        if future.cancelled():
            return
        if failure is None:
            future.set_result(result)  # type: ignore[arg-type]
        else:
            future.set_exception(failure)


def _now() -> dt.datetime:
    return dt.datetime.now(tz=dt.UTC)


def _retrieve_exception(call: asyncio.Future[Any]) -> None:
    # A caller that timed out does not retrieve the exception. asyncio would then log the exception.
    if not call.cancelled():
        call.exception()
