"""Test the commands and options about a lake: the calendar, the watermark, the volume check, waivers, and `vacuum`."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time

import pytest

from smart_orchestrator.store.opening import lake_of
from testing.product import CONTROL_CHARACTERS, DAYS
from wiki_trends.analytics.analyze import analyze
from wiki_trends.config.layers import layers
from wiki_trends.config.settings import load
from wiki_trends.pipeline.cache.pages import PageCache
from wiki_trends.wikimedia import PageFacts

AS_OF = ("--as-of", "2025-11-12")


def test_the_calendar_draws_weeks_by_weekdays_with_a_legend(place):
    place.write_days(*DAYS[1:])
    ran = place.run("check", *AS_OF, "--days", "7", "--calendar")
    assert ran.code == 1
    lines = [line.rstrip() for line in ran.out.splitlines()]
    assert lines[:3] == [
        "            Mo Tu We Th Fr Sa Su",
        "2025-11-03   ·  ·  ·  ■  ■  ■  ■",
        "expected 7, available 4, missing 3, coverage 57.1 %",
    ]
    assert "■ complete" in lines[3]
    assert not CONTROL_CHARACTERS.search(ran.out)


def test_the_calendar_of_a_terminal_has_colours(place):
    place.write_days(*DAYS)
    child = place.terminal("check", *AS_OF, "--calendar")
    child.expect("legend|complete")
    assert "\x1b[32m ■ \x1b[0m" in child.before
    child.wait()


def test_the_watermark_is_the_last_day_before_the_first_hole(place):
    place.write_days(DAYS[0], DAYS[1], DAYS[3])
    ran = place.run("check", *AS_OF, "--watermark")
    assert (ran.out, ran.code) == ("2025-11-06\n", 1)
    assert place.run("check", *AS_OF, "--json").json["watermark"] == "2025-11-06"
    missing = place.run("check", "--start", "2025-11-07", "--end", "2025-11-07", "--watermark")
    assert missing.out == "none: the first expected day of the window is missing\n"
    within_the_lag = place.run(
        "check", "--start", "2025-11-12", "--end", "2025-11-12", "--as-of", "2025-11-12", "--watermark"
    )
    assert within_the_lag.out == "none: no day is expected\n"


def test_verbose_says_what_was_asked_of_the_lake(place):
    place.write_days(*DAYS)
    ran = place.run("check", *AS_OF, "--volume", "-v")
    assert ran.code == 0
    assert "requests to the lake: 6 list, 5 get" in ran.err
    assert "requests of the volume check: 40 list, 0 get" in ran.err


def test_a_check_imports_no_library_that_a_local_window_does_not_need(place):
    place.write_days(*DAYS)
    code = (
        "import sys\nfrom wiki_trends.cli.app import run_command\n"
        f"run_command(['check', *{AS_OF!r}, '--json'])\n"
        "print(sorted(set(sys.modules) & set(sys.argv[1:])), file=sys.stderr)\n"
        "print(sum(name.startswith(('wiki_trends', 'smart_orchestrator')) for name in sys.modules), file=sys.stderr)"
    )
    heavy = ["polars", "rich", "httpx2", "obstore", "duckdb", "asyncio", "concurrent.futures", "email.utils"]
    heavy += ["importlib.metadata", "logging", "sqlite3", "statistics", "tempfile", "zoneinfo"]
    layer = [
        "contract.rows",
        "backfilling.state",
        "model.freshness",
        "model.signal",
        "runners.local",
        "upstream.configured",
    ]
    heavy += [f"smart_orchestrator.{name}" for name in layer]
    heavy += [
        "wiki_trends.jobs.history",
        "wiki_trends.pipeline",
        "wiki_trends.report",
        "wiki_trends.warehouse",
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, *heavy],
        cwd=place.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded, own_modules = done.stderr.splitlines()
    assert loaded == "[]"
    # Each module costs time before the first result. A module that every check needs may raise the number.
    assert int(own_modules) <= 74


def test_a_gate_lets_an_incomplete_window_through_and_stands_in_the_document(place):
    place.write_days(*DAYS[1:])
    assert place.run("check", *AS_OF).code == 1
    ran = place.run("check", *AS_OF, "--min-coverage", "80", "--json")
    assert ran.code == 0
    assert ran.json["ready"] is True
    assert ran.json["policy"]["min_coverage"] == 80.0
    assert place.run("check", *AS_OF, "--min-coverage", "80.1").code == 1
    assert place.run("check", *AS_OF, "--min-coverage", "0", "--min-days", "5").code == 1
    assert place.run("check", *AS_OF, "--min-coverage", "0", "--min-days", "4").code == 0


def test_the_gate_stands_in_the_published_run(place):
    place.write_days(*DAYS[1:])
    assert place.run("analyze", *AS_OF).code == 1
    assert place.run("analyze", *AS_OF, "--min-coverage", "80").code == 0
    report = place.run("report", "--json").json
    assert report["run"]["coverage_pct"] == 80.0
    assert '"min_coverage": 80.0' in report["run"]["policy"]


def test_a_waiver_that_ended_before_it_was_recorded_is_refused(place):
    ran = place.run("waive", DAYS[0], "--reason", "never came", "--until", "2025-11-12")
    assert ran.code == 2
    assert ran.err.startswith("error: --until: 2025-11-12 is in the past. Give ")
    assert place.run("waive", "--list", "--json").json == []


def test_waived_days_are_listed_shown_and_taken_back(place):
    place.write_days(*DAYS[1:])
    ran = place.run("waive", DAYS[0], "--reason", "never came", "--by", "Ada", "--until", "2030-01-01")
    assert ran.code == 0
    assert ran.out.startswith("Wednesday 5 November 2025: never came (since ")
    assert "by Ada, until 2030-01-01" in ran.out
    found = place.run("check", *AS_OF, "--json")
    assert found.code == 0
    assert found.json["waived"] == ["2025-11-05"]
    assert found.json["days"][0]["code"] == "WAIVED"
    assert "WAIVED: never came" in place.run("check", *AS_OF).out
    assert place.run("plan", *AS_OF, "--json").json["due"] == []
    again = place.run("waive", DAYS[0], "--reason", "twice")
    assert (again.code, again.err) == (
        2,
        "error: 2025-11-05: it is already waived. List the waivers with --list, and remove the old one with --remove.\n",
    )
    assert place.run("waive", "--list", "--json").json[0]["by"] == "Ada"
    assert place.run("waive", DAYS[0], "--remove").out == "no day is waived\n"
    assert place.run("check", *AS_OF).code == 1


def test_bad_waivers_are_refused(place):
    assert "needs a reason" in place.run("waive", DAYS[0]).err
    assert place.run("waive").code == 2
    assert "2025-02-30" in place.run("waive", "2025-02-30", "--reason", "x").err
    assert place.run("waive", DAYS[0], "--remove").code == 2


def test_vacuum_removes_what_nothing_names_in_every_layer(place):
    place.write_days(*DAYS)
    every = layers(load())
    left = []
    for dataset in (every.bronze, every.diamond):
        name = f"part-00000-{'a1' * 16}{dataset.suffix}"
        path = place.folder / dataset.lake / dataset.key(dt.date(2025, 11, 5)) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")
        old = time.time() - 2 * 86_400
        os.utime(path, (old, old))
        left.append(path)
    dry = place.run("vacuum", "--dry-run")
    assert "diamond: would remove 1 objects, 5 bytes" in dry.out
    assert all(path.exists() for path in left)
    document = place.run("vacuum", "--older-than", "36h", "--json").json
    assert document["bronze"]["removed"] == [f"top_pages_2025_11_05.json/part-00000-{'a1' * 16}.json"]
    assert not any(path.exists() for path in left)
    assert place.run("check", *AS_OF).code == 0
    bad = place.run("vacuum", "--older-than", "soon")
    assert (bad.code, "--older-than: 'soon' is not an age" in bad.err) == (2, True)


def test_vacuum_merges_the_page_cache(place):
    place.write_days(*DAYS)
    folder = place.folder / layers(load()).silver.lake / "_cache/en.wikipedia/pages"
    cache = PageCache(lake_of(layers(load()).silver), "en.wikipedia")
    for title in ("A", "B"):
        cache.add({title: PageFacts(title)})
    assert place.run("vacuum", "--json").json["page_cache"]["removed"] == []
    dry = place.run("vacuum", "--older-than", "0s", "--dry-run")
    assert "page_cache: would remove 2 objects" in dry.out
    assert len(list(folder.iterdir())) == 2
    document = place.run("vacuum", "--older-than", "0s", "--json").json
    assert len(document["page_cache"]["removed"]) == 2
    assert [path.suffix for path in folder.iterdir()] == [".parquet"]
    assert set(cache.get(["A", "B"])) == {"A", "B"}


def test_consumed_says_which_days_changed_since_the_publish(place):
    place.write_days(*DAYS)
    nothing = place.run("check", "--consumed")
    assert (nothing.code, nothing.out) == (
        1,
        "Nothing has been published yet. To publish:\n  wiki-trends run\n",
    )
    assert place.run("run", *AS_OF).code == 0
    same = place.run("check", "--consumed")
    assert same.code == 0
    assert "no day has changed since" in same.out
    place.write_days(DAYS[2], pages=4)
    changed = place.run("check", "--consumed")
    assert changed.code == 1
    assert "  Friday 7 November 2025: its data have changed\n" in changed.out
    assert place.run("check", "--consumed", "--json").json["changed"] == {
        "2025-11-07": "its data have changed"
    }
    report = place.run("report")
    assert report.code == 0
    assert "changed since this was published: Friday 7 November 2025: " in report.err
    assert "  wiki-trends run --start 2025-11-05 --end 2025-11-09\n" in report.err
    assert place.run("report", "--json").json["changed_since_publish"] == {
        "2025-11-07": "its data have changed"
    }


@pytest.mark.slow
def test_run_analyses_again_only_when_a_day_has_changed(place):
    place.write_days(*DAYS)
    first = place.run("run", *AS_OF, "--json").json
    assert first["unchanged"] is False
    again = place.run("run", *AS_OF, "--json")
    assert again.json["unchanged"] is True
    assert again.json["rows"] == first["rows"]
    assert "nothing has changed since" in again.err
    place.write_days(DAYS[0], pages=5)
    third = place.run("run", *AS_OF, "--json").json
    assert third["unchanged"] is False
    assert third["rows"]["wiki_trends_timeseries"] == first["rows"]["wiki_trends_timeseries"] + 2
    assert place.run("run", *AS_OF, "--min-coverage", "90", "--json").json["unchanged"] is False


def test_a_report_is_printed_when_the_lake_cannot_be_compared(place):
    place.write_days(*DAYS)
    assert place.run("analyze", *AS_OF).code == 0
    ran = place.run("report", "--project", "fr.wikipedia")
    assert ran.code == 0
    assert "not compared with the lake" in ran.err
    assert "Trends of 2025-11-05 .. 2025-11-09" in ran.out
    assert place.run("check", "--consumed", "--project", "fr.wikipedia").code == 2
    assert place.run("report", "--project", "fr.wikipedia", "--json").json["changed_since_publish"] is None


def test_strict_refuses_an_unusual_day(place):
    wednesdays = [(dt.date(2025, 11, 5) - dt.timedelta(weeks=week)).isoformat() for week in range(1, 9)]
    place.write_days(*wednesdays, pages=30)
    place.write_days(*DAYS, pages=3)
    warned = place.run("check", *AS_OF, "--volume")
    assert warned.code == 0
    assert "UNUSUAL_VOLUME: rows 3, usual on this weekday are 27 to 33" in warned.out
    assert place.run("check", *AS_OF, "--strict").code == 1


def test_run_warns_of_an_unusual_day_and_strict_publishes_nothing(place):
    wednesdays = [(dt.date(2025, 11, 5) - dt.timedelta(weeks=week)).isoformat() for week in range(1, 9)]
    place.write_days(*wednesdays, pages=30)
    place.write_days(*DAYS, pages=3)
    warned = place.run("run", *AS_OF)
    assert warned.code == 0
    assert "unusual volume: 2025-11-05: rows 3, usual on this weekday are 27 to 33" in warned.err


def test_a_day_that_changes_after_the_check_must_pass_the_same_strict_check(place, monkeypatch):
    wednesdays = [(dt.date(2025, 11, 5) - dt.timedelta(weeks=week)).isoformat() for week in range(1, 9)]
    place.write_days(*wednesdays, DAYS[0], pages=30)
    place.write_days(*DAYS[1:], pages=3)
    analyses = []

    def change_once(dataset, completeness, warehouse, **options):
        if not analyses:
            place.write_days(DAYS[0], pages=3)
        analyses.append(completeness)
        return analyze(dataset, completeness, warehouse, **options)

    monkeypatch.setattr("wiki_trends.analytics.analyze.analyze", change_once)
    ran = place.run("run", *AS_OF, "--strict")
    assert ran.code == 1
    assert "missing: 2025-11-05" in ran.err
    assert len(analyses) == 2
    assert place.run("report").code == 1
