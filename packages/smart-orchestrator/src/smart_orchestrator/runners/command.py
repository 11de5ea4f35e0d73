"""Run a command for each key, at most one run for each key on this machine.

The command is a list of arguments and never passes through a shell. A supervisor process starts it, kills its process group
at the time-out, and records its exit code in a file. The lock of the key is open in the supervisor and in the command, and
the operating system releases it when both have ended. A run therefore survives the process that started it: the next
process that asks for the key sees the lock, follows the run, and reads the exit code from the file. A run whose supervisor
was killed counts as running until its command ends, and then as LOST.

When a command ends, the supervisor kills the processes that it left in its process group. A command that puts a process into another process group and closes its descriptors escapes the time-out and the lock.
"""

from __future__ import annotations

import datetime as dt
import fcntl
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
from smart_orchestrator.model.grain import Grain, key_text, parse_key
from smart_orchestrator.model.run import Failure, Run, RunState
from smart_orchestrator.runners.ledger import RUN_COLUMNS, Ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

SUPERVISOR = Path(__file__).with_name("command_supervisor.py")
# Seconds between the SIGTERM and the SIGKILL of a run that has reached its time-out.
GRACE_SECONDS = 10.0
# A process that holds the lock of a key records its run within milliseconds; a poll releases the lock sooner.
HOLDER_SECONDS = 30.0
REFUSALS = 4
REFUSED_PAUSE = 0.005
RUNNER = "command runs"
_PLACEHOLDER = re.compile(r"\{(key|start|end)\}")


