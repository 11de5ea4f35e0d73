from __future__ import annotations

import json

import pytest

from testing.recorded import RECORDED, needs_recorded
from wiki_trends.errors import ContractBroken
from wiki_trends.wikimedia.siteinfo import SiteInfo, parse_siteinfo

ANSWERS = RECORDED / "recorded" / "action"

VERSION_2 = {
    "query": {
        "general": {"mainpage": "Wikipédia:Accueil principal"},
        "namespaces": {
            "-1": {"id": -1, "name": "Spécial", "canonical": "Special"},
            "0": {"id": 0, "name": ""},
            "3": {"id": 3, "name": "Discussion utilisateur", "canonical": "User talk"},
            "4": {"id": 4, "name": "Wikipédia", "canonical": "Project"},
        },
        "namespacealiases": [{"id": 3, "alias": "Discuter"}, {"id": 4, "alias": "WP"}],
    }
}
VERSION_1 = {
    "query": {
        "general": {"mainpage": "Wikipédia:Accueil principal"},
        "namespaces": {
            "-1": {"id": -1, "*": "Spécial", "canonical": "Special"},
            "0": {"id": 0, "*": ""},
            "3": {"id": 3, "*": "Discussion utilisateur", "canonical": "User talk"},
            "4": {"id": 4, "*": "Wikipédia", "canonical": "Project"},
        },
        "namespacealiases": [{"id": 3, "*": "Discuter"}, {"id": 4, "*": "WP"}],
    }
}


@pytest.fixture(params=[VERSION_1, VERSION_2], ids=["formatversion1", "formatversion2"])
def site(request):
    return parse_siteinfo(request.param, url="u")


@pytest.mark.parametrize(
    ("title", "namespace"),
    [
        ("Spécial:Recherche", -1),
        ("spécial:recherche", -1),
        ("Special:Search", -1),
        ("Discussion_utilisateur:192.0.2.67", 3),
        ("discussion utilisateur:X", 3),
        ("User_talk:X", 3),
        ("Discuter:X", 3),
        ("WP:X", 4),
        ("_WP_:X", 4),
        (":WP:X", 4),
        ("Spe\u0301cial:Recherche", -1),
        ("Venom:_Let_There_Be_Carnage", 0),
        ("WPX", 0),
        (":", 0),
        ("", 0),
        ("Squid_Game", 0),
    ],
)
def test_a_prefix_counts_only_when_the_wiki_has_it(site, title, namespace):
    assert site.namespace(title) == namespace


@pytest.mark.parametrize("title", ["Wikipédia:Accueil_principal", "wikipédia:accueil principal"])
def test_the_main_page_is_known_with_spaces_and_underscores(site, title):
    assert site.is_main_page(title)
    assert not site.is_main_page("Accueil principal")


def test_it_survives_the_cache(site):
    again = SiteInfo.from_json(json.loads(json.dumps(site.to_json())))
    assert again == site
    assert again.namespace("WP:X") == 4


@pytest.mark.parametrize("answer", [{}, [], {"query": {"general": {"mainpage": "X"}}}, {"query": None}])
def test_an_answer_without_namespaces_breaks_the_contract(answer):
    with pytest.raises(ContractBroken, match="site information from u"):
        parse_siteinfo(answer, url="u")


@needs_recorded
def test_every_recorded_wiki_knows_its_special_pages_and_its_main_page():
    files = sorted(ANSWERS.glob("formatversion?-siteinfo-*.wikipedia.json"))
    assert len(files) == 16
    for file in files:
        body = json.loads(file.read_text(encoding="utf-8"))["response"]["body"]
        site = parse_siteinfo(body, url=file.name)
        spaces = body["query"]["namespaces"]
        for number in ("-1", "1", "2", "6", "10"):
            local = spaces[number].get("name", spaces[number].get("*"))
            assert site.namespace(f"{local}:x".replace(" ", "_")) == int(number), file.name
            assert site.namespace(f"{spaces[number]['canonical']}:x") == int(number), file.name
        assert site.is_main_page(body["query"]["general"]["mainpage"].replace(" ", "_"))
