"""The data of the HTML report's charts and tables, from both warehouses."""

from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from testing.equal_tables import values_match
from testing.report_windows import publish, settings_in, varied_rows
from testing.window_data import day_number, run_record
from wiki_trends.errors import WarehouseError
from wiki_trends.report import details as report_details
from wiki_trends.report.details import ALL_OTHERS, RACERS, SEPARATE_CATEGORIES, group_by_place, read_details
from wiki_trends.report.html.pages_table import every_page
from wiki_trends.warehouse import open_warehouse


@pytest.fixture
def details(tmp_path):
    settings = settings_in(tmp_path)
    publish(settings, {offset: varied_rows(offset) for offset in range(9)}, window=5)
    return read_details(open_warehouse(settings.warehouse))


def test_every_page_and_all_views_are_counted(details):
    assert details.pages == len(details.every_page) == 60
    assert details.views == sum(row["views"] for row in details.every_page)
    assert details.link_base == "https://en.wikipedia.org/wiki/"


def test_only_countries_are_countries(tmp_path):
    settings = settings_in(tmp_path)
    days = {}
    for offset in range(9):
        rows = varied_rows(offset)
        days[offset] = [rows[0] | {"location": "Atlantis Tower"}, rows[1] | {"location": "Norway"}, *rows[2:]]
    publish(settings, days, window=5)
    details = read_details(open_warehouse(settings.warehouse))
    names = [row["location"] for row in details.countries]
    assert "Norway" in names
    assert "Atlantis Tower" not in names
    assert any(row["location"] == "Atlantis Tower" for row in details.every_page)
    table = every_page(details)["data"]
    [country] = [column for column in table["columns"] if column["at"] == 3]
    assert {"Norway", "–"} <= set(country["names"])
    assert "Atlantis Tower" not in country["names"]


def test_racers_are_on_every_day_of_the_window(details):
    pages = list(dict.fromkeys(row["page"] for row in details.race))
    assert len(pages) == RACERS
    assert len(details.race) == RACERS * 5
    # The page that rose before the window is in no finding, but has the highest score.
    assert "Page_17" in pages


def test_small_categories_are_told_together_and_nothing_is_lost(details):
    names = list(dict.fromkeys(row["category"] for row in details.category_days))
    assert len(names) == SEPARATE_CATEGORIES + 1
    assert names[-1] == ALL_OTHERS
    assert sum(row["views"] for row in details.category_days) == details.views


def test_pages_at_one_place_are_one_circle():
    def page(title, latitude, views):
        return {"page_display": title, "latitude": latitude, "longitude": 2.0, "views": views}

    rows = [page(f"P{number}", 10.01 + number / 1000, 10 - number) for number in range(5)] + [
        page("Far", 50.0, 99)
    ]
    far, near = group_by_place(rows)
    assert (far["label"], far["pages"]) == ("Far", 1)
    assert (near["label"], near["pages"], near["views"]) == ("P0, P1, P2 and 2 others", 5, 40)
    assert near["latitude"] == 10.0


def test_both_warehouses_give_the_same_page(tmp_path, postgres_url):
    details_of_both = []
    for url in (f"duckdb:///{tmp_path}/w.duckdb", postgres_url):
        settings = replace(settings_in(tmp_path), warehouse=url)
        publish(settings, {offset: varied_rows(offset) for offset in range(9)}, window=5)
        details = read_details(open_warehouse(url))
        # Each publish has partitions of its own, of the same rows.
        run = replace(details.run, seconds=0.0, fingerprints={}, baseline={})
        details_of_both.append(asdict(replace(details, report=replace(details.report, run=run))))
    assert values_match(details_of_both[0], details_of_both[1])


def test_a_window_of_a_version_without_scores_is_told_with_the_fix(tmp_path):
    import polars as pl

    warehouse = open_warehouse(f"duckdb:///{tmp_path}/w.duckdb")
    warehouse.publish({"wiki_trends_growth": pl.DataFrame({"page": ["A"]})}, run_record([day_number(0)]))
    with pytest.raises(WarehouseError, match=r"had no scores. Run `wiki-trends analyze`"):
        read_details(warehouse)


def test_the_start_of_the_links_ends_before_a_title_that_contains_it_too():
    reader = SimpleNamespace(rows=lambda *_: [{"link": "https://en.wikipedia.org/wiki/A/wiki/B"}])
    run = SimpleNamespace(days_used=["2025-11-09"], dataset="diamond")
    assert report_details._read_link_base(reader, run) == "https://en.wikipedia.org/wiki/"
