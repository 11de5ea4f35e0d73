from __future__ import annotations

import json

import pytest

from wiki_trends.errors import ContractBroken
from wiki_trends.wikimedia.pages import PageFacts, Pages


def facts(answer, *titles):
    pages = Pages("u")
    assert pages.add(answer) is None
    return pages.facts(titles)


def page(title, **more):
    return {"pageid": 1, "ns": 0, "title": title, **more}


def test_titles_are_followed_through_normalisation_and_redirects():
    answer = {
        "query": {
            "normalized": [{"fromencoded": False, "from": "adams,_Douglas", "to": "Adams, Douglas"}],
            "redirects": [
                {"from": "Adams, Douglas", "to": "D. Adams", "tofragment": "Life"},
                {"from": "D. Adams", "to": "Douglas Adams"},
            ],
            "pages": [page("Other"), page("Douglas Adams", description="English writer")],
        }
    }
    result = facts(answer, "adams,_Douglas", "Douglas_Adams")
    assert result["adams,_Douglas"].title == "Douglas Adams"
    assert result["adams,_Douglas"].redirected
    assert result["Douglas_Adams"].description == "English writer"
    assert not result["Douglas_Adams"].redirected


def test_a_title_in_another_unicode_form_is_given_back_encoded():
    answer = {
        "query": {
            "normalized": [{"fromencoded": True, "from": "E%CC%81te", "to": "Éte"}],
            "pages": [page("Éte")],
        }
    }
    assert facts(answer, "E\u0301te")["E\u0301te"].title == "Éte"


def test_redirects_in_a_circle_end():
    answer = {"query": {"redirects": [{"from": "A", "to": "B"}, {"from": "B", "to": "A"}]}}
    assert facts(answer, "A")["A"].missing


@pytest.mark.parametrize(
    "entry",
    [
        {"ns": 0, "title": "X", "missing": True},
        {"ns": 0, "title": "X", "missing": ""},
        {"title": "X", "invalidreason": "bad", "invalid": True},
    ],
)
def test_missing_and_invalid_titles_are_missing(entry):
    assert facts({"query": {"pages": [entry]}}, "X")["X"] == PageFacts("X", missing=True)


def test_a_false_flag_is_no_flag():
    assert not facts({"query": {"pages": [page("X", missing=False)]}}, "X")["X"].missing


def test_titles_of_other_wikis_are_missing():
    answer = {"batchcomplete": True, "query": {"interwiki": [{"title": "fr:Foo", "iw": "fr"}]}}
    assert facts(answer, "fr:Foo")["fr:Foo"].missing


def test_what_a_page_lacks_is_absent():
    assert facts({"query": {"pages": [page("X")]}}, "X")["X"] == PageFacts("X")


def test_everything_that_is_asked_for_is_kept():
    entry = page(
        "Paris",
        categories=[{"ns": 14, "title": "Catégorie:Paris"}, {"ns": 14, "title": "Catégorie:A: B"}],
        coordinates=[
            {
                "lat": 48.8567,
                "lon": 2.3522,
                "primary": True,
                "type": "city",
                "country": "FR",
                "globe": "earth",
            }
        ],
        pageprops={"wikibase_item": "Q90", "disambiguation": ""},
        description="capitale de la France",
    )
    assert facts({"query": {"pages": [entry]}}, "Paris")["Paris"] == PageFacts(
        "Paris",
        categories=("Paris", "A: B"),
        latitude=48.8567,
        longitude=2.3522,
        place_type="city",
        country="FR",
        description="capitale de la France",
        wikidata_id="Q90",
        disambiguation=True,
    )


@pytest.mark.parametrize(
    "place",
    [
        {"lat": 8.35, "lon": 30.83, "globe": "moon"},
        {"lat": 95, "lon": 2, "globe": "earth"},
        {"lat": 1, "lon": 181, "globe": "earth"},
        {"lat": float("nan"), "lon": 1, "globe": "earth"},
        {"lat": None, "lon": 1, "globe": "earth"},
        {"lat": 1, "lon": 2, "globe": "earth", "primary": False},
    ],
)
def test_only_primary_coordinates_on_earth_count(place):
    result = facts({"query": {"pages": [page("X", coordinates=[place])]}}, "X")["X"]
    assert (result.latitude, result.longitude, result.place_type) == (None, None, None)


@pytest.mark.parametrize(
    "answer", [[], {"query": []}, {"query": {"pages": [3]}}, {"query": {"redirects": [{}]}}]
)
def test_an_answer_of_another_form_breaks_the_contract(answer):
    with pytest.raises(ContractBroken, match="the pages from u"):
        Pages("u").add(answer)


def test_facts_survive_the_cache():
    full = PageFacts("A", -1, True, True, ("x",), 1.5, -2.5, "city", "FR", "d", "Q1", True)  # noqa: FBT003
    for original in (full, PageFacts("A")):
        assert PageFacts.from_json(json.loads(json.dumps(original.to_json()))) == original
