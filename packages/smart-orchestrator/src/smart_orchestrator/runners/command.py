"""Run a command for each key, with at most one run of a key on this machine at a time.

The command is a list of arguments and is never passed to a shell. A supervisor process starts the command, kills its process group
at the time-out, and records the exit code in a file. The lock file of the key is open in the supervisor and in the command. The
operating system releases the lock when both have ended. A run therefore survives the process that started it. The next process
that starts the key finds the lock held, follows the run, and reads the exit code from the file. If the supervisor was killed, the
run counts as running until the command ends, and then as LOST.

When a command ends, the supervisor kills the remaining processes of its process group. A process that moves to another
process group escapes the time-out. If it also closes its descriptors, it escapes the lock.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smart_orchestrator.errors import OptionError, RunsError
from smart_orchestrator.foreign import BadDocument, one_line, parse_document
from smart_orchestrator.model.bounds import integer_problem, seconds_problem
from smart_orchestrator.model.grain import Grain, key_text
from smart_orchestrator.model.placeholders import fill_placeholders
from smart_orchestrator.model.run import Failure, Run, RunState, run_name
from smart_orchestrator.runners.day_lock import DayLock, acquire_or_follow
from smart_orchestrator.runners.ledger import Ledger
from smart_orchestrator.runners.recorded_runs import RecordedRuns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

SUPERVISOR = Path(__file__).with_name("command_supervisor.py")
# Seconds between SIGTERM and SIGKILL at the time-out.
GRACE_SECONDS = 10.0
RUNNER = "command runs"
NO_RECORD = "the processes of the run ended without recording an exit code"
# The supervisors that this process started. They are referenced here, because a run continues after its `CommandRunner` is deleted.
_started_supervisors: set[subprocess.Popen[bytes]] = set()


class CommandRunner:
    """A `Runner` that runs a command for each key.

    Args:
        command: the arguments of the command. `{key}` becomes the key; `{start}` and `{end}` become the start and the end of
            its span, in UTC (`2025-11-05T00:00:00Z`).
        state_dir: the folder of the ledger, the locks and the output. The processes of this machine share the folder.
        jobs: the maximum number of parallel runs.
        attempts: the maximum number of runs that a backfill starts for one key.
        timeout: the time-out of a run, in seconds; None for no limit.
        cwd: the working directory of the command; by default, the working directory of this process.
        env: the variables to add to the environment of this process.
        identity: the name of the data that the runs process. Runs of different identities may run the same key in parallel. By
            default, the command and its working directory.
        span: the function that returns the start and the end of a key in UTC. By default, a `datetime` is an hour and a `date`
            is a day.
        is_complete: the function that returns whether a key is complete. It is called after the lock of the key is acquired. A
            complete key is not run again.
    """

    poll_seconds = 0.5
    in_process = False

    def __init__(
        self,
        command: Sequence[str],
        *,
        state_dir: str | Path,
        jobs: int = 4,
        attempts: int = 3,
        timeout: float | None = None,
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        identity: str = "",
        span: Callable[[dt.date], tuple[dt.datetime, dt.datetime]] | None = None,
        is_complete: Callable[[dt.date], bool] | None = None,
    ) -> None:
        _check_options(command, jobs, attempts, timeout)
        self.command = tuple(command)
        self.attempts = attempts
        self.ledger = Ledger(Path(state_dir))
        self._jobs = jobs
        self._timeout = timeout
        self._cwd = None if cwd is None else str(Path(cwd).expanduser().absolute())
        self._env = dict(env or {})
        identity = identity or json.dumps([self.command, self._cwd or str(Path.cwd())])
        self._recorded = RecordedRuns(self.ledger, identity)
        self._span = span or utc_span
        self._is_complete = is_complete
        folder = hashlib.sha256(identity.encode()).hexdigest()[:16]
        state = self.ledger.folder.absolute()
        self._locks = state / "locks" / folder
        self._outputs = state / "output" / folder
        self._supervisors: dict[str, subprocess.Popen[bytes]] = {}
        self._guard = threading.Lock()

    def capacity(self) -> int:
        """Return the maximum number of parallel runs."""
        return self._jobs

    def latest(self, days: Collection[dt.date]) -> Mapping[dt.date, Run]:
        """Return the latest run on this machine of each key that has a run."""
        recorded = self._recorded.latest(days)
        return {day: self._current(recorded[day]) for day in sorted(recorded)}

    def recent(self, limit: int, day: dt.date | None = None) -> list[Run]:
        """Return at most `limit` runs of one key or of all keys. Runs in flight come first, then the newest runs."""
        return [self._current(run) for run in self._recorded.recent(limit, day)]

    def start(self, day: dt.date) -> Run:
        """Start the next attempt for a key. If a run of the key is already in flight, return that run.

        If the key is complete when the lock is acquired, no run is started, and the returned run has succeeded.

        Raises:
            RunsError: the ledger or the lock cannot be used, or a process holds the lock and has recorded no run.
        """
        lock = DayLock(self._locks / f"{key_text(day)}.lock")
        run_in_flight = acquire_or_follow(lock, lambda: self.latest([day]).get(day))
        if run_in_flight is not None:
            return run_in_flight
        try:
            if self._is_complete is not None and self._is_complete(day):
                message = "the partition was already complete"
                # The attempt 0 is not an attempt: no run was started.
                return Run(run_name(day, 0), day, 0, RunState.SUCCEEDED, message=message)
            # `latest` also records the end of the last attempt, if it has not been recorded.
            last = self.latest([day]).get(day)
            # If the ledger was lost, the file of an earlier attempt with the same number may exist.
            self._record_file(day, last.attempt + 1 if last else 1).unlink(missing_ok=True)
            run = self._with_url(self._recorded.add(day))
            try:
                self._start_supervisor(run, lock.descriptor)
            except OSError as error:
                return self._end(run, f"the command could not be started ({error})")
            return run
        finally:
            # The supervisor has inherited the lock, and holds it until the run ends.
            lock.release()

    def poll(self, runs: Sequence[Run]) -> list[Run]:
        """Return `runs` in their current state. A run whose processes died is LOST."""
        return [self._current(run) for run in runs]

    def wait(self, seconds: float) -> None:
        """Wait until a run that this process started ends, for at most `seconds`."""
        deadline = time.monotonic() + seconds
        while not self._has_any_ended() and (remaining := deadline - time.monotonic()) > 0:
            time.sleep(min(remaining, 0.05))

    def output(self, run: Run) -> Path:
        """Return the path of the file with the stdout and stderr of the run."""
        return self._outputs / f"{run.name}.log"

    def _start_supervisor(self, run: Run, descriptor: int) -> None:
        request = {
            "command": fill_placeholders(self.command, run.day, self._span(run.day)),
            "cwd": self._cwd,
            "timeout": self._timeout,
            "grace": GRACE_SECONDS,
            "lock": descriptor,
            "record": str(self._record_file(run.day, run.attempt)),
        }
        self._outputs.mkdir(parents=True, exist_ok=True)
        with self.output(run).open("wb") as output:
            supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", str(SUPERVISOR), json.dumps(request)],
                env=os.environ | self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[descriptor],
                start_new_session=True,
            )
        # Forget the supervisors that have ended.
        _started_supervisors.difference_update(
            [process for process in tuple(_started_supervisors) if process.poll() is not None]
        )
        _started_supervisors.add(supervisor)
        with self._guard:
            self._supervisors[run.name] = supervisor

    def _has_any_ended(self) -> bool:
        """Return whether a supervisor of this process has ended since the last call."""
        with self._guard:
            ended = [name for name, process in self._supervisors.items() if process.poll() is not None]
            for name in ended:
                del self._supervisors[name]
        return bool(ended)

    def _current(self, run: Run) -> Run:
        """Return a run in its current state, according to the ledger, the supervisor's record and the lock of the key."""
        recorded = self._recorded.get(run.day, run.attempt) if run.in_flight else run
        current = self._with_url(replace(recorded or run, ours=run.ours))
        if not current.in_flight:
            return current
        is_locked = DayLock(self._locks / f"{key_text(run.day)}.lock").is_held()
        # The supervisor writes the record before it releases the lock. So check the lock first. If it is free, the record exists.
        recorded_problem = self._recorded_problem(current)
        if recorded_problem is not None:
            return self._end(current, recorded_problem)
        if is_locked:
            return current
        return replace(current, state=RunState.LOST, failure=Failure.LOST, message=NO_RECORD)

    def _recorded_problem(self, run: Run) -> str | None:
        """Return why the command failed. Return an empty text if it succeeded, and None if it has no record of its end.

        Raises:
            RunsError: the record cannot be read.
        """
        path = self._record_file(run.day, run.attempt)
        try:
            record = parse_document(path.read_bytes(), what=str(path))
        except FileNotFoundError:
            return None
        except (OSError, BadDocument) as error:
            problem = f"the record {path} cannot be read ({error})"
            raise RunsError(RUNNER, problem, "Remove it; the run then counts as lost.") from None
        return _problem_of(record, self._timeout)

    def _end(self, run: Run, problem: str) -> Run:
        """Record the end of a run in the ledger, and return the ended run."""
        with self._guard:
            supervisor = self._supervisors.pop(run.name, None)
        if supervisor is not None:
            supervisor.wait()  # Without `wait`, the ended supervisor would stay as a zombie.
        message = f"{problem}; the output is in {self.output(run)}" if problem else ""
        self._recorded.end(run, Failure.ERROR if problem else None, message)
        ended = self._recorded.get(run.day, run.attempt) or run
        return self._with_url(replace(ended, ours=run.ours))

    def _with_url(self, run: Run) -> Run:
        return replace(run, url=self.output(run).as_uri())

    def _record_file(self, key: dt.date, attempt: int) -> Path:
        return self._outputs / f"{run_name(key, attempt)}.json"


