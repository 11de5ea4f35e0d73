"""The synthetic Action API: normalisation, redirects, missing and invalid titles, properties, continuation, errors."""

from __future__ import annotations

import datetime as dt
import json
import sys
import unicodedata
from urllib.parse import unquote

import pytest

from wiki_trends.sample import mediawiki, truth
from wiki_trends.sample.days import wiki_traffic
from wiki_trends.sample.pageviews import Publication
from wiki_trends.sample.wikis import WIKIS
from wiki_trends.wikimedia.pages import PAGE_FACTS_QUERY, Pages
from wiki_trends.wikimedia.siteinfo import parse_siteinfo

EN = WIKIS["en.wikipedia"]
DAY = dt.date(2025, 11, 5)
# Twice what an answer needs. A search through the pages of the wiki for each title would need thousands.
CALLS_PER_TITLE = 100


PUBLICATION = Publication(lambda: dt.date(2025, 11, 12), 1, {}, frozenset(), frozenset())


def ask(params, wiki=EN, *, limit=240):
    answer = mediawiki.respond(params, 0, wiki, limit, PUBLICATION)
    assert answer.status == 200
    return json.loads(answer.body)


def query(titles, **params):
    return ask(PAGE_FACTS_QUERY | {"titles": "|".join(titles)} | params)


def pages_of(titles, *, limit=240):
    """Everything about the titles, all pieces together, and the number of pieces."""
    pages, following, pieces = Pages("test"), {}, 0
    while following is not None:
        answer = ask(PAGE_FACTS_QUERY | {"titles": "|".join(titles)} | following, limit=limit)
        assert ("batchcomplete" in answer) != ("continue" in answer)
        following = pages.add(answer)
        pieces += 1
    return pages.facts(titles), pieces


@pytest.fixture(scope="module")
def planted():
    return truth(0, "en.wikipedia", DAY, DAY + dt.timedelta(days=9))


@pytest.fixture(scope="module")
def titles():
    return [row.article for row in wiki_traffic(0, EN).top(DAY, "all-access")]


def test_underscores_case_and_unicode_form_are_normalised():
    title = "L'Été_à_Corvane"
    decomposed = unicodedata.normalize("NFD", title)
    answer = query([title, decomposed, "special:search", "venla:_Return"])["query"]
    entries = answer["normalized"]
    assert {(unquote(e["from"]) if e["fromencoded"] else e["from"], e["to"]) for e in entries} == {
        (title, "L'Été à Corvane"),
        (decomposed, "L'Été à Corvane"),
        ("special:search", "Special:Search"),
        ("venla:_Return", "Venla: Return"),
    }
    assert [e["fromencoded"] for e in entries] == [False, True, False, False]
    assert sorted((p["title"], p["ns"]) for p in answer["pages"]) == [
        ("L'Été à Corvane", 0), ("Special:Search", -1), ("Venla: Return", 0),
    ]  # fmt: skip


def test_redirects_lead_where_the_truth_says(planted):
    facts, _pieces = pages_of(list(planted["redirects"]))
    assert len(facts) > 15
    assert {asked: fact.title.replace(" ", "_") for asked, fact in facts.items()} == planted["redirects"]


def test_some_redirects_lead_to_a_section(planted):
    answer = query(list(planted["redirects"]))
    assert any("tofragment" in item for item in answer["query"]["redirects"])
    assert any("tofragment" not in item for item in answer["query"]["redirects"])


def test_redirects_are_not_followed_unasked(planted):
    source = next(
        t for t, target in planted["redirects"].items() if t[0] != target[0].lower() and t.isascii()
    )
    answer = ask({k: v for k, v in PAGE_FACTS_QUERY.items() if k != "redirects"} | {"titles": source})
    assert "redirects" not in answer["query"]
    assert answer["query"]["pages"][0]["title"] == source.replace("_", " ")


def test_missing_and_invalid_titles_are_said_to_be_so():
    asked = ["Nobody wrote this", "Vela[1]", "50%25", "Undefined", "a" * 256, "-", ""]
    pages = query([*asked, "Main_Page"])["query"]["pages"]
    missing = {p["title"] for p in pages if p.get("missing")}
    invalid = {p["title"]: p["invalidreason"] for p in pages if p.get("invalid")}
    assert missing == {"Nobody wrote this", "Undefined", "-"}
    assert invalid.keys() == {"Vela[1]", "50%25", "a" * 256, ""}
    assert 'characters: "["' in invalid["Vela[1]"]
    assert [p["title"] for p in pages if "pageid" in p] == ["Main Page"]


def test_titles_can_be_separated_by_another_character():
    answer = ask(PAGE_FACTS_QUERY | {"titles": "\x1fKes\\Tal\x1fA|B"})
    assert sorted(p["title"] for p in answer["query"]["pages"]) == ["A|B", "Kes\\Tal"]


