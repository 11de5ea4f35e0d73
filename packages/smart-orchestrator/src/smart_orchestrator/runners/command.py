"""Run a command for each key, with at most one run of a key at a time on this machine.

The command is a list of arguments and does not pass through a shell. A supervisor process starts the command, kills its process
group after the time-out, and records the exit code in a file. The supervisor and the command hold the lock of the key open, and
the operating system releases the lock when both have ended. A run therefore survives the process that started it. Another
process that starts the same key finds the lock, follows the run, and reads the exit code from the file. If the supervisor is
killed, the run counts as running until the command ends, and then as LOST.

When the command has ended, the supervisor kills the processes that are left in the command's process group. A process that
moves to another process group and closes its descriptors escapes the time-out and the lock.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
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
from smart_orchestrator.model.grain import Grain, key_text
from smart_orchestrator.model.run import Failure, Run, RunState, run_name
from smart_orchestrator.runners.day_lock import DayLock, acquire_or_follow
from smart_orchestrator.runners.ledger import Ledger
from smart_orchestrator.runners.recorded_runs import RecordedRuns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

SUPERVISOR = Path(__file__).with_name("command_supervisor.py")
# Seconds between SIGTERM and SIGKILL for a run that has reached its time-out.
GRACE_SECONDS = 10.0
RUNNER = "command runs"
NO_RECORD = "its processes ended without a record of an exit code"
_PLACEHOLDER = re.compile(r"\{(key|start|end)\}")


class CommandRunner:
    """A `Runner` that runs a command for each key.

    Args:
        command: the command and its arguments. `{key}` is replaced by the key, `{start}` and `{end}` by the start and the end
            of the key's span (UTC, `2025-11-05T00:00:00Z`).
        state_dir: the folder for the ledger, the locks and the output. The processes of this machine share it.
        jobs: the largest number of concurrent runs.
        attempts: the largest number of runs that a backfill starts for a key.
        timeout: the time-out of a run in seconds; None for no time-out.
        cwd: the working directory of the command; by default, that of this process.
        env: variables to add to the environment of the command.
        identity: a name for the pipeline of the runs. Only runs with the same identity exclude each other. By default, the
            identity consists of the command and its working directory.
        span: a function that returns the start and the end of a key, in UTC; by default, a `datetime` stands for an hour and
            a `date` for a day.
        is_complete: a function that returns whether a key is complete. The runner calls it after it has acquired the lock of
            the key, and does not run a complete key.
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
        """Return the largest number of concurrent runs."""
        return self._jobs

    def latest(self, days: Collection[dt.date]) -> Mapping[dt.date, Run]:
        """Return the latest run of each of these keys on this machine."""
        recorded = self._recorded.latest(days)
        return {day: self._current(recorded[day]) for day in sorted(recorded)}

    def recent(self, limit: int, day: dt.date | None = None) -> list[Run]:
        """Return at most `limit` runs of this machine, for one key or for all keys: runs in flight first, then the newest."""
        return [self._current(run) for run in self._recorded.recent(limit, day)]

    def start(self, day: dt.date) -> Run:
        """Start the next attempt of a key, or return the run of this key that is already in flight.

        If the key is complete when the lock is acquired, no command is started, and the returned run has succeeded.

        Raises:
            RunsError: the ledger or the lock cannot be used, or a process holds the lock but has recorded no run.
        """
        lock = DayLock(self._locks / f"{key_text(day)}.lock")
        running = acquire_or_follow(lock, lambda: self.latest([day]).get(day))
        if running is not None:
            return running
        try:
            if self._is_complete is not None and self._is_complete(day):
                message = "the partition was already complete"
                return Run(run_name(day, 0), day, 0, RunState.SUCCEEDED, message=message)
            # `latest` also records the end of the last attempt in the ledger.
            last = self.latest([day]).get(day)
            # If the ledger was removed, the record of an earlier attempt with the same number may still exist.
            self._record_file(day, last.attempt + 1 if last else 1).unlink(missing_ok=True)
            run = self._with_url(self._recorded.add(day))
            try:
                self._start_supervisor(run, lock.descriptor)
            except OSError as error:
                return self._end(run, f"the command could not be started ({error})")
            return run
        finally:
            # The supervisor keeps the lock, through its own copy of the descriptor.
            lock.release()

    def poll(self, runs: Sequence[Run]) -> list[Run]:
        """Return the current state of the runs. A run whose processes died without a record is LOST."""
        return [self._current(run) for run in runs]

    def wait(self, seconds: float) -> None:
        """Wait until a run that this process started ends, but at most `seconds`."""
        deadline = time.monotonic() + seconds
        while not self._any_ended() and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.05))

    def output(self, run: Run) -> Path:
        """Return the path of the file with the standard output and standard error of a run."""
        return self._outputs / f"{run.name}.log"

    def _start_supervisor(self, run: Run, descriptor: int) -> None:
        start, end = self._span(run.day)
        values = {"key": key_text(run.day), "start": _timestamp(start), "end": _timestamp(end)}
        request = {
            "command": [_PLACEHOLDER.sub(lambda match: values[match[1]], text) for text in self.command],
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
        with self._guard:
            self._supervisors[run.name] = supervisor

    def _any_ended(self) -> bool:
        """Return whether a supervisor that this process started has ended since the last call."""
        with self._guard:
            ended = [name for name, process in self._supervisors.items() if process.poll() is not None]
            for name in ended:
                del self._supervisors[name]
        return bool(ended)

    def _current(self, run: Run) -> Run:
        """Return the current state of a run, from the ledger, the supervisor's record and the lock of the key."""
        recorded = self._recorded.get(run.day, run.attempt) if run.in_flight else run
        current = self._with_url(replace(recorded or run, ours=run.ours))
        if not current.in_flight:
            return current
        is_held = DayLock(self._locks / f"{key_text(run.day)}.lock").is_held()
        # The supervisor writes its record before it releases the lock. The lock must therefore be checked before the record
        # is read: otherwise, a run that ends between the two steps would count as LOST.
        problem = self._problem(current)
        if problem is not None:
            return self._end(current, problem)
        if is_held:
            return current
        return replace(current, state=RunState.LOST, failure=Failure.LOST, message=NO_RECORD)

    def _problem(self, run: Run) -> str | None:
        """Return the reason why the command failed.

        The reason is empty if the command succeeded, and None if the supervisor has not recorded the end of the command.

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
            supervisor.wait()  # The supervisor ends right after it has written its record; without `wait`, it stays a zombie.
        message = f"{problem}; its output is in {self.output(run)}" if problem else ""
        self._recorded.end(run, Failure.ERROR if problem else None, message)
        ended = self._recorded.get(run.day, run.attempt) or run
        return self._with_url(replace(ended, ours=run.ours))

    def _with_url(self, run: Run) -> Run:
        return replace(run, url=self.output(run).as_uri())

    def _record_file(self, key: dt.date, attempt: int) -> Path:
        return self._outputs / f"{run_name(key, attempt)}.json"


def utc_span(key: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """Return the start and the end of a key in UTC: of an hour for a `datetime`, of a day for a `date`."""
    grain = Grain.HOUR if isinstance(key, dt.datetime) else Grain.DAY
    return grain.start(key), grain.end(key)


def _timestamp(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _check_options(command: Sequence[str], jobs: int, attempts: int, timeout: float | None) -> None:
    if isinstance(command, str) or not command or not all(isinstance(text, str) for text in command):
        fix = 'Give a list of arguments, such as ["python", "etl.py", "{key}"].'
        raise OptionError("command", repr(command), "is not a list of texts", fix)
    for name, number in (("jobs", jobs), ("attempts", attempts)):
        if number < 1:
            raise OptionError(name, number, "is less than 1", "Give 1 or more.")
    if timeout is not None and not 0 < timeout < float("inf"):
        raise OptionError("timeout", timeout, "is not a number of seconds above 0", "Give for example 1800.")


def _problem_of(record: Mapping[str, Any], timeout: float | None) -> str:
    """Return the reason why the command failed; empty if it succeeded."""
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
