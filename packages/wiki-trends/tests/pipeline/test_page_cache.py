from __future__ import annotations

import datetime as dt
import gzip
import json
import logging
import threading
from dataclasses import fields

import pytest

from smart_orchestrator.store.opening import open_lake
from wiki_trends.pipeline.cache import facts as facts_module
from wiki_trends.pipeline.cache import pages as pages_module
from wiki_trends.pipeline.cache.pages import PageCache
from wiki_trends.pipeline.cache.siteinfo import cached_site_info, store_site_info
from wiki_trends.wikimedia import PageFacts
from wiki_trends.wikimedia.siteinfo import SiteInfo


@pytest.fixture(params=["folder", "memory"])
def lake(request, tmp_path):
    return open_lake(str(tmp_path) if request.param == "folder" else f"memory://cache-{tmp_path}")


def facts(name, description=None):
    return {name: PageFacts(name, description=description)}


def test_what_was_added_is_known_until_it_is_too_old(lake):
    cache = PageCache(lake, "en.wikipedia")
    assert cache.get(["A"]) == {}
    cache.add(facts("A"), now=1000)
    assert cache.get(["A", "B"]) == facts("A")
    assert cache.get(["A"], oldest=1000) == facts("A")
    assert cache.get(["A"], oldest=1001) == {}


def test_the_newer_fact_counts_whoever_wrote_it_last(lake):
    cache = PageCache(lake, "en.wikipedia")
    cache.add(facts("A", "new"), now=2000)
    cache.add(facts("A", "old"), now=1000)
    assert cache.get(["A"])["A"].description == "new"


def test_projects_know_nothing_of_each_other(lake):
    PageCache(lake, "en.wikipedia").add(facts("A"))
    assert PageCache(lake, "fr.wikipedia").get(["A"]) == {}


def test_segments_are_read_once(lake):
    cache = PageCache(lake, "en.wikipedia")
    cache.add(facts("A"))
    cache.get(["A"])
    before = lake.requests.get
    PageCache(lake, "en.wikipedia").get(["A"])
    assert lake.requests.get == before


def test_many_segments_are_put_together_and_nothing_is_lost(lake):
    cache = PageCache(lake, "en.wikipedia", most_segments=4)
    for number in range(23):
        cache.add(facts(f"P{number}"), now=number)
        assert len(lake.list("_cache")) <= 5
    assert len(cache.get([f"P{number}" for number in range(23)])) == 23


def test_the_newest_pages_stay_when_there_are_too_many(lake):
    cache = PageCache(lake, "en.wikipedia", most_segments=2, most_pages=3)
    for number in range(6):
        cache.add(facts(f"P{number}"), now=number)
    cache.add(facts("P6"), now=6)
    cached = cache.get([f"P{number}" for number in range(7)])
    assert "P6" in cached
    assert "P0" not in cached
    assert len(cached) <= 5


def test_what_is_too_old_goes_when_segments_are_put_together(lake):
    cache = PageCache(lake, "en.wikipedia", keep_days=2, most_segments=1)
    cache.add(facts("Old"), now=0)
    cache.add(facts("Young"), now=2 * 86_400 + 1)
    assert set(cache.get(["Old", "Young"])) == {"Young"}


def test_a_cache_that_was_deleted_is_empty(lake):
    cache = PageCache(lake, "en.wikipedia")
    cache.add(facts("A"))
    cache.get(["A"])
    lake.delete([info.key for info in lake.list("_cache")])
    assert cache.get(["A"]) == {}


@pytest.mark.parametrize("data", [b"", b"\x1f\x8bbroken", b"no gzip"])
def test_a_segment_that_cannot_be_read_is_left_out_with_a_warning(lake, caplog, data):
    cache = PageCache(lake, "en.wikipedia")
    cache.add(facts("A"))
    lake.put("_cache/en.wikipedia/pages/0-broken.json.gz", data)
    with caplog.at_level(logging.WARNING):
        assert cache.get(["A"]) == facts("A")
    assert "0-broken.json.gz cannot be read" in caplog.text


