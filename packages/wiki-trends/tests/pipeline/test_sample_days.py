"""Days of the synthetic API, whose truth is known, through a network that fails."""

from __future__ import annotations

import datetime as dt

import pytest

from smart_orchestrator.adapters.manifest import inspect, read_frame
from testing.small_wiki import settings_for
from wiki_trends.config.layers import layers
from wiki_trends.errors import DayNotPublished, WikimediaUnreachable
from wiki_trends.pipeline import run_day
from wiki_trends.sample import SampleOptions, SampleServer, truth
from wiki_trends.sample.vocabulary import COUNTRIES
from wiki_trends.wikimedia import WikimediaClient

START = dt.date(2025, 11, 5)
DAYS = [START + dt.timedelta(days=offset) for offset in range(2)]
FAULTS = {"500": 0.1, "reset": 0.1, "truncate": 0.1}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    with SampleServer(SampleOptions(faults=FAULTS)) as server:
        settings = settings_for(server.url, tmp_path_factory.mktemp("sample"))
        with WikimediaClient(settings) as client:
            results = [run_day(day, settings, client=client) for day in DAYS]
        yield layers(settings), results, truth(0, "en.wikipedia", DAYS[0], DAYS[-1])


def flagged_programs(known, day):
    """The titles that programs read on a day, except for programs with the devices of readers."""
    programs = [event for event in known["events"] if event["kind"] == "bot" and event["program"] != "mix"]
    return {event["title"] for event in programs if event["start"] <= str(day) <= event["end"]}


@pytest.mark.slow
def test_every_day_is_whole_in_spite_of_faults(faulty):
    of, results, known = faulty
    assert [result.rows for result in results] == [day["articles"] for day in known["days"]]
    assert sum(result.retries for result in results) > 0
    for day, result, expected in zip(DAYS, results, known["days"], strict=True):
        measured = inspect(of.diamond, day).manifest.measured
        assert (measured["requests"], measured["retries"]) == (result.requests, result.retries)
        assert inspect(of.bronze, day).rows == expected["rows"]
        left_out = inspect(of.silver, day).manifest.measured["counts"]
        assert left_out.pop("suspect") == len(flagged_programs(known, day))
        assert sum(left_out.values()) == expected["non_articles"]
        assert inspect(of.gold, day).manifest.measured["counts"]["merged"] == expected["merged"]


@pytest.mark.slow
def test_the_articles_are_those_of_the_truth(faulty):
    of, _, known = faulty
    seen = {page for day in DAYS for page in read_frame(of.diamond, day)["page"]}
    assert seen == set(known["pages"])


@pytest.mark.slow
def test_programs_with_the_devices_of_readers_are_not_flagged_and_all_others_are(faulty):
    of, _, known = faulty
    for day in DAYS:
        for layer in (of.gold, of.diamond):
            suspect = inspect(layer, day).manifest.measured["suspect"]
            assert {entry["page"] for entry in suspect} == flagged_programs(known, day)
            views = dict(read_frame(layer, day).select("page", "views").iter_rows())
            assert all(views[entry["page"]] == entry["views"] for entry in suspect)


@pytest.mark.slow
def test_categories_and_places_agree_with_the_truth(faulty):
    of, _, known = faulty
    rows = [row for day in DAYS for row in read_frame(of.diamond, day).iter_rows(named=True)]
    for column in ("category", "location_type"):
        right = sum(row[column] == known["pages"][row["page"]][column] for row in rows)
        assert right / len(rows) > 0.97, column
    for row in rows:
        known_place = known["pages"][row["page"]]
        assert (row["latitude"], row["longitude"]) == (known_place["latitude"], known_place["longitude"])


@pytest.mark.slow
def test_the_place_is_the_country_of_the_truth_where_there_is_such_a_country(faulty):
    of, _, known = faulty
    there_is = {country.name for country in COUNTRIES if country.code}
    rows = [row for day in DAYS for row in read_frame(of.diamond, day).iter_rows(named=True)]
    placed = [row for row in rows if known["pages"][row["page"]]["location"] in there_is]
    right = sum(row["location"] == known["pages"][row["page"]]["location"] for row in placed)
    assert len(placed) > 500
    assert right / len(placed) > 0.97
    nowhere = [row for row in rows if known["pages"][row["page"]]["location"] is None]
    assert sum(row["location"] in there_is for row in nowhere) == 0


def test_a_day_that_is_not_there_and_a_day_that_always_fails(tmp_path):
    never, broken = DAYS[0], DAYS[1]
    with SampleServer(SampleOptions(never=(never,), broken=(broken,))) as server:
        settings = settings_for(server.url, tmp_path, deadline=0.6)
        with pytest.raises(DayNotPublished):
            run_day(never, settings)
        with pytest.raises(WikimediaUnreachable, match="status 500"):
            run_day(broken, settings)
    assert not (tmp_path / "lake").exists()
