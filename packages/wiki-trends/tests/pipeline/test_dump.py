"""Lists from dump files, compared with a plain loop over the lines and with real lines."""

from __future__ import annotations

import bz2
import datetime as dt
import doctest
import gzip
import os
import random
import tempfile
import threading
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testing.recorded import RECORDED, needs_recorded
from wiki_trends.errors import SettingError
from wiki_trends.pipeline.dump import reader, top_k
from wiki_trends.pipeline.dump.reader import read_dump
from wiki_trends.pipeline.lists.top_list import ListRow

DUMPS = RECORDED / "pageview_complete"
DAY = dt.date(2021, 1, 2)
LINES = """\
de.wikipedia Nova 5 desktop 100 A100
en.wikipedia - null desktop 4 A4
en.wikipedia Nova 12 desktop 3 A1B2
en.wikipedia Nova 12 mobile-web 8 C8
en.wikipedia Old_form desktop 2 A2
en.wikipedia Two words 77 mobile-app 5 A5
en.wikipedia Three more words null desktop 6 X6
en.wikipedia Poem
en.wikipedia second_line
and_the_rest mobile-app 900 A900
en.wikipedia "Quoted",_title 3 desktop 1 A1
en.wikipedia Tie 3 desktop 1 A1
en.wikibooks Nova 5 desktop 100 A100
"""


def write_file(tmp_path, text, name="part.txt"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_lines_are_read_from_both_ends(tmp_path):
    dump = read_dump([write_file(tmp_path, LINES)], project="en.wikipedia", day=DAY)
    assert dump.lists["all-access"] == [
        ListRow("Nova", 11, 1),
        ListRow("Three_more_words", 6, 2),
        ListRow("Two_words", 5, 3),
        ListRow("-", 4, 4),
        ListRow("Old_form", 2, 5),
        ListRow('"Quoted",_title', 1, 6),
        ListRow("Tie", 1, 6),
    ]
    assert dump.lists["mobile-web"] == [ListRow("Nova", 8, 1)]
    assert dump.lists["mobile-app"] == [ListRow("Two_words", 5, 1)]
    assert (dump.records, dump.broken) == (8, 2)


def test_the_packed_file_says_the_same(tmp_path):
    plain = read_dump([write_file(tmp_path, LINES)], project="en.wikipedia", day=DAY)
    for compress in (bz2.compress, gzip.compress):
        path = write_file(tmp_path, compress(LINES.encode()), "packed")
        assert read_dump([path], project="en.wikipedia", day=DAY).lists == plain.lists


@pytest.mark.parametrize("pack", [bytes, bz2.compress, gzip.compress], ids=["bytes", "compress", "gzip"])
def test_it_is_told_how_much_has_been_read(tmp_path, pack):
    fractions = []
    files = [write_file(tmp_path, pack(LINES.encode() * 4000), name) for name in ("a", "b")]
    read_dump(files, project="en.wikipedia", day=DAY, on_progress=fractions.append)
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] <= 0.5 < fractions[-1] == 1.0


