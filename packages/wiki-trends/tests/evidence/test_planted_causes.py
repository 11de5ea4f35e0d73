"""Test the evidence on planted causes, and a published window with evidence from the sample API."""

from pathlib import Path

import duckdb
import pytest

from benchmarks.evidence import measure
from testing.dashboard import serving
from testing.small_wiki import settings_for
from wiki_trends.cli.app import run_command
from wiki_trends.config.settings import load
from wiki_trends.evidence import queries
from wiki_trends.jobs import evidence as job
from wiki_trends.sample.options import SampleOptions
from wiki_trends.sample.server import SampleServer

WINDOW = ("--start", "2025-11-05", "--end", "2025-11-07", "--as-of", "2025-11-12")


@pytest.mark.slow
def test_planted_causes_are_found_and_decoys_are_not_explained():
    figures = measure([2], windows=2)
    assert figures["precision"] >= 0.95
    assert figures["found_share"] >= 0.6
    assert figures["uncaused_share"] <= 0.02
    assert figures["most_requests"] <= 50


def publish(place, monkeypatch, url):
    settings = settings_for(url, place.folder)
    for name in ("wikimedia_url", "mediawiki_url"):
        monkeypatch.setenv(f"WIKI_TRENDS_{name.upper()}", getattr(settings, name))
    # A busy machine must not reach the limits of time.
    monkeypatch.setattr(queries, "MAX_SECONDS", 3600.0)
    monkeypatch.setattr(job, "REQUEST_SECONDS", 600.0)
    place.write_days("2025-11-03", "2025-11-04", "2025-11-05", "2025-11-06", pages=3)
    place.write_days("2025-11-07", pages=40)
    assert run_command(("run", "--no-history", *WINDOW)) == 0


@pytest.mark.slow
def test_a_window_is_published_with_its_evidence_and_analyze_uses_the_answers_of_the_lake(place, monkeypatch):
    with SampleServer(SampleOptions(port=0)) as server:
        publish(place, monkeypatch, server.url)
        asked = len(server.requests)
        assert 0 < asked <= 50
        before = place.run("export", "wiki_trends_evidence", "--format", "json").json
        for command in ("run", "analyze"):
            assert place.run(command, "--no-history", *WINDOW).code == 0
        assert len(server.requests) == asked
    assert place.run("export", "wiki_trends_evidence", "--format", "json").json == before
    rises = [row for row in place.run("top", "--limit", "100", "--json").json["pages"] if row["at_least"] > 1]
    assert rises
    page = place.run("page", rises[0]["page"], "--json").json
    assert [piece["kind"] for piece in page["evidence"]] == ["none"]
    assert "no public explanation found" in place.run("page", rises[0]["page"]).out
    assert "Why they rose" in place.run("report").out
    assert "why: no public explanation found" in place.run("top").out
    assert {row["why"]["kind"] for row in rises} == {"none"}
    assert {row["kind"] for row in place.run("report", "--json").json["why"].values()} == {"none"}
    assert place.run("report", "--html", "report.html").code == 0
    assert "no public explanation found" in Path("report.html").read_text("utf-8")
    exported = place.run("export", "wiki_trends_evidence", "--format", "json").json
    assert {row["page"] for row in exported} == {row["page"] for row in rises}


def test_the_dashboard_shows_evidence_and_links_only_to_hosts_of_the_project(place, monkeypatch):
    with SampleServer(SampleOptions(port=0)) as server:
        publish(place, monkeypatch, server.url)
    with duckdb.connect("data/warehouse.duckdb") as connection:
        connection.execute(
            "UPDATE wiki_trends_evidence SET rule = 'r', strength = 0.5, source = "
            "CASE page WHEN 'Page_40' THEN 'https://www.wikidata.org/wiki/Q1' ELSE 'https://evil.example/' END"
        )
    with serving(load()) as dashboard:
        for path in ("/", "/feed.atom"):
            assert (
                "no public explanation found"
                in dashboard.client.get(path, headers={"accept": "text/html"}).text
            )
        trusted, other = (
            dashboard.client.get("/page", params={"title": title}, headers={"accept": "text/html"}).text
            for title in ("Page_40", "Page_39")
        )
    assert 'href="https://www.wikidata.org/wiki/Q1"' in trusted
    assert "No public explanation found" in other
    assert "evil.example" not in other


@pytest.mark.slow
def test_the_window_is_published_without_a_wikimedia(place, monkeypatch):
    monkeypatch.setenv("WIKI_TRENDS_DEADLINE", "2")
    publish(place, monkeypatch, "http://127.0.0.1:9")
    kinds = {row["kind"] for row in place.run("export", "wiki_trends_evidence", "--format", "json").json}
    assert kinds == {"unavailable"}


def test_a_window_without_evidence_has_no_evidence_of_an_earlier_publish(place, monkeypatch):
    with SampleServer(SampleOptions(port=0)) as server:
        publish(place, monkeypatch, server.url)
    monkeypatch.setenv("WIKI_TRENDS_EVIDENCE", "off")
    assert place.run("analyze", *WINDOW).code == 0
    assert place.run("page", "Page_40", "--json").json["evidence"] == []


@pytest.mark.slow
def test_analyze_publishes_no_evidence_without_answers_and_run_adds_it(place, monkeypatch):
    with SampleServer(SampleOptions(port=0)) as server:
        publish(place, monkeypatch, server.url)
        (cache,) = Path().rglob("evidence.json")
        cache.unlink()
        assert place.run("analyze", "--no-history", *WINDOW).code == 0
        assert place.run("page", "Page_40", "--json").json["evidence"] == []
        ran = place.run("run", "--no-history", *WINDOW, "--json")
        assert ran.json["unchanged"] is False
        assert place.run("page", "Page_40", "--json").json["evidence"] != []
        asked = len(server.requests)
        assert place.run("run", "--no-evidence", "--no-history", *WINDOW).code == 0
        assert len(server.requests) == asked
