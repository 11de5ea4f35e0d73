"""Spellings of projects: in settings, in the API's lists, in dumps and in the addresses of wikis."""

from __future__ import annotations

import bz2

import pytest

from smart_orchestrator.adapters.manifest import read_frame
from testing.scripted_server import ScriptedServer
from testing.small_wiki import DAY, SmallWiki, listing, settings_for
from wiki_trends.config.layers import layers
from wiki_trends.config.projects import canonical_project, host_of, parse_project
from wiki_trends.config.settings import load
from wiki_trends.errors import ContractBroken, SettingError
from wiki_trends.pipeline import run_day
from wiki_trends.pipeline.dump.reader import read_dump


@pytest.mark.parametrize(
    ("text", "project", "host"),
    [
        ("en.wikipedia", "en.wikipedia", "en.wikipedia.org"),
        ("en.wikipedia.org", "en.wikipedia", "en.wikipedia.org"),
        ("zh-min-nan.wikipedia", "zh-min-nan.wikipedia", "zh-min-nan.wikipedia.org"),
        ("www.wikidata", "wikidata", "www.wikidata.org"),
        ("www.wikidata.org", "wikidata", "www.wikidata.org"),
        ("wikidata", "wikidata", "www.wikidata.org"),
        ("www.mediawiki", "mediawiki", "www.mediawiki.org"),
        ("mediawiki.org", "mediawiki", "www.mediawiki.org"),
        ("wikifunctions", "wikifunctions", "www.wikifunctions.org"),
        ("commons.wikimedia", "commons.wikimedia", "commons.wikimedia.org"),
        ("www.wikisource", "wikisource", "www.wikisource.org"),
    ],
)
def test_every_spelling_leads_to_one_project_and_its_host(text, project, host):
    assert parse_project(text) == canonical_project(text) == project
    assert host_of(text) == host_of(project) == host
    assert load({"project": text}, environ={}).project == project


@pytest.mark.parametrize(
    ("text", "project"),
    [
        ("EN.wikipedia", "en.wikipedia"),
        ("Fr.Wikipedia.ORG", "fr.wikipedia"),
        ("WWW.Wikidata.org", "wikidata"),
    ],
)
def test_a_project_in_upper_case_is_the_same(text, project):
    assert load({"project": text}, environ={}).project == project


@pytest.mark.parametrize(
    "text",
    [
        "xx.nowhere",
        "en",
        "wikipedia",
        "en.wikidata",
        "www.wikipedia",
        "en..wikipedia",
        ".wikipedia",
        "",
        "a b.wikipedia",
        "-.wikipedia",
        "../en.wikipedia",
        "a" * 64 + ".wikipedia",
        "en.m.wikipedia",
        "en.wikipedia.org.",
        "https://en.wikipedia.org",
    ],
)
def test_a_project_that_wikimedia_does_not_have_is_unknown(text):
    with pytest.raises(SettingError, match="--project"):
        load({"project": text}, environ={})


@pytest.mark.parametrize("written", ["www.wikidata", "wikidata"])
@pytest.mark.parametrize("answered", ["www.wikidata", "wikidata"])
def test_a_project_without_a_language_is_fetched(tmp_path, written, answered):
    wiki = SmallWiki(lists={("wikidata", DAY): listing([("Q42", 5, 1)], project=answered)})
    with ScriptedServer(wiki) as server:
        settings = settings_for(server.url, tmp_path, project=written)
        run_day(DAY, settings)
        assert {request.path for request in server.requests if "api.php" in request.path} == {
            "/www.wikidata/w/api.php"
        }
    frame = read_frame(layers(settings).diamond, DAY)
    assert frame["link"].to_list() == ["https://www.wikidata.org/wiki/Q42"]
    assert (tmp_path / "lake/diamond/wikidata").is_dir()


@pytest.mark.parametrize("listed", ["www.wikidata", "wikidata"])
@pytest.mark.parametrize("written", ["www.wikidata", "wikidata"])
def test_a_dump_is_read_under_both_spellings(tmp_path, listed, written):
    path = tmp_path / "pageviews-20251105-user.bz2"
    path.write_bytes(bz2.compress(f"en.wikipedia A 1 desktop 1 A1\n{listed} Q42 7 desktop 3 B3\n".encode()))
    dump = read_dump([path], project=written, day=DAY)
    assert [(row.title, row.views) for row in dump.lists["desktop"]] == [("Q42", 3)]


def test_a_list_of_another_project_is_still_refused(tmp_path):
    wiki = SmallWiki(lists={("wikidata", DAY): listing([("Q42", 5, 1)], project="mediawiki")})
    with ScriptedServer(wiki) as server, pytest.raises(ContractBroken, match="mediawiki"):
        run_day(DAY, settings_for(server.url, tmp_path, project="wikidata"))
