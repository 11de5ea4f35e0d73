"""Test the main job with seven recorded days of fr.wikipedia, from the responses of the API to the tables and the report."""

from __future__ import annotations

import json

import duckdb
import pytest

from testing.recorded import RECORDED, needs_recorded

ANSWERS = RECORDED / "recorded"

pytestmark = needs_recorded

WEEK = ("--project", "fr.wikipedia", "--start", "2021-10-01", "--end", "2021-10-07")


def recorded_titles():
    """Return the title, day, views and rank of every row in the recorded responses."""
    rows = set()
    for path in sorted((ANSWERS / "aqs").glob("top-fr.*.json")):
        item = json.loads(path.read_text(encoding="utf-8"))["response"]["body"]["items"][0]
        day = f"{item['year']}-{item['month']}-{item['day']}"
        rows |= {(a["article"], day, a["views"], a["rank"]) for a in item["articles"]}
    return rows


@pytest.fixture
def week(place, sample_api):
    sample_api(replay=ANSWERS)
    ran = place.run("run", *WEEK, "--json")
    assert ran.code == 0, ran.err
    return place, ran.json


@pytest.mark.slow
def test_a_real_week_ends_whole_with_the_titles_that_the_api_gave(week):
    place, document = week
    assert document["coverage_pct"] == 100.0
    assert len(document["runs_started"]) == 7
    with duckdb.connect(str(place.folder / "data/warehouse.duckdb"), read_only=True) as tables:
        rows = tables.execute(
            "SELECT page, strftime(date, '%Y-%m-%d'), views, rank FROM wiki_trends_timeseries"
        ).fetchall()
    recorded = recorded_titles()
    # No title of this week is a redirect, so each row stays as it was recorded.
    assert set(rows) <= recorded
    assert len(rows) == len(set(rows)) == document["rows"]["wiki_trends_timeseries"] > 6800
    left_out = {title for title, *_ in recorded} - {title for title, *_ in rows}
    assert "Wikipédia:Accueil_principal" in left_out
    assert "Spécial:Recherche" in left_out
    kept = {title for title, *_ in rows}
    for sign in (",", "'", "é", "/", ":", "(", "!", "?"):
        assert any(sign in title for title in kept), sign


def test_ties_in_rank_are_kept(week):
    place, _ = week
    with duckdb.connect(str(place.folder / "data/warehouse.duckdb"), read_only=True) as tables:
        rows = tables.execute(
            "SELECT page, strftime(date, '%Y-%m-%d'), rank FROM wiki_trends_timeseries"
        ).fetchall()
    kept = {(page, day) for page, day, _ in rows}
    recorded = [(day, rank) for page, day, _, rank in recorded_titles() if (page, day) in kept]
    assert (
        len(rows) - len({(day, rank) for _, day, rank in rows}) == len(recorded) - len(set(recorded)) > 1000
    )


def test_the_report_names_what_the_week_was_about(week):
    place, _ = week
    report = place.run("report", "--project", "fr.wikipedia")
    assert report.code == 0
    assert "Bernard Tapie rose from rank 263 to 2 on Sunday 3 October: 722,676 views" in " ".join(
        report.out.split()
    )
    assert "Ligue des nations de l'UEFA" in report.out
