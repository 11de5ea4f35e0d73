"""Test the documented functions on a lake of eight days, three of which are in the window."""

from __future__ import annotations

import datetime as dt
import re
import sys

import pytest

from plugins.utils.dag_trigger import trigger_dag_for_date, trigger_multiple_dates
from plugins.utils.date_checker import find_missing_dates, get_dates_to_fetch, print_date_report
from smart_orchestrator.errors import LakeUnreachable, WindowError
from smart_orchestrator.model.window import today_utc
from testing.product import CONTROL_CHARACTERS, ROOT
from wiki_trends.errors import ContactMissing, SettingError, WikimediaUnreachable

pytestmark = pytest.mark.usefixtures("place")

AS_OF = dt.datetime(2025, 11, 12)  # noqa: DTZ001 - as users write it
BEFORE = ("2025-10-20", "2025-10-21", "2025-10-22", "2025-10-23", "2025-10-30")
IN_WINDOW = ("2025-11-07", "2025-11-08", "2025-11-09")

REPORT = """\
Data completeness, 2025-11-05 .. 2025-11-09 (as of 2025-11-12)
Total files in the diamond bucket: 8
Expected dates: 5
Available dates: 3
Missing dates: 2
Coverage: 60.0 %
Available:
  2025-11-09 (Sunday)
  2025-11-08 (Saturday)
  2025-11-07 (Friday)
Missing:
  2025-11-06 (Thursday): nothing is there
  2025-11-05 (Wednesday): nothing is there
They have to be fetched: python check_and_fetch_data.py --auto, with the same number of days.
"""


@pytest.fixture
def eight_days(place):
    place.write_days(*BEFORE, *IN_WINDOW)
    return place


@pytest.mark.usefixtures("eight_days")
def test_find_missing_dates_returns_the_documented_keys_newest_first():
    assert find_missing_dates(days=5, end_date=AS_OF) == {
        "available": ["2025-11-09", "2025-11-08", "2025-11-07"],
        "missing": ["2025-11-06", "2025-11-05"],
        "expected": ["2025-11-09", "2025-11-08", "2025-11-07", "2025-11-06", "2025-11-05"],
        "coverage_pct": 60.0,
        "total_in_bucket": 8,
    }


@pytest.mark.usefixtures("eight_days")
def test_n_days_and_a_position_mean_the_same_and_end_date_stands_for_today():
    found = find_missing_dates(n_days=10, end_date=dt.datetime(2025, 11, 1))  # noqa: DTZ001
    assert found["expected"] == [f"2025-10-{day}" for day in range(29, 19, -1)]
    assert found["available"] == ["2025-10-23", "2025-10-22", "2025-10-21", "2025-10-20"]
    assert find_missing_dates(10, dt.date(2025, 11, 1)) == found
    with pytest.raises(TypeError, match="one of them"):
        find_missing_dates(days=5, n_days=5)


@pytest.mark.usefixtures("eight_days")
def test_a_moment_with_a_zone_is_taken_in_utc():
    late = dt.datetime(2025, 11, 11, 23, 0, tzinfo=dt.timezone(dt.timedelta(hours=-5)))
    assert find_missing_dates(5, late) == find_missing_dates(5, AS_OF)


def test_without_arguments_it_is_the_last_days_of_the_settings(place, monkeypatch):
    newest = today_utc() - dt.timedelta(days=3)
    assert find_missing_dates()["expected"] == [
        (newest - dt.timedelta(days=back)).isoformat() for back in range(5)
    ]
    monkeypatch.setenv("WIKI_TRENDS_DAYS", "2")
    (place.folder / "wiki-trends.toml").write_text("lag = 4\n", encoding="utf-8")
    assert find_missing_dates()["expected"] == [
        (newest - dt.timedelta(days=back)).isoformat() for back in (1, 2)
    ]


@pytest.mark.usefixtures("eight_days")
def test_dates_to_fetch_have_their_age():
    assert get_dates_to_fetch(days=5, end_date=AS_OF) == [
        {"date": "2025-11-06", "days_ago": 6},
        {"date": "2025-11-05", "days_ago": 7},
    ]
    assert get_dates_to_fetch(days=3, end_date=AS_OF) == []


@pytest.mark.usefixtures("eight_days")
def test_the_report_is_the_documented_one(capsys):
    print_date_report(5, AS_OF)
    assert capsys.readouterr().out == REPORT


@pytest.mark.usefixtures("eight_days")
def test_a_report_of_whole_days_has_nothing_to_fetch(capsys):
    print_date_report(n_days=3, end_date=AS_OF)
    printed = capsys.readouterr().out
    assert "Coverage: 100.0 %" in printed
    assert "Missing:" not in printed
    assert "fetch" not in printed


def test_a_broken_day_is_missing_and_its_reason_is_told(eight_days, capsys):
    folder = eight_days.folder / "data/lake/diamond/diamond_final_2025_11_08.csv"
    next(folder.glob("part-*")).unlink()
    print_date_report(5, AS_OF)
    assert re.search(r"2025-11-08 \(Saturday\): part-\S+ is named and not there", capsys.readouterr().out)


def test_a_waived_day_is_not_missing_and_is_told(eight_days, capsys):
    for day in ("2025-11-05", "2025-11-06"):
        assert eight_days.run("waive", day, "--reason", "the source has none").code == 0
    print_date_report(5, AS_OF)
    printed = capsys.readouterr().out
    assert "Expected dates: 3\nAvailable dates: 3\nMissing dates: 0\nCoverage: 100.0 %" in printed
    assert "Not expected:\n  2025-11-06 (Thursday): the source has none\n" in printed
    assert get_dates_to_fetch(5, AS_OF) == []


