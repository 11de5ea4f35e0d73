from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiki_trends.errors import SettingError
from wiki_trends.pipeline.rules.countries import country_phrases, name_of
from wiki_trends.pipeline.rules.phrases import (
    NO_LABEL,
    Entry,
    Hit,
    Phrases,
    PhraseTrie,
    TableError,
    overlay,
    read_tables,
    words_of,
)
from wiki_trends.pipeline.rules.rules import CATEGORIES, LOCATION_TYPES, Place, Rules
from wiki_trends.wikimedia import PageFacts


def facts(*categories, description=None, **more):
    return PageFacts("X", categories=categories, description=description, **more)


def tables(file):
    return tomllib.loads(files("wiki_trends.pipeline.rules").joinpath(file).read_text(encoding="utf-8"))


def category_of(page, known, language="en"):
    return Rules.load(language).labels(page, known).category


def place_of(page, known, language="en"):
    return Rules.load(language).labels(page, known).place


def named(text, language="en"):
    return [hit.label for hit in country_phrases(language).hits(text)]


def test_the_labels_are_the_nineteen_categories():
    assert len(CATEGORIES) == 19
    for language, table in tables("categories.toml").items():
        assert set(table) <= {*CATEGORIES, NO_LABEL}, language
    assert set(tables("categories.toml")["en"]) == {*CATEGORIES, NO_LABEL}


def test_the_labels_are_the_types_of_places():
    for language, table in tables("places.toml").items():
        assert set(table) <= set(LOCATION_TYPES), language
    assert set(tables("places.toml")["en"]) == set(LOCATION_TYPES)


@pytest.mark.parametrize("file", ["categories.toml", "places.toml"])
def test_no_phrase_stands_twice_under_one_label(file):
    for language, labels in tables(file).items():
        for label, weights in labels.items():
            phrases = [phrase for listed in weights.values() for phrase in listed]
            assert sorted(phrases) == sorted(set(phrases)), (language, label)


@pytest.mark.parametrize(
    ("page", "known", "category"),
    [
        ("X", facts("2025 films", "English-language films"), "Entertainment"),
        ("X", facts("Footballers from Velmora", "Living people", "1999 births"), "Sports"),
        ("X", facts(description="American politician and lawyer"), "Politics"),
        ("X", facts(description="American lawyer and politician"), "Law and government"),
        ("X_(video_game)", facts(), "Games"),
        ("X_(film)", facts(), "Entertainment"),
        ("X", facts("Dog breeds"), "Pets and animals"),
        ("X", facts("Chicago Bears players"), "Sports"),
        ("X", facts("Law schools in Ohio"), "Jobs and education"),
        ("X", facts("University of Ohio alumni"), "Other"),
        (
            "X",
            facts("Deaths from cancer in Ohio", "American bankers", "Banks of Ohio"),
            "Business and finance",
        ),
        ("X", facts("Atlantic hurricanes"), "Climate"),
        ("X", facts("Supermarkets of France"), "Shopping"),
        ("X", facts("Sports car manufacturers"), "Autos and vehicles"),
        ("X", facts("Infectious diseases"), "Health"),
        ("Barbados", facts("Xyz"), "Other"),
        ("X", facts(), "Other"),
    ],
)
def test_a_page_has_the_category_that_its_words_name(page, known, category):
    assert category_of(page, known) == category


@pytest.mark.parametrize(
    ("page", "known", "place"),
    [
        ("Paris", facts(place_type="city", latitude=48.8, longitude=2.3), Place("City", "Paris")),
        (
            "Paris",
            facts(place_type="city", country="FR", latitude=48.8, longitude=2.3),
            Place("City", "France"),
        ),
        ("Georgia_(country)", facts(place_type="country"), Place("Country", "Georgia")),
        ("X", facts(description="Capital of Velmora"), Place("City", "X")),
        ("X", facts("Cities in Ohio"), Place("City", "United States")),
        ("X", facts("Living people", "People from the city of Y"), Place("Person", "No specific location")),
        ("X", facts("Living people", description="Swiss actor"), Place("Person", "Switzerland")),
        ("X", facts("2025 elections in Y"), Place("Event", "No specific location")),
        ("X", facts("2025 elections in Kenya"), Place("Event", "Kenya")),
        ("X", facts("Wars involving Kenya", "Wars involving Peru"), Place("Event", "No specific location")),
        ("X", facts("Films about wars", "French drama films"), Place("General", "France")),
        ("X", facts(latitude=1.0, longitude=2.0), Place("Landmark", "X")),
        (
            "X",
            facts(latitude=1.0, longitude=2.0, place_type="event"),
            Place("Event", "No specific location"),
        ),
        ("X", facts(), Place("General", "No specific location")),
        ("(film)", facts(place_type="city"), Place("City", "(film)")),
    ],
)
def test_a_page_has_the_place_that_its_coordinates_or_words_name(page, known, place):
    assert place_of(page, known) == place