def test_properties_are_what_was_asked_for(titles):
    everything = query(titles[100:150])["query"]["pages"]
    assert any("coordinates" in p for p in everything)
    assert any("coordinates" not in p for p in everything)
    assert any("description" not in p for p in everything)
    assert all(c["title"].startswith("Category:") for p in everything for c in p.get("categories", []))
    less = query(titles[100:150], prop="description")["query"]["pages"]
    assert set().union(*(page for page in less if "pageid" in page)) == {
        "pageid",
        "ns",
        "title",
        "description",
        "descriptionsource",
    }
    assert "page_image_free" not in json.dumps(query(titles[100:150], ppprop="disambiguation"))
    assert "page_image_free" in json.dumps(query(titles[100:150], ppprop="page_image_free"))


def test_hidden_categories_come_only_when_not_refused(titles):
    assert "Articles with short description" not in json.dumps(query(titles[:50]))
    assert "Articles with short description" in json.dumps(query(titles[:50], clshow=""))


def test_pages_come_in_another_order_than_the_titles(titles):
    pages = query(titles[100:150])["query"]["pages"]
    ids = [page["pageid"] for page in pages if "pageid" in page]
    assert ids == sorted(ids)
    assert [p["title"] for p in pages] != [t.replace("_", " ") for t in titles[100:150]]


def test_continuation_brings_every_category_once(titles):
    whole, one = pages_of(titles[200:250], limit=10_000)
    pieces, several = pages_of(titles[200:250], limit=7)
    assert one == 1
    assert several > 20
    assert pieces == whole
    assert (
        query(titles[200:250], cllimit="5")["continue"]["continue"]
        == "||coordinates|pageprops|description|info"
    )


def test_some_batches_of_a_day_need_a_continuation(titles):
    counts = [pages_of(titles[start : start + 50])[1] for start in range(0, 1000, 50)]
    assert set(counts) <= {1, 2}
    split_values = [
        row.article
        for n in range(10)
        for row in wiki_traffic(0, EN).top(DAY + dt.timedelta(days=n), "all-access")
    ]
    assert any(
        pages_of(split_values[start : start + 50])[1] == 2 for start in range(0, len(split_values), 50)
    )


def test_the_truth_agrees_with_what_the_api_says(planted, titles):
    facts, _pieces = pages_of(titles[20:70])
    for fact in facts.values():
        page = planted["pages"].get(fact.title.replace(" ", "_"))
        if page is None:
            assert fact.namespace != 0 or fact.missing or fact.title == "Main Page"
            continue
        assert (fact.latitude, fact.longitude) == (page["latitude"], page["longitude"])
        if page["category"] != "Other":
            assert fact.categories
            assert fact.description


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"action": "oscillate"}, "badvalue"),
        ({"format": "xml"}, "badvalue"),
        ({"formatversion": "1"}, "badvalue"),
        ({"titles": "|".join(map(str, range(51)))}, "toomanyvalues"),
        ({"titles": "A", "clcontinue": "1|None"}, "badcontinue"),
        ({"titles": "A", "cllimit": "none"}, "badinteger"),
    ],
)
def test_errors_come_as_200_with_their_code(params, code):
    assert ask(PAGE_FACTS_QUERY | params)["error"]["code"] == code


def test_a_parameter_that_is_not_there_is_named():
    assert ask({})["error"]["code"] == "missingparam"


def test_unknown_properties_are_a_warning_beside_the_data():
    answer = query(["Main_Page"], prop="pageterms")
    assert "pageterms" in answer["warnings"]["query"]["warnings"]
    assert answer["query"]["pages"][0]["title"] == "Main Page"


@pytest.mark.parametrize(
    ("project", "main_page", "special", "title"),
    [
        ("en.wikipedia", "Main_Page", "Special:Search", "WP:About"),
        ("fr.wikipedia", "Wikipédia:Accueil_principal", "Spécial:Search", "Discuter:Velmora"),
        ("de.wikipedia", "Wikipedia:Hauptseite", "Spezial:Suche", "BD:Tarbel"),
        ("it.wikipedia", "Pagina_principale", "speciale:entra", "Utente:Tarbel"),
    ],
)
def test_siteinfo_has_the_names_of_the_wiki_and_the_english_ones(project, main_page, special, title):
    params = {"action": "query", "format": "json", "formatversion": "2", "meta": "siteinfo"}
    site = parse_siteinfo(ask(params, WIKIS[project]), url="test")
    assert site.is_main_page(main_page)
    assert site.namespace(special) == site.namespace("Special:X") == -1
    assert site.namespace(title) != 0
    assert site.namespace("Venla:_Return") == 0


def test_the_calls_for_an_answer_do_not_depend_on_the_number_of_pages_of_the_wiki(titles):
    query(titles[:50])
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        query(titles[:50])
    finally:
        sys.setprofile(None)
    assert 0 < calls < 50 * CALLS_PER_TITLE
