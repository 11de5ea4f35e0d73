"""Measure the pipeline of a day: the requests of a first and of a later day, the duration, and the reading of dumps.

The synthetic API runs in a separate process, and waits 50 ms before each response. The floor is the shortest
possible duration of a day: the number of requests times this latency, divided by the number of requests in flight.
"""

from __future__ import annotations

import datetime as dt
import math
import random
import resource
import subprocess
import sys
import time
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.timing import BenchmarkFailed
from smart_orchestrator.adapters.manifest import read_frame
from smart_orchestrator.store.opening import lake_of
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import Settings
from wiki_trends.pipeline import run_day
from wiki_trends.pipeline.cache.pages import SECONDS_PER_DAY, PageCache
from wiki_trends.pipeline.cache.siteinfo import site_info, store_site_info
from wiki_trends.pipeline.dump.reader import read_dump
from wiki_trends.pipeline.dump.top_k import ACCESSES
from wiki_trends.wikimedia import WikimediaClient
from wiki_trends.wikimedia.pages import TITLES_PER_REQUEST

if TYPE_CHECKING:
    from pathlib import Path

    from wiki_trends.pipeline import DayResult

DAY = dt.date(2025, 11, 5)
PROJECT = "en.wikipedia"
LATENCY_S = 0.05
# The fraction of the pages of the second day that are cached.
CACHED_FRACTION = 0.6
REQUESTS_IN_FLIGHT = 3
# The largest ratio of the duration of a day to the floor.
LIMIT_OVER_FLOOR = 1.3
LIMIT_PROCESSING_S = 0.15
# The smallest ratio of the duration of a plain loop over a dump to the duration of `read_dump`.
LIMIT_DUMP = 10.0
DUMP_LINES = 20_000_000
DUMP_ROUNDS = 5
# Each wiki of the dump, with its fraction of the lines.
_WIKIS = (("de.wikipedia", 0.2), ("en.wikipedia", 0.35), ("fr.wikipedia", 0.2), ("ja.wikipedia", 0.25))


