"""Replaces a day of the lake again and again until it is killed: python write_until_killed.py LAKE FIRST_VERSION."""

from __future__ import annotations

import itertools
import sys

from smart_orchestrator.committing.writer import commit
from testing.lakes import DAY, plain, version_parts


def main(lake_url, first):
    dataset = plain(lake_url)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for version in itertools.count(first):
        commit(dataset, DAY, version_parts(version))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
