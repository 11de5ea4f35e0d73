"""A lake, a warehouse, a state folder and a settings file of the first version are read and continued.

`tests/data/written_by_first_version.tar.xz` holds, for 2025-11-02 to 2025-11-09 as of 2025-11-12: three days with manifests
(7 to 9 November), one with Spark's empty marker (6), one whose only run failed (5), one that is waived (4), and two that
nobody tried (2 and 3); the page cache; the tables of 7 to 9 November; and the history of the runs.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import sqlite3
import tarfile
from pathlib import Path

import pytest

WRITTEN = Path(__file__).parents[1] / "data" / "written_by_first_version.tar.xz"
AS_OF = ("--as-of", "2025-11-12")
WINDOW = ("--days", "8", *AS_OF)
PUBLISHED = ("--start", "2025-11-07", "--end", "2025-11-09", *AS_OF)


@pytest.fixture
def earlier(place):
    with tarfile.open(WRITTEN) as archive:
        archive.extractall(place.folder, filter="data")
    # The history names lakes by their absolute path; that of the archive is a placeholder.
    with sqlite3.connect(place.folder / "state" / "runs.sqlite") as history:
        history.execute("UPDATE runs SET dataset = replace(dataset, '/earlier', ?)", (str(place.folder),))
    history.close()
    return place


def test_every_day_is_judged_as_it_was(earlier):
    document = earlier.run("check", *WINDOW, "--json").json

    assert {day["day"]: (day["state"], day["code"], day["rows"]) for day in document["days"]} == {
        "2025-11-02": ("absent", "MISSING", None),
        "2025-11-03": ("absent", "MISSING", None),
        "2025-11-04": ("absent", "WAIVED", None),
        "2025-11-05": ("absent", "MISSING", None),
        "2025-11-06": ("complete", "OK", 956),
        "2025-11-07": ("complete", "OK", 956),
        "2025-11-08": ("complete", "OK", 956),
        "2025-11-09": ("complete", "OK", 956),
    }


def test_a_deep_check_of_what_was_written_passes(earlier):
    ran = earlier.run("check", "--days", "4", *AS_OF, "--deep")

    assert ran.code == 0, ran.out + ran.err


def test_published_tables_are_shown_and_are_of_the_partitions_in_the_lake(earlier):
    report = earlier.run("report", "--json").json
    compared = earlier.run("check", "--consumed", "--json")

    assert (report["run"]["window_start"], report["run"]["window_end"]) == ("2025-11-07", "2025-11-09")
    assert compared.code == 0
    assert compared.json["changed"] == {}


def test_the_history_of_runs_goes_on_with_the_next_attempt(earlier, sample_api):
    sample_api(today=dt.date(2025, 11, 12))
    ran = earlier.run("backfill", *WINDOW, "--json")

    assert ran.code == 0, ran.err
    assert "run 2025-11-05.2" in ran.err
    assert "run 2025-11-03.1" in ran.err
    assert "run 2025-11-06" not in ran.err
    assert ran.json["filled"] == ["2025-11-02", "2025-11-03", "2025-11-05"]


@pytest.mark.slow
def test_a_run_over_old_and_new_days_publishes_into_the_old_warehouse(earlier, sample_api):
    sample_api(today=dt.date(2025, 11, 12))
    ran = earlier.run("run", "--days", "5", *AS_OF, "--json")

    assert ran.code == 0, ran.err
    assert ran.json["rows"]["wiki_trends_timeseries"] > 0
    report = earlier.run("report", "--json").json
    assert (report["run"]["window_start"], report["run"]["window_end"]) == ("2025-11-05", "2025-11-09")


def test_the_same_partitions_have_the_fingerprints_that_were_published(earlier):
    published = earlier.run("report", "--json").json["run"]["fingerprints"]
    ran = earlier.run("run", *PUBLISHED, "--json")

    assert ran.code == 0, ran.err
    assert ran.json["fingerprints"] == published


def test_cached_pages_are_used_and_merged_into_the_form_of_today(earlier):
    folder = earlier.folder / "lake/silver/_cache/en.wikipedia/pages"
    document = json.loads(gzip.decompress(min(folder.iterdir()).read_bytes()))
    title, (_, facts) = min(document["pages"].items())

    before = earlier.run("explain", title, "--json").json
    merged = earlier.run("vacuum", "--older-than", "0s", "--json").json["page_cache"]
    after = earlier.run("explain", title, "--json").json

    assert (before["source"], before["facts"]) == ("cache", facts)
    assert len(merged["removed"]) == 8
    assert [path.suffix for path in folder.iterdir()] == [".parquet"]
    assert after == before