@pytest.mark.parametrize("chunk", range(1, 80))
def test_no_line_is_lost_where_the_file_is_cut(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(reader, "BLOCK_BYTES", chunk)
    text = "de.wikipedia A 1 desktop 1 A1\nen.wikipedia B 2 desktop 7 A7\nfr.wikipedia C 3 desktop 1 A1\n"
    dump = read_dump([write_file(tmp_path, text)], project="en.wikipedia", day=DAY)
    assert dump.lists["desktop"] == [ListRow("B", 7, 1)]


@pytest.mark.parametrize("top", [1, 2, 6, 7, 100])
def test_the_first_pages_are_those_of_all_files_together(tmp_path, top):
    other = "en.wikipedia Tie 3 desktop 50 A50\nen.wikipedia - null mobile-app 4 A4\n"
    files = [write_file(tmp_path, LINES), write_file(tmp_path, other, "other.txt")]
    dump = read_dump(files, project="en.wikipedia", day=DAY, top=top)
    everything = [("Tie", 51), ("Nova", 11), ("-", 8), ("Three_more_words", 6), ("Two_words", 5)]
    assert [row[:2] for row in dump.lists["all-access"]][:5] == everything[:top]


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_file_that_breaks_off_in_its_last_line_has_a_broken_line(tmp_path, cut):
    text = "en.wikipedia A 1 desktop 5 A5\nen.wikipedia B 2 desktop 777 A777\n"
    dump = read_dump([write_file(tmp_path, text[: -1 - cut])], project="en.wikipedia", day=DAY)
    # A line that is cut in the count of its last hour cannot be recognised.
    complete = cut < 4
    assert len(dump.lists["desktop"]) == 1 + complete
    assert (dump.records, dump.broken) == (1 + complete, not complete)


LINE = st.builds(
    lambda wiki, title, number, device, views: (wiki, title, number, device, views),
    st.sampled_from(["en.wikipedia", "en.wikipedia", "fr.wikipedia"]),
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=6
    ),
    st.sampled_from(["null", "17", None]),
    st.sampled_from(top_k.DEVICES),
    st.integers(1, 60),
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINE, min_size=1, max_size=40), top=st.integers(1, 8), chunk=st.integers(20, 400))
def test_it_agrees_with_a_plain_loop_however_the_file_is_cut(tmp_path, monkeypatch, lines, top, chunk):
    monkeypatch.setattr(reader, "BLOCK_BYTES", chunk)
    monkeypatch.setattr(top_k, "MAX_ROWS_IN_MEMORY", 3)
    texts = [
        " ".join(part for part in (wiki, title, number, device, str(views), f"A{views}") if part is not None)
        for wiki, title, number, device, views in lines
    ]
    path = write_file(tmp_path, "\n".join(texts) + "\n")
    sums: Counter[str] = Counter()
    for wiki, title, _, _, views in lines:
        if wiki == "en.wikipedia":
            sums[title] += views
    if not sums:
        with pytest.raises(SettingError, match="no line of"):
            read_dump([path], project="en.wikipedia", day=DAY, top=top)
        return
    rows = read_dump([path], project="en.wikipedia", day=DAY, top=top).lists["all-access"]
    assert [row.views for row in rows] == sorted(sums.values(), reverse=True)[:top]
    assert all(sums[row.title] == row.views for row in rows)


