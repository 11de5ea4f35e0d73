from __future__ import annotations

import datetime as dt
import gzip
import io
import json
import logging
import os
import threading
import time
from dataclasses import fields, replace
from random import Random

import polars as pl
import pytest

from smart_orchestrator.store.opening import open_lake
from wiki_trends.pipeline.cache import facts as facts_module
from wiki_trends.pipeline.cache import pages as pages_module
from wiki_trends.pipeline.cache import segments as segments_module
from wiki_trends.pipeline.cache.pages import PageCache
from wiki_trends.pipeline.cache.segments import NotASegment
from wiki_trends.pipeline.cache.siteinfo import cached_site_info, store_site_info
from wiki_trends.wikimedia import PageFacts
from wiki_trends.wikimedia.siteinfo import SiteInfo


@pytest.fixture(params=["folder", "memory"])
def lake(request, tmp_path):
    return open_lake(str(tmp_path) if request.param == "folder" else f"memory://cache-{tmp_path}")


EVERY_FACT = PageFacts(
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


def parquet_of(frame):
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


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
    cache = PageCache(lake, "en.wikipedia", max_segments=4)
    for number in range(23):
        cache.add(facts(f"P{number}"), now=number)
        assert len(lake.list("_cache")) <= 5
    assert len(cache.get([f"P{number}" for number in range(23)])) == 23


def test_the_newest_pages_stay_when_there_are_too_many(lake):
    cache = PageCache(lake, "en.wikipedia", max_segments=2, max_pages=3)
    for number in range(6):
        cache.add(facts(f"P{number}"), now=number)
    cache.add(facts("P6"), now=6)
    cached = cache.get([f"P{number}" for number in range(7)])
    assert "P6" in cached
    assert "P0" not in cached
    assert len(cached) <= 5


def test_what_is_too_old_goes_when_segments_are_put_together(lake):
    cache = PageCache(lake, "en.wikipedia", keep_days=2, max_segments=1)
    cache.add(facts("Old"), now=0)
    # A merge keeps facts one day longer than a run uses them, because the run reads them again after the merge.
    cache.add(facts("Young"), now=2 * 86_400 + 1)
    assert set(cache.get(["Old", "Young"])) == {"Old", "Young"}
    cache.add(facts("New"), now=3 * 86_400 + 1)
    assert set(cache.get(["Old", "Young", "New"])) == {"Young", "New"}


def test_a_merge_keeps_needed_titles_of_any_age_and_number(lake):
    cache = PageCache(lake, "en.wikipedia", keep_days=2, max_segments=1, max_pages=1, needed_titles=["Old"])
    cache.add(facts("Old") | facts("Other"), now=0)
    cache.add(facts("Young"), now=10 * 86_400)
    cache.add(facts("New"), now=10 * 86_400 + 1)
    assert set(cache.get(["Old", "Other", "Young", "New"])) == {"Old", "New"}


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
            mine = PageCache(lake, "en.wikipedia", max_segments=3)
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
    return gzip.compress(
        json.dumps({"version": segments_module.JSON_VERSION, "pages": pages} | changes).encode()
    )


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
        cache = PageCache(lake, "en.wikipedia", max_segments=2)
        for number in range(7):
            cache.add(facts(f"P{number}"), now=1000 + number)
            assert len(lake.list("_cache")) <= 4
    assert len(cache.get([f"P{number}" for number in range(7)])) == 7
    assert lake.get(key)[0] == NOT_SEGMENTS[name]
    assert caplog.text.count(f"{key} cannot be read") == 1


def test_a_segment_that_is_too_large_is_not_even_fetched(lake, caplog, monkeypatch):
    monkeypatch.setattr(pages_module, "MAX_SEGMENT_BYTES", 10)
    lake.put("_cache/en.wikipedia/pages/0.json.gz", segment({"A": [1000, {"title": "A"}]}))
    before = lake.requests.get
    with caplog.at_level(logging.WARNING):
        assert PageCache(lake, "en.wikipedia").get(["A"]) == {}
    assert lake.requests.get == before
    assert "at most 10 are read" in caplog.text


def test_a_segment_that_expands_too_far_is_ignored(lake, caplog, monkeypatch):
    monkeypatch.setattr(segments_module, "MAX_JSON_BYTES", 1_000)
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
    assert caplog.text.count("pages/0.json.gz cannot be used: 1.") == 1
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
    assert not [item.name for item in fields(PageFacts) if getattr(EVERY_FACT, item.name) == item.default]
    lake.put("_cache/en.wikipedia/pages/0.json.gz", segment({"A": [1000, EVERY_FACT.to_json()]}))
    assert PageCache(lake, "en.wikipedia").get(["A"]) == {"A": EVERY_FACT}


@pytest.mark.parametrize("numbers", [{"keep_days": -1}, {"max_segments": 0}, {"max_pages": 0}])
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
    names = [item.name for item in fields(PageFacts)]
    assert list(facts_module._VALIDATORS) == names
    assert list(facts_module.FACT_COLUMNS) == names


def parquet(*entries, **columns):
    """A segment with these entries, and with other values in some columns."""
    frame = facts_module.to_frame(entries or [("A", 1000.0, PageFacts("A"))])
    return segments_module.write_segment(frame.with_columns(**columns))


def read_anew(lake, *titles):
    """What another process reads."""
    pages_module._memory_for.cache_clear()
    return PageCache(lake, "en.wikipedia").get(titles)


def test_a_run_adds_one_parquet_file_that_another_process_reads(lake):
    PageCache(lake, "en.wikipedia").add({"a b": EVERY_FACT, **facts("B")}, now=1000)
    (info,) = lake.list("_cache")
    assert info.key.endswith(".parquet")
    assert read_anew(lake, "a b", "B") == {"a b": EVERY_FACT} | facts("B")
    rows = pl.read_parquet(io.BytesIO(lake.get(info.key)[0]))
    assert rows["answered_at"].to_list() == [1000, 1000]
    assert set(rows.columns) == {"requested", "answered_at", *(item.name for item in fields(PageFacts))}


def test_a_segment_is_never_written_again(lake):
    cache = PageCache(lake, "en.wikipedia", max_segments=3)
    written: dict[str, bytes] = {}
    for number in range(12):
        cache.add(facts(f"P{number}"), now=number)
        for info in lake.list("_cache"):
            data = lake.get(info.key)[0]
            assert written.setdefault(info.key, data) == data


def test_the_json_of_an_earlier_version_is_read_beside_parquet_and_merged_into_it(lake):
    lake.put(
        "_cache/en.wikipedia/pages/0.json.gz",
        segment({"A": [1000, {"title": "A"}], "B": [3000, EVERY_FACT.to_json()]}),
    )
    cache = PageCache(lake, "en.wikipedia", keep_days=100_000)
    cache.add(facts("A", "new") | facts("B", "old"), now=2000)
    expected = facts("A", "new") | {"B": EVERY_FACT}
    assert read_anew(lake, "A", "B") == expected
    assert len(cache.vacuum(older_than=dt.timedelta(0)).keys) == 2
    (info,) = lake.list("_cache")
    assert info.key.endswith(".parquet")
    assert read_anew(lake, "A", "B") == expected


def test_vacuum_merges_old_segments_and_leaves_young_and_foreign_ones(lake):
    cache = PageCache(lake, "en.wikipedia")
    now = time.time()
    for number in range(3):
        cache.add(facts(f"P{number}"), now=now)
    lake.put("_cache/en.wikipedia/pages/notes.txt", b"mine")
    before = [info.key for info in lake.list("_cache")]
    assert cache.vacuum(older_than=dt.timedelta(days=1)).keys == ()
    dry = cache.vacuum(older_than=dt.timedelta(0), dry_run=True)
    assert dry.dry_run
    assert dry.keys == tuple(before[:3])
    assert dry.foreign == ("_cache/en.wikipedia/pages/notes.txt",)
    assert [info.key for info in lake.list("_cache")] == before
    done = cache.vacuum(older_than=dt.timedelta(0))
    assert (done.keys, done.size, done.dry_run) == (dry.keys, dry.size, False)
    assert len(lake.list("_cache")) == 2
    assert lake.get("_cache/en.wikipedia/pages/notes.txt")[0] == b"mine"
    assert len(read_anew(lake, "P0", "P1", "P2")) == 3
    assert cache.vacuum(older_than=dt.timedelta(0)).keys == ()


def test_a_vacuum_drops_what_is_too_old(lake):
    cache = PageCache(lake, "en.wikipedia", keep_days=2)
    now = time.time()
    cache.add(facts("Old"), now=now - 3 * 86_400)
    cache.add(facts("Young"), now=now - 86_400)
    cache.vacuum(older_than=dt.timedelta(0))
    assert read_anew(lake, "Old", "Young") == facts("Young")


def test_vacuums_and_writers_at_once_lose_nothing(lake):
    failures = []

    def write(writer: int) -> None:
        try:
            cache = PageCache(lake, "en.wikipedia")
            for number in range(12):
                cache.add(facts(f"P{writer}-{number}"))
                cache.vacuum(older_than=dt.timedelta(0))
        except Exception as error:  # noqa: BLE001 - asserted below
            failures.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    names = [f"P{writer}-{number}" for writer in range(5) for number in range(12)]
    assert read_anew(lake, *names).keys() == set(names)


A_PARQUET = parquet()
NOT_PARQUET = {
    "signature only": b"PAR1",
    "signatures": b"PAR1" * 3,
    "footer length": b"PAR1" + b"\xff" * 4 + b"PAR1",
    "zeros": b"PAR1" + bytes(10_000) + b"PAR1",
    "cut": A_PARQUET[:-9],
    "without a page": A_PARQUET[:4] + A_PARQUET[200:],
    "damaged pages": A_PARQUET[:20] + b"\xff" * 200 + A_PARQUET[220:],
    "damaged footer": A_PARQUET[:-60] + b"\xff" * 40 + A_PARQUET[-20:],
    "zip": b"PK\x03\x04" + bytes(100),
    "csv": b"requested,answered_at,title\nA,1000,A\n",
    "arrow": b"ARROW1" + bytes(100),
    "no columns": parquet_of(pl.DataFrame()),
    "other columns": parquet_of(pl.DataFrame({"a": [1]})),
    "no title": parquet_of(facts_module.to_frame([("A", 1000.0, PageFacts("A"))]).drop("title")),
    "time as text": parquet(answered_at=pl.lit("1000")),
    "time as a date": parquet(answered_at=pl.lit(dt.datetime(2025, 1, 1))),  # noqa: DTZ001
    "title as bytes": parquet(title=pl.lit(b"A")),
    "categories as a list": parquet(categories=pl.lit(["x"])),
    "flag as a number": parquet(missing=pl.lit(0)),
    "nested": parquet(title=pl.struct(pl.lit(1))),
}


@pytest.mark.parametrize("name", NOT_PARQUET)
def test_an_object_that_is_not_such_a_parquet_file_is_ignored_with_one_warning(lake, caplog, capfd, name):
    key = "_cache/en.wikipedia/pages/0.parquet"
    lake.put(key, NOT_PARQUET[name])
    with caplog.at_level(logging.WARNING):
        cache = PageCache(lake, "en.wikipedia", max_segments=1)
        for number in range(4):
            cache.add(facts(f"P{number}"), now=1000 + number)
    assert len(read_anew(lake, *(f"P{number}" for number in range(4)))) == 4
    assert lake.get(key)[0] == NOT_PARQUET[name]
    # Once by this process, and once by the other.
    assert caplog.text.count(f"{key} cannot be read") == 2
    assert "panicked" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "columns",
    [
        {"requested": None},
        {"title": None},
        {"answered_at": None},
        {"answered_at": float("nan")},
        {"answered_at": float("inf")},
        {"answered_at": 1e18},
        {"namespace": None},
        {"missing": None},
        {"categories": None},
        {"latitude": 90.5},
        {"latitude": float("nan")},
        {"longitude": -181.0},
    ],
    ids=str,
)
def test_a_row_with_an_impossible_value_is_requested_again(lake, caplog, columns):
    types = facts_module.frame_schema()
    bad = {name: pl.lit(value, dtype=types[name]) for name, value in columns.items()}
    good = facts_module.to_frame([("B", 1000.0, PageFacts("B"))])
    frame = pl.concat([facts_module.to_frame([("A", 1000.0, PageFacts("A"))]).with_columns(**bad), good])
    lake.put("_cache/en.wikipedia/pages/0.parquet", parquet_of(frame))
    with caplog.at_level(logging.WARNING):
        cache = PageCache(lake, "en.wikipedia")
        assert cache.get(["A", "B"]) == facts("B")
        assert cache.get(["A"]) == {}
    assert caplog.text.count("pages/0.parquet cannot be used: 1.") == 1
    cache.add(facts("A"), now=2000)
    assert cache.get(["A"]) == facts("A")


