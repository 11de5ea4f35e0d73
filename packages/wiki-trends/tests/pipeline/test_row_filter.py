"""What is an article that people read: names, the deny list, and traffic that comes from one kind of device alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testing.small_wiki import SITEINFO_QUERY
from wiki_trends.config.settings import Settings
from wiki_trends.errors import SettingError
from wiki_trends.pipeline.lists.deny_list import denied_titles
from wiki_trends.pipeline.lists.device_share import DeviceLists, ShareBounds
from wiki_trends.pipeline.lists.row_filter import (
    MIN_PAGES_FOR_MEDIAN,
    MIN_VIEWS_TO_SUSPECT,
    RowFilter,
    filter_rows,
)
from wiki_trends.pipeline.lists.top_list import ListRow
from wiki_trends.wikimedia.siteinfo import folded, parse_siteinfo

SITE = parse_siteinfo(SITEINFO_QUERY, url="u")
DESKTOP = [ListRow("Robot", 990, 1), ListRow("People", 400, 2), ListRow("Least", 50, 3)]
MOBILE = [ListRow("People", 550, 1), ListRow("Phones", 960, 2), ListRow("Least", 40, 3)]
LISTED = [
    ListRow("Robot", 1000, 1),
    ListRow("Phones", 1000, 1),
    ListRow("People", 1000, 1),
    ListRow("Unsure", 400, 4),
]


def filtered(**more):
    return filter_rows(LISTED, RowFilter(SITE, devices=DeviceLists(DESKTOP, MOBILE), **more))


def test_what_comes_from_one_kind_of_device_alone_is_suspect_and_said_with_its_bounds():
    result = filtered()
    assert [kept.row.title for kept in result.kept] == ["People", "Unsure"]
    assert result.counts == {"suspect": 2}
    assert result.excluded == [
        {"rank": 1, "page": "Phones", "views": 1000, "reason": "suspect", "desktop": [0.0, 0.04]},
        {"rank": 1, "page": "Robot", "views": 1000, "reason": "suspect", "desktop": [0.99, 0.99]},
    ]
    assert {kept.row.title: kept.desktop for kept in result.kept} == {
        "People": ShareBounds(0.4, 0.4),
        "Unsure": ShareBounds(0.0, 0.125),
    }


@pytest.mark.parametrize(
    ("more", "left"),
    [
        ({"low": 0.0}, {"Robot"}),
        ({"high": 1.0}, {"Phones"}),
        ({"low": 0.13}, {"Robot", "Phones", "Unsure"}),
        ({"keep": frozenset({"robot"})}, {"Phones"}),
        ({"keep": frozenset({"*"})}, set()),
    ],
)
def test_the_limits_and_what_is_kept_are_settings(more, left):
    assert {entry["page"] for entry in filtered(**more).excluded} == left


@pytest.mark.parametrize(
    ("views", "left"), [(MIN_VIEWS_TO_SUSPECT - 1, []), (MIN_VIEWS_TO_SUSPECT, ["suspect"])]
)
def test_a_few_views_say_nothing_about_who_reads(views, left):
    devices = DeviceLists([ListRow("Rare", views, 1)], [])
    result = filter_rows([ListRow("Rare", views, 1)], RowFilter(SITE, devices=devices))
    assert [entry["reason"] for entry in result.excluded] == left


def day_of(usual, number, *unusual):
    """The excluded titles of a day on which `number` pages have about the same desktop share, and some have another one."""
    shares = {f"Page_{n}": usual + 0.0005 * n for n in range(number)} | dict(unusual)
    listed = [ListRow(title, 10_000, n) for n, title in enumerate(shares, 1)]
    desktop = [ListRow(title, round(10_000 * share), 1) for title, share in shares.items()]
    mobile = [ListRow(title, 10_000 - round(10_000 * share), 1) for title, share in shares.items()]
    result = filter_rows(listed, RowFilter(SITE, devices=DeviceLists(desktop, mobile)))
    return [entry["page"] for entry in result.excluded]


PHONES, DESKTOPS = ("Phones", 0.01), ("Desktops", 0.99)


@pytest.mark.parametrize(
    ("usual", "left_out"),
    [
        (0.40, ["Phones", "Desktops"]),
        (0.27, ["Phones", "Desktops"]),
        (0.22, ["Desktops"]),
        (0.05, ["Desktops"]),
        (0.73, ["Phones", "Desktops"]),
        (0.78, ["Phones"]),
        (0.95, ["Phones"]),
    ],
)
def test_a_share_that_most_pages_of_the_day_are_near_leaves_nothing_out(usual, left_out):
    assert day_of(usual, 40, PHONES, DESKTOPS) == left_out


def test_a_few_pages_say_nothing_about_the_readers_of_a_wiki():
    assert len(day_of(0.05, MIN_PAGES_FOR_MEDIAN - 1)) == MIN_PAGES_FOR_MEDIAN - 1
    assert day_of(0.05, MIN_PAGES_FOR_MEDIAN) == []


def test_a_median_that_is_not_certain_does_not_lift_a_limit():
    listed = [ListRow(f"Page_{n}", 100, 1) for n in range(40)] + [ListRow("Phones", 10_000, 1)]
    # The shares of the pages are between 0 and 0.3.
    result = filter_rows(listed, RowFilter(SITE, devices=DeviceLists([ListRow("Other", 30, 1)], [])))
    assert [entry["page"] for entry in result.excluded] == ["Phones"]


def test_without_the_lists_nothing_is_judged():
    result = filter_rows(LISTED, RowFilter(SITE))
    assert len(result.kept) == 4
    assert {kept.desktop for kept in result.kept} == {None}


VIEWS = st.dictionaries(
    st.sampled_from("ABCDEFGHIJ"),
    st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 5)),
    min_size=1,
)


@given(VIEWS, st.integers(1, 6), st.integers(1, 6))
def test_the_bounds_hold_whatever_the_lists_were_cut_at(views, desktop_rows, mobile_rows):
    def cut(place, rows):
        ordered = sorted(((-by[place], page) for page, by in views.items() if by[place]))[:rows]
        return [ListRow(page, -negative, n + 1) for n, (negative, page) in enumerate(ordered)]

    devices = DeviceLists(cut(0, desktop_rows), cut(1, mobile_rows))
    for page, by in views.items():
        if sum(by):
            part = devices.desktop_share(page, sum(by))
            assert part.low - 1e-9 <= by[0] / sum(by) <= part.high + 1e-9


def test_the_deny_list_is_shipped_by_language_and_grows_by_a_file(tmp_path):
    mine = tmp_path / "deny.toml"
    mine.write_text('all = ["Robot"]\nfr = ["People"]\n', encoding="utf-8")
    settings = Settings(deny=str(mine))
    assert folded("XXX (film series)") in denied_titles(settings, "en")
    assert folded("XXX (film series)") not in denied_titles(settings, "it")
    result = filter_rows(LISTED, RowFilter(SITE, denied_titles(settings, "fr")))
    assert result.counts == {"denied": 2}
    assert filter_rows(LISTED, RowFilter(SITE, denied_titles(settings, "en"))).counts == {"denied": 1}


@pytest.mark.parametrize("text", [None, "all = 3", "all = [1]", "no toml", "\xff"])
def test_a_deny_list_that_cannot_be_used_is_told_with_its_name(tmp_path, text):
    mine = tmp_path / "deny.toml"
    if text is not None:
        mine.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingError, match=r"WIKI_TRENDS_DENY: '.*deny.toml' .*Name a TOML file"):
        denied_titles(Settings(deny=str(mine)), "en")


def test_case_form_and_underscores_do_not_hide_a_denied_title():
    row_filter = RowFilter(SITE, frozenset({folded("Caf\u00e9 noir")}))
    assert filter_rows([ListRow("cafe\u0301_NOIR", 1, 1)], row_filter).counts == {"denied": 1}