def sorted_lines(rng, titles):
    """Lines of a sorted file: few titles have many views, most have one record a device, some were created anew many times."""
    for number in range(titles):
        ids = rng.choice([1, 1, 1, 1, 2, 3, 1 if rng.random() < 0.998 else 9])
        for page in range(ids):
            views = int(2 / (rng.random() + 1e-4) ** 0.8)
            for device, seen in (
                ("desktop", views // 3),
                ("mobile-app", int(rng.random() < 0.01)),
                ("mobile-web", views),
            ):
                if seen:
                    yield f"Title_{number:05}", page, device, seen


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_what_is_left_out_of_a_sorted_file_is_never_among_the_first(tmp_path, monkeypatch, seed):
    rng = random.Random(seed)
    monkeypatch.setattr(reader, "BLOCK_BYTES", rng.randrange(10_000, 60_000))
    monkeypatch.setattr(reader, "MAX_QUEUED_BLOCKS", 1)
    monkeypatch.setattr(top_k, "MAX_ROWS_IN_MEMORY", 500)
    kept = []
    add = top_k.TopTitles.add
    monkeypatch.setattr(
        top_k.TopTitles,
        "add",
        lambda top_titles, records: (kept.append(records.height), add(top_titles, records)),
    )
    lines = list(sorted_lines(rng, 8_000))
    text = "".join(f"en.wikipedia {title} {page} {device} {n} A{n}\n" for title, page, device, n in lines)
    dump = read_dump([write_file(tmp_path, text)], project="en.wikipedia", day=DAY, top=5)
    for access in top_k.ACCESSES:
        sums = Counter()
        for title, _, device, views in lines:
            if access in ("all-access", device):
                sums[title] += views
        first = sorted(sums.items(), key=lambda page: (-page[1], page[0]))[:5]
        assert [row[:2] for row in dump.lists[access]] == first
    assert dump.records == len(lines)
    assert sum(kept) < 0.8 * len(lines)


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("gone.txt", None, "cannot be read"),
        ("notes.txt", b"# A text about something\nelse entirely\n", "not a pageview_complete file"),
        ("page.html", b"<html><body>503</body></html>", "not a pageview_complete file"),
        ("random", bytes(range(256)) * 40, "not a pageview_complete file"),
        ("empty.bz2", bz2.compress(b""), "holds no line of en.wikipedia"),
        ("cut.bz2", bz2.compress(LINES.encode() * 999)[:-20], "cannot be read"),
        ("other.txt", b"de.wikipedia Nova 5 desktop 100 A100\n", "holds no line of en.wikipedia"),
        ("month.txt", b"en.wikipedia Nova 5 desktop 100 A6Z8\\8_8\n", "is a monthly file"),
        ("pageviews-20210103-user", LINES.encode(), "is not of 2021-01-02, by its name"),
        ("pageviews-20210102-user", LINES.encode(), None),
        ("pageviews-20210102-spider", LINES.encode(), r"has the views of programs \(spider\)"),
        ("pageviews-20210102-spider.bz2", bz2.compress(LINES.encode()), r"programs \(spider\)"),
        ("pageviews-20210102-automated.txt", LINES.encode(), r"programs \(automated\)"),
        ("my-spiders.txt", LINES.encode(), None),
    ],
)
def test_what_is_no_dump_of_the_day_is_refused(tmp_path, name, data, problem):
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    if problem is None:
        assert read_dump([path], project="en.wikipedia", day=DAY).records
        return
    with pytest.raises(SettingError, match=problem):
        read_dump([path], project="en.wikipedia", day=DAY)


@needs_recorded
@pytest.mark.parametrize(
    ("name", "project", "best", "records"),
    [
        ("cleansample.txt", "af.wikipedia", ("1974", 19), 952),
        ("daily-user-2021.txt", "aa.wikibooks", ("Main_Page", 177), None),
        ("daily-user-2011-five-columns.txt", "aa.wikibooks", ("File:Incubator-notext.svg", 3), 5),
        ("hostile-titles.txt", "en.wikipedia", ("%s", 990), 27),
        ("hostile-titles.txt", "pt.wikipedia", ("A-train", 1), 3),
        ("hostile-titles.txt", "vi.wikipedia", None, None),
    ],
)
def test_real_lines(name, project, best, records):
    dump = read_dump([DUMPS / "samples" / name], project=project, day=DAY)
    if best is not None:
        assert dump.lists["all-access"][0][:2] == best
    if records is not None:
        assert dump.records == records


@needs_recorded
def test_real_daily_files():
    dump = read_dump(
        [DUMPS / "daily/pageviews-20230320-user.bz2"], project="en.wikipedia", day=dt.date(2023, 3, 20)
    )
    assert dump.lists["all-access"][0] == ListRow("Obergesteln", 2, 1)
    with pytest.raises(SettingError, match="holds no line of"):
        read_dump(
            [DUMPS / "daily/pageviews-20230323-user.bz2"], project="en.wikipedia", day=dt.date(2023, 3, 23)
        )


def test_the_example_of_the_threshold_is_right():
    results = doctest.testmod(top_k)
    assert results.attempted > 0
    assert results.failed == 0


def as_spark_writes(title):
    """A title in the CSV of Spark's writer with a space as the separator."""
    if title and not any(sign in title for sign in ' "'):
        return title
    return '"' + title.replace("\\", "\\\\").replace('"', '\\"') + '"'


