"""`--lag auto`: a day is expected as soon as Wikimedia has its list, and Wikimedia is asked as rarely as its cache allows."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest

from smart_orchestrator.model.window import today_utc
from wiki_trends.config.settings import Settings, load
from wiki_trends.config.window_options import window_of
from wiki_trends.errors import SettingError
from wiki_trends.jobs.upstream import lag_at, upstream_watch
from wiki_trends.sample import SampleOptions, SampleServer

pytestmark = pytest.mark.usefixtures("same_day")


def ago(days: int) -> dt.date:
    return today_utc() - dt.timedelta(days=days)


@pytest.fixture
def wikimedia(place, monkeypatch):
    """A synthetic Wikimedia that published the day before yesterday, and not yesterday."""
    place.write_days(*(ago(days).isoformat() for days in range(3, 7)))
    options = SampleOptions(today=today_utc(), publication_lag=1, late={ago(1): 1})
    with SampleServer(options) as server:
        monkeypatch.setenv("WIKI_TRENDS_WIKIMEDIA_URL", server.wikimedia_url)
        monkeypatch.setenv("WIKI_TRENDS_MEDIAWIKI_URL", server.mediawiki_url)
        monkeypatch.setenv("WIKI_TRENDS_RATE_PER_MINUTE", "1000000")
        yield server


def lists(server) -> Counter[str]:
    """The number of requests for the list of each day."""
    paths = [path for _, path, _ in server.requests if "/pageviews/top/" in path]
    return Counter(
        path.rpartition("/top/")[2].partition("/all-access/")[2].replace("/", "-") for path in paths
    )


@pytest.mark.usefixtures("wikimedia")
def test_the_window_ends_on_the_newest_day_that_wikimedia_has(place):
    ran = place.run("check", "--lag", "auto", "--json")

    assert ran.code == 1
    assert ran.json["window"] == {
        "start": ago(6).isoformat(),
        "end": ago(2).isoformat(),
        "days": 5,
        "lag_days": 2,
    }
    assert ran.json["missing"] == [ago(2).isoformat()]
    assert ran.json["upstream"]["lag"] == "auto"
    assert ran.json["upstream"]["pending"][0]["key"] == ago(1).isoformat()
    assert ran.json["upstream"]["pending"][0]["answer"] == "not_yet"


def test_each_day_and_list_is_asked_for_once_within_its_validity(place, wikimedia, monkeypatch):
    monkeypatch.setenv("WIKI_TRENDS_LAG", "auto")
    for command in ("check", "plan", "check"):
        place.run(command)

    assert lists(wikimedia) == {ago(1).isoformat(): 1, ago(2).isoformat(): 1}


def test_a_backfill_fetches_the_day_that_landed_and_no_other(place, wikimedia):
    ran = place.run("backfill", "--lag", "auto", "--json")

    assert ran.code == 0
    assert [run["day"] for run in ran.json["runs_started"]] == [ago(2).isoformat()]
    assert lists(wikimedia)[ago(1).isoformat()] == 1


@pytest.mark.usefixtures("wikimedia")
def test_an_explicit_window_shows_the_day_that_has_not_landed_as_within_the_lag(place):
    window = ("--start", ago(3).isoformat(), "--end", ago(1).isoformat())
    ran = place.run("check", "--lag", "auto", *window, "--json")

    codes = {day["day"]: day["code"] for day in ran.json["days"]}
    assert codes == {
        ago(3).isoformat(): "OK",
        ago(2).isoformat(): "MISSING",
        ago(1).isoformat(): "WITHIN_LAG",
    }
    reason = ran.json["days"][-1]["reason"]
    assert "the upstream does not have it yet" in reason
    assert "HTTP 404" in reason


@pytest.mark.usefixtures("wikimedia")
def test_check_says_when_the_next_probe_is_due(place):
    assert "upstream: no landing is known yet; next probe 20" in place.run("check", "--lag", "auto").out
    assert "upstream:" not in place.run("check").out


def test_a_day_in_the_past_needs_no_request(place, wikimedia):
    ran = place.run("check", "--lag", "auto", "--as-of", "2025-01-20", "--json")

    assert (ran.json["window"]["end"], ran.json["window"]["lag_days"]) == ("2025-01-19", 1)
    assert lists(wikimedia) == {}


def test_the_dashboard_uses_remembered_answers_only(wikimedia):
    settings = load({"lag": "auto"})

    assert lag_at(settings, today_utc(), ask=False) == 3
    assert lists(wikimedia) == {}
    lag_at(settings, today_utc())
    assert lag_at(settings, today_utc(), ask=False) == 2


def test_a_fixed_lag_asks_nothing(wikimedia):
    settings = load()

    assert upstream_watch(settings) is None
    assert lag_at(settings, today_utc()) == 3
    assert window_of(settings).last == ago(3)
    assert lists(wikimedia) == {}


@pytest.mark.parametrize("text", ["often", "-1", "367", "AUTO"])
def test_a_lag_is_a_number_or_auto(text):
    with pytest.raises(SettingError) as caught:
        load({"lag": text}, environ={})

    assert caught.value.origin == "--lag"


def test_the_outer_bound_of_an_automatic_lag_is_three_days():
    assert (Settings(lag="auto").max_lag, Settings(lag=5).max_lag, Settings().max_lag) == (3, 5, 3)
