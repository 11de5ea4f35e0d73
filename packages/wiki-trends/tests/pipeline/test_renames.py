"""Pages that were moved between two days are found in the cached facts, without a request."""

from __future__ import annotations

import pytest

from smart_orchestrator.store.opening import open_lake
from wiki_trends.pipeline.cache.facts import to_frame
from wiki_trends.pipeline.cache.pages import PageCache
from wiki_trends.pipeline.cache.renames import renamed_pages
from wiki_trends.wikimedia.pages import PageFacts


def fact(requested, title, item="", **more):
    return requested, PageFacts(title, wikidata_id=item, redirected=requested != title, **more)


@pytest.mark.parametrize(
    ("facts", "renamed"),
    [
        pytest.param([fact("Old_name", "Old name", "Q1"), fact("New_name", "New name", "Q1")],
                     {"Old_name": "New_name"}, id="same-item"),
        pytest.param([fact("Old_name", "Old name", "Q1"), fact("Old_name", "New name", "Q1")],
                     {"Old_name": "New_name"}, id="redirect-by-now"),
        pytest.param([fact("A", "B"), fact("B", "C")], {"A": "C", "B": "C"}, id="chain"),
        pytest.param([fact("A", "B"), fact("B", "A")], {}, id="circle"),
        pytest.param([fact("A", "A", "Q1"), fact("B", "B", "Q2")], {}, id="two-pages"),
        pytest.param([fact("A", "A", ""), fact("B", "B", "")], {}, id="no-item"),
        pytest.param([fact("A", "A", "Q1", missing=True), fact("B", "B", "Q1")], {}, id="missing"),
        pytest.param([fact("A", "Portal:B", "Q1", namespace=100)], {}, id="not-an-article"),
        pytest.param([fact("A", "A", "Q1"), fact("B", "B", "Q1"), fact("A", "A", "Q2")], {}, id="another-page-by-now"),
        pytest.param([fact("A", "A", "Q1"), fact("C", "B", "Q1"), fact("B", "B", "Q1")],
                     {"A": "B", "C": "B"}, id="redirect-and-move"),
    ],
)  # fmt: skip
def test_titles_of_one_page_lead_to_the_newest(facts, renamed):
    frame = to_frame((requested, float(number), page) for number, (requested, page) in enumerate(facts))
    assert renamed_pages(frame) == renamed


def test_the_cache_of_a_lake_knows_the_renamed_pages(tmp_path):
    cache = PageCache(open_lake(str(tmp_path)), "en.wikipedia")
    assert cache.renamed() == {}
    cache.add(dict([fact("Old_name", "Old name", "Q1")]), now=1.0)
    cache.add(dict([fact("New_name", "New name", "Q1")]), now=2.0)
    assert cache.renamed() == {"Old_name": "New_name"}
