"""Thirty days of the synthetic API with three of ten answers broken: every row right, the limits kept."""

from __future__ import annotations

import bisect
import datetime as dt
import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from smart_orchestrator.adapters.manifest import read_frame
from testing.small_wiki import settings_for
from wiki_trends.config.layers import layers
from wiki_trends.pipeline import run_day
from wiki_trends.sample import SampleOptions, SampleServer, truth
from wiki_trends.wikimedia import WikimediaClient

START = dt.date(2025, 10, 1)
FAULTS = {"429": 0.05, "403": 0.05, "500": 0.05, "reset": 0.05, "timeout": 0.05, "truncate": 0.05}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("number", "rate"), [(1, 2000), pytest.param(30, 1200, marks=pytest.mark.long, id="month")]
)
def test_days_are_right_in_spite_of_faults(tmp_path, number, rate):
    days = [START + dt.timedelta(days=offset) for offset in range(number)]
    with SampleServer(SampleOptions(faults=FAULTS, stall=2.0)) as server:
        settings = settings_for(
            server.url, tmp_path, request_timeout=0.5, deadline=600.0, rate_per_minute=rate
        )
        with WikimediaClient(settings) as client, ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda day: run_day(day, settings, client=client), days))
        known = truth(0, "en.wikipedia", days[0], days[-1])
    assert [result.rows for result in results] == [day["articles"] for day in known["days"]]
    assert sum(result.requests for result in results) == len(server.exchanges)
    assert sum(result.retries for result in results) > 0
    assert most_at_once(server.exchanges, settings.request_timeout) <= settings.max_in_flight
    assert most_a_minute(server.exchanges) <= settings.rate_per_minute
    with SampleServer(SampleOptions()) as calm:
        quiet = settings_for(calm.url, tmp_path / "calm")
        with WikimediaClient(quiet) as client:
            for day in days:
                run_day(day, quiet, client=client)
    for day in days:
        expected = read_frame(layers(quiet).diamond, day)
        assert read_frame(layers(settings).diamond, day).equals(expected)
        assert set(expected["page"]) <= set(known["pages"])


def most_at_once(exchanges, timeout) -> int:
    """By the server's own log; when its client has hung up it may see a moment later than the next request."""
    ends = [min(exchange.ended, exchange.began + timeout) for exchange in exchanges]
    moments = sorted([(exchange.began, 1) for exchange in exchanges] + [(end, -1) for end in ends])
    return max(itertools.accumulate(step for _, step in moments))


def most_a_minute(exchanges) -> int:
    """By the server's own log."""
    began = sorted(exchange.began for exchange in exchanges)
    return max(bisect.bisect_right(began, moment + 60) - number for number, moment in enumerate(began))
