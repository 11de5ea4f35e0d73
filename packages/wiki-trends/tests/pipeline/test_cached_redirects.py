"""The page cache tells which titles it knows and which of them redirect, without making the facts of each page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from smart_orchestrator.store.opening import open_lake
from wiki_trends.pipeline.cache.pages import PageCache
from wiki_trends.wikimedia import PageFacts


@pytest.fixture
def cache(tmp_path):
    return PageCache(open_lake(str(tmp_path)), "en.wikipedia")


def test_titles_are_known_from_the_time_of_their_newest_response(cache):
    cache.add({title: PageFacts(title) for title in ("Old", "Both", "\ud800")}, now=1000)
    cache.add({title: PageFacts(title) for title in ("New", "Both")}, now=2000)
    assert cache.known(["Old", "Both", "New", "Absent"]) == {"Old", "Both", "New"}
    assert cache.known(["Old", "Both", "New"], oldest=1001) == {"Both", "New"}
    assert cache.known(["\ud800"]) == set(cache.get(["\ud800"]))


def test_the_newest_facts_decide_whether_a_title_redirects(cache):
    redirect = PageFacts("Its target", redirected=True)
    old = {
        "Redirect": redirect, "Was_one": redirect, "Became_one": PageFacts("Became one"),
        "To_nothing": replace(redirect, missing=True), "Not_asked": redirect,
    }  # fmt: skip
    cache.add(old, now=1000)
    cache.add({"Was_one": PageFacts("Was one"), "Became_one": redirect}, now=2000)
    titles = ["Redirect", "Was_one", "Became_one", "To_nothing", "Absent"]
    assert cache.redirects(titles) == {"Redirect": "Its_target", "Became_one": "Its_target"}
    facts = {title: fact for title, fact in cache.get(titles).items() if fact.redirected and not fact.missing}
    assert cache.redirects(titles).keys() == facts.keys()
