"""Test invalid input: each command ends with the documented exit code, and one sentence with the value, its origin and the fix."""

from __future__ import annotations

import socket

import pytest

from testing.permissions import read_only

UNREACHABLE_API = {
    "WIKI_TRENDS_WIKIMEDIA_URL": "http://127.0.0.1:9/api/rest_v1",
    "WIKI_TRENDS_MEDIAWIKI_URL": "http://127.0.0.1:9/{project}/w/api.php",
}
UNREACHABLE_S3 = {
    "WIKI_TRENDS_LAKE": "s3://{layer}",
    "WIKI_TRENDS_LAKE_RETRIES": "0",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "somebody",
    "AWS_SECRET_ACCESS_KEY": "hunter2",
}


def row(words, code, *says, **environ):
    name = " ".join([*(f"{key}={value}" for key, value in environ.items()), words])
    return pytest.param(words.split(), environ, code, says, id=name)


BAD_INPUT = [
    row("check --days 0", 2, "--days: '0' is not between 1 and 3660", "Give for example 7."),
    row("check --days x", 2, "--days: 'x' is not a whole number", "Give for example 7."),
    row("check --days 3661", 2, "--days: '3661' is not between 1 and 3660", "Give for example 7."),
    row("check", 2, "WIKI_TRENDS_DAYS: 'x' is not a whole number", "Give for", WIKI_TRENDS_DAYS="x"),
    row("plan --as-of 2025-02-30", 2, "--as-of: '2025-02-30' is not a day of the calendar", "2025-11-09"),
    row("check --as-of 12.11.2025", 2, "--as-of: '12.11.2025' is not a day", "YYYY-MM-DD"),
    row("check --as-of 2999-01-01", 2, "--as-of: 2999-01-01 is after today", "Give today or an earlier day."),
    row(
        "check --start 2025-11-06 --end 2025-11-05",
        2,
        "--end: 2025-11-05 is before the start 2025-11-06",
        "Give an end on or after the start.",
    ),
    row(
        "check --start 2015-07-01 --end 2025-11-05",
        2,
        "--days: 3781 is more than 3660 days",
        "Give a shorter window.",
    ),
    row("check --start 2025-11-05", 2, "--start: 2025-11-05 was given without --end", "Give both"),
    row("check --end 2025-11-05", 2, "--end: 2025-11-05 was given without --start", "Give both"),
    row(
        "run --days 3 --start 2025-11-05 --end 2025-11-06",
        2,
        "--days: 3 was given beside --start and --end",
        "Give one or the other.",
    ),
    row("check --lag -1", 2, "--lag: '-1' is not between 0 and 366", "Give for example 2."),
    row(
        "check",
        2,
        "the environment: 'WIKI_TRENDS_LAEK' is not a setting",
        "Did you mean WIKI_TRENDS_LAKE?",
        WIKI_TRENDS_LAEK="x",
    ),
    row(
        "check --lake ftp://host/{layer}",
        2,
        "--lake: 'ftp://host/{layer}' is not the URL of a lake: the scheme 'ftp' is not supported",
        "s3://",
    ),
    row(
        "check",
        2,
        "WIKI_TRENDS_LAKE: 'ftp://host/{layer}' is not the URL of a lake: the scheme 'ftp' is not supported",
        "Give for example s3://{layer}.",
        WIKI_TRENDS_LAKE="ftp://host/{layer}",
    ),
    row("check --project xx", 2, "--project: 'xx' is not a Wikimedia project", "fr.wikipedia"),
    row("check --access fax", 2, "--access: 'fax' is not one of all-access, desktop", "Give for example"),
    row("fetch 2015-06-30", 2, "DAY: 2015-06-30 is before 2015-07-01", "Give a later day."),
    row("fetch 2999-01-01", 2, "DAY: 2999-01-01 is not over yet", "Give an earlier day."),
    row("fetch yesterday", 2, "DAY: 'yesterday' is not a day", "YYYY-MM-DD"),
    row("fetch", 2, "Missing argument 'DAY…'"),
    row(
        "backfill",
        2,
        "WIKI_TRENDS_AIRFLOW_USER: '' is not a user",
        "AIRFLOW_TOKEN.",
        WIKI_TRENDS_RUNNER="airflow",
    ),
    row(
        "plan",
        2,
        "WIKI_TRENDS_AIRFLOW_USER: '' is not a user",
        "AIRFLOW_TOKEN.",
        WIKI_TRENDS_RUNNER="airflow",
    ),
    row(
        "fetch 2025-11-05 --refresh",
        2,
        "cannot be used with --refresh",
        "to local",
        WIKI_TRENDS_RUNNER="airflow",
    ),
    row(
        "plan",
        2,
        "AIRFLOW_URL: 'http://(secret)@h' is a URL with a user",
        WIKI_TRENDS_AIRFLOW_URL="http://me:pass@h",
    ),
    row("run", 2, "WIKI_TRENDS_CONTACT: '' is not a contact", "Set WIKI_TRENDS_CONTACT (or --contact)"),
    row("fetch 2025-11-05", 2, "WIKI_TRENDS_CONTACT: '' is not a contact", "Set WIKI_TRENDS_CONTACT"),
    row("run --jobs many --contact me", 2, "--jobs: 'many' is not a whole number", "Give for example 8."),
    row("backfill --timeout soon", 2, "--timeout", "soon"),
    row("chekc", 2, "No such command 'chekc'", "check"),
    row("check --dyas 5", 2, "No such option", "--days"),
    row("report", 1, "duckdb:///data/warehouse.duckdb: nothing has been published yet", "wiki-trends run"),
    row("analyze", 1, "coverage 0.0 %, missing: ", "Run `wiki-trends run` to fill it"),
    row("backfill", 3, "http://127.0.0.1:9/", "no usable answer", "Check the network", **UNREACHABLE_API),
    row("run", 3, "http://127.0.0.1:9/", "no usable answer", "Check the network", **UNREACHABLE_API),
    row("fetch 2025-11-05", 3, "http://127.0.0.1:9/", "Check the network", **UNREACHABLE_API),
    row("check", 3, "Lake s3://diamond", "Check the endpoint and the network", **UNREACHABLE_S3),
    row("plan", 3, "Lake s3://diamond", "Check the endpoint and the network", **UNREACHABLE_S3),
    row("run", 3, "Lake s3://diamond", "Check the endpoint and the network", **UNREACHABLE_S3),
    row("analyze", 3, "Lake s3://diamond", "Check the endpoint and the network", **UNREACHABLE_S3),
]


