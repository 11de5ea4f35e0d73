from __future__ import annotations

import logging
import threading

import pytest

from smart_orchestrator.store.opening import open_lake
from wiki_trends.pipeline.cache.pages import PageCache
from wiki_trends.wikimedia import PageFacts


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
