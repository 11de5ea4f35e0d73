"""A process that runs days is killed at any moment: no layer is half visible, and no list is fetched twice."""

from __future__ import annotations

import datetime as dt
import random
import subprocess
import sys
import time
from collections import Counter

import pytest

from smart_orchestrator.adapters.manifest import Depth, InspectOptions, inspect
from testing.scripted_server import ScriptedServer
from testing.small_wiki import DAY, SmallWiki, listing, settings_for
from wiki_trends.config.layers import layers
from wiki_trends.pipeline import run_day
from wiki_trends.pipeline.lists.bronze import accesses_of, bronze_dataset
from wiki_trends.pipeline.lists.device_share import LISTED_DEVICES
from wiki_trends.wikimedia import WikimediaClient

RUN = """
import datetime as dt, sys
import polars
from testing.small_wiki import settings_for
from wiki_trends.pipeline import run_day
from wiki_trends.wikimedia import WikimediaClient
url, folder, first, days = sys.argv[1:]
settings = settings_for(url, folder)
with WikimediaClient(settings) as client:
    print("ready", flush=True)
    for offset in range(int(days)):
        run_day(dt.date.fromisoformat(first) + dt.timedelta(days=offset), settings, client=client)
"""
DAYS_A_ROUND = 12
ROWS = [("Main_Page", 99_999, 1), *((f"Page_{n}", 5000 - n, n + 2) for n in range(300))]
HALVES = [(title, views // 2, rank) for title, views, rank in ROWS]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("rounds", [3, pytest.param(200, marks=pytest.mark.long)])
def test_a_killed_day_is_whole_or_not_there(tmp_path, rounds):
    moments = random.Random(7)
    days = [DAY + dt.timedelta(days=n) for n in range(rounds * DAYS_A_ROUND)]
    wiki = SmallWiki(
        lists={("en.wikipedia", day): listing(ROWS, day) for day in days},
        lists_by_access={
            (access, day): listing(HALVES, day, access=access) for access in LISTED_DEVICES for day in days
        },
    )
    with ScriptedServer(wiki) as server:
        settings = settings_for(server.url, tmp_path)
        for number in range(rounds):
            mine = days[number * DAYS_A_ROUND : (number + 1) * DAYS_A_ROUND]
            _run_until_killed(server.url, str(tmp_path), mine[0], moments.uniform(0, 0.4))
            _check(settings, mine, server)


def _run_until_killed(url: str, folder: str, first: dt.date, seconds: float) -> None:
    command = [sys.executable, "-c", RUN, url, folder, first.isoformat(), str(DAYS_A_ROUND)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(seconds)  # The random moment itself.
        process.kill()


def _check(settings, days, server) -> None:
    of = layers(settings)
    bronze = {access: bronze_dataset(settings, access) for access in accesses_of(settings)}
    expected = {**dict.fromkeys(bronze.values(), 301), of.silver: 300, of.gold: 300, of.diamond: 300}
    there = {}
    for day in days:
        for dataset, rows in expected.items():
            found = there[dataset, day] = inspect(dataset, day, options=InspectOptions(depth=Depth.ROWS))
            assert found.state in ("absent", "uncommitted", "complete"), found
            assert not found.available or found.rows == rows
    asked_before = _lists(server)
    with WikimediaClient(settings) as client:
        assert [run_day(day, settings, client=client).rows for day in days] == [300] * len(days)
    asked_now = _lists(server)
    for access, dataset in bronze.items():
        for day in days:
            name = f"{access}/{day:%Y/%m/%d}"
            # What was not committed may be asked for twice: a request of the killed process can still be on its way.
            if there[dataset, day].available:
                assert asked_now[name] == asked_before[name], name


def _lists(server: ScriptedServer) -> Counter[str]:
    """How often each list, by access method and day, was asked for."""
    paths = (request.path.partition("/top/en.wikipedia/") for request in server.requests)
    return Counter(name for _, is_list, name in paths if is_list)
