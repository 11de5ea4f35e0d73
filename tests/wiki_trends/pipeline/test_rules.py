from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest

from wiki_trends.pipeline.phrases import Phrases, words_of
from wiki_trends.pipeline.rules import CATEGORIES, LOCATION_TYPES, Place, category_of, place_of
from wiki_trends.wikimedia import PageFacts


def facts(*categories, description=None, **more):
    return PageFacts("X", categories=categories, description=description, **more)


def test_the_nineteen_categories_are_those_of_the_table():
    table = tomllib.loads(
        files("wiki_trends.pipeline").joinpath("categories.toml").read_text(encoding="utf-8")
    )
    assert len(CATEGORIES) == 19
    assert set(table["en"]) == set(CATEGORIES) - {"Other"}


def test_the_location_types_are_those_of_the_table():
    table = tomllib.loads(files("wiki_trends.pipeline").joinpath("places.toml").read_text(encoding="utf-8"))
    assert set(table["en"]) == set(LOCATION_TYPES) - {"General"}


@pytest.mark.parametrize("file", ["categories.toml", "places.toml"])
def test_no_phrase_stands_twice_under_one_label(file):
    table = tomllib.loads(files("wiki_trends.pipeline").joinpath(file).read_text(encoding="utf-8"))
    for label, weights in table["en"].items():
        phrases = [phrase for listed in weights.values() for phrase in listed]
        assert sorted(phrases) == sorted(set(phrases)), label


@pytest.mark.parametrize(
    ("page", "known", "category"),
    [
        ("X", facts("2025 films", "English-language films"), "Entertainment"),
        ("X", facts("Footballers from Velmora", "Living people", "1999 births"), "Sports"),
        ("X", facts(description="American politician and lawyer"), "Politics"),
        ("X_(video_game)", facts(), "Games"),
        ("X_(film)", facts(), "Entertainment"),
        ("X", facts("Dog breeds"), "Pets and animals"),
        ("X", facts("Law schools in Ohio"), "Jobs and education"),
        ("X", facts("Atlantic hurricanes"), "Climate"),
        ("X", facts("Supermarkets of France"), "Shopping"),
        ("X", facts("Sports car manufacturers"), "Autos and vehicles"),
        ("X", facts("Infectious diseases"), "Health"),
        ("Barbados", facts("Xyz"), "Other"),
        ("X", facts(), "Other"),
    ],
)
def test_a_page_has_the_category_that_its_words_name(page, known, category):
    assert category_of(page, known, "en") == category


@pytest.mark.parametrize(
    ("page", "known", "place"),
    [
        ("Paris", facts(place_type="city", latitude=48.8, longitude=2.3), Place("City", "Paris")),
        ("Georgia_(country)", facts(place_type="country"), Place("Country", "Georgia")),
        ("X", facts(description="Capital of Velmora"), Place("City", "X")),
        ("X", facts("Living people", "People from the city of Y"), Place("Person", "No specific location")),
        ("X", facts("2025 elections in Y"), Place("Event", "No specific location")),
        ("X", facts(latitude=1.0, longitude=2.0), Place("Landmark", "X")),
        ("X", facts(latitude=1.0, longitude=2.0, place_type="event"), Place("Event", "No specific location")),
        ("X", facts(), Place("General", "No specific location")),
        ("(film)", facts(place_type="city"), Place("City", "(film)")),
    ],
)
def test_a_page_has_the_place_that_its_coordinates_or_words_name(page, known, place):
    assert place_of(page, known, "en") == place


def test_only_whole_words_match_in_any_case_and_with_any_hyphen():
    table = Phrases({"Bar": {"2": ["bar(s)"]}, "Game": {"3": ["role-playing game(s)"]}})
    assert table.scores([("Barbados", 1.0)]) == {}
    assert table.scores([("BARS of Paris", 1.0)]) == {"Bar": 2.0}
    assert table.scores([("Role playing Games", 2.0)]) == {"Game": 6.0}
    assert table.best([]) is None


def test_the_longest_phrase_counts_and_hides_the_words_in_it():
    table = Phrases({"Law": {"5": ["law"]}, "School": {"1": ["law school(s)"]}})
    assert table.best([("Law schools", 1.0)]) == "School"
    assert table.best([("law", 1.0), ("Law school", 1.0)]) == "Law"


def test_one_phrase_can_be_under_two_labels_and_the_first_wins_a_tie():
    table = Phrases({"B": {"1": ["word"]}, "A": {"1": ["word"]}})
    assert table.scores([("a word", 1.0)]) == {"B": 1.0, "A": 1.0}
    assert table.best([("a word", 1.0)]) == "B"


def test_words_are_compared_in_one_unicode_form():
    assert words_of("E\u0301te\u0301, l’eau_x") == ["été", "l’eau", "x"]