@pytest.mark.parametrize(
    ("text", "countries"),
    [
        ("Capital of France", ["France"]),
        ("German-born Swiss physicist", ["Switzerland"]),
        ("American people of Irish descent", ["United States"]),
        ("English-language films", []),
        ("American football in Arizona", ["United States"]),
        ("Native American history", []),
        ("Turkey and turkey", ["Turkey"]),
        ("turkey with china", []),
        ("The Last of Us", []),
        ("US federal law", ["United States"]),
        ("U.S. state", ["United States"]),
        ("Films set in New Mexico", ["United States"]),
        ("Cities in Georgia (U.S. state)", ["United States"]),
        ("Scottish dog breed", ["United Kingdom"]),
        ("Guinea-Bissau", ["Guinea-Bissau"]),
        ("Nigerien, not Nigerian", ["Niger", "Nigeria"]),
        ("Nova Zembla", []),
    ],
)
def test_countries_are_named_by_whole_names_adjectives_and_regions(text, countries):
    assert [label for label in named(text) if label] == countries


def test_countries_have_one_name_in_every_language():
    assert named("acteur américain", "fr") == named("American actor") == ["United States"]
    assert named("Film aus Deutschland", "de") == named("Allemagne", "fr") == ["Germany"]
    assert name_of("gb") == "United Kingdom"
    assert name_of("ZZ") is None


def test_every_country_has_a_name_and_is_named_by_it():
    from wiki_trends.pipeline.rules.countries import _names_by_code

    names = _names_by_code()
    assert len(names) == len(set(names.values())) > 240
    assert [name for name in names.values() if "(" not in name and named(name) != [name]] == []


@pytest.mark.parametrize(
    ("language", "known", "category", "place"),
    [
        (
            "fr",
            facts("Joueur de football", description="footballeur français"),
            "Sports",
            ("Person", "France"),
        ),
        (
            "fr",
            facts("Film américain sorti en 2020", "Film dramatique américain"),
            "Entertainment",
            ("General", "United States"),
        ),
        ("fr", facts(description="commune française"), "Travel and transportation", ("City", "France")),
        ("de", facts(description="deutscher Politiker (SPD)"), "Politics", ("Person", "Germany")),
        ("it", facts(description="calciatore italiano"), "Sports", ("Person", "Italy")),
        ("es", facts(description="película estadounidense"), "Entertainment", ("General", "United States")),
        ("fr", facts(description="French footballer"), "Sports", ("Person", "France")),
        ("nl", facts(description="French footballer"), "Sports", ("Person", "France")),
    ],
)
def test_other_languages_have_rules_of_their_own_and_english_ones_where_those_are_silent(
    language, known, category, place
):
    assert category_of("X", known, language) == category
    assert place_of("X", known, language) == place


def test_an_explanation_names_every_rule_and_its_scores_are_their_sum():
    known = facts("Law schools in Ohio", "Ohio lawyers", description="Law school of Ohio")
    explanation = Rules.load("en").explain("X", known)
    assert explanation.category.outcome == category_of("X", known) == "Jobs and education"
    assert explanation.place == place_of("X", known)
    assert {match.source for match in explanation.category.matches} == {"category", "description"}
    for decision in (explanation.category, explanation.location_type, explanation.location):
        sums: dict[str, float] = {}
        for match in decision.matches:
            sums[match.label] = sums.get(match.label, 0) + match.score
        assert sums == decision.scores
        assert not decision.scores or decision.scores[decision.outcome] == max(decision.scores.values())


