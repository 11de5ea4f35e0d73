"""Test `explain`: why a page has its category and its location."""

from __future__ import annotations

import json

import pytest

from testing.scripted_server import ScriptedServer
from testing.small_wiki import DAY, SmallWiki, categories, listing, settings_for
from wiki_trends.cli.app import run_command
from wiki_trends.jobs.explain import explain_page, explanation_lines
from wiki_trends.pipeline import run_day

PAGES = {
    "Ruska Venla": {
        "description": "Finnish singer (born 1990)",
        "categories": categories("Living people", "Finnish women singers", "Hotels in Finland"),
    },
    "Olwe (town)": {
        "coordinates": [
            {"lat": 60.5, "lon": 24.25, "globe": "earth", "type": "city", "country": "FI", "primary": True}
        ]
    },
    "Many": {"categories": categories(*(f"{year} films" for year in range(1990, 2010)))},
}


@pytest.fixture
def wiki():
    small = SmallWiki(
        lists={("en.wikipedia", DAY): listing([("Ruska_Venla", 9, 1)])},
        pages=PAGES,
        redirects={"Venla": "Ruska Venla"},
        missing={"Nobody"},
    )
    with ScriptedServer(small) as server:
        yield server


@pytest.fixture
def environment(wiki, tmp_path, monkeypatch):
    settings = settings_for(wiki.url, tmp_path)
    for name in ("lake", "state", "wikimedia_url", "mediawiki_url"):
        monkeypatch.setenv(f"WIKI_TRENDS_{name.upper()}", getattr(settings, name))


def test_a_page_is_explained_by_its_rules_and_nothing_is_written(wiki, tmp_path):
    explanation = explain_page("Ruska Venla", settings_for(wiki.url, tmp_path))
    assert (explanation.source, explanation.rules.category.outcome, explanation.rules.place) == (
        "wikimedia",
        "Entertainment",
        ("Person", "Finland"),
    )
    text = "\n".join(line for line, _ in explanation_lines(explanation))
    assert "Ruska Venla  (en.wikipedia, from Wikimedia)" in text
    assert "20  description: 'singer(s)' in 'Finnish singer (born 1990)'" in text
    assert (
        "5  category: 'hotels' in 'Hotels in Finland'" in text or "'hotel(s)' in 'Hotels in Finland'" in text
    )
    assert "location: Finland" in text
    assert not (tmp_path / "lake").exists()


def test_a_page_of_the_cache_is_explained_without_asking_and_as_the_pipeline_decided(wiki, tmp_path):
    from smart_orchestrator.adapters.manifest import read_frame
    from wiki_trends.config.layers import layers

    settings = settings_for(wiki.url, tmp_path)
    run_day(DAY, settings)
    request_count = len(wiki.requests)
    explanation = explain_page("Ruska_Venla", settings)
    assert (explanation.source, len(wiki.requests)) == ("cache", request_count)
    row = read_frame(layers(settings).diamond, DAY).row(0, named=True)
    document = explanation.to_json()
    assert {name: row[name] for name in ("category", "location_type", "location")} == {
        name: document[name] for name in ("category", "location_type", "location")
    }


def test_a_redirect_is_explained_as_the_page_that_it_leads_to(wiki, tmp_path):
    explanation = explain_page("Venla", settings_for(wiki.url, tmp_path))
    assert (explanation.title, explanation.facts.title, explanation.rules.category.outcome) == (
        "Venla",
        "Ruska Venla",
        "Entertainment",
    )


def test_coordinates_are_named_as_the_reason(wiki, tmp_path):
    explanation = explain_page("Olwe (town)", settings_for(wiki.url, tmp_path))
    assert explanation.rules.place == ("City", "Finland")
    text = "\n".join(line for line, _ in explanation_lines(explanation))
    assert "coordinates   60.5, 24.25, type city, country FI" in text
    assert "coordinates: 'country:FI'" in text


def test_a_title_that_the_wiki_does_not_know_gets_the_defaults(wiki, tmp_path):
    explanation = explain_page("Nobody", settings_for(wiki.url, tmp_path))
    document = explanation.to_json()
    assert [document[name] for name in ("category", "location_type", "location")] == [
        "Other",
        "General",
        "No specific location",
    ]
    assert "  The wiki has no such page, so the defaults apply." in [
        line for line, _ in explanation_lines(explanation)
    ]


def test_of_many_rules_the_heaviest_are_shown(wiki, tmp_path):
    shown = [
        line.strip() for line, _ in explanation_lines(explain_page("Many", settings_for(wiki.url, tmp_path)))
    ]
    assert shown.count("and 8 more") == 2


@pytest.mark.usefixtures("environment")
def test_the_command_prints_text_or_one_document(capsys):
    assert run_command(["explain", "Ruska Venla"]) == 0
    assert "category: Entertainment" in capsys.readouterr().out
    assert run_command(["explain", "Ruska Venla", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["category"] == "Entertainment"
    assert document["why"]["category"]["scores"]["Entertainment"] == sum(
        rule["score"] for rule in document["why"]["category"]["rules"] if rule["label"] == "Entertainment"
    )


@pytest.mark.usefixtures("environment")
def test_the_users_file_applies_and_a_broken_one_is_wrong_usage(capsys, monkeypatch, tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text('[en."Health"]\n90 = ["singer(s)"]\n', encoding="utf-8")
    monkeypatch.setenv("WIKI_TRENDS_CATEGORIES_FILE", str(mine))
    assert run_command(["explain", "Ruska Venla"]) == 0
    assert "category: Health" in capsys.readouterr().out
    mine.write_text("[en", encoding="utf-8")
    assert run_command(["explain", "Ruska Venla"]) == 2
    assert "is not TOML" in capsys.readouterr().err


@pytest.mark.parametrize("title", ["", " ", "_"])
def test_no_title_is_wrong_usage(capsys, title):
    assert run_command(["explain", title]) == 2
    assert "is not a title" in capsys.readouterr().err


def test_live_use_without_a_contact_is_refused(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run_command(["explain", "Paris"]) == 2
    assert "WIKI_TRENDS_CONTACT" in capsys.readouterr().err


@pytest.mark.usefixtures("environment")
def test_a_file_of_phrases_that_cannot_be_used_is_explanation_before_a_day_is_run(
    wiki, capsys, monkeypatch, tmp_path
):
    mine = tmp_path / "mine.toml"
    mine.write_text('[en."Sprots"]\n1 = ["x"]\n', encoding="utf-8")
    monkeypatch.setenv("WIKI_TRENDS_CATEGORIES_FILE", str(mine))
    assert run_command(["fetch", str(DAY)]) == 2
    assert "en.Sprots is not one of the 19 categories" in capsys.readouterr().err
    assert wiki.requests == []
    assert not (tmp_path / "lake").exists()
