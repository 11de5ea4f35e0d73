"""A script that runs one command, enforces its time-out, and records its end.

`CommandRunner` starts the script in a separate process, which outlives the process of the runner. The only argument is the
request, a JSON document. The descriptor of the key's lock is open in the script and in the command, so the lock is held until both have ended.
The script imports only the standard library, so that it starts quickly.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any


def main(request: dict[str, Any]) -> None:
    """Run the command of the request, and write the record of the command's end."""
    record: dict[str, Any] = {}
    try:
        process = subprocess.Popen(
            request["command"],
            cwd=request["cwd"],
            stdin=subprocess.DEVNULL,
            pass_fds=[request["lock"]],
            process_group=0,
        )
    except (OSError, ValueError) as error:
        record["error"] = str(error)
    else:
        # These signals are passed on to the command. The supervisor continues, and records the end of the command.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda received, _: _signal_group(process.pid, received))
        record["timed_out"] = not _has_ended_within(process, request["timeout"])
        if record["timed_out"]:
            _signal_group(process.pid, signal.SIGTERM)
            if not _has_ended_within(process, request["grace"]):
                _signal_group(process.pid, signal.SIGKILL)
        record["exit_code"] = process.wait()
        # Processes that the command left in its group would hold the lock.
        _signal_group(process.pid, signal.SIGKILL)
    _write_record(Path(request["record"]), record)


def _has_ended_within(process: subprocess.Popen[bytes], seconds: float | None) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _write_record(path: Path, record: dict[str, Any]) -> None:
    temporary = path.with_suffix(".writing")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