def test_a_segment_of_another_version_is_read_as_far_as_it_is_known(lake):
    frame = facts_module.to_frame([("A", 1000.0, EVERY_FACT)]).drop("image", "missing")
    lake.put("_cache/en.wikipedia/pages/0.parquet", parquet_of(frame.with_columns(newer=pl.lit([1, 2]))))
    assert PageCache(lake, "en.wikipedia").get(["A"]) == {"A": replace(EVERY_FACT, image=None, missing=False)}


def test_a_segment_with_too_many_rows_is_not_decoded(lake, caplog, monkeypatch):
    monkeypatch.setattr(segments_module, "MAX_ROWS", 10)
    lake.put(
        "_cache/en.wikipedia/pages/0.parquet",
        parquet_of(
            pl.concat(
                [facts_module.to_frame([])]
                + [facts_module.to_frame([(f"P{number}", 1000.0, PageFacts("P"))]) for number in range(11)]
            )
        ),
    )
    with caplog.at_level(logging.WARNING):
        assert PageCache(lake, "en.wikipedia").get(["P1"]) == {}
    assert "it has 11 rows, at most 10 are read" in caplog.text


def test_a_damaged_segment_never_ends_a_run():
    entries = [
        (f"P{number}", 1000.0, PageFacts(f"P{number}", description="é" * number)) for number in range(20)
    ]
    data = parquet(*entries)
    random = Random(1)
    problems: list[str] = []
    for _ in range(200):
        damaged = bytearray(data)
        for _ in range(random.choice((1, 1, 3))):
            damaged[random.randrange(len(damaged))] = random.randrange(256)
        try:
            segments_module.read_segment(bytes(damaged[: random.choice((None, random.randrange(len(data))))]))
        except NotASegment as error:
            problems.append(str(error))
    assert len(problems) > 50
    assert not any("\n" in problem for problem in problems)