def utc_span(key: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """Return the start and the end of a key in UTC. A `datetime` is an hour, and a `date` is a day."""
    grain = Grain.HOUR if isinstance(key, dt.datetime) else Grain.DAY
    return grain.start(key), grain.end(key)


def _check_options(command: Sequence[str], jobs: int, attempts: int, timeout: float | None) -> None:
    if isinstance(command, str) or not command or not all(isinstance(text, str) for text in command):
        fix = 'Give a list of arguments, such as ["python", "etl.py", "{key}"].'
        raise OptionError("command", repr(command), "is not a list of texts", fix)
    for name, number in (("jobs", jobs), ("attempts", attempts)):
        if problem := integer_problem(number, 1):
            raise OptionError(name, number, problem, "Give 1 or more.")
    if timeout is not None and (problem := seconds_problem(timeout)):
        raise OptionError("timeout", timeout, problem, "Give for example 1800.")


def _problem_of(record: Mapping[str, Any], timeout: float | None) -> str:
    """Return why the command failed, or an empty text if it succeeded."""
    if "error" in record:
        return f"the command could not be started ({one_line(record['error'])})"
    if record.get("timed_out"):
        limit = "" if timeout is None else f" of {timeout:g} s"
        return f"the command reached its time-out{limit} and was ended"
    code = record.get("exit_code")
    if not isinstance(code, int):
        return "the record of the command's end has no exit code"
    if code < 0:
        return f"the command was ended by {_signal_name(-code)}"
    return f"the command ended with exit code {code}" if code else ""


def _signal_name(number: int) -> str:
    names: Iterable[signal.Signals] = signal.Signals
    return next((item.name for item in names if item == number), f"signal {number}")