@pytest.mark.parametrize("days", [0, -1, 3661])
def test_a_number_of_days_that_cannot_be_is_refused(days):
    with pytest.raises(WindowError, match=f"days: {days} is not between 1 and 3660"):
        find_missing_dates(days=days)


def test_an_end_date_in_the_future_is_refused():
    with pytest.raises(WindowError, match="end_date: 2999-01-01 is after today"):
        print_date_report(5, dt.date(2999, 1, 1))


def test_a_lake_that_does_not_answer_is_never_empty(monkeypatch):
    for name, value in {
        "WIKI_TRENDS_LAKE": "s3://{layer}",
        "WIKI_TRENDS_LAKE_RETRIES": "0",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
    }.items():
        monkeypatch.setenv(name, value)
    for function in (find_missing_dates, get_dates_to_fetch, print_date_report):
        with pytest.raises(LakeUnreachable):
            function(5)


def test_the_one_liner_of_the_documentation_works_from_the_root_of_the_project(eight_days, monkeypatch):
    monkeypatch.setenv("WIKI_TRENDS_LAKE", f"{eight_days.folder}/data/lake/{{layer}}")
    monkeypatch.setenv("WIKI_TRENDS_STATE", f"{eight_days.folder}/data/state")
    monkeypatch.setattr(eight_days, "folder", ROOT)
    monkeypatch.setattr(eight_days, "command", lambda code: [sys.executable, "-c", code])
    ran = eight_days.process(
        "from plugins.utils.date_checker import print_date_report; print_date_report(10)"
    )
    assert ran.code == 0
    assert "Expected dates: 10" in ran.out
    assert "Total files in the diamond bucket: 8" in ran.out
    assert not CONTROL_CHARACTERS.search(ran.out)


def test_triggered_dates_run_the_pipeline_with_their_target_date(sample_api):
    server = sample_api()
    results = trigger_multiple_dates(["2025-11-06", "2025-11-05", "2025-11-06"])
    assert results == [
        {
            "date": day,
            "state": "success",
            "run_id": f"{day}.1",
            "conf": {"target_date": day},
            "reason": None,
            "message": "",
        }
        for day in ("2025-11-06", "2025-11-05")
    ]
    assert find_missing_dates(5, AS_OF)["available"] == ["2025-11-06", "2025-11-05"]
    assert len([path for _, path, _ in server.requests if "/all-access/" in path]) == 2


def test_a_date_that_is_there_is_run_again_on_demand(sample_api):
    sample_api()
    trigger_dag_for_date(dt.date(2025, 11, 6))
    again = trigger_dag_for_date(dt.datetime(2025, 11, 6, 5))  # noqa: DTZ001
    assert (again["state"], again["run_id"]) == ("success", "2025-11-06.2")


@pytest.mark.slow
def test_what_fails_is_in_the_result_and_the_others_go_on(sample_api, monkeypatch):
    # A request of the good day takes milliseconds, and on a busy machine a second.
    monkeypatch.setenv("WIKI_TRENDS_DEADLINE", "4")
    sample_api(never=(dt.date(2025, 11, 5),), broken=(dt.date(2025, 11, 7),))
    never, good, broken = trigger_multiple_dates(["2025-11-05", "2025-11-06", "2025-11-07"])
    assert (never["state"], never["reason"]) == ("failed", "NOT_PUBLISHED")
    assert "2025-11-05 is not published" in never["message"]
    assert good["state"] == "success"
    assert (broken["state"], broken["reason"]) == ("failed", "UNREACHABLE")


def test_waiting_ends_and_says_that_the_run_goes_on(place, sample_api, monkeypatch):
    sample_api(latency=0.5)
    monkeypatch.setattr(place, "command", lambda code: [sys.executable, "-c", code])
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    ran = place.process(
        "import os; from plugins.utils.dag_trigger import trigger_dag_for_date as trigger;"
        "print(trigger('2025-11-05', timeout=0.1), flush=True); os._exit(0)"
    )
    assert "'state': 'running', 'run_id': '2025-11-05.1'" in ran.out
    assert "'message': 'no end after 0.1 s'" in ran.out


@pytest.mark.parametrize("date", ["2025-11-5", "2015-06-30", "2999-01-01"])
def test_a_date_that_wikimedia_cannot_have_is_refused_before_anything_starts(sample_api, date):
    server = sample_api()
    with pytest.raises(WindowError, match=date):
        trigger_multiple_dates(["2025-11-05", date])
    assert server.requests == []


def test_what_every_run_needs_is_asked_for_before_the_first(monkeypatch):
    with pytest.raises(ContactMissing):
        trigger_dag_for_date("2025-11-05")
    monkeypatch.setenv("WIKI_TRENDS_WIKIMEDIA_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("WIKI_TRENDS_MEDIAWIKI_URL", "http://127.0.0.1:9/w/api.php")
    with pytest.raises(WikimediaUnreachable):
        trigger_dag_for_date("2025-11-05")


def test_airflow_without_credentials_is_refused(monkeypatch):
    monkeypatch.setenv("WIKI_TRENDS_RUNNER", "airflow")
    with pytest.raises(
        SettingError, match=r"WIKI_TRENDS_AIRFLOW_USER: '' is not a user .* WIKI_TRENDS_AIRFLOW_TOKEN\."
    ):
        trigger_multiple_dates(["2025-11-05"])