def spark_file(tmp_path, titles):
    """A file as the dumps are since February 2023: sorted before the titles are quoted, a record a device."""
    lines = [
        f"en.wikipedia {as_spark_writes(title)} null {device} {views} A{views}\n"
        for title in sorted(titles)
        for device, views in (("desktop", 2), ("mobile-web", 5))
    ]
    return write_file(tmp_path, "".join(lines))


def test_quoted_titles_are_unquoted(tmp_path):
    lines = r"""en.wikipedia "" null desktop 9 A9
en.wikipedia "\"Weird_Al\"_Yankovic" 217420 desktop 5 A5
en.wikipedia "AC\\DC \"Live\"" null desktop 4 A4
en.wikipedia "Two words" 77 mobile-app 3 A3
en.wikipedia AC\DC 12 desktop 2 A2
"""
    dump = read_dump([write_file(tmp_path, lines)], project="en.wikipedia", day=DAY)
    titles = [row.title for row in dump.lists["all-access"]]
    assert titles == ['"Weird_Al"_Yankovic', 'AC\\DC_"Live"', "Two_words", "AC\\DC"]
    assert (dump.records, dump.broken) == (4, 1)


@pytest.mark.parametrize("title", ['"Heroes"', '"Heroes"_(album)', '"A"_and_"B"', '"AC\\DC"', '"', '"open'])
def test_titles_that_spark_would_not_have_quoted_keep_their_quotes(tmp_path, title):
    lines = f"en.wikipedia {title} 5 desktop 5 A5\n"
    dump = read_dump([write_file(tmp_path, lines)], project="en.wikipedia", day=DAY)
    assert dump.lists["desktop"] == [ListRow(title, 5, 1)]


@pytest.fixture
def passes(monkeypatch):
    """The passes over the files, by whether the titles were taken to be in order."""
    passes = []
    read_lists = reader._read_lists

    def counted(*arguments, is_sorted):
        passes.append(is_sorted)
        return read_lists(*arguments, is_sorted=is_sorted)

    monkeypatch.setattr(reader, "_read_lists", counted)
    return passes


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    titles=st.sets(st.text('aB_!" \\é', min_size=1, max_size=6), min_size=1, max_size=30),
    block=st.integers(20, 400),
)
def test_a_file_of_spark_is_in_order_and_read_once(tmp_path, monkeypatch, passes, titles, block):
    monkeypatch.setattr(reader, "BLOCK_BYTES", block)
    monkeypatch.setattr(top_k, "MAX_ROWS_IN_MEMORY", 3)
    passes.clear()
    dump = read_dump([spark_file(tmp_path, titles)], project="en.wikipedia", day=DAY)
    sums = Counter()
    for title in titles:
        sums[title.replace(" ", "_")] += 7
    assert {row.title: row.views for row in dump.lists["all-access"]} == sums
    assert passes == [True]


def test_a_title_with_spaces_is_the_same_page_wherever_it_stands(tmp_path, monkeypatch, passes):
    monkeypatch.setattr(reader, "BLOCK_BYTES", 4_000)
    monkeypatch.setattr(reader, "MAX_QUEUED_BLOCKS", 1)
    monkeypatch.setattr(top_k, "MAX_ROWS_IN_MEMORY", 100)
    titles = {f"Title{number:05}" for number in range(3_000)} | {"Title Page", "Title_Page"}
    dump = read_dump([spark_file(tmp_path, titles)], project="en.wikipedia", day=DAY, top=1)
    assert dump.lists["all-access"] == [ListRow("Title_Page", 14, 1)]
    assert passes == [True]


DAMAGED = [
    ("cut.gz", gzip.compress(LINES.encode() * 999)[:-20], "cannot be read"),
    ("half.gz", gzip.compress(random.Random(1).randbytes(9_000))[:4_000], "cannot be read"),
    ("damaged.bz2", b"BZh9" + bytes(4_000), "cannot be read"),
    ("damaged.gz", gzip.compress(LINES.encode())[:10] + b"\xff" * 4_000, "cannot be read"),
    ("zeros.bz2", bz2.compress(bytes(20_000_000)), "not a pageview_complete file"),
    ("long.bz2", bz2.compress(LINES.encode() + bytes(9_000_000)), "a line of more than 1,048,576 bytes"),
    ("long.txt", LINES.encode() + b"x" * 9_000_000, "a line of more than 1,048,576 bytes"),
]


