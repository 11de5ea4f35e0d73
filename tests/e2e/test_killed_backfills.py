"""`kill -9` at any moment of a backfill: no day shows that is not whole, and the next backfill completes the window."""

from __future__ import annotations

import datetime as dt
import random
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest

from testing.product import ROOT
from wiki_trends.sample import truth

WINDOW = ("--start", "2025-11-05", "--end", "2025-11-06")
DAYS = (dt.date(2025, 11, 5), dt.date(2025, 11, 6))
KILLED = -9


class Backfills:
    """Children that backfill the window, from a process that is warm."""

    def __init__(self, process):
        self._process = process

    def run(self, seconds=None):
        """Exit code and seconds of one backfill, killed after `seconds`."""
        self._process.stdin.write(f"{'none' if seconds is None else seconds}\n")
        self._process.stdin.flush()
        code, spent = self._process.stdout.readline().split()
        return int(code), float(spent)


@contextmanager
def warm(place):
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
    """The lines of every part of the day, as a reader that knows nothing of manifests finds them."""
    folder = place.folder / f"data/lake/diamond/diamond_final_{day:%Y_%m_%d}.csv"
    return sorted(line for part in folder.glob("part-*.csv") for line in part.read_bytes().splitlines()[1:])


def any_bronze(place):
    return any((place.folder / "data/lake/bronze").glob("*/part-*"))


def available(place):
    return [dt.date.fromisoformat(day) for day in place.run("check", *WINDOW, "--json").json["available"]]


def empty_the_lake(place, *, of_facts=False):
    """Remove every day; with `of_facts` also what is remembered of pages, which most of a backfill's time is for."""
    for folder in (place.folder / "data/lake").glob("*/*"):
        if of_facts or folder.name != "_cache":
            shutil.rmtree(folder)


def check_rounds(place, rounds):
    """Kill that many backfills of an empty lake at random moments, each followed by one that is let be."""
    in_the_middle = 0
    with warm(place) as backfills:
        code, all_of_it = backfills.run()
        empty_the_lake(place)
        _, without_facts = backfills.run()
        assert code == 0, (place.folder / "children.log").read_text(encoding="utf-8")
        right = {day: rows_in(place, day) for day in DAYS}
        known = truth(0, "en.wikipedia", *DAYS)["days"]
        assert [len(rows) for rows in right.values()] == [day["articles"] - day["bots"] for day in known]
        for number in range(rounds):
            of_facts = number % 4 == 0
            empty_the_lake(place, of_facts=of_facts)
            moment = random.uniform(0, all_of_it if of_facts else without_facts)
            code, _ = backfills.run(moment)
            found = available(place)
            for day in found:
                assert rows_in(place, day) == right[day], f"round {number}, killed after {moment:.3f} s"
            in_the_middle += code == KILLED and len(found) < len(DAYS) and any_bronze(place)
            code, _ = backfills.run()
            assert code == 0, (place.folder / "children.log").read_text(encoding="utf-8")
            assert available(place) == list(DAYS)
            assert {day: rows_in(place, day) for day in DAYS} == right
    # The rounds mean something only if many were killed while there was something half done.
    assert in_the_middle >= rounds / 10


def test_a_killed_backfill_shows_nothing_half_done_and_the_next_one_completes_it(place, sample_api):
    sample_api()
    check_rounds(place, 20)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_many_killed_backfills_show_nothing_half_done_and_the_next_one_completes_them(place, sample_api):
    sample_api()
    check_rounds(place, 200)
