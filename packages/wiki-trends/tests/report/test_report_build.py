import datetime as dt
import json

import pytest

from smart_orchestrator.checking import check
from smart_orchestrator.model.completeness import Policy
from smart_orchestrator.model.window import Window
from testing.window_data import (
    NOW,
    checked_window,
    day_number,
    diamond_in,
    ranked,
    row,
    window_of,
    write_day,
)
from wiki_trends.analytics.analyze import analyze
from wiki_trends.errors import NothingPublished
from wiki_trends.report import build_report, to_json
from wiki_trends.warehouse import open_warehouse


@pytest.fixture
def warehouse(tmp_path):
    return open_warehouse(f"duckdb:///{tmp_path / 'w.duckdb'}")


@pytest.fixture
def report_of(tmp_path, warehouse):
    def report(*days, limit=10):
        dataset, completeness = checked_window(tmp_path, days)
        analyze(dataset, completeness, warehouse, clock=lambda: NOW)
        return build_report(warehouse, limit)

    return report


def sentences(report):
    return [str(sentence) for sentence in report.headline]


def names(pages):
    return [page.page for page in pages]


def test_a_warehouse_without_a_window_has_no_report(warehouse):
    with pytest.raises(NothingPublished):
        build_report(warehouse)


def test_a_page_that_came_for_one_day_is_a_peak_against_the_least_listed(report_of):
    report = report_of(
        ranked({"Steady": 1000, "Tail": 100}),
        ranked({"Steady": 1000, "News": 900, "Tail": 120}),
        ranked({"Steady": 1000, "Tail": 80}),
    )
    (peak,) = report.peaks
    # Outside the list the views are unknown, but not above the last one listed: 100 and 80, whose median is 90.
    assert (peak.page, peak.date, peak.views, peak.rank) == ("News", day_number(1), 900, 2)
    assert (peak.usual_views, peak.views_above, peak.times, peak.days_unlisted) == (90.0, 810.0, 10.0, 2)
    assert sentences(report)[0] == (
        "News came from outside the list to rank 2 on Thursday 6 November: 900 views, at least 10.0 times its usual "
        "day; 2 other days outside the list."
    )


def test_a_peak_is_measured_against_the_pages_own_other_days(report_of):
    report = report_of(*(ranked({"A": views, "B": 50}) for views in (100, 100, 1000, 300, 100)))
    (peak,) = report.peaks
    assert (peak.page, peak.usual_views, peak.times, peak.days_unlisted) == ("A", 100.0, 10.0, 0)
    assert sentences(report)[0] == (
        "A peaked at rank 1 on Friday 7 November: 1,000 views, 10.0 times its usual day."
    )


def test_less_than_twice_the_usual_day_is_no_peak(report_of):
    assert names(report_of(ranked({"A": 100, "B": 100}), ranked({"A": 199, "B": 200})).peaks) == ["B"]


def test_peaks_are_ordered_by_the_rise_that_is_sure(report_of):
    report = report_of(
        ranked({"Small": 10, "Large": 1000, "Least": 1}), ranked({"Small": 500, "Large": 3000, "Least": 1})
    )
    assert names(report.peaks) == ["Small", "Large"]
    assert report.peaks[0].at_least > report.peaks[1].at_least > 1


def test_a_peak_over_no_views_at_all_has_no_ratio(report_of):
    (peak,) = report_of([row("A", 0)], [row("A", 5)]).peaks
    assert peak.times is None
    assert peak.views_above == 5


def test_a_climb_is_told_with_its_ranks_and_days(report_of):
    first = [row("Climber", 100, 412), row("Top", 900, 1), row("Flat", 300, 3)]
    last = [row("Climber", 150, 3), row("Top", 900, 1), row("Flat", 299, 4)]
    report = report_of(first, last)
    assert report.peaks == ()
    assert sentences(report) == ["Climber rose from rank 412 to 3 between 5 and 6 November."]


def test_a_peak_that_rose_through_the_ranks_says_from_where(report_of):
    days = [
        [row("Riser", views, rank), row("Top", 9000, 1)] for views, rank in ((90, 412), (100, 400), (5000, 3))
    ]
    assert sentences(report_of(*days))[0] == (
        "Riser rose from rank 400 to 3 on Friday 7 November: 5,000 views, 52.6 times its usual day."
    )


def test_nothing_is_said_of_the_day_before_when_it_was_not_used(tmp_path, warehouse):
    dataset = diamond_in(tmp_path)
    write_day(dataset, 0, [row("A", 10, 400)])
    write_day(dataset, 2, [row("A", 900, 3)])
    analyze(dataset, check(dataset, window_of(3), policy=Policy(min_coverage=50)), warehouse)
    assert (
        sentences(build_report(warehouse))
        == [
            "A peaked at rank 3 on Friday 7 November: 900 views, 90.0 times its usual day.",
            "A rose from rank 400 to 3 between 5 and 7 November.",
        ][:1]
    )


def test_the_series_of_a_page_has_every_day_of_the_window(tmp_path, warehouse):
    dataset = diamond_in(tmp_path)
    write_day(dataset, 0, [row("A", 10, 4), row("B", 7, 5)])
    write_day(dataset, 2, [row("A", 900, 3)])
    analyze(dataset, check(dataset, window_of(3), policy=Policy(min_coverage=50)), warehouse)
    report = build_report(warehouse)
    assert report.series["A"].views == (10, None, 900)
    assert report.series["A"].ranks == (4, None, 3)
    assert report.views("no such page") == ()