@pytest.mark.parametrize("kind", ["fifo", "folder", "dangling", "outside"])
def test_what_is_not_a_regular_file_among_the_segments_is_left_alone(tmp_path, caplog, kind):
    folder = tmp_path / "lake/_cache/en.wikipedia/pages"
    path = folder / "0.parquet"
    folder.mkdir(parents=True)
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    else:
        (tmp_path / "secret.parquet").write_bytes(A_PARQUET)
        path.symlink_to(tmp_path / "secret.parquet")
    cache = PageCache(open_lake(str(tmp_path / "lake")), "en.wikipedia", max_segments=1)
    with caplog.at_level(logging.WARNING):
        for number in range(3):
            cache.add(facts(f"P{number}"), now=1000 + number)
        assert set(cache.get(["A", "P0", "P1", "P2"])) == {"P0", "P1", "P2"}
    assert path.is_symlink() or path.exists()


def test_a_text_that_utf8_cannot_encode_is_replaced(lake):
    cache = PageCache(lake, "en.wikipedia")
    cache.add(facts("A", "\ud83d broken") | {"B": PageFacts("B", categories=("\udc00",))})
    assert cache.get(["\udcff"]) == {}
    cached = read_anew(lake, "A", "B")
    assert cached["A"].description == "\ufffd broken"
    assert cached["B"].categories == ("\ufffd",)
