"""Pages that programs request are left out of a window with two signs; a renamed page is one page."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wiki_trends.analytics.page_rules import FLAT_DAYS, PageRules, is_flat, pages_of_programs

DAY = dt.date(2025, 11, 5)


def days_of(*views):
    return {DAY + dt.timedelta(days=number): count for number, count in enumerate(views) if count is not None}


def partition(day, suspect):
    return SimpleNamespace(day=day, manifest=SimpleNamespace(measured={"suspect": suspect}))


def partitions(**views_by_page):
    number = max(len(views) for views in views_by_page.values())
    return [
        partition(
            DAY + dt.timedelta(days=n),
            [
                {"page": page, "views": views[n]}
                for page, views in views_by_page.items()
                if n < len(views) and views[n] is not None
            ],
        )
        for n in range(number)
    ]


@pytest.mark.parametrize(
    ("views", "flat"),
    [
        pytest.param((100, 110, 105, 100), True, id="flat"),
        pytest.param((5, 100, 110, 105, 100, 900), True, id="flat-within-a-longer-time"),
        pytest.param((100, 110, 105), False, id="too-few-days"),
        pytest.param((100, 110, None, 105, 100), False, id="with-a-gap"),
        pytest.param((900, 500, 280, 150, 90), False, id="news-that-fades"),
        pytest.param((100, 140, 100, 140, 100), False, id="varying"),
        pytest.param((0, 0, 0, 0), True, id="zero"),
        pytest.param((), False, id="none"),
    ],
)
def test_views_are_flat_on_consecutive_days_only(views, flat):
    assert is_flat(days_of(*views)) is flat


def test_a_page_is_left_out_with_both_signs_only():
    crawl, irregular, short = [1000] * FLAT_DAYS, [1000, 3000, 800, 2500], [1000] * (FLAT_DAYS - 1)
    assert pages_of_programs(partitions(Crawl=crawl, Irregular=irregular, Short=short)) == {"Crawl"}


def test_days_of_other_writers_and_damaged_lists_flag_nothing():
    damaged = [
        None,
        "Page",
        3,
        {},
        {"page": "Page"},
        {"page": 1, "views": 1},
        {"page": "Page", "views": True},
    ]
    days = [DAY + dt.timedelta(days=n) for n in range(FLAT_DAYS)]
    assert pages_of_programs([SimpleNamespace(day=day, manifest=None) for day in days]) == frozenset()
    for entry in damaged:
        assert pages_of_programs([partition(day, [entry]) for day in days]) == frozenset()
    for suspect in (None, 3, "Page", {"page": "Page"}):
        assert pages_of_programs([partition(day, suspect) for day in days]) == frozenset()


ROWS = pl.DataFrame(
    {
        "page": ["Other", "Old_name", "New_name", "Robot"],
        "page_display": ["Other", "Old name", "New name", "Robot"],
        "views": [50, 40, 30, 20],
        "rank": [1, 2, 3, 4],
        "category": ["A", "Old category", "New category", "D"],
    }
)


def test_both_titles_of_a_renamed_page_are_one_row_with_the_facts_of_the_newest():
    rows = PageRules(renamed={"Old_name": "New_name"}).apply(ROWS)
    assert rows.columns == ROWS.columns
    assert sorted(rows.rows()) == [
        ("New_name", "New name", 70, 2, "New category"),
        ("Other", "Other", 50, 1, "A"),
        ("Robot", "Robot", 20, 4, "D"),
    ]


def test_before_the_move_a_page_has_its_newest_title():
    rows = PageRules(renamed={"Old_name": "New_name"}).apply(ROWS.filter(pl.col("page") != "New_name"))
    assert ("New_name", "New name", 40, 2, "Old category") in rows.rows()


def test_pages_that_are_left_out_have_no_row_and_no_rules_change_nothing():
    assert "Robot" not in PageRules(left_out=frozenset({"Robot"})).apply(ROWS)["page"].to_list()
    assert PageRules().apply(ROWS).equals(ROWS)
    assert PageRules(renamed={"Elsewhere": "Other"}).apply(ROWS).equals(ROWS)


def test_exact_views_of_both_titles_are_added():
    history = pl.DataFrame(
        {
            "page": ["Old_name", "New_name", "Old_name"],
            "date": [DAY, DAY, DAY + dt.timedelta(days=1)],
            "views": [5, 7, 9],
            "requested_for": [DAY, DAY + dt.timedelta(days=2), DAY],
        }
    )
    rules = PageRules(renamed={"Old_name": "New_name"})
    assert rules.rename_history(history).rows() == [
        ("New_name", DAY, 12, DAY + dt.timedelta(days=2)),
        ("New_name", DAY + dt.timedelta(days=1), 9, DAY),
    ]


TITLES = st.sampled_from("ABCDE")


@given(
    st.dictionaries(TITLES, st.integers(0, 99), min_size=1),
    st.dictionaries(TITLES, TITLES, max_size=3),
)
def test_renames_keep_the_sum_of_views_and_each_page_once(views, renamed):
    rows = pl.DataFrame({"page": list(views), "views": list(views.values()), "rank": [1] * len(views)})
    result = PageRules(renamed=renamed).apply(rows)
    assert result["views"].sum() == sum(views.values())
    assert result["page"].n_unique() == result.height
