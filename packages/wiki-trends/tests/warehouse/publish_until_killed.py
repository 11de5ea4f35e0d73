"""For each number of seconds on stdin, publish repeatedly in a child process, kill it after that time, and report it."""

import itertools
import os
import signal
import sys
import time

import duckdb
import psycopg

from testing.marked_windows import publish
from wiki_trends.warehouse import open_warehouse


def publish_for_ever(url):
    warehouse = open_warehouse(url)
    for marker in itertools.count(int(time.monotonic() * 1_000_000)):
        publish(warehouse, marker)


def main():
    # Imported before the fork, so that a round takes milliseconds.
    assert duckdb.__version__
    assert psycopg.__version__
    for line in sys.stdin:
        child = os.fork()
        if not child:
            publish_for_ever(sys.argv[1])
        time.sleep(float(line))
        os.kill(child, signal.SIGKILL)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


main()
