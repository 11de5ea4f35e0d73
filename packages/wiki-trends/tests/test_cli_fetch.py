"""Test the commands `fetch` and `excluded`."""

from __future__ import annotations

import datetime as dt

import pytest

from smart_orchestrator.text import reporter
from wiki_trends.pipeline import STEPS

DAY = "2025-11-05"


@pytest.fixture
def fetched(place, sample_api):
    sample_api()
    assert place.run("fetch", DAY).code == 0
    return place


def test_a_refresh_says_what_has_changed(fetched):
    ran = fetched.run("fetch", "--refresh", DAY)
    assert (ran.code, ran.out) == (0, f"{DAY}  nothing has changed\n")
    document = fetched.run("fetch", "--refresh", DAY, "--json").json
    changed = document["changes"][DAY]
    assert (changed["new"], changed["gone"], changed["restated"]) == (0, 0, 0)
    assert changed["views_before"] == changed["views_now"] > 0


def test_what_each_step_did_is_in_the_document(fetched):
    document = fetched.run("fetch", DAY, "--json").json
    measured = document["measured"][DAY]
    fetch, clean, ask, categorize, last = measured["steps"]
    assert [step["step"] for step in measured["steps"]] == list(STEPS)
    assert (fetch["rows_out"], fetch["counts"]) == (clean["rows_in"], {"kept": 1})
    assert clean["rows_out"] == ask["rows_in"] == ask["cache_hits"] == categorize["rows_in"]
    assert (measured["requests"], measured["retries"]) == (0, 0)
    assert measured["cache_hits"] == ask["cache_hits"]
    assert 0 < last["seconds"] < measured["seconds"]


def test_what_was_left_out_is_listed_with_rank_and_reason(fetched):
    document = fetched.run("excluded", DAY, "--json").json
    reasons = {entry["reason"] for entry in document["excluded"]}
    assert reasons == {"main_page", "merged", "namespace", "placeholder", "suspect"}
    assert document["counts"]["suspect"] == 4
    assert document["excluded"][0] == {
        "rank": 1,
        "page": "Main_Page",
        "views": document["excluded"][0]["views"],
        "reason": "main_page",
    }
    shown = fetched.run("excluded", DAY)
    assert shown.code == 0
    assert "suspect, kept: " in shown.out
    removed = [entry for entry in document["excluded"] if not entry.get("kept")]
    last_line = shown.out.splitlines()[-1]
    assert last_line.startswith(f"left out or merged: {len(removed)} (")
    assert last_line.endswith("; kept, but suspect: 4")


def test_a_day_that_was_not_fetched_cannot_say_what_was_left_out(place):
    ran = place.run("excluded", DAY)
    assert (ran.code, ran.out) == (1, "")
    assert f"silver {DAY}" in ran.err


def test_a_dump_takes_the_place_of_the_api(place, sample_api, monkeypatch):
    server = sample_api()
    monkeypatch.setattr(reporter, "SECONDS_BETWEEN_STATUS", 0.0)
    lines = [f"en.wikipedia Page_{n} {n} mobile-web {5000 - n} A{5000 - n}\n" for n in range(1200)]
    lines += [f"en.wikipedia Page_{n} {n} desktop {4000 - n} A{4000 - n}\n" for n in range(1200)]
    (place.folder / "pageviews-20251105-user").write_text("".join(lines), encoding="utf-8")
    ran = place.run("fetch", "--from-dump", "pageviews-20251105-user", "--top", "1100", DAY, "--json")
    assert ran.code == 0
    assert ran.json["filled"] == [DAY]
    assert "reading the dump: 100%" in ran.err
    assert not [one for one in server.exchanges if "/top/" in one.path]
    assert (
        place.run("check", "--start", DAY, "--end", DAY, "--as-of", "2025-11-12").out.count("1,100 rows") == 1
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--from-dump", "notes.txt", DAY], "is not a pageview_complete file"),
        (["--from-dump", "gone.txt", DAY], "cannot be read"),
        (["--from-dump", "notes.txt", DAY, "2025-11-06"], "contains one day, and 2 days were given"),
        (["--from-dump", "notes.txt", "--refresh", DAY], "cannot be combined with --refresh"),
        (["--top", "50", DAY], "applies to --from-dump only"),
        (["2015-06-30"], "is before 2015-07-01"),
        ([(dt.datetime.now(tz=dt.UTC) + dt.timedelta(days=3)).date().isoformat()], "is not over yet"),
        (["--access", "television", DAY], "is not one of"),
        (["--project", "xx.nowhere", DAY], "'xx.nowhere' is not a Wikimedia project such as en.wikipedia"),
        ([DAY], "WIKI_TRENDS_DENY: 'gone.toml' cannot be read"),
    ],
)
def test_bad_input_is_told_and_nothing_is_written(place, sample_api, monkeypatch, arguments, words):
    sample_api()
    if "DENY" in words:
        monkeypatch.setenv("WIKI_TRENDS_DENY", "gone.toml")
    (place.folder / "notes.txt").write_text("# some notes\nof mine\n", encoding="utf-8")
    ran = place.run("fetch", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert not (place.folder / "data/lake").exists()


@pytest.mark.slow
def test_a_project_whose_wiki_has_no_address_is_wrong_input_and_not_a_missing_network(
    place, sample_api, monkeypatch
):
    sample_api()
    monkeypatch.setenv("WIKI_TRENDS_MEDIAWIKI_URL", "http://{project}.invalid/w/api.php")
    ran = place.run("fetch", "--project", "qq.wikipedia", DAY)
    assert (ran.code, ran.out) == (2, "")
    assert "'qq.wikipedia' is not a project with a wiki: qq.wikipedia.invalid does not exist" in ran.err
    monkeypatch.setenv("WIKI_TRENDS_WIKIMEDIA_URL", "http://wikimedia.invalid/api/rest_v1")
    ran = place.run("fetch", "--project", "qq.wikipedia", DAY)
    assert (ran.code, ran.out) == (3, "")
    assert not (place.folder / "data/lake").exists()


@pytest.mark.usefixtures("same_day")
def test_a_day_that_is_not_published_yet_is_told_as_such(place, sample_api):
    sample_api(publication_lag=30)
    yesterday = (dt.datetime.now(tz=dt.UTC) - dt.timedelta(days=1)).date().isoformat()
    ran = place.run("fetch", yesterday)
    assert ran.code == 1
    assert "is not published" in ran.err
    assert not (place.folder / "data/lake").exists()