def test_many_writers_at_once_lose_nothing(lake):
    failures = []

    def write(writer: int) -> None:
        try:
            mine = PageCache(lake, "en.wikipedia", most_segments=3)
            for number in range(12):
                mine.add(facts(f"P{writer}-{number}"))
                assert f"P{writer}-{number}" in mine.get([f"P{writer}-{number}"])
        except Exception as error:  # noqa: BLE001 - asserted below
            failures.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    names = [f"P{writer}-{number}" for writer in range(5) for number in range(12)]
    assert len(PageCache(lake, "en.wikipedia").get(names)) == 60


def segment(pages, **changes):
    return gzip.compress(json.dumps({"version": pages_module.VERSION, "pages": pages} | changes).encode())


NOT_SEGMENTS = {
    "empty": b"",
    "text": b"no gzip",
    "cut": segment({"A": [1000, {"title": "A"}]})[:-9],
    "damaged": segment({"A": [1000, {"title": "A"}]})[:12] + b"\xff" * 60,
    "zeros": gzip.compress(bytes(50_000_000)),
    "deep": gzip.compress(b'{"version": ' + b"[" * 200_000),
    "long number": gzip.compress(b'{"version": 2, "pages": {"A": [' + b"9" * 5_000 + b", {}]}}"),
    "overflow": gzip.compress(b'{"version": 2, "pages": {"A": [1' + b"0" * 400 + b", {}]}}"),
    "another program": gzip.compress(b'{"kind": "other"}'),
    "newer version": segment({}, version=3),
    "pages is a list": segment([1]),
    "entry is a number": segment({"A": 1}),
    "not UTF-8": gzip.compress(b'{"version": 2, "pages": {"\xff": [1, {}]}}'),
}


@pytest.mark.parametrize("name", NOT_SEGMENTS)
def test_an_object_that_is_not_a_segment_is_ignored_with_one_warning_and_never_deleted(lake, caplog, name):
    key = "_cache/en.wikipedia/pages/0.json.gz"
    lake.put(key, NOT_SEGMENTS[name])
    with caplog.at_level(logging.WARNING):
        cache = PageCache(lake, "en.wikipedia", most_segments=2)
        for number in range(7):
            cache.add(facts(f"P{number}"), now=1000 + number)
            assert len(lake.list("_cache")) <= 4
    assert len(cache.get([f"P{number}" for number in range(7)])) == 7
    assert lake.get(key)[0] == NOT_SEGMENTS[name]
    assert caplog.text.count(f"{key} cannot be read") == 1


def test_a_segment_that_is_too_large_is_not_even_fetched(lake, caplog, monkeypatch):
    monkeypatch.setattr(pages_module, "LARGEST_OBJECT", 10)
    lake.put("_cache/en.wikipedia/pages/0.json.gz", segment({"A": [1000, {"title": "A"}]}))
    before = lake.requests.get
    with caplog.at_level(logging.WARNING):
        assert PageCache(lake, "en.wikipedia").get(["A"]) == {}
    assert lake.requests.get == before
    assert "at most 10 are read" in caplog.text


def test_a_segment_that_expands_too_far_is_ignored(lake, caplog, monkeypatch):
    monkeypatch.setattr(pages_module, "LARGEST_DOCUMENT", 1_000)
    lake.put("_cache/en.wikipedia/pages/0.json.gz", segment({"A": [1000, {"title": "A" * 2_000}]}))
    with caplog.at_level(logging.WARNING):
        assert PageCache(lake, "en.wikipedia").get(["A"]) == {}
    assert "expands to more than 1,000 bytes" in caplog.text