def test_pages_that_are_new_or_back_are_told_apart(tmp_path, warehouse):
    dataset = diamond_in(tmp_path)
    for offset in range(12):
        pages = {
            "Always": 1000,
            "Back": 300 if offset in (0, 11) else None,
            "New": 200 if offset > 9 else None,
        }
        write_day(dataset, offset, ranked({page: views for page, views in pages.items() if views}))
    end = day_number(11)
    window = Window.of_days(2, end + dt.timedelta(days=3))
    analyze(dataset, check(dataset, window), warehouse)
    report = build_report(warehouse)
    assert [(row.page, row.presence, row.views) for row in (*report.new, *report.returning)] == [
        ("New", "new", 400),
        ("Back", "returning", 300),
    ]
    assert set(report.series) >= {"New", "Back"}


def test_a_quiet_window_says_so(report_of):
    days = ranked({"A": 10, "B": 9})
    assert sentences(report_of(days, days)) == [
        "No page stood out: none doubled its usual views, none climbed ten ranks."
    ]


def test_one_day_has_no_trend(report_of):
    report = report_of(ranked({"A": 10, "B": 9}))
    assert sentences(report) == ["One day has no trend: give a longer window to see what rose and fell."]
    assert (report.peaks, report.growing, report.declining, report.volatile, report.climbers) == (
        (),
        (),
        (),
        (),
        (),
    )
    assert names(report.sustained) == ["A", "B"]


def test_each_list_has_its_order_and_its_members(report_of):
    first = {"Doubled": 100, "Halved": 100, "Flat": 500, "Zero": 0, "Slow": 1000, "Gone": 70}
    last = {"Doubled": 200, "Halved": 50, "Flat": 500, "Zero": 90, "Slow": 1010}
    report = report_of(ranked(first), ranked(last))
    assert names(report.growing) == ["Doubled", "Slow"]
    assert names(report.declining) == ["Halved"]
    assert names(report.volatile) == ["Doubled", "Zero", "Halved", "Slow"]
    assert names(report.climbers) == ["Zero"]
    assert names(report.sustained) == ["Slow", "Flat", "Doubled", "Halved", "Zero"]
    assert report.common_pages == 5


def test_lists_are_cut_and_ties_go_by_title(report_of):
    pages = {f"P{number}": 10 for number in range(9, 0, -1)}
    report = report_of(ranked(pages), ranked(dict.fromkeys(pages, 30)), limit=3)
    assert names(report.growing) == names(report.peaks) == names(report.sustained) == ["P1", "P2", "P3"]


def test_categories_add_up_all_listed_pages(report_of):
    report = report_of(
        [row("A", 60, category="Sports"), row("B", 10), row("C", 30)],
        [row("A", 90, category="Sports"), row("D", 10)],
    )
    sports, other = report.categories
    assert (sports.category, sports.pages, sports.views, sports.share_pct) == ("Sports", 1, 150, 75.0)
    assert (sports.first_views, sports.last_views, sports.views_change_pct) == (60, 90, 50.0)
    assert (other.pages, other.views, other.first_views, other.last_views) == (3, 50, 40, 10)
    assert (
        sentences(report)[-1] == "Sports drew the most views of all categories: 75.0 % of the listed views."
    )


def test_pages_without_a_category_are_not_the_leading_one(report_of):
    report = report_of([row("A", 60), row("B", 30, category="Sports"), row("C", 10, category="Health")])
    assert (
        sentences(report)[-1]
        == "Sports drew the most views of all categories after Other: 30.0 % of the listed views."
    )


def test_a_category_that_was_not_there_on_the_first_day_has_no_percentage(report_of):
    report = report_of([row("A", 60)], [row("A", 60), row("B", 5, category="Sports")])
    assert [(item.category, item.views_change_pct) for item in report.categories] == [
        ("Other", 0.0),
        ("Sports", None),
    ]


def test_the_document_holds_everything_with_iso_days(report_of):
    document = json.loads(json.dumps(to_json(report_of(ranked({"A": 1}), ranked({"A": 5})))))
    assert document["run"]["window_start"] == "2025-11-05"
    assert document["run"]["days_used"] == ["2025-11-05", "2025-11-06"]
    assert document["run"]["published_at"] == "2025-11-12T03:00:00+00:00"
    assert document["peaks"][0]["date"] == "2025-11-06"
    assert document["growing"][0]["views_change"] == 4
    assert document["headline"][0].startswith("A peaked at rank 1 on Thursday 6 November")
    assert document["series"]["A"] == {"views": [1, 5], "ranks": [1, 1]}
    assert list(document) == [
        "run", "common_pages", "headline", "peaks", "growing", "declining", "volatile", "climbers", "categories",
        "sustained", "new", "returning", "falls", "series", "restatements", "why",
    ]  # fmt: skip


def test_the_document_says_which_days_were_used_when_some_are_missing(tmp_path, warehouse):
    dataset = diamond_in(tmp_path)
    write_day(dataset, 0, [row("A", 1)])
    write_day(dataset, 2, [row("A", 2)])
    analyze(dataset, check(dataset, window_of(3), policy=Policy(min_coverage=50)), warehouse)
    document = to_json(build_report(warehouse))
    assert document["run"]["days_used"] == ["2025-11-05", "2025-11-07"]
    assert document["run"]["coverage_pct"] == 66.7
