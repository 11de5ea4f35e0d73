"""What surprises in Wikimedia's answers, each by name: as it was recorded (where that is here), and a twin of our own."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import json
from dataclasses import dataclass
from typing import Any

import pytest

from smart_orchestrator.adapters.manifest import read_frame
from testing.recorded import RECORDED, needs_recorded
from testing.scripted_server import ScriptedServer
from testing.small_wiki import DAY, SmallWiki, listing, settings_for
from wiki_trends.config.layers import layers
from wiki_trends.errors import RequestRejected, SettingError
from wiki_trends.pipeline import run_day
from wiki_trends.pipeline.dump.reader import read_dump
from wiki_trends.pipeline.lists.top_list import parse_top_list
from wiki_trends.wikimedia.answers import parse_response
from wiki_trends.wikimedia.pages import Pages
from wiki_trends.wikimedia.siteinfo import parse_siteinfo


@dataclass(frozen=True)
class Answer:
    """A body of ours, or the name of a recorded one; `about` is what a test needs to know of it."""

    source: Any
    about: Any = None

    @property
    def body(self) -> Any:
        if not isinstance(self.source, str):
            return self.source
        document = json.loads((RECORDED / self.source).read_text(encoding="utf-8"))
        return document["response"]["body"] if "response" in document else document


def surprise(recorded, twin, about_recorded=None, about_twin=None):
    """Runs a test with the recorded answers and with their twins; one answer or a list of pieces."""

    def both(source, about):
        return [Answer(item, about) for item in source] if isinstance(source, list) else Answer(source, about)

    return pytest.mark.parametrize(
        "answer",
        [
            pytest.param(both(recorded, about_recorded), id="recorded", marks=needs_recorded),
            pytest.param(both(twin, about_twin), id="twin"),
        ],
    )


def action(name):
    return f"recorded/action/{name}.json"


def facts(answer, *titles):
    pages = Pages("u")
    for piece in answer if isinstance(answer, list) else [answer]:
        pages.add(parse_response("u", 200, {}, json.dumps(piece.body).encode()))
    return pages.facts(titles)


def rows_of(answer, project, day):
    return parse_top_list(json.dumps(answer.body).encode(), project=project, access="all-access", day=day)


TIED = [("A", 9, 1), ("B", 7, 2), ("C", 7, 2), ("D", 5, 4)]


@surprise(
    "recorded/aqs/top-fr.wikipedia-2021-10-05.json",
    json.loads(listing(TIED, dt.date(2021, 10, 5), "fr.wikipedia")),
    (997, 995),
    (4, 4),
)
def test_a_list_of_less_than_a_thousand_rows_with_ties_and_gaps_is_whole(answer):
    rows = rows_of(answer, "fr.wikipedia", dt.date(2021, 10, 5))
    assert (len(rows), rows[-1].rank) == answer.about
    ranks = [row.rank for row in rows]
    assert ranks == sorted(ranks)
    # Competition ranking: a rank is one more than the number of rows with more views.
    assert ranks == [1 + sum(other.views > row.views for other in rows) for row in rows]
    assert len(set(ranks)) < len(ranks)


@surprise("recorded/aqs/top-en.wikipedia-2021-10-02.json", json.loads(listing(TIED, dt.date(2021, 10, 2))))
def test_a_project_asked_for_with_org_is_answered_without(answer):
    assert rows_of(answer, "en.wikipedia.org", dt.date(2021, 10, 2)) == rows_of(
        answer, "en.wikipedia", dt.date(2021, 10, 2)
    )


FRENCH = {
    "query": {
        "general": {"mainpage": "Wikipédia:Accueil principal"},
        "namespaces": {
            "-1": {"id": -1, "name": "Spécial", "canonical": "Special"},
            "0": {"id": 0, "name": ""},
            "1": {"id": 1, "name": "Discussion", "canonical": "Talk"},
            "3": {"id": 3, "name": "Discussion utilisateur", "canonical": "User talk"},
            "4": {"id": 4, "name": "Wikipédia", "canonical": "Project"},
        },
        "namespacealiases": [{"id": 1, "alias": "Discuter"}],
    }
}


@surprise(action("formatversion2-siteinfo-fr.wikipedia"), FRENCH)
def test_the_main_page_can_lie_in_a_namespace_and_prefixes_are_in_the_wikis_language_in_any_case(answer):
    site = parse_siteinfo(answer.body, url="u")
    assert site.is_main_page("Wikipédia:Accueil_principal")
    assert (site.namespace("Wikipédia:Accueil_principal"), site.namespace("spécial:entra")) == (4, -1)
    assert (site.namespace("Discussion_utilisateur:192.0.2.67"), site.namespace("Discuter:X")) == (3, 1)
    assert site.namespace("Venom:_Let_There_Be_Carnage") == 0


def real_odd_titles():
    files = sorted((RECORDED / "top_lists/it.wikipedia/weekly_sums").glob("*.json.gz"))
    lists = (json.loads(gzip.decompress(file.read_bytes()))["articles"] for file in files)
    titles = {article["article"] for articles in lists for article in articles}
    # `Project:` is no namespace of the small wiki that answers here.
    return sorted(title for title in titles if set(title) & set('"%?#&+\\;\ufffd') and ":" not in title)


@pytest.mark.parametrize(
    "titles",
    [
        pytest.param(real_odd_titles, id="recorded", marks=needs_recorded),
        pytest.param(
            lambda: ["3%", "What_If...?", 'Il_"sì"', "AC/DC", "C++", "a\ufffdb", "L'età"], id="twin"
        ),
    ],
)
def test_titles_are_what_was_requested_and_stay_so(titles, tmp_path):
    rows = [(title, 5000 - number, number + 1) for number, title in enumerate(titles()[:1000])]
    assert {"3%"} < {title for title, _, _ in rows}
    with ScriptedServer(SmallWiki(lists={("en.wikipedia", DAY): listing(rows)})) as server:
        settings = settings_for(server.url, tmp_path)
        run_day(DAY, settings)
    assert read_frame(layers(settings).diamond, DAY).select("page", "views", "rank").rows() == rows


@surprise(
    action("info-missing-page"),
    {"query": {"pages": {"-1": {"ns": 0, "title": "No such page", "missing": ""}}}},
    "NonExistentPage_WikiAPI_Test_12345",
    "No_such_page",
)
def test_a_page_that_is_missing_has_a_negative_key(answer):
    assert facts(answer, answer.about)[answer.about].missing


@surprise(
    action("info-pageprops-missing-pageid"), {"query": {"pages": {"-1": {"missing": "", "pageid": -1}}}}
)
def test_a_missing_page_without_even_a_title_is_no_page(answer):
    assert facts(answer, "X")["X"].missing


@surprise(
    action("imageinfo-commons-file-missing-known"),
    {"query": {"pages": {"-1": {"ns": 6, "title": "File:A b.jpg", "missing": "", "known": ""}}}},
    "File:Albert_Einstein_Head.jpg",
    "File:A_b.jpg",
)
def test_a_file_of_commons_is_missing_and_known_and_no_article(answer):
    result = facts(answer, answer.about)[answer.about]
    assert (result.missing, result.namespace) == (True, 6)


@surprise(
    action("coordinates-two-pages-secondary"),
    {"query": {"pages": {"1": {"pageid": 1, "ns": 0, "title": "London"}}}},
)
def test_what_a_page_lacks_is_absent_and_not_empty(answer):
    result = facts(answer, "London")["London"]
    assert (result.missing, result.latitude, result.categories, result.description) == (False, None, (), None)


@surprise(
    action("formatversion2-disambiguation-pageprops"),
    {"query": {"pages": [{"pageid": 1, "ns": 0, "title": "Nova", "pageprops": {"disambiguation": ""}}]}},
    "Douglas_Adams_(disambiguation)",
    "Nova",
)
def test_a_disambiguation_page_has_the_key_with_an_empty_text(answer):
    assert facts(answer, answer.about)[answer.about].disambiguation


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(action("error-geosearch-bad-coordinate"), "invalid-coord"), marks=needs_recorded),
        pytest.param(Answer("app_fixtures/action/api_error.json", "unknown_action"), marks=needs_recorded),
        Answer({"error": {"code": "badvalue", "info": "No."}, "servedby": "x"}, "badvalue: No."),
        Answer({"errors": [{"code": "badvalue", "text": "No."}]}, "badvalue: No."),
    ],
    ids=["recorded", "recorded-plain", "twin", "twin-plain"],
)
def test_an_error_of_the_action_api_comes_with_status_200(answer):
    with pytest.raises(RequestRejected, match=answer.about):
        facts(answer, "X")


@surprise(
    action("extract-50-chars-warning"),
    {
        "warnings": {"extracts": {"*": "too large"}},
        "query": {"pages": {"1": {"pageid": 1, "ns": 0, "title": "Chess"}}},
    },
)
def test_warnings_stand_beside_good_data(answer):
    assert not facts(answer, "Chess")["Chess"].missing


MODULES = [
    {
        "continue": {"clcontinue": "1|B", "continue": "||coordinates"},
        "query": {"pages": {"1": {"pageid": 1, "ns": 0, "title": "Minneapolis"}}},
    },
    {
        "continue": {"plcontinue": "1|0|C", "continue": "||categories"},
        "query": {
            "pages": {
                "1": {
                    "pageid": 1,
                    "ns": 0,
                    "title": "Minneapolis",
                    "categories": [{"ns": 14, "title": "Category:Minneapolis"}],
                }
            }
        },
    },
    {"batchcomplete": "", "query": {"pages": {"1": {"pageid": 1, "ns": 0, "title": "Minneapolis"}}}},
]


@surprise([action(f"continue-several-modules-{number}-of-3") for number in (1, 2, 3)], MODULES)
def test_several_modules_are_continued_together_and_a_page_comes_in_pieces(answer):
    pages = Pages("u")
    for piece in answer:
        following = pages.add(piece.body)
        assert following == piece.body.get("continue")
    assert following is None
    assert "Minneapolis" in pages.facts(["Minneapolis"])["Minneapolis"].categories


@surprise(
    action("formatversion2-categorymembers-continue"),
    {
        "batchcomplete": True,
        "continue": {"cmcontinue": "page|1", "continue": "-||"},
        "query": {"categorymembers": []},
    },
)
def test_a_list_module_goes_on_although_the_batch_is_complete(answer):
    assert Pages("u").add(answer.body) == answer.body["continue"]


REDIRECTED = {
    "query": {
        "normalized": [{"from": "arya", "to": "Arya"}],
        "redirects": [{"from": "Arya", "to": "Arya Stark", "tofragment": "Life"}],
        "pages": {"1635": {"pageid": 1635, "ns": 0, "title": "Arya Stark"}},
    }
}


@surprise(action("redirect-after-normalized-other-wiki"), REDIRECTED)
def test_a_title_is_normalised_and_then_redirected(answer):
    result = facts(answer, "arya")["arya"]
    assert (result.title, result.redirected) == ("Arya Stark", True)


@surprise(action("redirect-with-fragment-by-pageid"), REDIRECTED, "P = BPP problem", "Arya")
def test_a_redirect_can_lead_into_a_page(answer):
    result = facts(answer, answer.about)[answer.about]
    assert (result.missing, result.redirected) == (False, True)


@surprise(
    "app_fixtures/action/reading_list_page_info.json",
    {
        "query": {
            "normalized": [
                {"from": "Barack_Obama", "to": "Barack Obama"},
                {"from": "Joe_Biden", "to": "Joe Biden"},
            ],
            "pages": [
                {"pageid": 2, "ns": 0, "title": "Joe Biden", "description": "47th Vice President"},
                {"pageid": 1, "ns": 0, "title": "Barack Obama", "description": "44th President"},
            ],
        }
    },
)
def test_pages_come_in_another_order_than_their_titles(answer):
    result = facts(answer, "Barack_Obama", "Joe_Biden")
    assert str(result["Barack_Obama"].description).startswith("44th President")
    assert str(result["Joe_Biden"].description).startswith("47th Vice President")


@surprise(
    action("coordinates-two-pages-all"),
    {
        "query": {
            "pages": {
                "1": {
                    "pageid": 1,
                    "ns": 0,
                    "title": "London",
                    "coordinates": [
                        {"lat": 51.50722222, "lon": -0.1275, "primary": "", "globe": "earth"},
                        {"lat": 51.5, "lon": -0.2, "globe": "earth"},
                    ],
                }
            }
        }
    },
)
def test_primary_coordinates_are_marked_with_an_empty_text_in_the_old_format(answer):
    result = facts(answer, "London")["London"]
    assert (result.latitude, result.longitude) == (51.50722222, -0.1275)


@surprise(action("wikidata-deleted-entity"), {"entities": {"Q1": {"id": "Q1", "missing": ""}}, "success": 1})
def test_an_answer_without_a_query_has_no_pages(answer):
    assert facts(answer, "Q1")["Q1"].missing


@surprise(action("category-page-non-ascii-title"), {
    "query": {"pages": {"1": {"pageid": 1, "ns": 14, "title": "Category:Kiō", "categories": []}}}
})  # fmt: skip
def test_a_title_beyond_ascii_is_found_under_its_own_name(answer):
    result = facts(answer, "Category:Kiō")["Category:Kiō"]
    assert (result.missing, result.namespace) == (False, 14)


def dump_file(tmp_path, source):
    if isinstance(source, str):
        return RECORDED / "pageview_complete" / source
    path = tmp_path / "dump"
    path.write_bytes(source)
    return path


def dumped(recorded, twin):
    return pytest.mark.parametrize(
        "source", [pytest.param(recorded, id="recorded", marks=needs_recorded), pytest.param(twin, id="twin")]
    )


@dumped(
    "samples/daily-user-2011-five-columns.txt",
    b"aa.wikibooks File:Incubator-notext.svg desktop 3 B3\naa.wikibooks Main_Page desktop 2 A1C1\n",
)
def test_older_dumps_have_five_columns(tmp_path, source):
    result = read_dump([dump_file(tmp_path, source)], project="aa.wikibooks", day=dt.date(2011, 12, 9))
    assert result.lists["all-access"][0][:2] == ("File:Incubator-notext.svg", 3)
    assert result.broken == 0


@dumped("samples/daily-user-2021.txt", b"aa.wikibooks - null mobile-web 4 I1O2R1\n")
def test_titles_without_a_page_have_null_for_its_id_and_a_hyphen_for_no_title(tmp_path, source):
    result = read_dump([dump_file(tmp_path, source)], project="aa.wikibooks", day=dt.date(2021, 1, 1))
    assert ("-", 4) in [row[:2] for row in result.lists["mobile-web"]]


@dumped(
    "samples/hostile-titles.txt",
    b"pt.wikipedia A-train 1 desktop 1 A1\npt.wikipedia Poem\n\nof_lines\nnull desktop 990 A990\n"
    b"pt.wikipedia A.C 2 desktop 1 A1\npt.wikipedia Fazes-Me_Falta 3 desktop 1 A1\npt.wikipedia ../../etc/passwd\n",
)
def test_a_title_of_several_lines_is_no_page(tmp_path, source):
    result = read_dump([dump_file(tmp_path, source)], project="pt.wikipedia", day=dt.date(2021, 1, 2))
    assert {row.title for row in result.lists["all-access"]} == {"A-train", "A.C", "Fazes-Me_Falta"}
    assert result.broken == 2


@dumped("daily/pageviews-20230323-user.bz2", bz2.compress(b""))
def test_a_daily_dump_can_be_empty(tmp_path, source):
    with pytest.raises(SettingError, match=r"holds no line of en\.wikipedia"):
        read_dump([dump_file(tmp_path, source)], project="en.wikipedia", day=dt.date(2023, 3, 23))


@dumped("samples/monthly-automated-2012.txt", b"aa.wikibooks Main_Page null desktop 17 Z8\\8_1\n")
def test_in_a_monthly_dump_letters_are_days_and_run_past_z(tmp_path, source):
    with pytest.raises(SettingError, match="monthly"):
        read_dump([dump_file(tmp_path, source)], project="aa.wikibooks", day=dt.date(2012, 1, 1))