class CommandRunner:
    """`Runner` that runs a command for each key.

    Args:
        command: the arguments; `{key}`, `{start}` and `{end}` in them are replaced by the key and by the start and the end
            of its span (UTC, `2025-11-05T00:00:00Z`).
        state_dir: the folder of the ledger, the locks and the output, shared by the processes of this machine.
        jobs: the largest number of runs at the same time.
        attempts: how many runs a backfill gives a key that does not become complete.
        timeout: seconds after which a run is ended; None for no limit.
        cwd: the working directory of the command; default that of this process.
        env: variables that are added to the environment of this process.
        identity: names what the runs process. Runs of different identities do not exclude each other. Default: the command
            and its working directory.
        span: the start and the end of a key, UTC; default an hour for a `datetime` and a day for a `date`.
        is_complete: asked after the lock of a key is acquired; a key that is complete is not run again.
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
        self._identity = identity or json.dumps([self.command, self._cwd or str(Path.cwd())])
        self._span = span or utc_span
        self._is_complete = is_complete
        folder = hashlib.sha256(self._identity.encode()).hexdigest()[:16]
        self._locks = self.ledger.folder / "locks" / folder
        self._outputs = self.ledger.folder / "output" / folder
        self._supervisors: dict[str, subprocess.Popen[bytes]] = {}
        self._guard = threading.Lock()

    def capacity(self) -> int:
        """The largest number of runs at the same time."""
        return self._jobs

    def latest(self, days: Collection[dt.date]) -> Mapping[dt.date, Run]:
        """The latest run of each of these keys on this machine."""
        if not days:
            return {}
        query = f"SELECT {RUN_COLUMNS} FROM runs WHERE dataset = ? AND day BETWEEN ? AND ? ORDER BY attempt"  # noqa: S608 - constant
        bounds = (self._identity, key_text(min(days)), key_text(max(days)))
        with self.ledger.connection() as database:
            rows = database.execute(query, bounds).fetchall()
        runs = {run.day: run for run in map(self._run, rows)}
        return {key: self._refreshed(runs[key]) for key in sorted(days) if key in runs}

    def recent(self, limit: int, day: dt.date | None = None) -> list[Run]:
        """At most `limit` runs of this machine, of one key or of all: runs in flight first, then the newest."""
        query = (
            f"SELECT {RUN_COLUMNS} FROM runs WHERE dataset = ? AND (? IS NULL OR day = ?) "  # noqa: S608 - constant
            "ORDER BY state = 'running' DESC, started_at DESC, day DESC LIMIT ?"
        )
        key = None if day is None else key_text(day)
        with self.ledger.connection() as database:
            rows = database.execute(query, (self._identity, key, key, limit)).fetchall()
        return [self._refreshed(self._run(row)) for row in rows]

    def start(self, day: dt.date) -> Run:
        """Start the next attempt of a key; return the run of that key that is in flight, if there is one.

        A key that is complete when the lock is acquired is not run: the returned run has succeeded.

        Raises:
            RunsError: the ledger or the lock cannot be used, or a process holds the lock and has recorded no run.
        """
        descriptor = self._acquire(day)
        if isinstance(descriptor, Run):
            return descriptor
        try:
            if self._is_complete is not None and self._is_complete(day):
                name = f"{key_text(day)}.0"
                return Run(name, day, 0, RunState.SUCCEEDED, message="the partition was complete already")
            run = self._record_start(day)
            try:
                self._start_supervisor(run, descriptor)
            except OSError as error:
                failed = replace(
                    run, state=RunState.FAILED, failure=Failure.ERROR, message=f"not started: {error}"
                )
                return self._record_end(failed)
            return run
        finally:
            # The supervisor has the lock in a descriptor of its own.
            os.close(descriptor)

    def poll(self, runs: Sequence[Run]) -> list[Run]:
        """The current state of the given runs; a run whose processes died is LOST."""
        return [self._refreshed(run) for run in runs]

    def wait(self, seconds: float) -> None:
        """Return when a run that this process started ends, at the latest after `seconds`."""
        deadline = time.monotonic() + seconds
        while not self._any_ended() and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.05))

    def output(self, run: Run) -> Path:
        """The file with what the run has written to stdout and stderr."""
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
            "record": str(self._record_file(run)),
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
        """Whether a supervisor of this process has ended since the last call."""
        with self._guard:
            ended = [name for name, process in self._supervisors.items() if process.poll() is not None]
            for name in ended:
                del self._supervisors[name]
        return bool(ended)

    def _acquire(self, key: dt.date) -> int | Run:
        """The descriptor of the key's lock, or the run whose processes hold it.

        A poll also holds the lock for a moment, and a process that has just acquired it records its run a moment later. So a
        held lock beside a run that has ended proves nothing, and both are read again.
        """
        deadline = time.monotonic() + HOLDER_SECONDS
        refused = 0
        while True:
            descriptor = self._lock(key, fcntl.LOCK_EX)
            if descriptor is not None:
                return descriptor
            refused += 1
            run = self.latest([key]).get(key)
            if run is not None and run.in_flight and refused >= REFUSALS:
                return run
            if time.monotonic() >= deadline:
                raise RunsError(
                    RUNNER,
                    f"the lock {self._lock_file(key)} is held by a process that has recorded no run of {key_text(key)}",
                    "End that process, then run the same command again.",
                )
            time.sleep(REFUSED_PAUSE)

    def _refreshed(self, run: Run) -> Run:
        """The current state of a run, from its row in the ledger, the record of its supervisor and the key's lock."""
        recorded = self._recorded_run(run)
        current = run if recorded is None else replace(recorded, ours=run.ours)
        if not current.in_flight:
            return current
        ended = self._ended(current)
        if ended is not None:
            return self._record_end(ended)
        if self._is_locked(run.day):
            return current
        # The supervisor writes its record before it releases the lock.
        ended = self._ended(current)
        if ended is None:
            lost = "its processes ended without a record of an exit code"
            ended = replace(current, state=RunState.LOST, failure=Failure.LOST, message=lost)
        return self._record_end(ended)

    def _ended(self, run: Run) -> Run | None:
        """The run as its supervisor recorded its end; None while there is no record."""
        path = self._record_file(run)
        try:
            record = parse_document(path.read_bytes(), what=str(path))
            ended_at = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
        except FileNotFoundError:
            return None
        except (OSError, BadDocument) as error:
            problem = f"the record {path} cannot be read ({error})"
            raise RunsError(RUNNER, problem, "Remove it; the run then counts as lost.") from None
        problem = _problem(record, self._timeout)
        if not problem:
            return replace(run, state=RunState.SUCCEEDED, ended_at=ended_at)
        return replace(
            run,
            state=RunState.FAILED,
            failure=Failure.ERROR,
            message=f"{problem}; its output is in {self.output(run)}",
            ended_at=ended_at,
        )

    def _record_start(self, key: dt.date) -> Run:
        now = dt.datetime.now(tz=dt.UTC)
        text = key_text(key)
        latest = self.latest([key]).get(key)
        attempt = 1 if latest is None else latest.attempt + 1
        run = Run(f"{text}.{attempt}", key, attempt, RunState.RUNNING, ours=True, started_at=now)
        # Of a ledger that was moved away: it would end the new run at once.
        self._record_file(run).unlink(missing_ok=True)
        with self.ledger.connection() as database:
            database.execute(
                "INSERT INTO runs (dataset, day, attempt, state, process, started_at) VALUES (?, ?, ?, ?, ?, ?)",
                (self._identity, text, attempt, RunState.RUNNING, os.getpid(), now.isoformat()),
            )
        return replace(run, url=self.output(run).as_uri())

    def _record_end(self, run: Run) -> Run:
        """Write the end of a run into its row, once; returns the run."""
        with self._guard:
            supervisor = self._supervisors.pop(run.name, None)
        if supervisor is not None:
            supervisor.wait()  # It ends right after its record, and must not stay as a zombie.
        ended_at = run.ended_at or dt.datetime.now(tz=dt.UTC)
        with self.ledger.connection() as database:
            database.execute(
                "UPDATE runs SET state = ?, failure = ?, message = ?, ended_at = ? "
                "WHERE dataset = ? AND day = ? AND attempt = ? AND state = 'running'",
                (
                    run.state,
                    run.failure,
                    run.message,
                    ended_at.isoformat(),
                    self._identity,
                    key_text(run.day),
                    run.attempt,
                ),
            )
        return replace(run, ended_at=ended_at)

    def _recorded_run(self, run: Run) -> Run | None:
        query = f"SELECT {RUN_COLUMNS} FROM runs WHERE dataset = ? AND day = ? AND attempt = ?"  # noqa: S608 - constant
        with self.ledger.connection() as database:
            row = database.execute(query, (self._identity, key_text(run.day), run.attempt)).fetchone()
        return None if row is None else self._run(row)

    def _run(self, row: tuple[str, int, str, str | None, str, str, str | None]) -> Run:
        """The run that a row of the ledger describes."""
        text, attempt, state, failure, message, started, ended = row
        try:
            run = Run(
                name=f"{text}.{int(attempt)}",
                day=parse_key(text),
                attempt=int(attempt),
                state=RunState(state),
                failure=Failure(failure) if failure else None,
                message=str(message),
                started_at=dt.datetime.fromisoformat(started),
                ended_at=dt.datetime.fromisoformat(ended) if ended else None,
            )
        except (TypeError, ValueError, OverflowError) as error:
            raise self.ledger.damaged(f"its run of {text}: {error}") from error
        return replace(run, url=self.output(run).as_uri())

    def _record_file(self, run: Run) -> Path:
        return self._outputs / f"{run.name}.json"

    def _lock_file(self, key: dt.date) -> Path:
        return self._locks / f"{key_text(key)}.lock"

    def _is_locked(self, key: dt.date) -> bool:
        # A shared lock, so that two polls do not mistake each other for a run.
        descriptor = self._lock(key, fcntl.LOCK_SH)
        if descriptor is None:
            return True
        os.close(descriptor)
        return False

    def _lock(self, key: dt.date, kind: int) -> int | None:
        """A descriptor that holds the key's lock, or None if another descriptor holds it."""
        path = self._lock_file(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            problem = f"the lock {path} cannot be made ({error.strerror})"
            raise RunsError(RUNNER, problem, "Make its folder writable.") from error
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor


def utc_span(key: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """The start and the end of a key in UTC: of its hour for a `datetime`, of its day for a `date`."""
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


def _problem(record: Mapping[str, Any], timeout: float | None) -> str:
    """Why the command failed, or empty."""
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
