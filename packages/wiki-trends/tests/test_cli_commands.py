"""Test what each command prints, the documents of `--json`, and the exit codes."""

from __future__ import annotations

import datetime as dt
import json
from importlib.metadata import version

import pytest
import typer

from smart_orchestrator.text import reporter
from testing.product import CONTROL_CHARACTERS, DAYS
from wiki_trends.cli.app import app

AS_OF = ("--as-of", "2025-11-12")
HERE = ("2025-11-07", "2025-11-08", "2025-11-09")
MISSING = ["2025-11-05", "2025-11-06"]


@pytest.fixture
def two_missing(place):
    place.write_days(*HERE)
    return place


def test_check_prints_like_days_in_one_line_oldest_first_and_the_sums(two_missing):
    ran = two_missing.run("check", *AS_OF)
    assert ran.code == 1
    assert ran.err == ""
    lines = ran.out.splitlines()
    assert lines[0] == "diamond  2025-11-05 .. 2025-11-09  (5 days, as of 2025-11-12, lag 3)"
    assert lines[1:] == [
        "  5–6 November 2025: 2 days absent, MISSING: nothing is there",
        "  7–9 November 2025: 3 days complete, each 3 rows",
        "expected 5, available 3, missing 2, coverage 60.0 %",
        "To see the plan:",
        "  wiki-trends plan --as-of 2025-11-12",
        "To fill the missing days:",
        "  wiki-trends backfill --as-of 2025-11-12",
    ]
    assert not CONTROL_CHARACTERS.search(ran.out)


def test_check_json_is_the_documented_document(two_missing):
    ran = two_missing.run("check", *AS_OF, "--json")
    assert ran.code == 1
    document = ran.json
    fingerprints = [day.pop("fingerprint") for day in document["days"]]
    assert [bool(fingerprint) for fingerprint in fingerprints] == [False, False, True, True, True]
    there = {"state": "complete", "code": "OK", "reason": "3 rows", "rows": 3}
    absent = {"state": "absent", "code": "MISSING", "reason": "nothing is there", "rows": None}
    expected = {
        "dataset": "diamond",
        "as_of": "2025-11-12",
        "window": {"start": "2025-11-05", "end": "2025-11-09", "days": 5, "lag_days": 3},
        "expected": list(DAYS),
        "available": list(HERE),
        "missing": MISSING,
        "waived": [],
        "coverage_pct": 60.0,
        "days": [{"day": day, **(there if day in HERE else absent)} for day in DAYS],
        "strays": [],
    }
    assert {key: document[key] for key in expected} == expected


def test_a_whole_window_is_exit_code_zero_and_has_no_hint(two_missing):
    ran = two_missing.run("check", "--days", "3", *AS_OF)
    assert ran.code == 0
    assert "backfill" not in ran.out


def test_the_policy_decides_what_is_ready(two_missing):
    assert two_missing.run("check", *AS_OF, "--min-coverage", "60").code == 0
    assert two_missing.run("check", *AS_OF, "--min-coverage", "60.1").code == 1
    assert two_missing.run("check", *AS_OF, "--min-coverage", "0", "--min-days", "4").code == 1


def test_days_within_the_lag_are_not_missing_and_not_ready_unless_allowed(two_missing):
    words = ("check", "--start", "2025-11-07", "--end", "2025-11-10", *AS_OF)
    ran = two_missing.run(*words, "--json")
    assert (ran.code, ran.json["missing"], ran.json["not_yet"]) == (1, [], ["2025-11-10"])
    assert two_missing.run(*words, "--allow-lag").code == 0


def test_strays_and_requests_are_told_when_asked_for(two_missing):
    (two_missing.folder / "data/lake/diamond/diamond_final_2025_13_01.csv").mkdir()
    (two_missing.folder / "data/lake/diamond/diamond_final_2025_13_01.csv/part-0.csv").touch()
    ran = two_missing.run("check", "--days", "3", *AS_OF, "--strays", "--verbose")
    assert ran.code == 0
    assert "stray: diamond_final_2025_13_01.csv" in ran.out
    assert "requests to the lake: " in ran.err


def test_settings_come_from_the_file_in_the_working_directory(two_missing):
    (two_missing.folder / "wiki-trends.toml").write_text("days = 2\nlag = 4\n", encoding="utf-8")
    window = two_missing.run("check", *AS_OF, "--json").json["window"]
    assert window == {"start": "2025-11-07", "end": "2025-11-08", "days": 2, "lag_days": 4}