def test_a_file_of_the_user_is_laid_over_the_rules(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text('[en."Health"]\n9 = ["zumba", "film(s)"]\n', encoding="utf-8")
    rules = Rules.load("en", str(mine))
    assert rules.labels("X", facts("Zumba")).category == "Health"
    assert rules.labels("X", facts("2025 films")).category == "Health"
    assert rules.labels("X", facts("2025 songs")).category == "Entertainment"
    assert category_of("X", facts("2025 films")) == "Entertainment"


def test_a_file_of_the_user_that_has_changed_is_read_again(tmp_path):
    mine = tmp_path / "mine.toml"
    for time, category in enumerate(("Health", "Sports"), 1):
        mine.write_text(f'[en."{category}"]\n9 = ["zumba"]\n', encoding="utf-8")
        import os

        os.utime(mine, (time, time))
        assert Rules.load("en", str(mine)).labels("X", facts("Zumba")).category == category


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "No such file"),
        ("[en", "not TOML"),
        ('en = "x"', "en is not a section"),
        ('[en."Sprots"]\n1 = ["x"]', "en.Sprots is not one of the 19 categories"),
        ('[en."Sports"]\nheavy = ["x"]', "the weight is not a number"),
        ('[en."Sports"]\nnan = ["x"]', "the weight is not a number"),
        ('[en."Sports"]\n1 = "x"', "not a list of phrases"),
        ('[en."Sports"]\n1 = ["?"]', "not a list of phrases"),
        ('[en."Sports"]\n"1e400" = ["x"]', "the weight is not a number"),
        ('[en."Sports"]\n1 = [1]', "not a list of phrases"),
        ('[en."Sports"]\n1 = ["' + "(" * 100_000 + '"]', "not a list of phrases"),
        ('[en.""]\n1 = ["x"]', "is not one of the 19 categories"),
        (
            '[en."Sports"]\n1 = [' + '"a(b)(c)(d)(e)(f)(g)(h)(i)",' * 400 + "]",
            "its phrases have 102,400 spellings, at most 100,000 are possible",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_its_place(tmp_path, text, problem):
    mine = tmp_path / "mine.toml"
    if text is not None:
        mine.write_text(text, encoding="utf-8")
    with pytest.raises(SettingError, match=problem) as error:
        Rules.load("en", str(mine))
    assert error.value.name == "categories_file"


def entry(phrase):
    return Entry(is_in_capitals=False, hit=Hit(phrase, 1.0, phrase))


def trie_of(*phrases):
    trie = PhraseTrie()
    for phrase in phrases:
        trie.add(phrase.split(), entry(phrase))
    return trie


def phrases_at(trie, text, start=0):
    return [
        (length, [item.hit.phrase for item in entries])
        for length, entries in trie.longest_first(text.split(), start)
    ]


def test_a_trie_finds_the_phrases_at_a_word_longest_first():
    trie = trie_of("law", "law school", "law school of ohio", "school")
    assert phrases_at(trie, "law school of ohio") == [
        (4, ["law school of ohio"]),
        (2, ["law school"]),
        (1, ["law"]),
    ]
    assert phrases_at(trie, "law school of ohio", 1) == [(1, ["school"])]
    assert phrases_at(trie, "law of ohio") == [(1, ["law"])]


def test_a_trie_finds_nothing_where_no_phrase_begins_or_a_phrase_is_cut():
    trie = trie_of("law school")
    assert phrases_at(trie, "law") == []
    assert phrases_at(trie, "a law school") == []
    assert phrases_at(trie, "law school", 2) == []
    assert phrases_at(PhraseTrie(), "law") == []


def test_a_trie_keeps_all_entries_of_one_phrase_in_their_order():
    trie = trie_of("law")
    trie.add(["law"], entry("other"))
    assert phrases_at(trie, "law") == [(1, ["law", "other"])]


@given(
    phrases=st.sets(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(" ".join), max_size=6),
    text=st.lists(st.sampled_from("abc"), min_size=1, max_size=8),
)
def test_a_trie_finds_what_a_comparison_with_each_phrase_finds(phrases, text):
    trie = trie_of(*phrases)
    for start in range(len(text)):
        rest = " ".join(text[start:]) + " "
        expected = sorted(
            (len(phrase.split()), [phrase]) for phrase in phrases if rest.startswith(f"{phrase} ")
        )
        assert phrases_at(trie, " ".join(text), start) == expected[::-1]


def test_only_whole_words_match_in_any_case_and_with_any_hyphen():
    table = Phrases({"Bar": {"2": ["bar(s)"]}, "Game": {"3": ["role-playing game(s)"]}})
    assert table.hits("Barbados") == ()
    assert [hit.label for hit in table.hits("BARS of Paris")] == ["Bar"]
    assert [(hit.label, hit.weight) for hit in table.hits("Role playing Games")] == [("Game", 3.0)]
    assert table.best_label({}) is None


def test_the_longest_phrase_counts_and_hides_the_words_in_it():
    table = Phrases({"Law": {"5": ["law"], "0": ["law firm"]}, "School": {"1": ["law school(s)"]}})
    assert [hit.label for hit in table.hits("Law schools")] == ["School"]
    assert [hit.label for hit in table.hits("A law on law schools")] == ["Law", "School"]
    assert table.hits("Law firm") == ()


def test_a_text_with_a_phrase_of_nothing_says_nothing():
    table = Phrases({"Law": {"5": ["law"]}, NO_LABEL: {"0": ["alumni"]}})
    assert table.hits("Law alumni") == ()


def test_one_phrase_can_be_under_two_labels_and_the_first_wins_a_tie():
    table = Phrases({"B": {"1": ["word"]}, "A": {"1": ["word"]}})
    assert [hit.label for hit in table.hits("a word")] == ["B", "A"]
    assert table.best_label({"A": 1.0, "B": 1.0}) == "B"


def test_what_stands_in_parentheses_may_be_there_or_not():
    table = Phrases({"A": {"1": ["américain(e)(s)"]}})
    forms = ["américain", "américaine", "américains", "américaines", "américa"]
    assert [bool(table.hits(form)) for form in forms] == [True, True, True, True, False]


def test_words_are_compared_in_one_unicode_form():
    assert words_of("E\u0301te\u0301, l’eau_x") == ["été", "l’eau", "x"]


def test_a_table_without_words_in_a_phrase_is_refused():
    with pytest.raises(TableError, match="has no word"):
        Phrases({"A": {"1": ["-"]}})
    with pytest.raises(TableError, match="not a section"):
        read_tables("en = 1")


def test_a_phrase_that_is_laid_over_goes_from_every_other_label():
    over = overlay(
        {"A": {"1": ["film(s)", "song"]}, "B": {"2": ["films"]}}, {"C": {"0": ["film(s)"]}, "A": {"3": ["x"]}}
    )
    assert over == {"A": {"1": ["song"], "3": ["x"]}, "B": {"2": []}, "C": {"0": ["film(s)"]}}


_WORDS = st.lists(st.sampled_from(["law", "school", "of", "été", "STRASSE"]), min_size=1, max_size=4)


@given(
    table=st.dictionaries(
        st.sampled_from("ABC"), st.lists(_WORDS.map(" ".join), min_size=1, max_size=4, unique=True)
    ),
    text=_WORDS.map("-".join),
)
def test_hits_are_those_of_a_search_from_left_to_right_for_the_longest(table, text):
    words, found, position = text.casefold().split("-"), [], 0
    while position < len(words):
        ends = {
            position + len(phrase.split()): phrase.casefold().split()
            for listed in table.values()
            for phrase in listed
            if words[position : position + len(phrase.split())] == phrase.casefold().split()
        }
        longest = max(ends, default=position + 1)
        for label, listed in table.items():
            spoken = [phrase.casefold().split() for phrase in listed]
            if longest in ends and ends[longest] in spoken and label not in found:
                found.append(label)
        position = longest
    phrases = Phrases({label: {"1": listed} for label, listed in table.items()})
    assert [hit.label for hit in phrases.hits(text)] == found