@pytest.mark.parametrize(("words", "environ", "code", "says"), BAD_INPUT)
def test_bad_input_has_its_exit_code_and_names_value_origin_and_fix(
    place, monkeypatch, words, environ, code, says
):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    ran = place.run(*words)
    assert ran.code == code
    assert [part for part in says if part not in ran.err] == []
    assert len([line for line in ran.err.splitlines() if line.lower().startswith("error: ")]) == 1
    assert "Traceback" not in ran.err
    assert "hunter2" not in ran.err
    # Stdout contains nothing that a program could read as a result, such as "all days are missing".
    assert ran.out == ""


def test_nothing_is_written_for_input_that_cannot_be_used(place):
    place.run("check", "--days", "0")
    place.run("backfill", "--as-of", "2025-02-30")
    assert place.all_paths() == []


def test_a_process_ends_with_the_same_codes(place, monkeypatch):
    assert place.process("check", "--days", "0").code == 2
    assert place.process("check").code == 1
    monkeypatch.setenv("WIKI_TRENDS_LAKE", "s3://{layer}")
    for name, value in UNREACHABLE_S3.items():
        monkeypatch.setenv(name, value)
    ran = place.process("check")
    assert (ran.code, ran.out) == (3, "")
    assert "missing" not in ran.err


def test_a_lake_that_answers_too_slowly_is_unreachable_and_not_empty(place, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for name, value in UNREACHABLE_S3.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("WIKI_TRENDS_LAKE_TIMEOUT", "0.2")
        ran = place.run("check")
    assert (ran.code, ran.out) == (3, "")
    assert "Lake s3://diamond" in ran.err


@pytest.mark.parametrize("words", ["backfill", "run", "fetch 2025-11-09"])
def test_a_read_only_lake_is_an_unreachable_service(place, sample_api, monkeypatch, tmp_path, words):
    sample_api()
    with read_only(tmp_path / "refused") as folder:
        monkeypatch.setenv("WIKI_TRENDS_LAKE", f"{folder}/{{layer}}")
        ran = place.run(*words.split())
    assert ran.code == 3
    assert f"Lake {folder}/" in ran.err
    # The command does not retry, because a retry would not help.
    assert "trying again" not in ran.err


def test_a_project_that_the_api_does_not_know_is_refused(place, sample_api):
    sample_api()
    ran = place.run("run", "--project", "qq.wikipedia")
    assert ran.code == 2
    assert "qq.wikipedia" in ran.err
    assert "Check project, access and contact." in ran.err


def test_doctor_says_what_to_do_about_a_read_only_folder(place, monkeypatch, tmp_path):
    with read_only(tmp_path / "refused") as folder:
        monkeypatch.setenv("WIKI_TRENDS_LAKE", f"{folder}/{{layer}}")
        ran = place.run("doctor")
    assert ran.code == 3
    assert "NO  lake, layer bronze" in ran.out
    assert f"{folder}/bronze" in ran.out


def test_a_read_only_state_folder_is_an_unreachable_service(place, monkeypatch, tmp_path):
    with read_only(tmp_path / "refused") as folder:
        monkeypatch.setenv("WIKI_TRENDS_STATE", f"{folder}/state")
        ran = place.run("plan", "--as-of", "2025-11-12")
    assert ran.code == 3
    assert f"{folder}/state" in ran.err
    assert "WIKI_TRENDS_STATE" in ran.err
