"""The URLs of pages that become links."""

import datetime as dt

import pytest

from wiki_trends.config.projects import project_of_dataset
from wiki_trends.queries.links import page_link, pageviews_link


@pytest.mark.parametrize(
    ("link", "project"),
    [
        ("https://en.wikipedia.org/wiki/A", "en.wikipedia"),
        ("https://EN.wikipedia.org/wiki/A?x=1#y", "en.wikipedia.org"),
        ("http://en.m.wikipedia.org/wiki/A", "en.wikipedia"),
        ("https://fr.wikipedia.org/wiki/É", "fr.wikipedia"),
        ("https://www.wikidata.org/wiki/Q1", "www.wikidata"),
        ("https://www.wikidata.org/wiki/Q1", "wikidata"),
        ("https://commons.wikimedia.org/wiki/A", "commons.wikimedia"),
    ],
)
def test_an_address_of_the_project_is_a_link(link, project):
    assert page_link(link, project) == link


@pytest.mark.parametrize(
    "link",
    [
        "",
        "javascript:alert(1)",
        "//en.wikipedia.org/wiki/A",
        "ftp://en.wikipedia.org/wiki/A",
        "https://en.wikipedia.org@evil.example/wiki/A",
        "https://en.wikipedia.org:x@evil.example/wiki/A",
        "https://en.wikipedia.org:8443/wiki/A",
        "https://en.wikipedia.org.evil.example/wiki/A",
        "https://evil.example/en.wikipedia.org/wiki/A",
        "https://evil.example\\@en.wikipedia.org/wiki/A",
        "https://en.wikipedia.org\\@evil.example/wiki/A",
        "https://en.wikipedia.org\n.evil.example/wiki/A",
        "https://en.wikipedia.org/wiki/A\nevil",
        " https://en.wikipedia.org/wiki/A",
        "https://[::1/wiki/A",
        "https://ｅn.wikipedia.org/wiki/A",
        "https://de.wikipedia.org/wiki/A",
    ],
)
def test_any_other_address_is_not(link):
    assert page_link(link, "en.wikipedia") is None


def test_the_project_is_in_the_name_of_the_dataset():
    assert project_of_dataset("diamond") == "en.wikipedia"
    assert project_of_dataset("diamond of fr.wikipedia") == "fr.wikipedia"
    assert project_of_dataset("diamond of fr.wikipedia.mobile-web") == "fr.wikipedia"


@pytest.mark.parametrize(
    ("project", "host"), [("fr.wikipedia", "fr.wikipedia.org"), ("wikidata", "www.wikidata.org")]
)
def test_the_pageviews_tool_shows_the_page_on_the_host_of_the_project(project, host):
    url = pageviews_link("A&B_É", project, dt.date(2025, 11, 5), dt.date(2025, 11, 9))
    assert url.startswith(f"https://pageviews.wmcloud.org/?project={host}&")
    assert url.endswith("start=2025-11-05&end=2025-11-09&pages=A%26B_%C3%89")


def test_the_pageviews_tool_is_not_linked_for_another_host():
    assert pageviews_link("A", "example.com", dt.date(2025, 11, 5), dt.date(2025, 11, 9)) is None
