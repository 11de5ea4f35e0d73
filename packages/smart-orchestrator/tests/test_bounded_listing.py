"""What a check asks of a real S3 server follows its window, not the lake; the requests are counted on their way."""

from __future__ import annotations

import datetime as dt

import pytest

from smart_orchestrator.checking import check
from smart_orchestrator.model.window import Window
from smart_orchestrator.store.opening import open_lake
from testing.big_lake import KEY_FORMAT, days_dataset, days_from, fill
from testing.s3_proxy import s3_proxy

DAYS = 3650
FIRST = dt.date(2015, 11, 16)
LAST = FIRST + dt.timedelta(days=DAYS - 1)


@pytest.fixture
def proxy(s3):
    with s3_proxy(s3.endpoint) as proxy:
        yield proxy


def window(first, days):
    last = first + dt.timedelta(days=days - 1)
    return Window.between(first, last, last + dt.timedelta(days=3))


def counted(dataset, window, proxy, monkeypatch):
    """The check, through the proxy; what it says of its requests is what the server was asked."""
    with monkeypatch.context() as through:
        through.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        proxy.requests.clear()
        completeness = check(dataset, window)
    asked = {kind: proxy.count(kind) for kind in ("LIST", "GET")}
    assert len(proxy.requests) == sum(asked.values())
    assert completeness.requests == {"list": asked["LIST"], "get": asked["GET"]}
    return completeness, asked


@pytest.mark.long
@pytest.mark.timeout(120)
def test_the_requests_follow_the_window_in_a_lake_of_ten_years(s3, proxy, monkeypatch):
    dataset = days_dataset(s3.url)
    fill(dataset, days_from(FIRST, DAYS))
    middle = FIRST + dt.timedelta(days=DAYS // 2)
    for first in (FIRST, middle, LAST - dt.timedelta(days=4)):
        completeness, asked = counted(dataset, window(first, 5), proxy, monkeypatch)
        assert completeness.complete
        assert asked == {"LIST": 5, "GET": 5}
    for first in (FIRST, middle, LAST - dt.timedelta(days=399)):
        completeness, asked = counted(dataset, window(first, 400), proxy, monkeypatch)
        assert completeness.complete
        assert asked["LIST"] <= 3
        assert asked["GET"] == 400
    # Windows that reach beyond the lake's ends: what is not there costs nothing but the list of waived days.
    for first in (FIRST - dt.timedelta(days=200), LAST - dt.timedelta(days=199)):
        completeness, asked = counted(dataset, window(first, 400), proxy, monkeypatch)
        assert len(completeness.available) == len(completeness.missing) == 200
        assert asked["LIST"] <= 2 + 1
        assert asked["GET"] == 200


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["in the URL", "in the key"])
def test_gaps_of_years_and_stray_keys_cost_next_to_nothing(s3, proxy, monkeypatch, prefix):
    root, _, folder = s3.url.rpartition("/")
    dataset = days_dataset(s3.url) if prefix == "in the URL" else days_dataset(root, f"{folder}/{KEY_FORMAT}")
    early, late = days_from(dt.date(2016, 1, 1), 40), days_from(dt.date(2025, 1, 1), 40)
    fill(dataset, [*early, *late])
    lake = open_lake(s3.url)
    strays = (
        "day_2016_01_05.csv.bak/part-0",
        "day_2016_13_01.csv/part-0",
        "day_2020_02_03",
        "day_2016_01_05/x",
        "dax",
        "z",
    )
    for key in strays:
        lake.put(key, b"1")

    complete, asked = counted(dataset, Window.between(early[0], late[-1], late[-1]), proxy, monkeypatch)
    assert complete.available == (*early, *late)
    assert asked == {"LIST": 2, "GET": 80}

    nothing, asked = counted(dataset, window(dt.date(2018, 1, 1), 400), proxy, monkeypatch)
    assert nothing.available == ()
    assert len(nothing.missing) == 400
    assert asked == {"LIST": 2, "GET": 0}

    short, asked = counted(dataset, window(early[2], 5), proxy, monkeypatch)
    assert short.complete
    assert asked == {"LIST": 5, "GET": 5}