@pytest.mark.parametrize(("name", "data", "problem"), DAMAGED, ids=[name for name, *_ in DAMAGED])
def test_a_damaged_file_is_refused(tmp_path, name, data, problem):
    with pytest.raises(SettingError, match=problem):
        read_dump([write_file(tmp_path, data, name)], project="en.wikipedia", day=DAY)


@pytest.mark.parametrize("fault", ["damaged", "unsorted", "long line"])
def test_a_file_that_fails_in_the_middle_leaves_no_thread_and_no_file(tmp_path, monkeypatch, fault):
    monkeypatch.setattr(reader, "BLOCK_BYTES", 16 * 1024)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    lines = b"".join(b"en.wikipedia T%06d null desktop 5 A5\n" % number for number in range(20_000))
    if fault == "damaged":
        path = write_file(tmp_path, bz2.compress(lines)[:-9], "p.bz2")
    elif fault == "unsorted":
        path = write_file(tmp_path, lines + b"en.wikipedia A null desktop 5 A5\n", "p")
    else:
        path = write_file(tmp_path, lines + b"x" * 3_000_000, "p")
    threads = set(threading.enumerate())
    if fault == "unsorted":
        assert read_dump([path], project="en.wikipedia", day=DAY).records == 20_001
    else:
        with pytest.raises(SettingError):
            read_dump([path], project="en.wikipedia", day=DAY)
    assert set(threading.enumerate()) == threads
    assert list(temporary.iterdir()) == []
    assert not [link for link in Path("/proc/self/fd").glob("*") if str(link.resolve()) == str(path)]


def test_what_is_not_a_regular_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for path in (*(tmp_path / name for name in ("pipe", "folder", "link")), Path("/dev/zero")):
        with pytest.raises(SettingError, match="is not a regular file"):
            read_dump([path], project="en.wikipedia", day=DAY)
    for path in (Path("a\0b"), tmp_path / ("x" * 300)):
        with pytest.raises(SettingError, match="cannot be read"):
            read_dump([path], project="en.wikipedia", day=DAY)


def test_a_file_that_is_named_twice_is_refused(tmp_path):
    path = write_file(tmp_path, LINES)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(SettingError, match="is the same file as"):
        read_dump([path, tmp_path / "link"], project="en.wikipedia", day=DAY)


def test_a_file_that_was_made_to_exhaust_the_reader_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "_MIN_EXPANDED_BYTES", 1024 * 1024)
    monkeypatch.setattr(reader, "BLOCK_BYTES", 64 * 1024)
    path = write_file(tmp_path, bz2.compress(LINES.encode() + b"\n" * 30_000_000), "p.bz2")
    with pytest.raises(SettingError, match=r"expands to more than .* 1,000 times its size"):
        read_dump([path], project="en.wikipedia", day=DAY)


def test_memory_does_not_grow_with_a_bomb(tmp_path):
    path = write_file(tmp_path, bz2.compress(LINES.encode() + bytes(100_000_000)), "p.bz2")
    tracemalloc.start()
    try:
        with pytest.raises(SettingError, match="a line of more than"):
            read_dump([path], project="en.wikipedia", day=DAY)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("files", "top"), [([], 10), ([Path("x")], 0), ([Path("x")], -1)])
def test_degenerate_values_are_refused(files, top):
    with pytest.raises(ValueError, match="must be 1 or more"):
        read_dump(files, project="en.wikipedia", day=DAY, top=top)
    with pytest.raises(ValueError, match="must be 1 or more"):
        top_k.Threshold(min(top, 0))
