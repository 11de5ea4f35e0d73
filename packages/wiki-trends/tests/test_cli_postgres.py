"""Test the commands with a warehouse in PostgreSQL."""

import pytest

WINDOW = ("--days", "2", "--as-of", "2025-11-09")


@pytest.mark.slow
def test_run_report_and_check_work_on_postgresql(place, sample_api, monkeypatch, postgres_url):
    sample_api()
    monkeypatch.setenv("WIKI_TRENDS_WAREHOUSE", postgres_url)
    ran = place.run("run", *WINDOW)
    assert ran.code == 0, ran.err
    assert "2025-11-05 .. 2025-11-06" in ran.out
    assert place.run("run", *WINDOW).code == 0
    assert place.run("analyze", *WINDOW).code == 0
    shown = place.run("report")
    assert shown.code == 0
    assert "2025-11-05 .. 2025-11-06" in shown.out
    consumed = place.run("check", "--consumed", "--json")
    assert (consumed.code, consumed.json["changed"]) == (0, {})
    assert "hunter2" not in ran.out + ran.err + shown.out + consumed.out


@pytest.mark.parametrize("command", ["report", "check --consumed"])
def test_a_server_that_refuses_is_exit_code_three(place, monkeypatch, postgres, command):
    monkeypatch.setenv("WIKI_TRENDS_WAREHOUSE", postgres.url(password="hunter3"))
    ran = place.run(*command.split())
    assert (ran.code, ran.out) == (3, "")
    assert "password authentication failed" in ran.err
    assert "WIKI_TRENDS_WAREHOUSE" in ran.err
    assert "hunter" not in ran.err
