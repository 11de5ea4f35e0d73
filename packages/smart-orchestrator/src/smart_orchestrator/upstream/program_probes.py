"""Probes that run a program: a command, or a Python function."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from typing import IO, TYPE_CHECKING

from smart_orchestrator.expected_error import ExpectedError
from smart_orchestrator.foreign import one_line
from smart_orchestrator.model.placeholders import fill_placeholders
from smart_orchestrator.project_errors import ConfigError
from smart_orchestrator.upstream.probe import Answer, Presence

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from smart_orchestrator.model.dataset import Dataset
    from smart_orchestrator.model.grain import Key

# The number of bytes that are kept from the end of a command's stderr.
MAX_STDERR_BYTES = 1 << 16
# The time to wait for the rest of stderr after the command has ended.
_SECONDS_FOR_STDERR = 1.0
_PRESENCE_OF_EXIT_CODES: Mapping[int, Presence] = {0: Presence.LANDED, 1: Presence.NOT_YET}


class CommandProbe:
    """A probe that runs a command: exit code 0 means landed, 1 not yet, and every other code unknown. No shell is used.

    Args:
        command: the arguments. `{key}` becomes the partition key; `{start}` and `{end}` become the start and the end of its span.
        dataset: the dataset whose keys are asked about.
        timeout: the time-out of the command, in seconds.
        path: the path of the configuration file, in whose folder the command runs.
        option: the name of the option, for errors.
    """

    def __init__(
        self,
        command: Sequence[str],
        dataset: Dataset,
        timeout: float,
        path: Path,
        option: str,
    ) -> None:
        self._command = tuple(command)
        self._dataset = dataset
        self._timeout = timeout
        self._path = path
        self._option = option

    def ask(self, key: Key, now: dt.datetime) -> Answer:
        """See `Probe`."""
        arguments = fill_placeholders(self._command, key, self._dataset.span(key))
        try:
            exit_code, last_output = self._run(arguments)
        except subprocess.TimeoutExpired:
            return Answer.of(Presence.UNKNOWN, now, f"the command did not end within {self._timeout:g} s")
        except OSError as error:
            problem = f"{self._command[0]} cannot be started ({error.strerror})"
            raise ConfigError(str(self._path), self._option, problem, "Correct the command.") from None
        presence = _PRESENCE_OF_EXIT_CODES.get(exit_code, Presence.UNKNOWN)
        detail = f"exit code {exit_code}"
        if presence is Presence.UNKNOWN:
            last_line = one_line((last_output.decode(errors="replace").splitlines() or [""])[-1])
            detail += f": {last_line}" if last_line else ""
        return Answer.of(presence, now, detail)

    def _run(self, arguments: Sequence[str]) -> tuple[int, bytes]:
        """Run the command. Return its exit code and the last bytes of stderr.

        Raises:
            subprocess.TimeoutExpired: the command was ended, with all processes that it had started.
            OSError: the command cannot be started.
        """
        process = subprocess.Popen(
            arguments,
            cwd=self._path.absolute().parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stderr is not None
        last_output = bytearray()
        reader = threading.Thread(target=_keep_last_bytes, args=(process.stderr, last_output), daemon=True)
        reader.start()
        try:
            exit_code = process.wait(self._timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        # A process that the command has left behind can keep stderr open.
        reader.join(_SECONDS_FOR_STDERR)
        return exit_code, bytes(last_output)


def _keep_last_bytes(stream: IO[bytes], kept: bytearray) -> None:
    """Read a stream to its end, and keep its last bytes."""
    with stream:
        while block := os.read(stream.fileno(), MAX_STDERR_BYTES):
            kept += block
            del kept[:-MAX_STDERR_BYTES]


class FunctionProbe:
    """A probe that calls a function with the key. The function returns True, False, None for unknown, or an `Answer`.

    Args:
        function: a callable without arguments that returns the function. The callable is called at each `ask`, so that it can import the
            function when it is first needed.
    """

    def __init__(self, function: Callable[[], Callable[[Key], object]]) -> None:
        self._function = function

    def ask(self, key: Key, now: dt.datetime) -> Answer:
        """See `Probe`."""
        function = self._function()
        try:
            result = function(key)
        except ExpectedError as error:
            if not error.transient:
                raise
            return Answer.of(Presence.UNKNOWN, now, one_line(error))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the function of a user can raise any class
            return Answer.of(Presence.UNKNOWN, now, one_line(f"{type(error).__name__}: {error}"))
        if isinstance(result, Answer):
            return result
        if result is None or isinstance(result, bool):
            presence = {True: Presence.LANDED, False: Presence.NOT_YET, None: Presence.UNKNOWN}[result]
            return Answer.of(presence, now, f"the function returned {result}")
        return Answer.of(
            Presence.UNKNOWN, now, f"the function returned {type(result).__name__}, not True, False or None"
        )
