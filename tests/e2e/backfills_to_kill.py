"""Run backfills in child processes of a process that has imported the product, and kill each child after some seconds.

For each child, the program reads a line from stdin: the seconds after which to kill the child, or `none` to let the child end. It
then prints the status and the duration of the child. The parent process does not use polars or obstore before the fork, because a
fork does not copy their threads.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import httpx2
import polars as pl

import wiki_trends.pipeline
import wiki_trends.wikimedia
from wiki_trends.cli.app import run_command

WARM = (httpx2, pl, wiki_trends.pipeline, wiki_trends.wikimedia)


def child(arguments: list[str]) -> None:
    with Path("children.log").open("ab", buffering=0) as log, Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    code = 99
    try:
        code = run_command(arguments)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main(arguments: list[str]) -> None:
    for line in sys.stdin:
        began = time.monotonic()
        number = os.fork()
        if number == 0:
            child(arguments)
        if line.strip() != "none":
            time.sleep(float(line))
            os.kill(number, signal.SIGKILL)
        _, status = os.waitpid(number, 0)
        print(os.waitstatus_to_exitcode(status), time.monotonic() - began, flush=True)


main(sys.argv[1:])
