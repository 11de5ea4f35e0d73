"""Test `doctor`: for each part of the installation, it says whether the part can be used, or how to fix the problem."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from testing.scripted_server import Reply, ScriptedServer

NEEDED = {
    "Python",
    "lake, layer bronze",
    "lake, layer silver",
    "lake, layer gold",
    "lake, layer diamond",
    "runs and locks",
    "runner",
    "warehouse",
    "Wikimedia",
}


def examined(place, code):
    ran = place.run("doctor", "--json")
    assert ran.code == code
    return {finding["thing"]: finding for finding in ran.json}


def test_everything_is_there(place, sample_api):
    sample_api()
    findings = examined(place, 0)
    assert set(findings) >= NEEDED
    assert [thing for thing in sorted(NEEDED) if not findings[thing]["ok"]] == []
    assert not any(finding["needed"] for thing, finding in findings.items() if not finding["ok"])
    assert "nothing published yet" in findings["warehouse"]["text"]


def test_it_leaves_nothing_in_the_lake(place, sample_api):
    sample_api()
    assert place.run("doctor").code == 0
    assert [path for path in (place.folder / "data/lake").glob("*/*") if path.name[0] != "."] == []


def test_it_says_which_window_is_published(place, sample_api):
    sample_api()
    place.write_days("2025-11-09")
    place.run("analyze", "--days", "1", "--as-of", "2025-11-12")
    assert "contains 2025-11-09 .. 2025-11-09" in examined(place, 0)["warehouse"]["text"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environ", "code", "thing", "says"),
    [
        (
            {"WIKI_TRENDS_LAKE": "s3://{layer}"},
            3,
            "lake, layer diamond",
            "Check the endpoint and the network.",
        ),
        ({"WIKI_TRENDS_STATE": "/dev/null/x"}, 3, "runs and locks", "name another one in WIKI_TRENDS_STATE."),
        ({"WIKI_TRENDS_RUNNER": "airflow"}, 2, "runner", "or WIKI_TRENDS_AIRFLOW_TOKEN."),
        (
            {
                "WIKI_TRENDS_RUNNER": "airflow",
                "WIKI_TRENDS_AIRFLOW_TOKEN": "t",
                "WIKI_TRENDS_AIRFLOW_URL": "http://127.0.0.1:9",
            },
            3,
            "runner",
            "Check WIKI_TRENDS_AIRFLOW_URL, and that Airflow's api-server is running.",
        ),
        ({"WIKI_TRENDS_MEDIAWIKI_URL": "http://127.0.0.1:9/w"}, 3, "Wikimedia", "Check the network"),
        ({"WIKI_TRENDS_MEDIAWIKI_URL": "https://en.wikipedia.org/w/api.php"}, 2, "Wikimedia", "--contact"),
        ({"WIKI_TRENDS_WAREHOUSE": "duckdb:///broken.duckdb"}, 3, "warehouse", "broken.duckdb"),
        ({"WIKI_TRENDS_WAREHOUSE": "postgresql://db/x"}, 3, "warehouse", "postgresql://"),
    ],
)
def test_what_is_broken_is_named_with_what_to_do(place, sample_api, monkeypatch, environ, code, thing, says):
    sample_api()
    (place.folder / "broken.duckdb").write_bytes(b"no database at all" * 100)
    s3 = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    for name, value in {"WIKI_TRENDS_LAKE_RETRIES": "0", **s3, **environ}.items():
        monkeypatch.setenv(name, value)
    finding = examined(place, code)[thing]
    assert not finding["ok"]
    assert says in finding["text"]
    line = next(line for line in place.run("doctor").out.splitlines() if thing in line)
    assert line.startswith("NO  ")


def test_a_ledger_that_is_no_database_is_told(place, sample_api):
    sample_api()
    state = place.folder / "data" / "state"
    state.mkdir(parents=True)
    (state / "runs.sqlite").write_bytes(b"no database at all" * 100)
    finding = examined(place, 3)["runs and locks"]
    assert "is not a database" in finding["text"]
    with (
        closing(sqlite3.connect(state / "runs.sqlite")) as database,
        pytest.raises(sqlite3.DatabaseError),
    ):
        database.execute("SELECT * FROM runs")


def test_settings_are_listed_and_secrets_are_not(place, monkeypatch):
    monkeypatch.setenv("WIKI_TRENDS_TOKEN", "hunter2")
    monkeypatch.setenv("WIKI_TRENDS_WAREHOUSE", "postgresql://me:hunter2@db/x")
    listed = place.run("doctor", "--settings", "--json")
    assert listed.code == 0
    assert listed.json["WIKI_TRENDS_DAYS"] == 5
    assert listed.json["WIKI_TRENDS_TOKEN"] == "(secret, set)"
    shown = place.run("doctor", "--settings").out
    assert "WIKI_TRENDS_LAKE = data/lake/{layer}" in shown
    assert "hunter2" not in shown + listed.out


def live(place, *arguments):
    return place.run("doctor", "--live", *arguments)


def test_live_shows_one_response_of_each_service(place, sample_api):
    sample_api()
    ran = live(place, "--json")
    assert ran.code == 0
    assert [(answer["service"], answer["status"]) for answer in ran.json] == [
        ("pageviews API", 200),
        ("Action API", 200),
    ]
    assert all(answer["http_version"] == "HTTP/1.1" for answer in ran.json)
    text = live(place).out
    assert "pageviews API: 200 HTTP/1.1" in text
    assert '{"items":[{"project":"en.wikipedia"' in text


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (
            Reply(b"Please respect our robot policy\nRequest 1", status=403, headers={"X-Cache": "cp1 int"}),
            2,
            ["403", "x-cache      cp1 int", "body         Please respect our robot policy", "bot-traffic@"],
        ),
        (Reply(b"slow", status=429, headers={"Retry-After": "77"}), 3, ["429", "retry-after  77"]),
        (Reply(b"", status=401), 2, ["401", "WIKI_TRENDS_TOKEN"]),
        (Reply(b"", status=301, headers={"Location": "/x"}), 2, ["301"]),
        (Reply(b"", fault="reset"), 3, ["no response"]),
        (Reply(b"\xff\x00\x1b[31m", status=500), 3, ["500", "\ufffd [31m"]),
    ],
)
def test_live_shows_a_refusal_as_it_is(place, monkeypatch, reply, code, words):
    with ScriptedServer(lambda _asked: reply) as server:
        monkeypatch.setenv("WIKI_TRENDS_WIKIMEDIA_URL", server.url)
        monkeypatch.setenv("WIKI_TRENDS_MEDIAWIKI_URL", server.url)
        ran = live(place)
        assert len(server.requests) == 2
    assert ran.code == code
    for word in words:
        assert word in ran.out
