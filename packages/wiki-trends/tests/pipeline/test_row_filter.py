"""What is an article that people read: names, the deny list, and unusual shares of desktops."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testing.small_wiki import SITEINFO_QUERY
from wiki_trends.config.settings import Settings
from wiki_trends.errors import SettingError
from wiki_trends.pipeline.lists.deny_list import denied_titles, shipped_entries
from wiki_trends.pipeline.lists.device_share import MIN_PAGES, MIN_VIEWS, DeviceLists, ShareBounds
from wiki_trends.pipeline.lists.row_filter import RowFilter, filter_rows
from wiki_trends.pipeline.lists.top_list import ListRow
from wiki_trends.wikimedia.siteinfo import folded, parse_siteinfo

SITE = parse_siteinfo(SITEINFO_QUERY, url="u")
LISTED = [ListRow("Robot", 1000, 1), ListRow("People", 1000, 1), ListRow("Unsure", 400, 3)]
PHONES, DESKTOPS = ("Phones", 0.01), ("Desktops", 0.99)
NUMBER = 40


def day_of(usual, *unusual, number=NUMBER, step=0.0005, views=10_000, by_device=True, **more):
    """The rows of a day on which `number` pages have about the same desktop share, and some pages have another one."""
    shares = {f"Page_{n}": usual + step * n for n in range(number)} | dict(unusual)
    listed = [ListRow(title, views, n) for n, title in enumerate(shares, 1)]
    desktop = [ListRow(title, round(views * share), 1) for title, share in shares.items()]
    mobile = [ListRow(title, views - round(views * share), 1) for title, share in shares.items()]
    devices = DeviceLists(desktop, mobile, by_device=by_device)
    return filter_rows(listed, RowFilter(SITE, devices=devices, **more))


def suspects(*arguments, **more):
    return [entry["page"] for entry in day_of(*arguments, **more).suspect]


def test_an_unusual_share_is_a_flag_with_the_bounds_and_the_page_is_kept():
    result = day_of(0.4, PHONES, DESKTOPS)
    assert result.excluded == []
    assert result.counts == {"suspect": 2}
    assert result.suspect == [
        {"rank": 41, "page": "Phones", "views": 10_000, "reason": "suspect", "desktop": [0.01, 0.01]},
        {"rank": 42, "page": "Desktops", "views": 10_000, "reason": "suspect", "desktop": [0.99, 0.99]},
    ]
    assert {kept.row.title: kept.desktop for kept in result.kept}["Phones"] == ShareBounds(0.01, 0.01)
    assert len(result.kept) == NUMBER + 2


@pytest.mark.parametrize(
    ("more", "flagged"),
    [
        pytest.param({"low": 0.0}, ["Desktops"], id="none-low"),
        pytest.param({"high": 1.0}, ["Phones"], id="none-high"),
        pytest.param({"high": 0.995}, ["Phones"], id="within-the-limit"),
        pytest.param({"keep": frozenset({"phones"})}, ["Desktops"], id="one-title"),
        pytest.param({"keep": frozenset({"*"})}, [], id="all-titles"),
    ],
)
def test_settings_say_which_titles_and_shares_are_never_flagged(more, flagged):
    assert suspects(0.4, PHONES, DESKTOPS, **more) == flagged


@pytest.mark.parametrize(
    ("usual", "flagged"),
    [
        pytest.param(0.40, ["Phones", "Desktops"], id="both"),
        pytest.param(0.27, ["Phones", "Desktops"], id="more-phones"),
        pytest.param(0.22, ["Desktops"], id="read-on-phones"),
        pytest.param(0.05, ["Desktops"], id="read-on-phones-alone"),
        pytest.param(0.70, ["Phones", "Desktops"], id="more-desktops"),
        pytest.param(0.78, ["Phones"], id="read-on-desktops"),
        pytest.param(0.95, ["Phones"], id="read-on-desktops-alone"),
    ],
)
def test_a_share_is_compared_with_the_shares_of_the_day(usual, flagged):
    assert suspects(usual, PHONES, DESKTOPS) == flagged


def test_news_of_a_wiki_that_is_read_by_phone_is_not_flagged():
    # Two of a hundred views are from desktops: below ten per cent, as the rest of the wiki.
    assert suspects(0.06, ("News", 0.02)) == []


def test_a_program_with_a_plausible_mix_is_not_seen_and_one_far_from_the_mix_of_a_phone_wiki_is():
    assert suspects(0.06, ("Plausible", 0.09)) == []
    assert suspects(0.06, ("Half", 0.6)) == ["Half"]


def test_the_spread_of_the_day_decides_how_far_is_unusual():
    assert suspects(0.35, ("Far", 0.75)) == ["Far"]
    assert suspects(0.2, ("Far", 0.75), step=0.01) == []


def test_before_the_lists_were_by_device_no_share_is_unusually_low():
    assert suspects(0.4, PHONES, DESKTOPS, by_device=False) == ["Desktops"]


def test_a_few_views_or_pages_say_nothing_about_who_reads():
    assert suspects(0.4, DESKTOPS, views=MIN_VIEWS - 1) == []
    assert suspects(0.4, DESKTOPS, number=MIN_PAGES - 2) == []
    assert suspects(0.4, DESKTOPS, number=MIN_PAGES) == ["Desktops"]


def test_few_views_need_a_share_further_from_the_others():
    far = ("Far", 0.85)
    assert suspects(0.4, far, views=1000) == ["Far"]
    assert suspects(0.4, far, views=40) == []


def test_a_share_that_is_known_within_bounds_only_is_judged_by_the_nearer_bound():
    listed = [ListRow(f"Page_{n}", 1000, 1) for n in range(NUMBER)]
    desktop = [ListRow(row.title, 400, 1) for row in listed]
    listed += [ListRow("Phones", 100_000, 1), ListRow("Unsure", 1100, 1)]
    result = filter_rows(listed, RowFilter(SITE, devices=DeviceLists(desktop, [])))
    assert [(entry["page"], entry["desktop"]) for entry in result.suspect] == [("Phones", [0.0, 0.004])]


def test_without_the_lists_nothing_is_judged():
    result = filter_rows(LISTED, RowFilter(SITE))
    assert len(result.kept) == 3
    assert result.suspect == []
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


def test_each_shipped_title_has_a_reason_and_a_source():
    entries = [entry for of_language in shipped_entries().values() for entry in of_language]
    assert len(entries) > 15
    for entry in entries:
        assert entry.keys() == {"title", "reason", "source"}
        assert entry["reason"].endswith(".")
        assert entry["source"].startswith("https://")


def test_the_deny_list_is_shipped_by_language_and_grows_by_a_file(tmp_path):
    mine = tmp_path / "deny.toml"
    mine.write_text('all = ["Robot"]\nfr = ["People"]\n', encoding="utf-8")
    settings = Settings(deny=str(mine))
    assert folded("XXX (film series)") in denied_titles(settings, "en")
    assert folded("XXX (film series)") not in denied_titles(settings, "it")
    assert folded("XXX: Return of Xander Cage") in denied_titles(settings, "it")
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
