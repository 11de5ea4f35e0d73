"""Recorded exchanges served again: matching, gaps, and the real recordings where they are present."""

from __future__ import annotations

import http.client
import json
from urllib.parse import quote, urlencode, urlsplit

import pytest

from testing.recorded import RECORDED, needs_recorded
from wiki_trends.errors import SettingError
from wiki_trends.sample import SampleOptions, SampleServer
from wiki_trends.wikimedia.pages import PAGE_FACTS_QUERY, Pages
from wiki_trends.wikimedia.siteinfo import parse_siteinfo

ANSWERS = RECORDED / "recorded"
TOP = "/api/rest_v1/metrics/pageviews/top"
SITEINFO_QUERY = {
    "action": "query",
    "format": "json",
    "formatversion": "2",
    "meta": "siteinfo",
    "siprop": "general",
}
LIST_BODY = {
    "items": [{"project": "fr.wikipedia", "articles": [{"article": "Été_«_à_»", "views": 5, "rank": 1}]}]
}
EXCHANGES = {
    "aqs/list.json": ("https://wikimedia.org/api/rest_v1/metrics/pageviews/top/fr.wikipedia.org/all-access/2021/10/01", LIST_BODY),
    "action/siteinfo.json": (
        f"https://fr.wikipedia.org/w/api.php?{urlencode(SITEINFO_QUERY | {'siprop': 'general|namespaces|namespacealiases'})}",
        {
            "batchcomplete": True,
            "query": {
                "general": {"mainpage": "Wikipédia:Accueil principal", "lang": "fr"},
                "namespaces": {
                    "-1": {"id": -1, "name": "Spécial", "canonical": "Special"},
                    "0": {"id": 0, "name": ""},
                    "4": {"id": 4, "name": "Wikipédia", "canonical": "Project"},
                },
                "namespacealiases": [{"id": 4, "alias": "WP"}],
            },
        },
    ),
    "action/page.json": (
        "https://fr.wikipedia.org/w/api.php?titles=Adams%2C%20Doru&prop=pageprops|info&action=query&formatversion=2&redirects",
        {
            "batchcomplete": True,
            "query": {
                "redirects": [{"from": "Adams, Doru", "to": "Doru Adams"}],
                "pages": [{"pageid": 7, "ns": 0, "title": "Doru Adams", "pageprops": {"wikibase_item": "Q1"}, "length": 5}],
            },
        },
    ),
    "action/error.json": ("https://en.wikipedia.org/w/api.php?action=oscillate", {"error": {"code": "unknown_action"}}),
    "action/text.json": ("https://en.wikipedia.org/w/api.php?action=throttled", "Too many requests"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    for name, (url, body) in EXCHANGES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        status = 429 if isinstance(body, str) else 200
        exchange = {
            "request": {"method": "GET", "url": url},
            "response": {"status": status, "headers": {}, "body": body},
            "source": "made",
        }
        path.write_text(json.dumps(exchange))
    (tmp_path / "fixture.json").write_text('{"not": "an exchange"}')
    return tmp_path


@pytest.fixture
def server(folder):
    with SampleServer(SampleOptions(replay=folder)) as running:
        yield running


def ask(server, path, params=None):
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=120)
    try:
        connection.request("GET", path + (f"?{urlencode(params)}" if params else ""))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("project", ["fr.wikipedia", "fr.wikipedia.org"])
def test_a_recorded_list_is_served_byte_for_byte(server, project):
    status, body = ask(server, f"{TOP}/{project}/all-access/2021/10/01")
    assert status == 200
    assert body == json.dumps(LIST_BODY, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize("tail", ["fr.wikipedia/all-access/2021/10/02", "fr.wikipedia/desktop/2021/10/01"])
def test_a_list_without_a_recording_is_the_404_of_the_api(server, tail):
    status, body = ask(server, f"{TOP}/{tail}")
    assert status == 404
    assert "we either do not have data" in json.loads(body)["detail"]
    assert json.loads(body)["uri"] == f"/metrics/pageviews/top/{tail}"


def test_siteinfo_is_the_recorded_one_whatever_part_is_asked(server):
    for params in (SITEINFO_QUERY, SITEINFO_QUERY | {"siprop": "namespaces|general", "maxlag": "5"}):
        site = parse_siteinfo(json.loads(ask(server, "/fr.wikipedia/w/api.php", params)[1]), url="test")
        assert site.is_main_page("Wikipédia:Accueil_principal")
        assert site.namespace("WP:X") == 4


def test_a_wiki_without_recorded_siteinfo_is_an_error_that_no_waiting_mends(server):
    error = json.loads(ask(server, "/de.wikipedia/w/api.php", SITEINFO_QUERY)[1])["error"]
    assert error["code"] == "notrecorded"


def test_titles_without_a_recording_exist_without_properties(server):
    asked = ["Été_«_à_»", "spécial:Recherche", "WP:Aide", "Squid_Game", "50%_(film)", "[x]"]
    answer = json.loads(
        ask(server, "/fr.wikipedia/w/api.php", PAGE_FACTS_QUERY | {"titles": "|".join(asked)})[1]
    )
    pages = Pages("test")
    assert pages.add(answer) is None
    facts = pages.facts(asked)
    assert [(fact.title, fact.namespace, fact.missing) for fact in facts.values()] == [
        ("Été « à »", 0, False),
        ("Spécial:Recherche", -1, False),
        ("Wikipédia:Aide", 4, False),
        ("Squid Game", 0, False),
        ("50% (film)", 0, False),
        ("[x]", 0, True),
    ]
    ids = [page["pageid"] for page in answer["query"]["pages"] if "pageid" in page]
    assert len(set(ids)) == len(ids) == 4


def test_a_title_with_a_recording_keeps_what_was_asked_of_it(server):
    for title in ("Adams,_Doru", "Doru_Adams"):
        answer = json.loads(
            ask(server, "/fr.wikipedia/w/api.php", PAGE_FACTS_QUERY | {"titles": f"{title}|Other"})[1]
        )
        assert answer["query"]["pages"][0] == {
            "pageid": 7, "ns": 0, "title": "Doru Adams", "pageprops": {"wikibase_item": "Q1"},
        }  # fmt: skip


def test_requests_are_matched_on_the_parsed_query(server):
    same = f"/fr.wikipedia/w/api.php?redirects=&formatversion=2&prop=info%7Cpageprops&action=query&titles={quote('Adams, Doru')}"
    assert json.loads(ask(server, same)[1]) == EXCHANGES["action/page.json"][1]
    assert json.loads(ask(server, "/w/api.php?action=oscillate")[1]) == {"error": {"code": "unknown_action"}}
    assert ask(server, "/en.wikipedia/w/api.php?action=throttled") == (429, b"Too many requests")


def test_more_than_fifty_titles_are_refused(server):
    params = PAGE_FACTS_QUERY | {"titles": "|".join(map(str, range(51)))}
    assert json.loads(ask(server, "/fr.wikipedia/w/api.php", params)[1])["error"]["code"] == "toomanyvalues"


def test_a_folder_without_an_exchange_is_refused(tmp_path):
    with pytest.raises(SettingError, match="holds no recorded exchange"):
        SampleServer(SampleOptions(replay=tmp_path))


def test_a_file_that_is_not_json_is_named(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(SettingError, match=r"broken\.json.* is not JSON"):
        SampleServer(SampleOptions(replay=tmp_path))


@needs_recorded
def test_the_real_recordings_are_served():
    with SampleServer(SampleOptions(replay=ANSWERS)) as server:
        for day, rows in [("01", 1000), ("02", 999), ("05", 997)]:
            status, body = ask(server, f"{TOP}/fr.wikipedia/all-access/2021/10/{day}")
            assert (status, len(json.loads(body)["items"][0]["articles"])) == (200, rows)
        raw = (ANSWERS / "aqs" / "top-fr.wikipedia-2021-10-01.json").read_bytes()
        assert ask(server, f"{TOP}/fr.wikipedia/all-access/2021/10/01")[1] in raw
        assert ask(server, f"{TOP}/fr.wikipedia/all-access/2021/10/08")[0] == 404
        site = parse_siteinfo(
            json.loads(ask(server, "/fr.wikipedia/w/api.php", SITEINFO_QUERY)[1]), url="test"
        )
        assert site.is_main_page("Wikipédia:Accueil_principal")
        for path in sorted((ANSWERS / "action").glob("*.json")):
            exchange = json.loads(path.read_bytes())
            url = urlsplit(exchange["request"]["url"])
            if url.path != "/w/api.php" or path.name == "formatversion2-siteinfo-mostviewed.json":
                continue
            project = url.netloc.removesuffix(".org")
            answer = json.loads(ask(server, f"/{project}/w/api.php?{url.query.replace(' ', '%20')}")[1])
            assert answer == exchange["response"]["body"], path.name