def pipeline(folder: Path, rounds: int) -> dict[str, object]:
    """Measure days and a dump, and return the median figures.

    The days are a day with an empty cache, the same day again from bronze, and a day with mostly cached pages.
    """
    command = [sys.executable, "-m", "wiki_trends", "sample-api", "--port", "0", "--latency", f"{LATENCY_S}s"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            address = server.stdout.readline().strip() if server.stdout else ""
            if not address:
                raise BenchmarkFailed("the sample API did not start")
            measured = [_measure_days(folder / f"round-{number}", address) for number in range(rounds + 1)][
                1:
            ]
        finally:
            server.terminate()
    days = {name: median(day[name] for day in measured) for name in measured[0]}
    return {"rounds": rounds, **days, **_measure_dump(folder)}


def _measure_days(folder: Path, address: str) -> dict[str, float]:
    cold_settings, second_settings, later_settings = (
        replace(
            Settings(),
            lake=f"{folder}/{name}/{{layer}}",
            state=f"{folder}/state",
            wikimedia_url=f"{address}/api/rest_v1",
            mediawiki_url=f"{address}/{{project}}/w/api.php",
            rate_per_minute=1_000_000,
        )
        for name in ("cold", "second", "later")
    )
    with WikimediaClient(cold_settings) as client:
        # The namespaces of a wiki are requested only once a week, so they are requested before the measurement.
        silver, second_silver = (
            lake_of(layers(settings).silver) for settings in (cold_settings, second_settings)
        )
        site = site_info(PROJECT, silver, client)
        started_at = time.perf_counter()
        cold = run_day(DAY, cold_settings, client=client)
        cold_s = time.perf_counter() - started_at
        started_at = time.perf_counter()
        run_day(DAY, cold_settings, client=client)
        processing_s = time.perf_counter() - started_at
        pages = read_frame(layers(cold_settings).silver, DAY)["page"].to_list()
        cached = PageCache(silver, PROJECT).get(pages[: round(CACHED_FRACTION * len(pages))])
        store_site_info(PROJECT, second_silver, site)
        PageCache(second_silver, PROJECT).add(cached)
        second = run_day(DAY, second_settings, client=client)
        later = _run_later_day(later_settings, client)
    return {
        "pages": len(pages),
        "cold_requests": cold.requests,
        "cold_s": cold_s,
        "over_floor": cold_s / (cold.requests * LATENCY_S / REQUESTS_IN_FLIGHT),
        "second_requests": second.requests,
        "second_known_pages": second.cache_hits,
        "processing_s": processing_s,
        **{f"first_{purpose}": number for purpose, number in _requests_by_purpose(cold).items()},
        **{f"later_{purpose}": number for purpose, number in _requests_by_purpose(later).items()},
    }


def _run_later_day(settings: Settings, client: WikimediaClient) -> DayResult:
    """Run the pipeline for the day after `DAY`, with a one-day-old cache of the pages of `DAY`."""
    run_day(DAY, settings, client=client)
    lake = lake_of(layers(settings).silver)
    cache = PageCache(lake, PROJECT)
    cached = cache.get(read_frame(layers(settings).silver, DAY)["page"].to_list())
    lake.delete([info.key for info in lake.list(f"_cache/{PROJECT}/pages")])
    cache.add(cached, now=time.time() - SECONDS_PER_DAY)
    return run_day(DAY + dt.timedelta(days=1), settings, client=client)


def _requests_by_purpose(result: DayResult) -> dict[str, int]:
    """Return the number of requests of a day by purpose.

    The purposes are lists, revisions of cached pages, cached pages that are requested again, pages that are not cached, and
    continuations.
    """
    steps = {step.name: step for step in result.steps}
    facts = steps["fetch_wikipedia_categories"]
    checked, again = facts.counts["checked"], facts.counts["requested_again"]
    uncached = facts.rows_in - facts.cache_hits - again
    lists = steps["fetch_top_pages"].requests
    batches = {
        "lists": lists,
        "revisions": math.ceil(checked / TITLES_PER_REQUEST),
        "again": math.ceil(again / TITLES_PER_REQUEST),
        "pages": math.ceil(uncached / TITLES_PER_REQUEST),
    }
    return batches | {"continued": result.requests - sum(batches.values())}


def _measure_dump(folder: Path) -> dict[str, float]:
    path = folder / "dump.txt"
    _write_dump(path, DUMP_LINES)
    seconds = []
    for _ in range(DUMP_ROUNDS):
        started_at = time.perf_counter()
        dump = read_dump([path], project=PROJECT, day=DAY)
        seconds.append(time.perf_counter() - started_at)
    dump_s = median(seconds)
    # The peak is read before the loop, because the loop keeps every title in memory.
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started_at = time.perf_counter()
    plain_views = _plain_loop(path)
    loop_s = time.perf_counter() - started_at
    for access, rows in dump.lists.items():
        if [row.views for row in rows] != plain_views[access]:
            raise BenchmarkFailed(f"the dump and the plain loop disagree about {access}")
    return {
        "dump_lines": DUMP_LINES,
        "dump_s": dump_s,
        "dump_loop_s": loop_s,
        "dump_times": loop_s / dump_s,
        "peak_memory_mb": peak_kb // 1024,
    }


def _plain_loop(path: Path) -> dict[str, list[int]]:
    """Return the views of the first thousand pages of each access method, as `read_dump` does, but without checking the lines."""
    sums: dict[str, dict[str, int]] = {access: {} for access in ACCESSES}
    all_access = sums["all-access"]
    with path.open(encoding="utf-8", errors="replace") as stream:
        for line in stream:
            head, _, device, total, _ = line.rstrip("\n").rsplit(" ", 4)
            wiki, _, title = head.partition(" ")
            if wiki == PROJECT:
                views, device_sums = int(total), sums[device]
                all_access[title] = all_access.get(title, 0) + views
                device_sums[title] = device_sums.get(title, 0) + views
    return {access: sorted(views.values(), reverse=True)[:1000] for access, views in sums.items()}


def _write_dump(path: Path, lines: int) -> None:
    """Write a dump with two lines for each page, sorted by wiki and title like a real dump."""
    rng = random.Random(1)
    with path.open("w", encoding="utf-8") as stream:
        for wiki, share in _WIKIS:
            for page in range(int(lines * share / 2)):
                views = int(2 / (rng.random() + 1e-7) ** 0.8)
                for device, device_views in (("desktop", views // 3 + 1), ("mobile-web", views)):
                    stream.write(
                        f"{wiki} A_title_of_{page:08}_words {page * 7} {device} {device_views} A{device_views}B1K2X3\n"
                    )