@pytest.mark.parametrize(
    "entry",
    [
        "text",
        {},
        {"title": 1},
        {"title": "A", "unknown": 1},
        {"title": "A", "categories": "text"},
        {"title": "A", "categories": [1]},
        {"title": "A", "latitude": "48"},
        {"title": "A", "latitude": 1e400},
        {"title": "A", "longitude": 181},
        {"title": "A", "missing": "no"},
        {"title": "A", "description": "\ud800"},
        {"title": "A", "namespace": True},
    ],
    ids=str,
)
def test_an_entry_that_cannot_be_used_is_requested_again(lake, caplog, entry):
    lake.put(
        "_cache/en.wikipedia/pages/0.json.gz", segment({"A": [1000, entry], "B": [1000, {"title": "B"}]})
    )
    cache = PageCache(lake, "en.wikipedia")
    with caplog.at_level(logging.WARNING):
        assert cache.get(["A", "B"]) == facts("B")
        assert cache.get(["A"]) == {}
    assert caplog.text.count("The cached page 'A'") == 1
    cache.add(facts("A"), now=2000)
    assert cache.get(["A"]) == facts("A")


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), 1e18])
def test_an_entry_from_the_future_does_not_stay_for_ever(lake, moment):
    lake.put(
        "_cache/en.wikipedia/pages/0.json.gz", segment({"A": [moment, {"title": "A", "description": "x"}]})
    )
    cache = PageCache(lake, "en.wikipedia")
    assert cache.get(["A"]) == {}
    cache.add(facts("A"))
    assert cache.get(["A"]) == facts("A")


def test_every_field_of_the_facts_goes_there_and_back(lake):
    every = PageFacts(
        "A b",
        namespace=4,
        missing=True,
        redirected=True,
        categories=("X", "Y"),
        latitude=-1.5,
        longitude=180,
        place_type="city",
        country="FR",
        description="d\u200e",
        wikidata_id="Q1",
        image="I.jpg",
        disambiguation=True,
        lastrevid=123,
    )
    assert not [item.name for item in fields(PageFacts) if getattr(every, item.name) == item.default]
    lake.put("_cache/en.wikipedia/pages/0.json.gz", segment({"A": [1000, every.to_json()]}))
    assert PageCache(lake, "en.wikipedia").get(["A"]) == {"A": every}


@pytest.mark.parametrize("numbers", [{"keep_days": -1}, {"most_segments": 0}, {"most_pages": 0}])
def test_numbers_without_a_meaning_are_refused(lake, numbers):
    with pytest.raises(ValueError, match="or more"):
        PageCache(lake, "en.wikipedia", **numbers)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"fetched_at": 1}',
        b"[" * 200_000,
        b'{"fetched_at": "2999-01-01T00:00:00+00:00", "siteinfo": {"main_page": "M", "namespaces": {}}}',
        b'{"fetched_at": "NOW", "siteinfo": {"main_page": 1, "namespaces": {}}}',
        b'{"fetched_at": "NOW", "siteinfo": {"main_page": "M", "namespaces": {"1": "text"}}}',
        b'{"fetched_at": "NOW", "siteinfo": {"main_page": "M", "namespaces": {"1": [2]}}}',
    ],
    ids=range(8),
)
def test_a_damaged_answer_of_a_wiki_is_requested_again(lake, caplog, data):
    now = dt.datetime.now(tz=dt.UTC).isoformat()
    lake.put("_cache/en.wikipedia/siteinfo.json", data.replace(b"NOW", now.encode()))
    with caplog.at_level(logging.WARNING):
        assert cached_site_info("en.wikipedia", lake) is None
    assert "siteinfo.json cannot be used" in caplog.text


def test_the_answer_of_a_wiki_goes_there_and_back(lake, caplog):
    site = SiteInfo("Main Page", {1: ("Talk", "T"), -1: ("Special",)})
    assert cached_site_info("en.wikipedia", lake) is None
    store_site_info("en.wikipedia", lake, site)
    assert cached_site_info("en.wikipedia", lake) == site
    assert caplog.text == ""


def test_every_fact_of_a_page_has_a_rule_by_which_a_cached_one_is_accepted():
    assert facts_module._VALID.keys() == {item.name for item in fields(PageFacts)}