def test_plan_says_what_would_be_done_and_does_nothing(two_missing):
    before = two_missing.run("check", *AS_OF, "--json").json["days"]
    ran = two_missing.run("plan", *AS_OF)
    assert ran.code == 0
    assert "  + 5–6 November 2025: start 2 days, MISSING: nothing is there\n" in ran.out
    assert "    7–9 November 2025: keep 3 days, each 3 rows\n" in ran.out
    document = two_missing.run("plan", *AS_OF, "--json").json
    assert document["missing"] == document["due"] == MISSING
    assert [(day["day"], day["action"]) for day in document["days"]] == [
        (day, "start" if day in MISSING else "keep") for day in DAYS
    ]
    assert two_missing.run("check", *AS_OF, "--json").json["days"] == before


def test_backfill_fills_just_what_is_missing(two_missing, sample_api):
    server = sample_api()
    ran = two_missing.run("backfill", *AS_OF, "--json")
    assert ran.code == 0
    assert ran.json["filled"] == MISSING
    assert [run["run"] for run in ran.json["runs_started"]] == ["2025-11-05.1", "2025-11-06.1"]
    assert ran.json["completeness"]["coverage_pct"] == 100.0
    assert "[2/2] " in ran.err
    lists = sorted(path[-10:] for _, path, _ in server.requests if "/all-access/" in path)
    assert lists == ["2025/11/05", "2025/11/06"]
    asked = len(server.requests)
    again = two_missing.run("backfill", *AS_OF)
    assert again.code == 0
    assert "plan: nothing to do, every day is kept" in again.err
    assert len(server.requests) == asked


def test_a_day_that_does_not_come_leaves_the_others_filled(two_missing, sample_api):
    sample_api(never=(dt.date(2025, 11, 5),))
    ran = two_missing.run("backfill", *AS_OF, "--json")
    assert ran.code == 1
    assert ran.json["filled"] == ["2025-11-06"]
    assert [(run["day"], run["failure"]) for run in ran.json["failed"]] == [("2025-11-05", "NOT_PUBLISHED")]


@pytest.mark.slow
def test_a_list_that_cannot_be_had_is_an_unreachable_service(two_missing, sample_api, monkeypatch):
    # A request of the good day takes milliseconds, and on a busy machine a second.
    monkeypatch.setenv("WIKI_TRENDS_DEADLINE", "4")
    sample_api(broken=(dt.date(2025, 11, 5),))
    ran = two_missing.run("backfill", *AS_OF)
    assert ran.code == 3
    assert "coverage 80.0 %" in ran.out


@pytest.mark.slow
def test_run_json_has_coverage_runs_rows_and_seconds(two_missing, sample_api):
    sample_api()
    ran = two_missing.run("run", *AS_OF, "--json")
    assert ran.code == 0
    document = ran.json
    assert document["window"] == {"start": "2025-11-05", "end": "2025-11-09", "days": 5, "lag_days": 3}
    assert document["coverage_pct"] == 100.0
    assert [run["day"] for run in document["runs_started"]] == MISSING
    assert document["runs_followed"] == document["failed"] == document["abandoned"] == []
    assert {"wiki_trends_timeseries", "wiki_trends_common", "wiki_trends_growth"} < set(document["rows"])
    assert document["rows"]["wiki_trends_timeseries"] == sum(
        day["rows"] for day in document["completeness"]["days"]
    )
    assert set(document["seconds"]) == {"check", "backfill", "history", "analyze"}
    assert all(seconds >= 0 for seconds in document["seconds"].values())


@pytest.mark.slow
def test_run_ends_with_the_report_and_report_shows_it_again(two_missing, sample_api):
    sample_api()
    ran = two_missing.run("run", *AS_OF)
    assert ran.code == 0
    assert ran.out.startswith("Trends of 2025-11-05 .. 2025-11-09")
    assert two_missing.run("report").out == ran.out
    assert len(two_missing.run("report", "--limit", "1").out) < len(ran.out)
    assert two_missing.run("report", "--json").json["run"]["coverage_pct"] == 100.0


def test_run_analyses_nothing_while_the_window_has_a_hole(two_missing, sample_api):
    sample_api(never=(dt.date(2025, 11, 5),))
    ran = two_missing.run("run", *AS_OF, "--json")
    assert ran.code == 1
    assert (ran.json["ready"], ran.json["rows"]) == (False, {})
    assert "so nothing was analysed" in ran.err
    assert two_missing.run("report").code == 1


