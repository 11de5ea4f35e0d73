"""Test `kill -9` at any moment of a backfill: no incomplete day is available, and the next backfill completes the window."""

from __future__ import annotations

import datetime as dt
import random
import shutil
import subprocess
import sys
from contextlib import contextmanager
from itertools import count

import pytest

from testing.product import ROOT
from wiki_trends.sample import truth

WINDOW = ("--start", "2025-11-05", "--end", "2025-11-06")
DAYS = (dt.date(2025, 11, 5), dt.date(2025, 11, 6))
KILLED = -9


class Backfills:
    """Runs backfills of the window in child processes of a process that has imported the product."""

    def __init__(self, process):
        self._process = process

    def run(self, seconds=None):
        """Run a backfill, kill it after `seconds`, and return its exit code and duration."""
        self._process.stdin.write(f"{'none' if seconds is None else seconds}\n")
        self._process.stdin.flush()
        code, spent = self._process.stdout.readline().split()
        return int(code), float(spent)


@contextmanager
def warm_process(place):
    script = ROOT / "tests" / "e2e" / "backfills_to_kill.py"
    with subprocess.Popen(
        [sys.executable, str(script), "backfill", *WINDOW],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=place.folder,
    ) as process:
        yield Backfills(process)
        process.stdin.close()


def rows_in(place, day):
    """Return the lines of every part of the day, as a reader without the manifest sees them."""
    folder = place.folder / f"data/lake/diamond/diamond_final_{day:%Y_%m_%d}.csv"
    return sorted(line for part in folder.glob("part-*.csv") for line in part.read_bytes().splitlines()[1:])


def any_bronze(place):
    return any((place.folder / "data/lake/bronze").glob("*/part-*"))


def available(place):
    return [dt.date.fromisoformat(day) for day in place.run("check", *WINDOW, "--json").json["available"]]


def empty_the_lake(place, *, with_facts=False):
    """Remove every day. With `with_facts`, also remove the cached facts about pages, whose requests take most of the time."""
    for folder in (place.folder / "data/lake").glob("*/*"):
        if with_facts or folder.name != "_cache":
            shutil.rmtree(folder)


def check_rounds(place, rounds):
    """Kill backfills of an empty lake at random moments, and complete each with another backfill."""
    in_the_middle = 0
    with warm_process(place) as backfills:
        code, full_seconds = backfills.run()
        empty_the_lake(place)
        _, cached_seconds = backfills.run()
        assert code == 0, (place.folder / "children.log").read_text(encoding="utf-8")
        expected = {day: rows_in(place, day) for day in DAYS}
        listed = truth(0, "en.wikipedia", *DAYS)["days"]
        assert [len(rows) for rows in expected.values()] == [day["articles"] for day in listed]
        # On a busy machine, some kills come before or after the work. More rounds follow until enough kills interrupted it.
        for number in count():
            if number >= rounds and (in_the_middle >= rounds / 10 or number >= 5 * rounds):
                break
            with_facts = number % 3 == 0
            empty_the_lake(place, with_facts=with_facts)
            # Each round kills at a random moment of another section of the backfill, so that few rounds cover all sections.
            share = random.uniform(number % rounds, number % rounds + 1) / rounds
            moment = share * (full_seconds if with_facts else cached_seconds)
            code, _ = backfills.run(moment)
            survivors = available(place)
            for day in survivors:
                assert rows_in(place, day) == expected[day], f"round {number}, killed after {moment:.3f} s"
            in_the_middle += code == KILLED and len(survivors) < len(DAYS) and any_bronze(place)
            code, _ = backfills.run()
            assert code == 0, (place.folder / "children.log").read_text(encoding="utf-8")
            assert available(place) == list(DAYS)
            assert {day: rows_in(place, day) for day in DAYS} == expected
    # The test is only valid if many backfills were killed before their end.
    assert in_the_middle >= rounds / 10


@pytest.mark.slow
def test_a_killed_backfill_shows_nothing_half_done_and_the_next_one_completes_it(place, sample_api):
    sample_api()
    check_rounds(place, 6)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_many_killed_backfills_show_nothing_half_done_and_the_next_one_completes_them(place, sample_api):
    sample_api()
    check_rounds(place, 200)