def test_analyze_publishes_a_window_that_is_ready_and_starts_nothing(two_missing):
    ran = two_missing.run("analyze", "--days", "3", *AS_OF, "--json")
    assert ran.code == 0
    assert ran.json["days"] == list(HERE)
    assert ran.json["rows"]["wiki_trends_timeseries"] == 9
    refused = two_missing.run("analyze", *AS_OF)
    assert (refused.code, refused.out) == (1, "")
    assert "missing: 2025-11-05, 2025-11-06" in refused.err
    told = two_missing.run("analyze", *AS_OF, "--min-coverage", "50")
    assert told.code == 0
    assert "wiki_trends_timeseries: 9 rows" in told.out


def test_a_slow_analysis_says_what_it_is_at(two_missing, monkeypatch):
    monkeypatch.setattr(reporter, "SECONDS_BETWEEN_STATUS", 3600.0)
    quick = two_missing.run("analyze", "--days", "3", *AS_OF)
    assert (quick.code, quick.err) == (0, "")
    monkeypatch.setattr(reporter, "SECONDS_BETWEEN_STATUS", 0.0)
    slow = two_missing.run("analyze", "--days", "3", *AS_OF, "--json")
    said = slow.err.splitlines()
    assert said[0] == "reading 3 days"
    assert any(line.startswith("computing the tables, step 1 of ") for line in said)
    assert "publishing wiki_trends_scores" in said
    assert slow.json["days"] == list(HERE)


def test_fetch_runs_the_named_days_also_those_that_are_there(two_missing, sample_api):
    server = sample_api()
    ran = two_missing.run("fetch", "2025-11-09", "2025-11-05", "--json")
    assert ran.code == 0
    assert ran.json["filled"] == ["2025-11-05", "2025-11-09"]
    lists = sorted(path[-10:] for _, path, _ in server.requests if "/all-access/" in path)
    assert lists == ["2025/11/05", "2025/11/09"]
    days = two_missing.run("check", *AS_OF, "--json").json["days"]
    assert [day["rows"] == 3 for day in days] == [False, False, True, True, False]


def test_another_project_lies_beside_and_not_among_the_days(two_missing, sample_api):
    sample_api()
    assert two_missing.run("fetch", "2025-11-05", "--project", "fr.wikipedia").code == 0
    assert (two_missing.folder / "data/lake/diamond/fr.wikipedia/diamond_final_2025_11_05.csv").is_dir()
    assert two_missing.run("check", *AS_OF, "--json").json["missing"] == MISSING


def test_waiting_ends_after_the_time_out_and_says_what_is_in_flight(two_missing, sample_api):
    sample_api(latency=0.5)
    ran = two_missing.process("run", *AS_OF, "--timeout", "0.2", "--json")
    assert ran.code == 1
    assert [item["day"] for item in ran.json["abandoned"]] == MISSING
    assert "still in flight: 5–6 November 2025 (2 days): no end after 0.2 s" in ran.err


@pytest.mark.slow
def test_output_in_a_pipe_has_neither_colours_nor_control_codes(two_missing, sample_api):
    sample_api()
    for words in (("check",), ("plan",), ("run",), ("analyze",)):
        ran = two_missing.process(*words, *AS_OF)
        assert not CONTROL_CHARACTERS.search(ran.out + ran.err), words


def test_help_of_every_command_has_an_example(place):
    names = set(typer.main.get_command(app).commands)
    assert names >= {"check", "plan", "backfill", "fetch", "analyze", "run", "report", "sample-api", "demo"}
    for name in names:
        ran = place.run(name, "--help")
        assert ran.code == 0, name
        assert f"Example: wiki-trends {name}" in ran.out, name


def test_the_list_of_commands_is_not_cut_short(place, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    listed = place.run("--help").out
    assert "..." not in listed.partition("Commands:")[2]
    assert len(listed.partition("Commands:")[2].split("\n  ")) > 10


def test_the_version_can_be_asked_for(place):
    ran = place.run("--version")
    assert (ran.code, ran.out) == (0, f"wiki-trends {version('wiki-trends')}\n")


def test_truth_is_one_document(place):
    words = ("sample-api", "--truth", "--start", "2025-11-05", "--end", "2025-11-06")
    ran = place.run(*words)
    assert ran.code == 0
    assert [day["day"] for day in json.loads(ran.out)["days"]] == MISSING
